"""Tags of functions: found by the tagging API, recorded by CloudTrail, and set by workflows."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.conftest import zipped

SDK = "arn:aws:states:::aws-sdk:lambda:"


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    arn: str = account.client("lambda").create_function(
        FunctionName="f",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": zipped(app="def handler(event, context): return 1")},
        Tags={"team": "blue"},
    )["FunctionArn"]
    return arn


def found(account: LocalAccount, *filters: dict[str, Any]) -> list[str]:
    listed = account.client("resourcegroupstaggingapi").get_resources(
        ResourceTypeFilters=["lambda:function"], TagFilters=list(filters)
    )
    return [it["ResourceARN"] for it in listed["ResourceTagMappingList"]]


def test_functions_are_found_by_their_tags(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    functions.tag_resource(Resource=function, Tags={"stackwarden:capped": "10", "cost": "1"})
    assert functions.list_tags(Resource=function)["Tags"] == {
        "team": "blue",
        "stackwarden:capped": "10",
        "cost": "1",
    }
    assert found(account, {"Key": "stackwarden:capped"}) == [function]
    assert found(account, {"Key": "stackwarden:capped", "Values": ["10", "11"]}) == [function]
    assert found(account, {"Key": "stackwarden:capped", "Values": ["11"]}) == []
    assert found(account, {"Key": "team", "Values": ["blue"]}, {"Key": "cost"}) == [function]
    functions.untag_resource(Resource=function, TagKeys=["stackwarden:capped", "cost"])
    assert found(account, {"Key": "stackwarden:capped"}) == []
    assert functions.list_tags(Resource=function)["Tags"] == {"team": "blue"}


def test_tagging_is_recorded_with_lambdas_names(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    functions.tag_resource(Resource=function, Tags={"a": "b"})
    functions.untag_resource(Resource=function, TagKeys=["a"])
    recorded = {}
    for name in ("TagResource20170331v2", "UntagResource20170331v2"):
        attribute = {"AttributeKey": "EventName", "AttributeValue": name}
        [event] = account.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
        recorded[name] = json.loads(event["CloudTrailEvent"])["requestParameters"]
    assert recorded["TagResource20170331v2"] == {"resource": function, "tags": {"a": "b"}}
    assert recorded["UntagResource20170331v2"] == {"resource": function, "tagKeys": ["a"]}


@pytest.fixture
def run(account: LocalAccount, role_arn: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Runs one chain of tasks; the execution's description."""
    client = account.client("stepfunctions")

    def execute(tasks: dict[str, Any]) -> dict[str, Any]:
        states = {
            name: {"Type": "Task", "Resource": f"{SDK}{name}", "Parameters": parameters, "ResultPath": None}
            for name, parameters in tasks.items()
        }
        names = list(states)
        for name, following in zip(names, [*names[1:], None], strict=True):
            states[name] |= {"Next": following} if following else {"End": True}
        definition = json.dumps({"StartAt": names[0], "States": states})
        machine = client.create_state_machine(name=names[0], definition=definition, roleArn=role_arn)
        execution = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        account.drain()
        return dict(client.describe_execution(executionArn=execution))

    return execute


def test_a_workflow_caps_and_tags_a_function(
    account: LocalAccount, function: str, run: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    execution = run(
        {
            "putFunctionConcurrency": {"FunctionName": function, "ReservedConcurrentExecutions": 10},
            "putFunctionRecursionConfig": {"FunctionName": function, "RecursiveLoop": "Terminate"},
            "tagResource": {"Resource": function, "Tags": {"stackwarden:capped": "10"}},
            "untagResource": {"Resource": function, "TagKeys": ["team"]},
        }
    )
    assert execution["status"] == "SUCCEEDED", execution
    functions = account.client("lambda")
    assert functions.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 10
    assert functions.list_tags(Resource=function)["Tags"] == {"stackwarden:capped": "10"}
    execution = run({"deleteFunctionConcurrency": {"FunctionName": function}})
    assert execution["status"] == "SUCCEEDED", execution
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="f")


@pytest.mark.parametrize(
    ("task", "parameters", "error"),
    [
        (
            "putFunctionConcurrency",
            {"FunctionName": "f", "ReservedConcurrentExecutions": 901},
            "Lambda.InvalidParameterValueException",
        ),
        (
            "putFunctionConcurrency",
            {"FunctionName": "gone", "ReservedConcurrentExecutions": 1},
            "Lambda.ResourceNotFoundException",
        ),
        ("deleteFunctionConcurrency", {"FunctionName": "gone"}, "Lambda.ResourceNotFoundException"),
        (
            "putFunctionRecursionConfig",
            {"FunctionName": "gone", "RecursiveLoop": "Terminate"},
            "Lambda.ResourceNotFoundException",
        ),
        (
            "tagResource",
            {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:gone", "Tags": {"a": "b"}},
            "Lambda.ResourceNotFoundException",
        ),
    ],
)
def test_a_workflow_sees_errors_by_their_names(
    function: str,
    run: Callable[[dict[str, Any]], dict[str, Any]],
    task: str,
    parameters: dict[str, Any],
    error: str,
) -> None:
    execution = run({task: parameters})
    assert (execution["status"], execution["error"]) == ("FAILED", error)


def test_a_workflow_sees_a_throttled_function(
    account: LocalAccount, function: str, run: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    account.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert run({"invoke": {"FunctionName": "f"}})["error"] == "Lambda.TooManyRequestsException"
