"""Observe: nothing is changed, all that would be is told; and reports can be filtered by attributes."""

import json

from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import HOLD, body, slow, table

MODE = "observe"
ENVIRONMENT = "dev"
WRITES = {
    "UpdateTable",
    "UpdateTerminationProtection",
    "UpdateContinuousBackups",
    "CreateBackup",
    "TagResource",
}


def role_calls(guarded: Guarded) -> set[str]:
    """The names of the calls that the workflow's role has made."""
    pages = guarded.client("cloudtrail").get_paginator("lookup_events").paginate()
    records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    return {
        record["eventName"] for record in records if ":assumed-role/stackwarden-Remediation" in who(record)
    }


def who(record: dict[str, dict[str, str]]) -> str:
    """The ARN of a record's caller."""
    return record["userIdentity"].get("arn", "")


def test_a_new_stack_is_left_as_it_is_and_the_report_says_what_would_be_done(guarded: Guarded) -> None:
    stack = guarded.create_stack("shop", body(Orders=table("orders")))

    report = guarded.report("shop", "unprotected")

    assert report.outcome == "observed"
    assert guarded.stack(stack)["StackStatus"] == "CREATE_COMPLETE"
    assert report.attributes == {
        "guard": "data-deletion",
        "outcome": "observed",
        "severity": "LOW",
        "mode": "observe",
        "account": "123456789012",
        "environment": "dev",
    }
    assert report.deeds() == set()
    assert report.deeds("planned") == {
        ("set-termination-protection", stack),
        ("protect-table", "orders"),
        ("enable-point-in-time-recovery", "orders"),
    }
    assert "would have: deletion protection of table orders: off -> on" in report.mail.body
    assert " dev: " in report.mail.subject
    assert guarded.terminable(stack)
    assert guarded.protection("orders") == (False, False)
    assert not role_calls(guarded) & WRITES


def test_a_deletion_is_watched_and_told(guarded: Guarded) -> None:
    stack = guarded.old_stack("mall", body(Carts=table("carts"), **slow(after=["Carts"])))
    guarded.account.step_delay = HOLD

    guarded.delete_stack(stack)
    report = guarded.report("mall", "stack-deletion")
    assert guarded.stack(stack)["StackStatus"] == "DELETE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "DELETE_COMPLETE")

    assert report.outcome == "observed"
    assert report.deeds("planned") >= {("protect-table", "carts")}
    assert guarded.table("carts") is None
    # CloudFormation's event may be first, and names nobody; CloudTrail's then names them in the ledger.
    guarded.account.drain()
    entry = guarded.ledger(report.finding["id"])
    assert "user/developer" in entry["finding"] + (entry.get("actor") or "")
    assert not role_calls(guarded) & WRITES


def test_protection_that_is_switched_off_stays_off(guarded: Guarded) -> None:
    with guarded.unseen():
        guarded.create_table("notes", DeletionProtectionEnabled=True)

    guarded.client("dynamodb").update_table(TableName="notes", DeletionProtectionEnabled=False)
    report = guarded.report("notes", "protection-removed")

    assert report.outcome == "observed"
    assert guarded.protection("notes") == (False, False)


def test_a_subscriber_with_a_filter_policy_gets_only_what_it_asked_for(guarded: Guarded) -> None:
    lost_only = guarded.subscribed_queue("on-call", FilterPolicy=json.dumps({"outcome": ["lost"]}))

    guarded.create_table("memos")
    assert guarded.report("memos", "unprotected").outcome == "observed"
    guarded.old_table("archive", recoverable=True)
    guarded.client("dynamodb").delete_table(TableName="archive")
    assert guarded.report("archive", "deleted").outcome == "lost"

    (message,) = until(lambda: list(guarded.messages(lost_only)), "the report in the filtered queue")
    assert json.loads(json.loads(message)["Message"])["finding"]["resource"]["name"] == "archive"
