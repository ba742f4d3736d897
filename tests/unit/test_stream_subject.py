"""Where an event of `unbacked-stream` points: by its source, its name and its parameters."""

from typing import Any

import pytest

from stackwarden.events import parse
from stackwarden.stream_subject import TYPE, Kind, Start, start_of

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
CHANNEL = "arn:aws:kinesis:us-east-1:123456789012:channel/to-s3"
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
ENVELOPE = {"id": "1", "time": "2026-01-15T10:00:00Z", "account": "123456789012", "region": "us-east-1"}


def called(name: str, request: dict[str, Any] | None, *, service: str = "kinesis", **detail: Any) -> Any:
    """Where a call points."""
    known = {
        "eventID": "e-1",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "eventTime": "2026-01-15T10:00:00Z",
        "userIdentity": {"arn": "arn:aws:iam::123456789012:user/developer"},
        "requestParameters": request,
    }
    event = {**ENVELOPE, "detail-type": "AWS API Call via CloudTrail", "detail": known | detail}
    return start_of(parse(event))


def told(detail_type: str, **detail: Any) -> Any:
    """Where an event of CloudFormation's points."""
    known = {"stack-id": STACK_ID, "status-details": {"status": "CREATE_COMPLETE"}}
    return start_of(parse({**ENVELOPE, "detail-type": detail_type, "detail": known | detail}))


def resource(type_: str, physical_id: str) -> Any:
    names = {"logical-resource-id": "Orders", "physical-resource-id": physical_id, "resource-type": type_}
    return told("CloudFormation Resource Status Change", **names)


@pytest.mark.parametrize("request_", [{"streamName": "orders", "shardCount": 2}, {"streamName": "orders"}])
def test_a_stream_that_is_made_provisioned_or_on_demand(request_: dict[str, Any]) -> None:
    assert called("CreateStream", request_) == Start(Kind.STREAM, "orders")


def test_a_stream_of_videos_is_none() -> None:
    assert called("CreateStream", {"streamName": "door"}, service="kinesisvideo") is None


@pytest.mark.parametrize(
    "detail",
    [
        {"sourceIPAddress": "cloudformation.amazonaws.com"},
        {"userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}},
    ],
)
def test_a_stream_that_cloudformation_makes_is_left_to_its_own_events(detail: dict[str, Any]) -> None:
    assert called("CreateStream", {"streamName": "orders"}, **detail) is None
    assert called("DeleteStream", {"streamName": "orders"}, **detail) == Start(Kind.GONE, "orders")


def test_a_stream_of_a_stack_with_the_stack() -> None:
    assert resource(TYPE, "orders") == Start(Kind.STREAM, "orders", STACK_ID)


@pytest.mark.parametrize(
    ("type_", "physical_id"),
    [("AWS::DynamoDB::Table", "orders"), ("AWS::Kinesis::StreamConsumer", ARN), (TYPE, "")],
)
def test_another_resource_of_a_stack(type_: str, physical_id: str) -> None:
    assert resource(type_, physical_id) is None


def test_a_stack() -> None:
    assert told("CloudFormation Stack Status Change") is None


@pytest.mark.parametrize("call", ["AddTagsToStream", "RemoveTagsFromStream"])
@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ({"streamName": "orders"}, "orders"),
        ({"streamARN": ARN}, ARN),
        ({"streamArn": ARN, "streamName": "orders"}, ARN),
    ],
)
def test_tags_of_a_stream(call: str, request_: dict[str, Any], name: str) -> None:
    assert called(call, request_) == Start(Kind.STREAM, name)


@pytest.mark.parametrize("call", ["TagResource", "UntagResource"])
@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (ARN, Start(Kind.STREAM, ARN)),
        (f"{ARN}/consumer/reader:1525898737", None),
        (CHANNEL, None),
    ],
)
def test_tags_of_anything_else_are_not_about_a_stream(call: str, arn: str, found: Start | None) -> None:
    assert called(call, {"resourceARN": arn}) == found


@pytest.mark.parametrize(
    ("request_", "name"),
    [({"streamName": "orders", "enforceConsumerDeletion": True}, "orders"), ({"streamARN": ARN}, ARN)],
)
def test_a_stream_that_is_deleted(request_: dict[str, Any], name: str) -> None:
    assert called("DeleteStream", request_) == Start(Kind.GONE, name)


@pytest.mark.parametrize("call", ["DeleteDeliveryStream", "UpdateDestination"])
def test_a_delivery_stream_that_is_deleted_or_changed(call: str) -> None:
    found = called(call, {"deliveryStreamName": "backup"}, service="firehose")

    assert found == Start(Kind.DELIVERY_STREAM, "backup")


def test_a_channel_that_is_deleted() -> None:
    assert called("DeleteChannel", {"channelARN": CHANNEL}) == Start(Kind.CHANNEL, CHANNEL)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("kinesis", "PutRecord"),
        ("kinesis", "DeleteDeliveryStream"),
        ("firehose", "CreateDeliveryStream"),
        ("firehose", "DeleteStream"),
        ("s3", "CreateStream"),
    ],
)
def test_a_call_about_something_else(service: str, call: str) -> None:
    request = {"streamName": "orders", "deliveryStreamName": "backup"}

    assert called(call, request, service=service) is None


@pytest.mark.parametrize(
    "request_", [None, {}, {"streamName": ""}, {"streamName": None}, {"stream": "orders"}]
)
def test_a_call_that_names_nothing(request_: dict[str, Any] | None) -> None:
    assert called("CreateStream", request_) is None
    assert called("DeleteStream", request_) is None
