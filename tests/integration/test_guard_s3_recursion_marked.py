"""What the workflow does for a cap: it marks the function at once, whatever becomes of the finding."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from tests import template
from tests.integration.conftest import ALLOW_EVERYTHING, role, zipped
from tests.s3_account import TRUST, document, function_arn

DEFINITION: dict[str, Any] = json.loads((template.ROOT / "statemachines/remediation.asl.json").read_text())
ARN = function_arn("thumbnails")


@pytest.fixture
def thumbnails(account: LocalAccount) -> None:
    """A function without reserved concurrency."""
    iam, functions = account.client("iam"), account.client("lambda")
    made = iam.create_role(RoleName="thumbnails-role", AssumeRolePolicyDocument=document(TRUST))
    functions.create_function(
        FunctionName="thumbnails",
        Role=made["Role"]["Arn"],
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": zipped(app="")},
    )


def act(account: LocalAccount, role_arn: str, reserved: int = 10) -> list[dict[str, Any]]:
    """Run the workflow's state `Act` alone, on a cap; what it says was done."""
    state = {key: value for key, value in DEFINITION["States"]["Act"].items() if key != "Next"} | {
        "End": True
    }
    client = account.client("stepfunctions")
    machine = client.create_state_machine(
        name="act", definition=json.dumps({"StartAt": "Act", "States": {"Act": state}}), roleArn=role_arn
    )["stateMachineArn"]
    cap = {
        "kind": "cap-concurrency",
        "target": ARN,
        "parameters": {"reserved": reserved},
        "before": {"reserved": None},
    }
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps({"actions": [cap]}))[
        "executionArn"
    ]
    account.drain(20)
    results: list[dict[str, Any]] = json.loads(client.describe_execution(executionArn=arn)["output"])[
        "results"
    ]
    return results


def state_of(account: LocalAccount) -> tuple[int | None, dict[str, str]]:
    """The function's reserved concurrency, and its tags."""
    functions = account.client("lambda")
    reserved = functions.get_function_concurrency(FunctionName="thumbnails")
    return reserved.get("ReservedConcurrentExecutions"), functions.list_tags(Resource=ARN)["Tags"]


@pytest.mark.usefixtures("thumbnails")
def test_a_cap_is_marked_on_the_function_before_it_is_judged(account: LocalAccount, role_arn: str) -> None:
    [result] = act(account, role_arn)

    assert result["status"] == "done"
    assert state_of(account) == (10, {"stackwarden:concurrency-cap": "10"})


@pytest.mark.usefixtures("thumbnails")
def test_a_cap_that_may_not_be_marked_is_done_all_the_same(account: LocalAccount) -> None:
    role_arn = role(account, "untagging", ALLOW_EVERYTHING)
    no = {"Effect": "Deny", "Action": "lambda:TagResource", "Resource": "*"}
    account.client("iam").put_role_policy(
        RoleName="untagging", PolicyName="denied", PolicyDocument=document(no)
    )

    [result] = act(account, role_arn)

    assert result["status"] == "done"
    assert state_of(account) == (10, {})


@pytest.mark.usefixtures("thumbnails")
def test_a_cap_that_lambda_refuses_is_not_marked(account: LocalAccount, role_arn: str) -> None:
    [result] = act(account, role_arn, reserved=950)

    assert result["status"] == "failed"
    assert state_of(account) == (None, {})
