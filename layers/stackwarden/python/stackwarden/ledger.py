"""Reading the ledger: what was found about a resource before, and what the workflow did about it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stackwarden import aws
from stackwarden.finding import Attempt, Outcome

INDEX = "by-resource"
_NEWEST = 500  # entries of one resource and guard


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
    pages = (
        aws.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            IndexName=INDEX,
            KeyConditionExpression="resource_arn = :arn",
            FilterExpression="guard = :guard",
            ExpressionAttributeValues={":arn": {"S": resource_arn}, ":guard": {"S": guard}},
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": _NEWEST},
        )
    )
    return tuple(_entry(item) for page in pages for item in page["Items"])


def entry(table: str, finding_id: str) -> Entry | None:
    """Read one entry; None if there is none. Raises ClientError."""
    found = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": finding_id}}).get("Item")
    return _entry(found) if found else None


def _listed(values: dict[str, str], *names: str) -> list[Any]:
    """Join lists; what was done in the last round is in `results` if judging again failed."""
    return [each for name in names for each in json.loads(values.get(name, "[]"))]


def _entry(item: Any) -> Entry:
    values = {key: value.get("S", "") for key, value in item.items()}
    return Entry(
        id=values["id"],
        guard=values["guard"],
        hazard=values["hazard"],
        opened_at=datetime.fromisoformat(values["opened_at"]),
        finding=json.loads(values["finding"]),
        attempts=tuple(Attempt.model_validate(each) for each in _listed(values, "attempts", "results")),
        outcome=Outcome(values["outcome"]) if values.get("outcome") else None,
        closed_at=datetime.fromisoformat(values["closed_at"]) if values.get("closed_at") else None,
    )
