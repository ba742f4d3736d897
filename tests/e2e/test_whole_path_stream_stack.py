"""The streams of a stack: nothing is done while CloudFormation is at work, and one copy is enough."""

import json
from collections.abc import Iterator

import pytest

from local.demo_stream import template
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import HOLD, Json, body, impossible, slow
from tests.e2e.streams import (
    ARN,
    ONLY,
    ROLE,
    UNBACKED,
    alone,
    arrives,
    copied,
    copier,
    copies,
    firehoses,
    status,
    the_copy,
)

PARAMETERS = ONLY


@pytest.fixture(autouse=True)
def _alone(guarded: Guarded) -> Iterator[None]:
    with alone(guarded):
        yield
        guarded.rest()


def stream(name: str) -> Json:
    """A stream of a template."""
    return {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": name, "ShardCount": 1}}


def waiting(guarded: Guarded, name: str) -> None:
    """Wait until the guard has seen a stream and waits."""
    until(lambda: guarded.ledger_of(ARN + name), f"the finding about {name}")


def test_a_stream_is_copied_once_its_stack_has_settled(guarded: Guarded) -> None:
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack("shop", body(Events=stream("events"), **slow(after=["Events"])))
    waiting(guarded, "events")
    assert guarded.stack(stack)["StackStatus"] == "CREATE_IN_PROGRESS"
    meanwhile = copies(guarded, ARN + "events")

    guarded.account.step_delay = 0.0
    guarded.settled(stack, "CREATE_COMPLETE")
    report = guarded.report("events", UNBACKED)

    assert meanwhile == []
    assert report.outcome == "remediated"
    assert report.finding["resource"]["stack_id"] == stack
    arrives(guarded, "events", "event")
    guarded.rest()
    assert len(guarded.ledger_of(ARN + "events")) == 1


def test_a_copy_that_the_stack_brings_is_enough(guarded: Guarded) -> None:
    copier(guarded)
    known = firehoses(guarded)
    copy = {
        "Type": "AWS::KinesisFirehose::DeliveryStream",
        "Properties": {
            "DeliveryStreamName": "of-the-stack",
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {
                "KinesisStreamARN": {"Fn::GetAtt": ["Prices", "Arn"]},
                "RoleARN": ROLE,
            },
            "ExtendedS3DestinationConfiguration": {"BucketARN": "arn:aws:s3:::copies", "RoleARN": ROLE},
        },
    }
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack("market", body(Prices=stream("prices"), Copy=copy))
    waiting(guarded, "prices")

    guarded.account.step_delay = 0.0
    guarded.settled(stack, "CREATE_COMPLETE")
    guarded.rest()

    assert firehoses(guarded) == sorted([*known, "of-the-stack"])
    (entry,) = guarded.ledger_of(ARN + "prices")
    assert entry["outcome"] == "dismissed"


def test_a_stack_that_is_rolled_back_leaves_nothing(guarded: Guarded) -> None:
    broken = {
        "Resources": {"Brief": stream("brief"), **slow(after=["Brief"]), "Wrong": impossible(after=["Slow2"])}
    }
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack("mistake", json.dumps(broken))
    waiting(guarded, "brief")
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "ROLLBACK_COMPLETE")
    guarded.rest()

    (entry,) = guarded.ledger_of(ARN + "brief")
    assert entry["outcome"] == "dismissed"
    assert not status(guarded, "brief")
    assert copies(guarded, ARN + "brief") == []


def test_a_stack_that_is_deleted_takes_the_copys_firehose_with_it_and_leaves_the_objects(
    guarded: Guarded,
) -> None:
    stack = guarded.create_stack("season", template("tickets"))
    assert guarded.report("tickets", UNBACKED).outcome == "remediated"
    name = the_copy(guarded, ARN + "tickets")["DeliveryStreamName"]
    written = arrives(guarded, "tickets", "ticket")

    guarded.client("cloudformation").delete_stack(StackName=stack)
    report = guarded.report("tickets", "orphaned-backup")

    assert report.outcome == "remediated"
    assert name not in firehoses(guarded)
    assert written


def test_streams_of_one_stack_are_copied_one_by_one(guarded: Guarded) -> None:
    guarded.create_stack("pair", body(Left=stream("left"), Right=stream("right")))

    assert {guarded.report(name, UNBACKED).outcome for name in ("left", "right")} == {"remediated"}
    the_copy(guarded, ARN + "left")
    the_copy(guarded, ARN + "right")


def test_a_stream_beside_a_stack_is_copied_meanwhile(guarded: Guarded) -> None:
    guarded.account.step_delay = HOLD
    stack = guarded.create_stack("long", body(Slow=stream("patient"), **slow(after=["Slow"])))
    waiting(guarded, "patient")

    copied(guarded, "beside")

    assert guarded.stack(stack)["StackStatus"] == "CREATE_IN_PROGRESS"
    guarded.account.step_delay = 0.0
    guarded.settled(stack, "CREATE_COMPLETE")
    assert guarded.report("patient", UNBACKED).outcome == "remediated"
