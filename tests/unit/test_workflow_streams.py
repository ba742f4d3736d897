"""What the workflow does for `unbacked-stream`, and what the template lets it and Firehose do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stackwarden.finding import ActionKind
from stackwarden.policies.stream_actions import create_delivery_stream
from stackwarden.policies.stream_state import OWN_NAMES, Destination, Stream
from tests import template
from tests.unit.test_workflow import STATES, calls, listed


def statements(policy: str, action: str) -> list[dict[str, Any]]:
    """The statements of a policy that allow an action."""
    document = template.template()["Resources"][policy]["Properties"]["PolicyDocument"]
    return [statement for statement in document["Statement"] if action in listed(statement["Action"])]


@pytest.mark.parametrize("call", ["CreateDeliveryStream", "TagDeliveryStream", "DeleteDeliveryStream"])
def test_only_delivery_streams_of_stackwardens_names_are_made_and_removed(call: str) -> None:
    [statement] = statements("UnbackedStreamRemediation", f"firehose:{call}")

    assert statement["Resource"]["Fn::Sub"].endswith(f":deliverystream/{OWN_NAMES}*")


def test_firehose_is_the_only_service_that_is_given_a_role_and_only_the_one() -> None:
    [statement] = statements("UnbackedStreamRemediation", "iam:PassRole")

    assert statement["Resource"] == {"Fn::GetAtt": ["UnbackedStreamFirehoseRole", "Arn"]}
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "firehose.amazonaws.com"}}


@pytest.mark.parametrize("kind", [ActionKind.CREATE_DELIVERY_STREAM, ActionKind.DELETE_DELIVERY_STREAM])
def test_throttling_by_firehose_spreads_the_tries(kind: ActionKind) -> None:
    """Firehose's model has no ThrottlingException, so Step Functions calls it a FirehoseException.

    Of 200 workflows at once five a second get through, which takes them 40 seconds at least.
    """
    for call in calls(kind):
        [retry] = [it for it in call["Retry"] if "Firehose.FirehoseException" in it["ErrorEquals"]]
        waits = [
            min(retry["IntervalSeconds"] * retry["BackoffRate"] ** tried, retry["MaxDelaySeconds"])
            for tried in range(retry["MaxAttempts"])
        ]

        assert retry["JitterStrategy"] == "FULL"
        assert retry["MaxAttempts"] >= 12
        assert sum(waits) / 2 > 4 * 40  # a full jitter waits half of each on average
        assert retry["MaxDelaySeconds"] * 5 >= 200  # so that all who wait longest may come within one wait


STREAM = Stream(
    "arn:aws:kinesis:us-east-1:123456789012:stream/orders", "ACTIVE", datetime(2026, 1, 15, tzinfo=UTC)
)
OWN_KEY = replace(STREAM, key="alias/orders")
DESTINATION = Destination("arn:aws:s3:::backups", "arn:aws:iam::123456789012:role/firehose")


def paths(value: Any, at: str) -> Iterator[str]:
    """Where a value stands, and each in it, as a definition's paths."""
    yield at
    for name, item in value.items() if isinstance(value, dict) else ():
        yield from paths(item, f"{at}.{name}")


def taken(parameters: dict[str, Any]) -> Iterator[str]:
    """The paths that a call's parameters are taken from."""
    for name, value in parameters.items():
        if name.endswith(".$"):
            yield value
        elif isinstance(value, dict):
            yield from taken(value)


@pytest.mark.parametrize(
    ("stream", "state"),
    [
        (STREAM, "create-delivery-stream without a key"),
        (OWN_KEY, "create-delivery-stream with a key"),
    ],
)
def test_a_delivery_stream_is_made_with_all_that_the_guard_asks_for(stream: Stream, state: str) -> None:
    action = create_delivery_stream(stream, DESTINATION)
    request = action.parameters["request"]

    used = set(taken(STATES[state]["Parameters"]))

    assert request["DeliveryStreamName"] == action.target
    assert used <= {"$.target", *paths(request, "$.parameters.request")}
    left = {path for path in paths(request, "$.parameters.request") if not path.startswith(tuple(used))}
    inner = {path for path in left if any(other.startswith(f"{path}.") for other in used)}
    assert left - inner == {"$.parameters.request.DeliveryStreamName"}


def test_firehose_may_read_streams_write_the_backups_and_use_their_keys_only() -> None:
    [policy] = template.resources("AWS::IAM::Role")["UnbackedStreamFirehoseRole"]["Properties"]["Policies"]
    allowed = {
        action: statement.get("Condition", {}).get("StringEquals", {})
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }

    streams = {
        f"kinesis:{name}" for name in ("DescribeStream", "GetShardIterator", "GetRecords", "ListShards")
    }
    bucket = {f"s3:{name}" for name in ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")}
    objects = {f"s3:{name}" for name in ("AbortMultipartUpload", "GetObject", "PutObject", "PutObjectAcl")}
    keys = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert set(allowed) == streams | bucket | objects | keys
    assert all("kms:ViaService" in allowed[action] for action in keys)


@pytest.mark.parametrize(
    "name", ["UnbackedStreamBucket", "UnbackedStreamBucketPolicy", "UnbackedStreamFirehoseRole"]
)
def test_backups_outlive_stackwarden(name: str) -> None:
    resource = template.template()["Resources"][name]

    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
