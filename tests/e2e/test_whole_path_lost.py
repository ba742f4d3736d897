"""Lost: data that was deleted by itself cannot be saved; the report says so, and what brings it back."""

import shlex

import pytest

from local.dynamodb.service import durations
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import body, table

DEVELOPER = "arn:aws:iam::123456789012:user/developer"
TOPIC = {"Type": "AWS::SNS::Topic"}
ORDERED = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "S"},
    ],
}


def test_the_restore_command_of_a_report_restores(guarded: Guarded) -> None:
    guarded.old_table("archive", recoverable=True)
    dynamodb = guarded.client("dynamodb")
    dynamodb.delete_table(TableName="archive")
    report = guarded.report("archive", "deleted")
    assert report.outcome == "lost"

    run(guarded, report.mail.body)
    until(lambda: (guarded.table("archive") or {}).get("TableStatus") == "ACTIVE", "the restored table")

    assert dynamodb.get_item(TableName="archive", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    assert guarded.report("archive", "unprotected").outcome == "protected"


def run(guarded: Guarded, text: str) -> None:
    """Make the call of the one AWS CLI command `restore-table-from-backup` in a text."""
    (command,) = [line for line in text.splitlines() if "Restore: aws dynamodb" in line]
    words = shlex.split(command.partition("Restore: ")[2])
    assert words[:3] == ["aws", "dynamodb", "restore-table-from-backup"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options.pop("--region") == guarded.account.region
    guarded.client("dynamodb").restore_table_from_backup(
        TargetTableName=options.pop("--target-table-name"), BackupArn=options.pop("--backup-arn")
    )
    assert options == {}


def test_what_was_gone_before_stackwarden_could_act_is_lost(guarded: Guarded) -> None:
    guarded.old_table("scratch")
    recoverable = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    stack = guarded.old_stack(
        "gone", body(Careful=table("careful", **recoverable), Careless=table("careless"))
    )

    # One table is deleted directly; two with their stack, and EventBridge delivers when both are gone.
    guarded.client("dynamodb").delete_table(TableName="scratch")
    guarded.call("DeleteTable", tableName="scratch")
    with guarded.unseen():
        deletion = guarded.delete_stack(stack)
        guarded.settled(stack, "DELETE_COMPLETE")
    guarded.deliver(deletion)
    alone, whole = guarded.report("scratch", "deleted"), guarded.report("gone", "stack-deletion")

    for report in (alone, whole):
        assert report.outcome == "lost"
        assert report.attributes["severity"] == "HIGH"
        assert report.deeds() == set()
        assert "saved" not in report.evidence
        assert report.mail.body.startswith("DATA WAS LOST")
        assert "rescued" not in f"{report.mail.subject} {report.mail.body}".lower()
    assert alone.actor == DEVELOPER
    assert alone.evidence["lost"] == ["DynamoDB table scratch: gone; no backup of it was found."]
    careful, careless = sorted(whole.evidence["lost"])
    (backup,) = guarded.backups("careful")
    assert careful.startswith("DynamoDB table careful: gone. A backup was made since, at ")
    assert backup in careful
    assert careless == "DynamoDB table careless: gone; no backup of it was found."


def test_a_table_that_a_stack_update_removes_is_lost_in_spite_of_termination_protection(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The table goes for a while, as on AWS: its last backup is older than the event that says it is gone.
    monkeypatch.setattr(durations, "deleting", 2.0)
    stack = guarded.create_stack("shop", body(Orders=table("orders"), Topic=TOPIC))
    guarded.report("shop", "unprotected")
    # Stackwarden's protection would keep the table, so its owner switches it off in the same breath.
    with guarded.unseen():
        guarded.client("dynamodb").update_table(TableName="orders", DeletionProtectionEnabled=False)
        until(lambda: (guarded.table("orders") or {})["TableStatus"] == "ACTIVE", "the table can be deleted")

    guarded.update_stack("shop", body(Topic=TOPIC))
    report = guarded.report("orders", "deleted")

    assert report.outcome == "lost"
    assert not guarded.terminable(stack)
    assert guarded.stack(stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert "deleted by an update of its stack" in report.mail.body
    assert "A backup was made since" in report.mail.body
    run(guarded, report.mail.body)
    until(lambda: (guarded.table("orders") or {}).get("TableStatus") == "ACTIVE", "the restored table")
    assert guarded.report("orders", "unprotected").outcome == "protected"


def test_protection_set_by_stackwarden_keeps_a_table_that_an_update_removes(guarded: Guarded) -> None:
    stack = guarded.create_stack("mall", body(Carts=table("carts"), Topic=TOPIC))
    guarded.report("mall", "unprotected")
    guarded.rest()

    guarded.update_stack("mall", body(Topic=TOPIC))
    guarded.settled(stack, "UPDATE_COMPLETE")
    guarded.rest()

    assert guarded.protection("carts") == (True, True)


def test_a_table_that_a_stack_update_replaces_is_lost(guarded: Guarded) -> None:
    recoverable = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    nameless = table("-", **recoverable)
    del nameless["Properties"]["TableName"]  # CloudFormation does not replace what it did not name
    stack = guarded.old_stack("ledgers", body(Entries=nameless))
    (old,) = tables_of(guarded, stack)

    replaced = {**nameless, "Properties": {**nameless["Properties"], **ORDERED}}
    guarded.update_stack("ledgers", body(Entries=replaced))
    report = guarded.report(old, "deleted")

    assert report.outcome == "lost"
    assert report.finding["resource"]["stack_id"] == stack
    (backup,) = guarded.backups(old)
    assert backup in report.mail.body
    (new,) = tables_of(guarded, stack)
    assert new != old
    protected = guarded.report("ledgers", "unprotected")
    assert protected.outcome == "protected"
    assert guarded.protection(new) == (True, True)


def tables_of(guarded: Guarded, stack: str) -> list[str]:
    """The names of a stack's tables."""
    listed = guarded.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return [
        entry["PhysicalResourceId"] for entry in listed if entry["ResourceType"] == "AWS::DynamoDB::Table"
    ]
