"""Re-arm: protection that somebody switches off is switched on again, and the report says who it was."""

from typing import Any

from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import HOLD, body, database_properties, slow, table

DEVELOPER = "arn:aws:iam::123456789012:user/developer"


def test_termination_protection_comes_back(guarded: Guarded) -> None:
    stack = guarded.create_stack("shop", body(Orders=table("orders")))
    guarded.report("shop", "unprotected")

    guarded.client("cloudformation").update_termination_protection(
        StackName="shop", EnableTerminationProtection=False
    )
    report = guarded.report("shop", "protection-removed")

    assert report.outcome == "protected"
    assert not guarded.terminable(stack)
    assert report.deeds() == {("set-termination-protection", stack)}
    assert report.actor == DEVELOPER
    assert f"Who:\n  {DEVELOPER}, from 127.0.0.1, UpdateTerminationProtection" in report.mail.body
    assert report.attributes["severity"] == "MEDIUM"


def test_deletion_protection_of_a_table_comes_back(guarded: Guarded) -> None:
    guarded.create_table("notes")
    guarded.report("notes", "unprotected")

    guarded.client("dynamodb").update_table(TableName="notes", DeletionProtectionEnabled=False)
    report = guarded.report("notes", "protection-removed")

    assert report.outcome == "protected"
    assert guarded.protection("notes") == (True, True)
    assert report.deeds() == {("protect-table", "notes")}
    assert report.actor == DEVELOPER


def test_point_in_time_recovery_comes_back(guarded: Guarded) -> None:
    guarded.create_table("drafts")
    guarded.report("drafts", "unprotected")

    guarded.client("dynamodb").update_continuous_backups(
        TableName="drafts", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    report = guarded.report("drafts", "protection-removed")

    assert report.outcome == "protected"
    assert guarded.protection("drafts") == (True, True)
    assert report.deeds() == {("enable-point-in-time-recovery", "drafts")}
    assert report.actor == DEVELOPER


def test_switched_off_once_more_is_one_finding_more(guarded: Guarded) -> None:
    guarded.create_table("memos")
    guarded.report("memos", "unprotected")

    findings = set()
    for _ in range(2):
        guarded.client("dynamodb").update_table(TableName="memos", DeletionProtectionEnabled=False)
        findings.add(guarded.report("memos", "protection-removed").finding["id"])
        until(lambda: (guarded.table("memos") or {})["TableStatus"] == "ACTIVE", "the table can be changed")

    assert len(findings) == 2
    assert guarded.protection("memos") == (True, True)


def test_deletion_protection_of_a_database_comes_back(guarded: Guarded) -> None:
    rds = guarded.client("rds")
    rds.create_db_instance(**database_properties(DBInstanceIdentifier="billing"))
    guarded.report("billing", "unprotected")

    rds.modify_db_instance(DBInstanceIdentifier="billing", DeletionProtection=False, ApplyImmediately=True)
    report = guarded.report("billing", "protection-removed")

    assert report.outcome == "protected"
    (instance,) = rds.describe_db_instances(DBInstanceIdentifier="billing")["DBInstances"]
    assert instance["DeletionProtection"]
    assert report.deeds() == {("protect-db-instance", "billing")}
    assert report.actor == DEVELOPER


def test_deletion_protection_of_a_cluster_comes_back(guarded: Guarded) -> None:
    rds = guarded.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="accounts",
        Engine="aurora-mysql",
        MasterUsername="owner",
        MasterUserPassword="secret-123",
    )
    guarded.report("accounts", "unprotected")

    rds.modify_db_cluster(DBClusterIdentifier="accounts", DeletionProtection=False)
    report = guarded.report("accounts", "protection-removed")

    assert report.outcome == "protected"
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="accounts")["DBClusters"]
    assert cluster["DeletionProtection"]
    assert report.deeds() == {("protect-db-cluster", "accounts")}


def test_a_stack_update_that_switches_protection_off_is_undone_once_it_has_settled(guarded: Guarded) -> None:
    stack = guarded.create_stack("mall", body(Carts=table("carts")))
    guarded.report("mall", "unprotected")
    guarded.account.step_delay = HOLD

    # The slow resources are made after the table was changed, and hold the update.
    off = table("carts", DeletionProtectionEnabled=False)
    guarded.update_stack("mall", body(Carts=off, **slow(after=["Carts"])))
    until(lambda: guarded.protection("carts") == (False, True), "the update reaches the table")
    guarded.call("UpdateTable", tableName="carts", deletionProtectionEnabled=False)
    until(lambda: len(unprotected(guarded, stack)) == 2, "the guard has seen it")
    assert guarded.protection("carts") == (False, True)
    assert guarded.stack(stack)["StackStatus"] == "UPDATE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    report = guarded.report("mall", "unprotected")

    assert report.outcome == "protected"
    assert guarded.stack(stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert guarded.protection("carts") == (True, True)
    assert report.deeds() == {("protect-table", "carts")}
    assert report.actor == DEVELOPER


def unprotected(guarded: Guarded, stack: str) -> list[dict[str, Any]]:
    """The ledger's entries about a stack that holds unprotected data: one for each operation."""
    return [entry for entry in guarded.ledger_of(stack) if entry["hazard"] == "unprotected"]
