"""Reading the ledger: what was found about a resource before, and what the workflow did about it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stackwarden import aws
from stackwarden.finding import Attempt, Outcome

INDEX = "by-resource"
_NEWEST = 20  # entries of one resource


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger. finding: as JSON. outcome and closed_at: None while the workflow runs."""

    id: str
    guard: str
    hazard: str
    opened_at: datetime
    finding: dict[str, Any]
    attempts: tuple[Attempt, ...] = ()
    outcome: Outcome | None = None
    closed_at: datetime | None = None


def entries(table: str, resource_arn: str, guard: str) -> tuple[Entry, ...]:
    """Read the newest entries of a guard about a resource, newest first. Raises ClientError."""
    found = aws.client("dynamodb").query(
        TableName=table,
        IndexName=INDEX,
        KeyConditionExpression="resource_arn = :arn",
        ExpressionAttributeValues={":arn": {"S": resource_arn}},
        ScanIndexForward=False,
        Limit=_NEWEST,
    )["Items"]
    read = [_entry(item) for item in found]
    return tuple(entry for entry in read if entry.guard == guard)


def entry(table: str, finding_id: str) -> Entry | None:
    """Read one entry; None if there is none. Raises ClientError."""
    found = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": finding_id}}).get("Item")
    return _entry(found) if found else None


def _entry(item: Any) -> Entry:
    values = {key: value.get("S", "") for key, value in item.items()}
    return Entry(
        id=values["id"],
        guard=values["guard"],
        hazard=values["hazard"],
        opened_at=datetime.fromisoformat(values["opened_at"]),
        finding=json.loads(values["finding"]),
        attempts=tuple(Attempt.model_validate(each) for each in json.loads(values.get("attempts", "[]"))),
        outcome=Outcome(values["outcome"]) if values.get("outcome") else None,
        closed_at=datetime.fromisoformat(values["closed_at"]) if values.get("closed_at") else None,
    )
