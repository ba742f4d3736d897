"""Reliability: what goes wrong is seen, says what it was, and stops nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from local.deploy import STACK
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import Json, body, table

DENIED = {"dynamodb.amazonaws.com DescribeTable", "dynamodb.amazonaws.com UpdateTable"}


def physical_id(guarded: Guarded, logical_id: str) -> str:
    """The name, or for a queue the URL, of a resource of Stackwarden's own stack."""
    described = guarded.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId=logical_id
    )
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


@contextmanager
def denying(guarded: Guarded, role: str, action: str) -> Iterator[None]:
    """Somebody denies a role of Stackwarden an action meanwhile."""
    iam, name = guarded.client("iam"), physical_id(guarded, role)
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="deny")


def test_a_malformed_event_lands_in_the_dead_letter_queue_with_the_name_of_the_field(
    guarded: Guarded,
) -> None:
    deletion: Json = {
        "source": "aws.cloudformation",
        "detail-type": "CloudFormation Stack Status Change",
        "detail": {"status-details": {"status": "DELETE_IN_PROGRESS"}},
    }
    before = guarded.executions()

    guarded.deliver(deletion, id="malformed")
    queue = physical_id(guarded, "FailedInvocations")
    (text,) = until(lambda: list(guarded.messages(queue)), "the event in the dead-letter queue")

    record = json.loads(text)
    assert record["requestPayload"]["id"] == "malformed"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorType"] == "ValidationError"
    assert "detail.stack-id" in record["responsePayload"]["errorMessage"]
    guarded.rest()
    assert guarded.executions() == before


def test_an_event_that_reaches_no_function_lands_in_the_dead_letter_queue(guarded: Guarded) -> None:
    function = physical_id(guarded, "DataDeletionFunction")
    functions, events = guarded.client("lambda"), guarded.client("events")
    rule = rule_of(guarded, "DataCall")
    arn = events.describe_rule(Name=rule)["Arn"]
    policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
    (sid,) = [entry["Sid"] for entry in policy["Statement"] if arn in json.dumps(entry)]

    functions.remove_permission(FunctionName=function, StatementId=sid)
    try:
        guarded.create_table("unheard")
        queue = physical_id(guarded, "UndeliveredEvents")
        (text,) = until(lambda: list(guarded.messages(queue)), "the event in the dead-letter queue")
    finally:
        functions.add_permission(
            FunctionName=function,
            StatementId=sid,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=arn,
        )

    event = json.loads(text)
    assert event["detail"]["eventName"] == "CreateTable"
    assert guarded.protection("unheard") == (False, False)
    # What was not delivered can be delivered later: that is what the queue is for.
    guarded.deliver(event)
    assert guarded.report("unheard", "unprotected").outcome == "protected"


def rule_of(guarded: Guarded, event: str) -> str:
    """The rule that SAM made of an event of the guard's function."""
    return physical_id(guarded, f"DataDeletionFunction{event}")


def test_a_guard_that_may_not_look_says_that_it_is_blind(guarded: Guarded) -> None:
    with denying(guarded, "DataDeletionRole", "dynamodb:DescribeTable"):
        guarded.create_table("hidden")
        report = guarded.report("data-deletion", "blind")
        assert guarded.execution_status(report) == "FAILED"
        # The same call denied once more, on the same day, is the same finding.
        guarded.create_table("hidden-too")
        guarded.rest()

    assert report.outcome == "failed"
    assert report.attributes["severity"] == "HIGH"
    assert "DescribeTable is denied" in report.finding["title"]
    assert "explicit deny" in report.evidence["denied"]
    assert report.mail.body.startswith("FAILED: THE HAZARD IS STILL THERE")
    assert guarded.protection("hidden") == guarded.protection("hidden-too") == (False, False)


def test_an_action_that_is_denied_stops_no_other_and_fails_visibly(guarded: Guarded) -> None:
    recoverable = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    old = guarded.old_stack("mall", body(Carts=table("carts", **recoverable)))

    with denying(guarded, "RemediationRole", "dynamodb:UpdateTable"):
        new = guarded.create_stack("shop", body(Orders=table("orders")))
        guarded.settled(new, "CREATE_COMPLETE")
        guarded.delete_stack(old)
        guarded.settled(old, "DELETE_COMPLETE")
        failed, lost = guarded.report("shop", "unprotected"), guarded.report("mall", "stack-deletion")

    assert failed.outcome == "failed"
    assert failed.attributes["severity"] == "HIGH"
    assert not guarded.terminable(new)
    assert guarded.protection("orders") == (False, True)
    assert failed.deeds() == {
        ("set-termination-protection", new),
        ("enable-point-in-time-recovery", "orders"),
    }
    assert failed.deeds("failed") == {("protect-table", "orders")}
    assert "FAILED: deletion protection of table orders" in failed.mail.body
    assert "is not authorized to perform: dynamodb:UpdateTable" in failed.mail.body
    assert "Nothing is urgent" not in failed.mail.body
    assert guarded.execution_status(failed) == "FAILED"
    described = guarded.client("stepfunctions").describe_execution(executionArn=failed.ledger["execution"])
    assert described["error"] == "RemediationFailed"

    # What was tried in vain saved nothing: the deletion is told as it ended.
    assert lost.outcome == "lost"
    assert lost.deeds() == set()
    assert "DynamoDB table carts: gone" in lost.evidence["lost"][0]
    assert "rescued" not in f"{lost.mail.subject} {lost.mail.body}".lower()
