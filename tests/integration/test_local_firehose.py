"""Delivery streams of the local account: what they are made of, and what Firehose refuses."""

import re
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.firehose_backup import (
    NEVER,
    TRUST,
    Backup,
    document,
    refusal,
)


def test_a_name_is_given_once_and_a_delivery_stream_cannot_be_deleted_while_creating(
    backup: Backup, account: LocalAccount
) -> None:
    account.stream_seconds = NEVER
    backup.create()
    with refusal("ResourceInUseException", "Firehose backup-of-orders under accountId .* already exists"):
        backup.create()
    with refusal("ResourceInUseException"):
        backup.firehose.delete_delivery_stream(DeliveryStreamName="backup-of-orders")
    with refusal("ResourceNotFoundException", "Firehose other under account"):
        backup.description("other")


@pytest.mark.parametrize(
    "trust",
    [
        {**TRUST, "Effect": "Deny"},
        {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}},
        {**TRUST, "Condition": {"StringEquals": {"sts:ExternalId": "999999999999"}}},
    ],
)
def test_a_role_that_firehose_cannot_assume_is_refused_until_it_can(
    backup: Backup, trust: dict[str, Any]
) -> None:
    backup.iam.update_assume_role_policy(RoleName="firehose", PolicyDocument=document(trust))
    with refusal("InvalidArgumentException", "Firehose is unable to assume role"):
        backup.create()
    backup.iam.update_assume_role_policy(RoleName="firehose", PolicyDocument=document(TRUST))
    backup.create()


def test_a_source_that_is_not_there_not_active_or_not_readable_is_refused(
    backup: Backup, account: LocalAccount
) -> None:
    backup.forbid("reads")
    with refusal("InvalidArgumentException", "not authorized to perform DescribeStream on orders"):
        backup.create()
    backup.permit("reads")
    backup.kinesis.delete_stream(StreamName="orders")
    account.drain()
    with refusal("InvalidArgumentException", "orders under account .* not found"):
        backup.create()
    account.stream_seconds = NEVER
    backup.kinesis.create_stream(StreamName="orders", ShardCount=1)
    with refusal("InvalidArgumentException", "not ACTIVE"):
        backup.create()


@pytest.mark.parametrize(
    "destination",
    [
        {"Prefix": "!{firehose:error-output-type}/"},
        {"Prefix": "!{partitionKeyFromQuery:a}/"},
        {"Prefix": "!{timestamp:yyyy/MM/dd}/", "ErrorOutputPrefix": ""},
        {"Prefix": "!{timestamp"},
        {"ErrorOutputPrefix": "errors/"},
        {"CompressionFormat": "Snappy"},
    ],
)
def test_settings_that_firehose_refuses(backup: Backup, destination: dict[str, str]) -> None:
    with refusal("InvalidArgumentException"):
        backup.create(**destination)
    assert backup.firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def test_names_and_hints_out_of_bounds_are_refused(backup: Backup) -> None:
    backup.create("x" * 64)
    for request in (
        backup.request("x" * 65),
        backup.request("a b"),
        backup.request("slow", BufferingHints={"IntervalInSeconds": 901}),
        backup.request("large", BufferingHints={"SizeInMBs": 129}),
    ):
        with refusal("ValidationException"):
            backup.firehose.create_delivery_stream(**request)


def test_a_description_has_the_destination_with_the_defaults_of_firehose(backup: Backup) -> None:
    request = backup.request()
    for name in ("BufferingHints", "CompressionFormat", "Prefix", "ErrorOutputPrefix"):
        del request["ExtendedS3DestinationConfiguration"][name]
    backup.firehose.create_delivery_stream(**request)
    (destination,) = backup.description()["Destinations"]
    settings = destination["ExtendedS3DestinationDescription"]
    assert settings["BucketARN"] == "arn:aws:s3:::backup"
    assert settings["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    assert settings["CompressionFormat"] == "UNCOMPRESSED"
    assert settings["EncryptionConfiguration"] == {"NoEncryptionConfig": "NoEncryption"}
    assert settings["S3BackupMode"] == "Disabled"
    assert destination["S3DestinationDescription"]["RoleARN"] == backup.role_arn


def test_an_updated_destination_keeps_the_rest_and_gets_a_new_version(backup: Backup) -> None:
    backup.active()
    backup.s3.create_bucket(Bucket="other")
    update: dict[str, Any] = {
        "DeliveryStreamName": "backup-of-orders",
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": "destinationId-000000000001",
    }
    backup.firehose.update_destination(
        **update, ExtendedS3DestinationUpdate={"Prefix": "moved/!{timestamp:yyyy}/"}
    )
    with refusal("ConcurrentModificationException"):
        backup.firehose.update_destination(**update, ExtendedS3DestinationUpdate={"Prefix": "again/"})
    description = backup.description()
    (destination,) = description["Destinations"]
    assert description["VersionId"] == "2"
    assert destination["ExtendedS3DestinationDescription"]["CompressionFormat"] == "GZIP"
    assert destination["S3DestinationDescription"]["BucketARN"] == "arn:aws:s3:::backup"
    backup.put("a")
    assert backup.arrival() == b"a"
    assert re.match(r"moved/\d{4}/backup-of-orders-2-", backup.objects()[0])


def test_delivery_streams_are_listed_by_name_ten_at_a_time(backup: Backup) -> None:
    names = [f"s-{number:02}" for number in range(12)]
    for name in reversed(names):
        backup.create(name)
    page = backup.firehose.list_delivery_streams()
    assert (page["DeliveryStreamNames"], page["HasMoreDeliveryStreams"]) == (names[:10], True)
    rest = backup.firehose.list_delivery_streams(
        ExclusiveStartDeliveryStreamName="s-09", Limit=10, DeliveryStreamType="KinesisStreamAsSource"
    )
    assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (names[10:], False)
    assert not backup.firehose.list_delivery_streams(DeliveryStreamType="DirectPut")["DeliveryStreamNames"]


def test_tags_given_at_creation_are_listed(backup: Backup) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    backup.firehose.create_delivery_stream(**backup.request(), Tags=tags)
    listed = backup.firehose.list_tags_for_delivery_stream(DeliveryStreamName="backup-of-orders")
    assert listed["Tags"] == tags


def test_the_sixth_call_of_a_second_is_throttled_for_each_operation(
    backup: Backup, account: LocalAccount
) -> None:
    account.rate_seconds = NEVER
    for number in range(5):
        backup.create(f"s-{number}")
    with refusal("ThrottlingException", "Rate exceeded"):
        backup.create("s-5")
    for _ in range(5):
        backup.description("s-0")
    with refusal("ThrottlingException"):
        backup.description("s-0")
    elsewhere = account.client("firehose", region="eu-west-1")
    assert elsewhere.list_delivery_streams()["DeliveryStreamNames"] == []
    account.rate_seconds = 0.0
    assert len(backup.firehose.list_delivery_streams()["DeliveryStreamNames"]) == 5
