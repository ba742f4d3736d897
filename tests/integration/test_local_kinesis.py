"""Kinesis streams of the local account: their states, what AWS refuses in each, and their records."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import role

ACCOUNT = "123456789012"
ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/orders"
NEVER = 3600.0


@pytest.fixture
def kinesis(account: LocalAccount) -> Any:
    """A client of an account in which nothing takes time, unless a test says so."""
    account.stream_seconds = 0.0
    account.rate_seconds = 0.0
    return account.client("kinesis")


def refusal(code: str, message: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def summary(kinesis: Any, name: str = "orders") -> dict[str, Any]:
    described: dict[str, Any] = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return described


def read(kinesis: Any, shard_id: str, **given: str) -> list[bytes]:
    iterator = kinesis.get_shard_iterator(**given, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def read_all(kinesis: Any) -> list[bytes]:
    shards = kinesis.list_shards(StreamName="orders")["Shards"]
    return [data for shard in shards for data in read(kinesis, shard["ShardId"], StreamName="orders")]


def test_a_stream_takes_a_moment_to_be_created_and_forbids_much_meanwhile(
    account: LocalAccount, kinesis: Any
) -> None:
    account.stream_seconds = NEVER
    kinesis.create_stream(StreamName="orders", ShardCount=1, Tags={"team": "shop"})
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    assert kinesis.list_tags_for_stream(StreamName="orders")["Tags"] == [{"Key": "team", "Value": "shop"}]
    with refusal("ResourceInUseException", "already exists"):
        kinesis.create_stream(StreamName="orders", ShardCount=1)
    with refusal("ResourceInUseException", "not ACTIVE, instead in state CREATING"):
        kinesis.delete_stream(StreamName="orders")
    with refusal("ResourceInUseException"):
        kinesis.add_tags_to_stream(StreamName="orders", Tags={"a": "b"})
    with refusal("ResourceInUseException"):
        kinesis.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    with refusal("ResourceNotFoundException"):
        kinesis.put_record(StreamName="orders", Data=b"x", PartitionKey="1")


def test_a_deleted_stream_is_deleting_and_then_gone(account: LocalAccount, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    account.stream_seconds = NEVER
    kinesis.delete_stream(StreamARN=ARN)
    assert summary(kinesis)["StreamStatus"] == "DELETING"
    with refusal("ResourceInUseException", "DELETING"):
        kinesis.delete_stream(StreamName="orders")
    account.stream_seconds = 0.0
    account.drain()
    with refusal("ResourceNotFoundException", f"Stream orders under account {ACCOUNT} not found"):
        summary(kinesis)


def test_on_demand_and_provisioned_streams_say_which_they_are(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    assert summary(kinesis)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary(kinesis)["OpenShardCount"] == 4
    assert summary(kinesis, "clicks")["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert summary(kinesis, "clicks")["OpenShardCount"] == 2
    with refusal("InvalidArgumentException", "ShardCount"):
        kinesis.create_stream(StreamName="neither")


def test_encryption_makes_a_stream_updating_and_is_shown(account: LocalAccount, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    account.stream_seconds = NEVER
    kinesis.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    described = summary(kinesis)
    assert (described["StreamStatus"], described["EncryptionType"]) == ("UPDATING", "KMS")
    assert described["KeyId"] == "alias/aws/kinesis"
    kinesis.put_record(StreamName="orders", Data=b"x", PartitionKey="1")


def test_tags_are_set_and_removed_by_name_and_by_arn(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    kinesis.add_tags_to_stream(StreamName="orders", Tags={"a": "1", "b": "2"})
    kinesis.tag_resource(ResourceARN=ARN, Tags={"c": "3"})
    kinesis.remove_tags_from_stream(StreamName="orders", TagKeys=["a"])
    kinesis.untag_resource(ResourceARN=ARN, TagKeys=["b"])
    assert kinesis.list_tags_for_resource(ResourceARN=ARN)["Tags"] == [{"Key": "c", "Value": "3"}]


def test_streams_are_listed_by_pages_with_a_token(kinesis: Any) -> None:
    names = ["a", "b", "c"]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    first = kinesis.list_streams(Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (["a", "b"], True)
    second = kinesis.list_streams(Limit=2, NextToken=first["NextToken"])
    assert (second["StreamNames"], second["HasMoreStreams"]) == (["c"], False)
    assert [it["StreamName"] for it in second["StreamSummaries"]] == ["c"]


def test_records_are_counted_in_cloudwatch(account: LocalAccount, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    kinesis.put_record(StreamName="orders", Data=b"12345", PartitionKey="key")
    kinesis.put_records(StreamName="orders", Records=[{"Data": b"1", "PartitionKey": "k"}] * 2)
    now = datetime.now(UTC)
    sums = [
        sum(
            point["Sum"]
            for point in account.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/Kinesis",
                MetricName=metric,
                Dimensions=[{"Name": "StreamName", "Value": "orders"}],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=1),
                Period=3600,
                Statistics=["Sum"],
            )["Datapoints"]
        )
        for metric in ("IncomingRecords", "IncomingBytes")
    ]
    assert sums == [3, 12]


def test_no_record_of_many_writers_is_lost(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    with ThreadPoolExecutor(8) as writers:
        for writer in range(8):
            for number in range(25):
                data = f"{writer}-{number}".encode()
                writers.submit(kinesis.put_record, StreamName="orders", Data=data, PartitionKey="1")
    assert len(set(read_all(kinesis))) == 200


def test_a_split_leaves_records_in_the_closed_shard_and_new_ones_go_to_open_shards(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    kinesis.put_record(StreamName="orders", Data=b"before", PartitionKey="1")
    kinesis.update_shard_count(StreamName="orders", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    shard_id = kinesis.put_record(StreamName="orders", Data=b"after", PartitionKey="1")["ShardId"]
    assert shard_id != "shardId-000000000000"
    assert read(kinesis, "shardId-000000000000", StreamARN=ARN) == [b"before"]
    assert read(kinesis, shard_id, StreamARN=ARN) == [b"after"]
    assert sorted(read_all(kinesis)) == [b"after", b"before"]


def test_the_sixth_stream_of_a_second_is_refused(account: LocalAccount, kinesis: Any) -> None:
    account.rate_seconds = NEVER
    for number in range(5):
        kinesis.create_stream(StreamName=f"s-{number}", ShardCount=1)
    with refusal("LimitExceededException", "Rate exceeded"):
        kinesis.create_stream(StreamName="s-5", ShardCount=1)


def test_five_streams_at_most_are_created_at_a_time(account: LocalAccount, kinesis: Any) -> None:
    account.stream_seconds = NEVER
    for number in range(5):
        kinesis.create_stream(StreamName=f"s-{number}", ShardCount=1)
    account.rate_seconds = 0.01
    with refusal("LimitExceededException", "CREATING"):
        kinesis.create_stream(StreamName="s-5", ShardCount=1)


def test_channels_of_an_on_demand_stream_are_listed(kinesis: Any) -> None:
    assert kinesis.list_channels()["ChannelSummaries"] == []
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    with refusal("InvalidArgumentException", "on-demand"):
        kinesis.create_channel(**channel(ARN.replace("orders", "clicks")))
    arn = kinesis.create_channel(**channel(ARN))["ChannelDescription"]["ChannelARN"]
    (found,) = kinesis.list_channels(StreamFilter=[{"StreamARN": ARN}])["ChannelSummaries"]
    assert (found["ChannelStatus"], found["ChannelDestinationType"]) == ("ACTIVE", "S3")
    assert [it["StreamARN"] for it in found["Streams"]] == [ARN]
    other = [{"StreamARN": ARN.replace("orders", "clicks")}]
    assert kinesis.list_channels(StreamFilter=other)["ChannelSummaries"] == []
    described = kinesis.describe_channel(ChannelARN=arn)["ChannelDescription"]
    storage = described["S3DestinationConfiguration"]["StorageConfiguration"]
    assert storage["BucketARN"] == "arn:aws:s3:::backup"
    kinesis.delete_channel(ChannelARN=arn)
    assert kinesis.list_channels()["ChannelSummaries"] == []


def channel(stream_arn: str) -> dict[str, Any]:
    bucket = {"BucketARN": "arn:aws:s3:::backup", "ExpectedBucketOwner": ACCOUNT}
    return {
        "ChannelName": "to-s3",
        "ServiceExecutionRoleARN": f"arn:aws:iam::{ACCOUNT}:role/channel",
        "StreamConfigurationList": [
            {"StreamARN": stream_arn, "RecordConfiguration": {"RecordFormatType": "BYTE_ARRAY"}}
        ],
        "S3DestinationConfiguration": {
            "DataFreshnessInSeconds": 300,
            "DeadLetterQueueS3Configuration": bucket,
            "StorageConfiguration": {**bucket, "CompressionType": "GZIP"},
        },
    }


def test_cloudtrail_records_streams_and_their_tags(account: LocalAccount, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.add_tags_to_stream(StreamName="orders", Tags={"Team": "shop"})
    kinesis.remove_tags_from_stream(StreamName="orders", TagKeys=["Team"])
    kinesis.tag_resource(ResourceARN=ARN, Tags={"Team": "shop"})
    kinesis.untag_resource(ResourceARN=ARN, TagKeys=["Team"])
    kinesis.delete_stream(StreamName="orders")
    lookup = account.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "kinesis.amazonaws.com"}]
    )
    events = [json.loads(it["CloudTrailEvent"]) for it in lookup["Events"]]
    assert {it["eventName"]: it["requestParameters"] for it in events if not it["readOnly"]} == {
        "CreateStream": {"streamName": "orders", "streamModeDetails": {"streamMode": "ON_DEMAND"}},
        "AddTagsToStream": {"streamName": "orders", "tags": {"Team": "shop"}},
        "RemoveTagsFromStream": {"streamName": "orders", "tagKeys": ["Team"]},
        "TagResource": {"resourceARN": ARN, "tags": {"Team": "shop"}},
        "UntagResource": {"resourceARN": ARN, "tagKeys": ["Team"]},
        "DeleteStream": {"streamName": "orders"},
    }
    assert {it["responseElements"] for it in events} == {None}


@pytest.mark.parametrize(
    ("service", "method", "given", "needed"),
    [
        ("kinesis", "create_stream", {"StreamName": "s", "ShardCount": 1}, "kinesis:AddTagsToStream"),
        ("firehose", "create_delivery_stream", {"DeliveryStreamName": "s"}, "firehose:TagDeliveryStream"),
    ],
)
def test_creating_with_tags_needs_the_permission_to_tag(
    account: LocalAccount, service: str, method: str, given: dict[str, Any], needed: str
) -> None:
    statement = {"Effect": "Allow", "Action": f"{service}:Create*", "Resource": "*"}
    arn = role(account, "creator", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    client = account.roles.client(
        service, role_arn=arn, session_name="test", region="us-east-1", principal="test"
    )
    tags: Any = {"a": "b"} if service == "kinesis" else [{"Key": "a", "Value": "b"}]
    with refusal("AccessDeniedException", needed):
        getattr(client, method)(**given, Tags=tags)
