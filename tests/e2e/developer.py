"""The careless developer: plain boto3 clients, stacks and tables, and patience."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.deploy import STACK
from tests.e2e.stacks import Json, table_properties

DEADLINE: Final = 60.0
"""Seconds until a test gives up; nothing is asserted about how long things take."""


def until[T](look: Callable[[], T | None], what: str, deadline: float = DEADLINE) -> T:
    """Look again and again until there is something; AssertionError says what never came."""
    end = time.monotonic() + deadline
    while not (seen := look()):
        assert time.monotonic() < end, f"not within {deadline:.0f} s: {what}"
        time.sleep(0.02)
    return seen


def exemption(*, days: int = 7, **changes: str) -> str:
    """An exemption's JSON that ends in some days."""
    return json.dumps(
        {
            "requested_by": "developer@example.com",
            "approved_by": "security@example.com",
            "reason": "a load test",
            "until": (datetime.now(UTC) + timedelta(days=days)).date().isoformat(),
            **changes,
        }
    )


def refused(call: Callable[[], Any]) -> str:
    """Make a call that AWS must refuse; the error's code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("AWS did not refuse the call")


@dataclass
class Developer:
    """What the developer does in the account, and sees of it."""

    account: LocalAccount

    def client(self, service: str) -> Any:
        """Return a client of the developer."""
        return self.account.client(service)

    @contextmanager
    def unseen(self, rules: str = STACK) -> Iterator[None]:
        """What happens meanwhile does not reach Stackwarden: it is older than it, or its events come late.

        rules: what the names of the rules begin with that are disabled meanwhile.
        """
        events = self.client("events")
        names = [rule["Name"] for rule in events.list_rules(NamePrefix=rules)["Rules"]]
        for name in names:
            events.disable_rule(Name=name)
        try:
            yield
        finally:
            for name in names:
                events.enable_rule(Name=name)

    def create_stack(self, name: str, template: str) -> str:
        """Begin to create a stack; its id."""
        created = self.client("cloudformation").create_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )
        return str(created["StackId"])

    def update_stack(self, name: str, template: str) -> None:
        """Begin to update a stack."""
        self.client("cloudformation").update_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )

    def old_stack(self, name: str, template: str) -> str:
        """Create a stack that is older than Stackwarden, so that nothing protects it; its id."""
        with self.unseen():
            stack = self.create_stack(name, template)
            self.settled(stack, "CREATE_COMPLETE")
        return stack

    def stack(self, name: str) -> Json:
        """Describe a stack by name or id."""
        described: Json = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return described

    def settled(self, stack: str, status: str) -> None:
        """Wait until a stack has a status."""
        until(lambda: self.stack(stack)["StackStatus"] == status, f"{stack} in {status}")

    def terminable(self, stack: str) -> bool:
        """Whether a stack has no termination protection."""
        return not self.stack(stack)["EnableTerminationProtection"]

    def table(self, name: str) -> Json | None:
        """Describe a table; None if there is none (any more)."""
        dynamodb = self.client("dynamodb")
        try:
            described: Json = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return None
        return described

    def create_table(self, name: str, **properties: Any) -> None:
        """Create a table directly and wait until it can be used."""
        self.client("dynamodb").create_table(TableName=name, **table_properties(**properties))
        until(lambda: (self.table(name) or {}).get("TableStatus") == "ACTIVE", f"the table {name}")

    def old_table(self, name: str, *, recoverable: bool = False) -> None:
        """Create a table that is older than Stackwarden, perhaps with point-in-time recovery and an item."""
        with self.unseen():
            self.create_table(name)
            if recoverable:
                dynamodb = self.client("dynamodb")
                dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
                recovery = {"PointInTimeRecoveryEnabled": True}
                dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

    def protection(self, table: str) -> tuple[bool, bool]:
        """Whether a table has deletion protection, and point-in-time recovery."""
        described = self.client("dynamodb").describe_continuous_backups(TableName=table)
        recovery = described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        table_description = self.table(table)
        assert table_description is not None
        protected = bool(table_description.get("DeletionProtectionEnabled"))
        return protected, recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    def backups(self, table: str) -> list[str]:
        """The ARNs of a table's available backups, the system backup of a deleted one among them."""
        listed = self.client("dynamodb").list_backups(TableName=table, BackupType="ALL")["BackupSummaries"]
        return [backup["BackupArn"] for backup in listed if backup["BackupStatus"] == "AVAILABLE"]

    def exempt(self, name: str, text: str, guard: str = "data-deletion") -> None:
        """Write an exemption's parameter."""
        parameter = f"/stackwarden/exemptions/{guard}/{name}"
        self.client("ssm").put_parameter(Name=parameter, Type="String", Value=text)
