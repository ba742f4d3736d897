"""Many streams at once, many Firehoses of others: none is lost, however few calls AWS answers a second."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import Json
from tests.e2e.streams import (
    ARN,
    ONLY,
    UNBACKED,
    alone,
    copier,
    copying,
    create,
    firehose,
    firehoses,
    old,
    source,
    status,
    tag,
    the_copy,
    unheard,
)

PARAMETERS = ONLY
STREAMS = 200
OTHERS = 120
"""Firehoses of others: more than one page of 100, and than a judgement looks at."""
SECOND = 0.2
"""How long a second takes, of workflows and of the limits of calls."""
LONGEST = 300.0
"""Seconds until the test gives up on them."""


@pytest.fixture(autouse=True)
def _alone(guarded: Guarded) -> Iterator[None]:
    with alone(guarded):
        yield
        guarded.rest()


def creations(guarded: Guarded) -> list[Json]:
    """The events of the streams that were created."""
    guarded.heard.extend(json.loads(body) for body in guarded.messages(guarded.heard_queue))
    return [event for event in guarded.heard if event["detail"].get("eventName") == "CreateStream"]


def refusals(guarded: Guarded, *codes: str) -> Counter[str]:
    """How often AWS answered no more of a call, by the call's name."""
    pages = guarded.client("cloudtrail").get_paginator("lookup_events").paginate()
    records = (json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"])
    return Counter(record["eventName"] for record in records if record.get("errorCode") in codes)


def test_of_200_streams_at_once_none_is_lost_at_five_calls_a_second(guarded: Guarded) -> None:
    names = [f"stream-{number:03}" for number in range(STREAMS)]
    with unheard(guarded):
        for name in names:
            create(guarded, name)
        until(lambda: len(creations(guarded)) == STREAMS, "the events of all streams")
        until(lambda: status(guarded, names[-1]) == "ACTIVE", "the last stream")

    guarded.account.rate_seconds = guarded.account.workflow_seconds = SECOND
    for event in creations(guarded):
        guarded.deliver(event, id=f"{event['id']}-late")
    guarded.account.drain(LONGEST)
    outcomes = Counter(guarded.report(name, UNBACKED).outcome for name in names)
    guarded.account.rate_seconds = 0.0

    assert outcomes == {"remediated": STREAMS}
    copied = Counter(source(firehose(guarded, name)) for name in firehoses(guarded))
    assert copied == {ARN + name: 1 for name in names}
    # It was the limit that it was about.
    refused = refusals(guarded, "ThrottlingException")
    assert refused["ListDeliveryStreams"] + refused["DescribeDeliveryStream"]


def test_a_copy_that_comes_after_many_firehoses_of_others_is_found(guarded: Guarded) -> None:
    arn, other = old(guarded, "wanted"), old(guarded, "another")
    known = firehoses(guarded)
    copier(guarded)
    with unheard(guarded):
        for number in range(OTHERS):
            copying(guarded, f"team-{number:03}", other)
        copying(guarded, "zz-of-wanted", arn)

    tag(guarded, "wanted")
    until(lambda: guarded.ledger_of(arn), "the search")
    guarded.rest()

    (entry,) = guarded.ledger_of(arn)
    assert entry["outcome"] == "dismissed"
    assert the_copy(guarded, arn)["DeliveryStreamName"] == "zz-of-wanted"
    assert len(firehoses(guarded)) == len(known) + OTHERS + 1


def test_a_stream_without_a_copy_among_many_firehoses_of_others_gets_one(guarded: Guarded) -> None:
    arn = create(guarded, "missed")

    assert guarded.report("missed", UNBACKED).outcome == "remediated"

    assert the_copy(guarded, arn)["DeliveryStreamName"].startswith("stackwarden-missed-")
