"""Observe: a stream without a copy is told, with all that would be done, and nothing is changed."""

from collections.abc import Iterator

import pytest

from tests.e2e.guarded import Guarded
from tests.e2e.streams import ONLY, UNBACKED, alone, create, firehoses, tag, tags
from tests.e2e.test_whole_path_observe import role_calls

MODE = "observe"
PARAMETERS = ONLY
WRITES = {"CreateDeliveryStream", "DeleteDeliveryStream", "AddTagsToStream"}


@pytest.fixture(autouse=True)
def _alone(guarded: Guarded) -> Iterator[None]:
    with alone(guarded):
        yield
        guarded.rest()


def test_a_stream_stays_as_it_is_and_the_report_says_what_would_be_done(guarded: Guarded) -> None:
    create(guarded, "clicks")
    report = guarded.report("clicks", UNBACKED)

    assert report.outcome == "observed"
    assert report.attributes["mode"] == "observe"
    assert report.deeds() == set()
    ((kind, name),) = report.deeds("planned")
    assert kind == "create-delivery-stream"
    assert "aws firehose create-delivery-stream --region us-east-1 --cli-input-json '{" in report.mail.body
    assert name in report.mail.body
    assert firehoses(guarded) == []
    assert tags(guarded, "clicks") == {}
    assert not role_calls(guarded) & WRITES


def test_it_is_told_once_a_day(guarded: Guarded) -> None:
    create(guarded, "orders")
    guarded.report("orders", UNBACKED)
    guarded.rest()

    tag(guarded, "orders")
    guarded.rest()

    assert firehoses(guarded) == []
