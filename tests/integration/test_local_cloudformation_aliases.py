"""Versions, aliases and mappings in stacks: a deployment that comes where somebody was before."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.local_functions import deploy, release, update
from tests.integration.local_stacks import body, create, delete, status

VERSION = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": "f"}}
ALIAS = {
    "Type": "AWS::Lambda::Alias",
    "Properties": {
        "FunctionName": "f",
        "Name": "live",
        "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
    },
}


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    return deploy(account, role_arn)


def reasons(account: LocalAccount, stack: str) -> str:
    events = account.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return " | ".join(event.get("ResourceStatusReason", "") for event in events)


def test_a_version_that_exists_already_is_no_new_one(account: LocalAccount, function: str) -> None:
    account.client("lambda").publish_version(FunctionName="f")
    create(account, "st", body(Version=VERSION))
    assert status(account, "st") == "ROLLBACK_COMPLETE"
    assert "A version for this Lambda function exists ( 1 )" in reasons(account, "st")
    assert account.client("lambda").get_function_configuration(FunctionName="f:1")["Version"] == "1"


def test_an_alias_that_exists_already_is_not_taken_over(account: LocalAccount, function: str) -> None:
    release(account)
    update(account, "two")
    create(account, "st", body(Version=VERSION, Alias=ALIAS))
    assert status(account, "st") == "ROLLBACK_COMPLETE"
    assert "Alias already exists" in reasons(account, "st")
    assert account.client("lambda").get_alias(FunctionName="f", Name="live")["FunctionVersion"] == "1"


def test_an_alias_its_mapping_and_its_url_come_and_go_with_their_stack(
    account: LocalAccount, function: str
) -> None:
    mapping: dict[str, Any] = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
            "FunctionName": {"Ref": "Alias"},
        },
    }
    url: dict[str, Any] = {
        "Type": "AWS::Lambda::Url",
        "DependsOn": "Alias",
        "Properties": {"TargetFunctionArn": function, "Qualifier": "live", "AuthType": "NONE"},
    }
    queue = {"Type": "AWS::SQS::Queue"}
    create(account, "st", body(Queue=queue, Version=VERSION, Alias=ALIAS, Mapping=mapping, Url=url))
    assert status(account, "st") == "CREATE_COMPLETE"
    functions = account.client("lambda")
    [found] = functions.list_event_source_mappings()["EventSourceMappings"]
    assert (found["FunctionArn"], found["State"]) == (f"{function}:live", "Enabled")
    assert functions.get_function_url_config(FunctionName="f", Qualifier="live")["AuthType"] == "NONE"

    delete(account, "st")
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []
    assert functions.list_aliases(FunctionName="f")["Aliases"] == []
    assert [it["Version"] for it in functions.list_versions_by_function(FunctionName="f")["Versions"]] == [
        "$LATEST"
    ]


def test_the_summary_of_a_template_tells_its_metadata(account: LocalAccount) -> None:
    template = json.dumps(
        {"Metadata": {"by": "hand"}, "Resources": {"W": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    )
    create(account, "st", template)
    summary = account.client("cloudformation").get_template_summary(StackName="st")
    assert json.loads(summary["Metadata"]) == {"by": "hand"}
