"""Ahead: what holds data is protected as soon as that can harm nobody."""

import json

from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import (
    HOLD,
    body,
    database_properties,
    function,
    impossible,
    last_slow,
    slow,
    table,
)

PARAMETERS = {"UnbackedStreamMode": "off"}


def protected_in_time(guarded: Guarded, stack: str, *tables: str) -> None:
    """Wait for termination protection while the stack is held in creation; its tables must be left alone."""
    until(lambda: not guarded.terminable(stack), "termination protection of the stack being created")
    states = [guarded.protection(name) for name in tables]
    assert guarded.stack(stack)["StackStatus"] == "CREATE_IN_PROGRESS"
    assert states == [(False, False)] * len(tables)


def test_a_stack_is_protected_at_once_and_its_tables_when_it_has_settled(guarded: Guarded) -> None:
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack(
        "shop",
        body(
            Orders=table("orders"),
            Customers=table("customers"),
            **slow(after=["Orders", "Customers"]),
            **function(after=[last_slow()]),
        ),
    )
    until(lambda: all(map(guarded.table, ("orders", "customers"))), "both tables")

    protected_in_time(guarded, stack, "orders", "customers")
    guarded.account.step_delay = 0.0
    report = guarded.report("shop", "unprotected")

    assert report.outcome == "protected"
    assert guarded.stack(stack)["StackStatus"] == "CREATE_COMPLETE"
    assert guarded.protection("orders") == guarded.protection("customers") == (True, True)
    assert report.deeds() == {
        ("set-termination-protection", stack),
        ("protect-table", "orders"),
        ("protect-table", "customers"),
        ("enable-point-in-time-recovery", "orders"),
        ("enable-point-in-time-recovery", "customers"),
    }
    assert "termination protection of stack shop: off -> on" in report.mail.body
    assert "DynamoDB table orders: standing, deletion protection on" in report.mail.body
    assert "/stackwarden/exemptions/data-deletion/shop" in report.mail.body
    tags = guarded.client("dynamodb").list_tags_of_resource(ResourceArn=table_arn(guarded, "orders"))["Tags"]
    assert {"Key": "stackwarden:finding", "Value": report.finding["id"]} in tags


def table_arn(guarded: Guarded, name: str) -> str:
    """The ARN of a table of the account."""
    return f"arn:aws:dynamodb:us-east-1:{guarded.account.account_id}:table/{name}"


def test_a_nested_stacks_tables_are_protected_when_the_root_has_settled(guarded: Guarded) -> None:
    s3 = guarded.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="data.json", Body=body(Carts=table("carts")).encode())
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://templates.s3.amazonaws.com/data.json"},
    }
    guarded.account.step_delay = HOLD
    root = guarded.create_stack("mall", body(Data=nested, **slow(after=["Data"])))
    until(lambda: guarded.table("carts"), "the table in the nested stack")

    protected_in_time(guarded, root, "carts")
    child = nested_stack(guarded, root)
    guarded.settled(child, "CREATE_COMPLETE")
    assert guarded.protection("carts") == (False, False)
    assert guarded.stack(root)["StackStatus"] == "CREATE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    report = guarded.report("mall", "unprotected")

    assert report.outcome == "protected"
    assert report.finding["resource"]["arn"] == root
    assert ("set-termination-protection", root) in report.deeds()
    assert guarded.protection("carts") == (True, True)


def nested_stack(guarded: Guarded, root: str) -> str:
    """The id of the one stack nested in another, once it has one."""
    cloudformation = guarded.client("cloudformation")

    def found() -> str:
        data = cloudformation.describe_stack_resources(StackName=root, LogicalResourceId="Data")
        return str(data["StackResources"][0].get("PhysicalResourceId", ""))

    return until(found, "the nested stack")


def test_a_stack_that_cannot_be_created_rolls_back_as_if_nobody_had_looked(guarded: Guarded) -> None:
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack(
        "doomed",
        body(Drafts=table("drafts"), **slow(after=["Drafts"]), Impossible=impossible(after=[last_slow()])),
    )
    until(lambda: guarded.table("drafts"), "the table")

    protected_in_time(guarded, stack, "drafts")
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "ROLLBACK_COMPLETE")

    until(lambda: guarded.terminable(stack), "termination protection taken away again")
    (entry,) = until(lambda: [e for e in guarded.ledger_of(stack) if "outcome" in e], "the ledger entry")
    assert entry["outcome"] == "dismissed"
    assert guarded.table("drafts") is None


def test_retained_data_is_only_told_what_could_replace_it(guarded: Guarded) -> None:
    stack = guarded.create_stack(
        "keeper", body(Letters=table("letters", attributes={"DeletionPolicy": "Retain"}))
    )

    report = guarded.report("keeper", "unprotected")

    assert report.outcome == "observed"
    assert report.document["actions"] == []
    assert "UpdateReplacePolicy: Retain" in report.mail.body
    assert guarded.terminable(stack)
    assert guarded.protection("letters") == (False, False)


def test_a_stack_that_keeps_its_data_whatever_happens_is_no_finding(guarded: Guarded) -> None:
    before = guarded.executions()
    retained = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    stack = guarded.create_stack("vault", body(Deeds=table("deeds", attributes=retained)))
    guarded.settled(stack, "CREATE_COMPLETE")
    guarded.rest()

    assert guarded.executions() == before
    assert guarded.terminable(stack)


def test_a_table_made_directly_is_protected(guarded: Guarded) -> None:
    guarded.create_table("notes")

    report = guarded.report("notes", "unprotected")

    assert report.outcome == "protected"
    assert report.actor == "arn:aws:iam::123456789012:user/developer"
    assert report.deeds() == {("protect-table", "notes"), ("enable-point-in-time-recovery", "notes")}
    assert guarded.protection("notes") == (True, True)
    actions = [json.loads(text) for value in report.ledger["actions"] for text in value.values()]
    assert [action["before"] for batch in actions for action in batch] == [
        {"deletion_protection": False},
        {"point_in_time_recovery": False},
    ]


def test_a_database_made_directly_is_protected(guarded: Guarded) -> None:
    guarded.client("rds").create_db_instance(**database_properties(DBInstanceIdentifier="billing"))

    report = guarded.report("billing", "unprotected")

    assert report.outcome == "protected"
    assert report.deeds() == {("protect-db-instance", "billing")}
    assert database_is_protected(guarded, "billing")


def database_is_protected(guarded: Guarded, name: str) -> bool:
    """Whether a database instance has deletion protection."""
    (instance,) = guarded.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return bool(instance["DeletionProtection"])


def test_a_database_of_a_stack_is_protected_with_the_stack(guarded: Guarded) -> None:
    database = {
        "Type": "AWS::RDS::DBInstance",
        "Properties": database_properties(DBInstanceIdentifier="payroll"),
    }
    stack = guarded.create_stack("wages", body(Payroll=database))

    report = guarded.report("wages", "unprotected")

    assert report.outcome == "protected"
    assert report.deeds() == {("set-termination-protection", stack), ("protect-db-instance", "payroll")}
    assert database_is_protected(guarded, "payroll")
    assert not guarded.terminable(stack)


def test_a_stream_is_reported_as_what_cannot_be_protected_by_itself(guarded: Guarded) -> None:
    clicks = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": "clicks", "ShardCount": 1}}
    stack = guarded.create_stack("traffic", body(Clicks=clicks))

    report = guarded.report("traffic", "unprotected")

    assert report.outcome == "protected"
    assert not guarded.terminable(stack)
    assert report.deeds() == {("set-termination-protection", stack)}
    assert report.evidence["unprotectable"] == ["Kinesis stream clicks: Kinesis has no deletion protection"]
    assert "Cannot be protected by itself:\n  - Kinesis stream clicks" in report.mail.body
