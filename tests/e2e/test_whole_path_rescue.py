"""Rescue: a stack deletion that cannot be cancelled, won, lost and half lost, told as it was."""

import pytest

from local.dynamodb import backups as dynamodb_backups
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import HOLD, body, function, last_slow, slow, table

DEVELOPER = "arn:aws:iam::123456789012:user/developer"
CAREFUL = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}


def gone(guarded: Guarded, *tables: str) -> bool:
    """Whether none of the tables exists any more."""
    return not any(guarded.table(name) for name in tables)


def deleted(guarded: Guarded, stack: str) -> list[str]:
    """The logical ids of a stack's resources that were deleted, in that order."""
    pages = guarded.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"]]  # the newest first
    found = [e["LogicalResourceId"] for e in events if e["ResourceStatus"] == "DELETE_COMPLETE"]
    return found[::-1]


def test_a_deletion_that_has_not_reached_the_tables_loses_them_to_stackwarden(guarded: Guarded) -> None:
    stack = guarded.old_stack(
        "shop",
        body(
            Orders=table("orders"),
            Customers=table("customers"),
            **slow(after=["Orders", "Customers"]),
            **function(after=[last_slow()]),
        ),
    )
    guarded.account.step_delay = HOLD

    guarded.delete_stack(stack)
    until(
        lambda: all(guarded.protection(name)[0] for name in ("orders", "customers")),
        "protection of both tables",
    )
    assert guarded.stack(stack)["StackStatus"] == "DELETE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "DELETE_FAILED")
    report = guarded.report("shop", "stack-deletion")

    assert report.outcome == "rescued"
    assert report.deeds() == {
        (kind, name) for kind in ("protect-table", "back-up-table") for name in ("orders", "customers")
    }
    assert sorted(report.evidence["saved"]) == [
        f"DynamoDB table {name}: standing, deletion protection on, backup available"
        for name in ("customers", "orders")
    ]
    assert "lost" not in report.evidence
    assert deleted(guarded, stack)[0] == "Checkout"
    for name in ("orders", "customers"):
        (backup,) = guarded.backups(name)
        assert f":table/{name}/backup/" in backup


def test_seen_by_cloudtrail_and_by_cloudformation_it_is_one_finding_with_its_actor(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The backup takes its time, as on AWS, so that both events are in before the finding is closed.
    monkeypatch.setattr(dynamodb_backups, "creating_seconds", 4.0)
    stack = guarded.old_stack("mall", body(Carts=table("carts"), **slow(after=["Carts"])))
    guarded.account.step_delay = HOLD

    deletion = guarded.delete_stack(stack)
    call = guarded.call("DeleteStack", stackName=stack)
    until(lambda: guarded.protection("carts")[0], "protection of the table")
    guarded.account.step_delay = 0.0
    report = guarded.report("mall", "stack-deletion")
    guarded.rest()
    guarded.deliver(deletion)
    guarded.deliver(call)
    guarded.rest()

    assert report.outcome == "rescued"
    assert report.actor == DEVELOPER
    assert f"{DEVELOPER}, from 127.0.0.1, DeleteStack" in report.mail.body
    assert len(guarded.ledger_of(stack)) == 1
    assert len(guarded.backups("carts")) == 1
    calls = [name for name in guarded.executions() if name.startswith(report.finding["id"])]
    assert sorted(calls) == sorted(f"{report.finding['id']}-{event['id']}"[:80] for event in (deletion, call))


def test_what_was_saved_and_what_was_lost_is_told_table_by_table(guarded: Guarded) -> None:
    stack = guarded.old_stack(
        "half",
        body(
            Stays=table("stays"),
            **slow(after=["Stays"]),
            Goes=table("goes", attributes={"DependsOn": last_slow()}, **CAREFUL),
        ),
    )
    guarded.account.step_delay = HOLD

    # EventBridge delivers when CloudFormation has deleted the first table and not yet the second.
    with guarded.unseen():
        deletion = guarded.delete_stack(stack)
        until(lambda: gone(guarded, "goes"), "the first table is gone")
    guarded.deliver(deletion)
    until(lambda: guarded.protection("stays")[0], "protection of the second table")
    assert guarded.stack(stack)["StackStatus"] == "DELETE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "DELETE_FAILED")
    report = guarded.report("half", "stack-deletion")

    assert report.outcome == "lost"
    assert report.deeds() == {("protect-table", "stays"), ("back-up-table", "stays")}
    assert report.evidence["saved"] == [
        "DynamoDB table stays: standing, deletion protection on, backup available"
    ]
    (lost,) = report.evidence["lost"]
    (system_backup,) = guarded.backups("goes")
    assert lost.startswith("DynamoDB table goes: gone. A backup was made since, at ")
    assert system_backup in lost
    assert "Saved:\n  - DynamoDB table stays" in report.mail.body
    assert "LOST:\n  - DynamoDB table goes" in report.mail.body
    assert "rescued" not in f"{report.mail.subject} {report.mail.body}".lower()


def test_protection_switched_off_just_before_the_deletion_is_no_finding_of_its_own(guarded: Guarded) -> None:
    stack = guarded.create_stack("till", body(Sales=table("sales"), **slow(after=["Sales"])))
    guarded.report("till", "unprotected")
    guarded.rest()
    guarded.account.step_delay = HOLD
    cloudformation, dynamodb = guarded.client("cloudformation"), guarded.client("dynamodb")

    # The events of the first two calls come when the deletion has begun, as they do in a hurried hand.
    with guarded.unseen():
        dynamodb.update_table(TableName="sales", DeletionProtectionEnabled=False)
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    until(lambda: (guarded.table("sales") or {})["TableStatus"] == "ACTIVE", "the table can be changed again")
    guarded.delete_stack(stack)
    guarded.deliver(
        guarded.call("UpdateTerminationProtection", stackName=stack, enableTerminationProtection=False)
    )
    until(lambda: guarded.protection("sales")[0], "protection of the table")
    guarded.deliver(guarded.call("UpdateTable", tableName="sales", deletionProtectionEnabled=False))
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "DELETE_FAILED")

    assert guarded.report("till", "stack-deletion").outcome == "rescued"
    assert guarded.protection("sales")[0]
