"""The acts of the demo: what the careless developer does, and what Stackwarden promises about it."""

import json
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from local.demo import RACE_STEP_DELAY, STEP_DELAY, Demo, exemption, table_properties

_FUNCTION: Final = "def handler(event, context):\n    return event\n"


def _template(*tables: str) -> str:
    """Return a template: unprotected tables, and a function that uses one, so that it is deleted first."""
    resources: dict[str, Any] = {
        name.capitalize(): {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": name, **table_properties()},
        }
        for name in tables
    }
    resources["Role"] = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        },
    }
    resources["Checkout"] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": _FUNCTION},
            "Environment": {"Variables": {"TABLE": {"Ref": tables[0].capitalize()}}},
        },
    }
    return json.dumps({"Resources": resources})


def _stack(demo: Demo, name: str) -> dict[str, Any]:
    described: dict[str, Any] = demo.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return described


def _status(demo: Demo, stack_id: str) -> str:
    return str(_stack(demo, stack_id)["StackStatus"])


def _protected(demo: Demo, *tables: str) -> bool:
    """Whether the tables stand with deletion protection."""
    dynamodb = demo.client("dynamodb")
    try:
        found = [dynamodb.describe_table(TableName=table)["Table"] for table in tables]
    except ClientError:
        return False
    return all(table.get("DeletionProtectionEnabled") and table["TableStatus"] == "ACTIVE" for table in found)


def _recoverable(demo: Demo, *tables: str) -> bool:
    dynamodb = demo.client("dynamodb")
    described = [dynamodb.describe_continuous_backups(TableName=table) for table in tables]
    return all(
        backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        == "ENABLED"
        for backups in described
    )


def ahead(demo: Demo) -> None:
    """A new stack with data is protected as soon as it stands."""
    demo.begin(
        "1 ahead", "The developer creates a stack with two tables and a function, none of it protected."
    )
    cloudformation = demo.client("cloudformation")
    demo.attempt(
        'cloudformation.create_stack(StackName="shop", …)',
        lambda: cloudformation.create_stack(
            StackName="shop", TemplateBody=_template("orders", "customers"), Capabilities=["CAPABILITY_IAM"]
        ),
    )
    demo.promise(
        "termination protection of the stack, at once",
        lambda: bool(_stack(demo, "shop")["EnableTerminationProtection"]),
    )
    demo.promise("the stack settles", lambda: _status(demo, "shop") == "CREATE_COMPLETE")
    demo.promise("deletion protection of both tables", lambda: _protected(demo, "orders", "customers"))
    demo.promise("point-in-time recovery of both tables", lambda: _recoverable(demo, "orders", "customers"))
    demo.message("one report: protected", resource="shop", hazard="unprotected", outcome="protected")
    demo.no_message("not one report more")


def refused(demo: Demo) -> None:
    """Then a delete is refused by CloudFormation itself."""
    demo.begin("2 refused", "The developer deletes the stack.")
    answer = demo.attempt(
        'cloudformation.delete_stack(StackName="shop")',
        lambda: demo.client("cloudformation").delete_stack(StackName="shop"),
    )
    demo.promise(
        "CloudFormation refuses",
        lambda: isinstance(answer, ClientError) and "TerminationProtection" in str(answer),
    )
    demo.no_message("no report: a failed call is nothing to act on")


def rearm(demo: Demo) -> None:
    """Protection that somebody switches off is switched on again."""
    demo.begin("3 re-arm", "The developer switches termination protection off.")
    cloudformation = demo.client("cloudformation")
    demo.attempt(
        'cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)',
        lambda: cloudformation.update_termination_protection(
            StackName="shop", EnableTerminationProtection=False
        ),
    )
    demo.promise("it is on again", lambda: bool(_stack(demo, "shop")["EnableTerminationProtection"]))
    report = demo.message(
        "one report: protected", resource="shop", hazard="protection-removed", outcome="protected"
    )
    demo.promise("it names who did it", lambda: _actor(report).endswith("user/developer"))
    demo.no_message("not one report more")


def rescue(demo: Demo) -> None:
    """A deletion that is already running loses its tables to Stackwarden, not to CloudFormation."""
    demo.begin(
        "4 rescue", "The developer switches all protection off and deletes the stack in the same second."
    )
    cloudformation, dynamodb = demo.client("cloudformation"), demo.client("dynamodb")
    stack_id = _stack(demo, "shop")["StackId"]
    demo.account.step_delay = RACE_STEP_DELAY
    for table in ("orders", "customers"):
        demo.attempt(
            f'dynamodb.update_table(TableName="{table}", DeletionProtectionEnabled=False)',
            partial(dynamodb.update_table, TableName=table, DeletionProtectionEnabled=False),
        )
    demo.attempt(
        'cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)',
        lambda: cloudformation.update_termination_protection(
            StackName="shop", EnableTerminationProtection=False
        ),
    )
    demo.attempt(
        'cloudformation.delete_stack(StackName="shop")',
        lambda: cloudformation.delete_stack(StackName="shop"),
    )
    demo.promise("the deletion is under way", lambda: _status(demo, stack_id).startswith("DELETE_"))
    demo.promise("both tables stand, protected", lambda: _protected(demo, "orders", "customers"))
    demo.promise("the deletion stops at them", lambda: _status(demo, stack_id) == "DELETE_FAILED")
    demo.account.step_delay = STEP_DELAY
    report = demo.message("a report of the deletion", resource="shop", hazard="stack-deletion")
    demo.promise(
        "it says that both tables were saved, with backups",
        lambda: (
            report.get("outcome") in ("rescued", "protected")
            and len(report["finding"]["evidence"].get("saved", [])) == 2
            and all("backup available" in line for line in report["finding"]["evidence"]["saved"])
        ),
    )
    demo.no_message(
        "nothing more, unless a switched-off protection was seen before the deletion",
        hazard="protection-removed",
        outcome="protected",
    )


def lost(demo: Demo) -> None:
    """What cannot be saved is said to be lost, with the command that brings it back."""
    demo.begin("5 lost", "A table that is older than Stackwarden, and unprotected, is deleted directly.")
    dynamodb = demo.client("dynamodb")
    demo.attempt(
        'dynamodb.delete_table(TableName="legacy")', lambda: dynamodb.delete_table(TableName="legacy")
    )
    report = demo.message("one report: lost", resource="legacy", hazard="deleted", outcome="lost")
    line = " ".join(report.get("finding", {}).get("evidence", {}).get("lost", []))
    backup = line.rpartition("--backup-arn ")[2].split()[0] if "--backup-arn " in line else ""
    demo.promise("it names the system backup", lambda: ":table/legacy/backup/" in backup)
    demo.attempt(
        'dynamodb.restore_table_from_backup(TargetTableName="legacy", BackupArn="…")',
        lambda: dynamodb.restore_table_from_backup(TargetTableName="legacy", BackupArn=backup.strip("'.")),
    )
    demo.promise(
        "the backup restores the data",
        lambda: bool(_item(demo, "legacy")),
    )
    demo.message(
        "the restored table is protected", resource="legacy", hazard="unprotected", outcome="protected"
    )
    demo.no_message("not one report more")


def _item(demo: Demo, table: str) -> dict[str, Any]:
    try:
        got: dict[str, Any] = demo.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "1"}})
    except ClientError:
        return {}
    item: dict[str, Any] = got.get("Item", {})
    return item


def exempt(demo: Demo) -> None:
    """An exemption lets one stack out, and is reported."""
    demo.begin(
        "6 exempt", "Security exempts the stack sandbox for a week; the developer makes and deletes it."
    )
    cloudformation, ssm = demo.client("cloudformation"), demo.client("ssm")
    demo.attempt(
        'ssm.put_parameter(Name="/stackwarden/exemptions/data-deletion/sandbox", …)',
        lambda: ssm.put_parameter(
            Name="/stackwarden/exemptions/data-deletion/sandbox",
            Type="String",
            Value=exemption("a load test that makes and deletes its tables"),
        ),
    )
    demo.attempt(
        'cloudformation.create_stack(StackName="sandbox", …)',
        lambda: cloudformation.create_stack(
            StackName="sandbox", TemplateBody=_template("scratch"), Capabilities=["CAPABILITY_IAM"]
        ),
    )
    demo.message("one report: exempt", resource="sandbox", hazard="unprotected", outcome="exempt")
    demo.promise("the stack settles", lambda: _status(demo, "sandbox") == "CREATE_COMPLETE")
    stack_id = _stack(demo, "sandbox")["StackId"]
    demo.attempt(
        'cloudformation.delete_stack(StackName="sandbox")',
        lambda: cloudformation.delete_stack(StackName="sandbox"),
    )
    demo.promise("it is deleted, table and all", lambda: _status(demo, stack_id) == "DELETE_COMPLETE")
    demo.message("one report: exempt", resource="sandbox", hazard="stack-deletion", outcome="exempt")
    demo.no_message("not one report more")


def _actor(report: dict[str, Any]) -> str:
    return str(((report.get("finding") or {}).get("actor") or {}).get("arn"))


ACTS: Final = (ahead, refused, rearm, rescue, lost, exempt)
