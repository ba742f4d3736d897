"""Reading the ledger: every page of a resource's entries, and whatever the workflow did."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from stackwarden import aws, ledger
from stackwarden.finding import Outcome

TABLE, GUARD = "stackwarden-ledger", "s3-recursion"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:thumbnails"
CAP = {"kind": "cap-concurrency", "target": ARN, "parameters": {"reserved": 10}, "before": {"reserved": None}}
QUERY = {
    "TableName": TABLE,
    "IndexName": ledger.INDEX,
    "KeyConditionExpression": "resource_arn = :arn",
    "FilterExpression": "guard = :guard",
    "ExpressionAttributeValues": {":arn": {"S": ARN}, ":guard": {"S": GUARD}},
    "ScanIndexForward": False,
}


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    monkeypatch.setattr(aws, "client", lambda service: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def item(number: int = 0, /, **more: str) -> dict[str, Any]:
    """An entry as DynamoDB has it."""
    known = {
        "id": f"{GUARD}-{number}",
        "guard": GUARD,
        "hazard": "recursive-loop",
        "opened_at": "2026-01-15T12:00:00+00:00",
        "finding": json.dumps({"id": f"{GUARD}-{number}"}),
    }
    return {key: {"S": value} for key, value in {**known, **more}.items()}


def attempts(*statuses: str) -> str:
    return json.dumps([CAP | {"status": status} for status in statuses])


def found(dynamodb: Stubber, **more: str) -> ledger.Entry:
    """What is read of an entry with these attributes."""
    dynamodb.add_response("get_item", {"Item": item(**more)}, {"TableName": TABLE, "Key": {"id": {"S": "x"}}})
    entry = ledger.entry(TABLE, "x")
    assert entry is not None
    return entry


class TestEntries:
    def test_of_a_second_page_are_read_too(self, dynamodb: Stubber) -> None:
        """A page is what is left of one megabyte after the filter: perhaps nothing."""
        one, two = {"id": {"S": f"{GUARD}-1"}}, {"id": {"S": "of another guard"}}
        dynamodb.add_response("query", {"Items": [item(1)], "LastEvaluatedKey": one}, QUERY)
        dynamodb.add_response(
            "query", {"Items": [], "LastEvaluatedKey": two}, QUERY | {"ExclusiveStartKey": one}
        )
        dynamodb.add_response("query", {"Items": [item(2)]}, QUERY | {"ExclusiveStartKey": two})

        entries = ledger.entries(TABLE, ARN, GUARD)

        assert [entry.id for entry in entries] == [f"{GUARD}-1", f"{GUARD}-2"]

    def test_are_not_cut_at_twenty(self, dynamodb: Stubber) -> None:
        dynamodb.add_response("query", {"Items": [item(number) for number in range(21)]}, QUERY)

        assert len(ledger.entries(TABLE, ARN, GUARD)) == 21


class TestAnEntry:
    def test_that_is_not_there_is_none(self, dynamodb: Stubber) -> None:
        dynamodb.add_response("get_item", {})

        assert ledger.entry(TABLE, "x") is None

    def test_has_no_outcome_while_the_workflow_runs(self, dynamodb: Stubber) -> None:
        entry = found(dynamodb)

        assert (entry.outcome, entry.closed_at, entry.attempts) == (None, None, ())

    def test_has_one_when_it_is_closed(self, dynamodb: Stubber) -> None:
        entry = found(dynamodb, outcome="failed", closed_at="2026-01-15T12:01:00+00:00")

        assert (entry.outcome, entry.closed_at) == (Outcome.FAILED, datetime(2026, 1, 15, 12, 1, tzinfo=UTC))

    def test_knows_what_was_done_in_a_round_that_was_not_judged(self, dynamodb: Stubber) -> None:
        entry = found(dynamodb, attempts="[]", results=attempts("done"))

        assert [(attempt.target, attempt.status) for attempt in entry.attempts] == [(ARN, "done")]

    def test_has_the_rounds_that_were_judged_first(self, dynamodb: Stubber) -> None:
        entry = found(dynamodb, attempts=attempts("failed"), results=attempts("done"))

        assert [attempt.status for attempt in entry.attempts] == ["failed", "done"]
