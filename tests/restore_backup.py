"""A backup as Firehose leaves it, in the S3, Kinesis and Firehose of moto."""

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from cli import tally
from cli.restore_run import Clients
from cli.tally import Tally
from tests.restore_fakes import BUCKET, START, key_at

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

RECORDS_IN_OBJECT = 700
OBJECTS = 5
PARTITIONS = 7
FIREHOSE = "backup-of-orders"
ROLE = "arn:aws:iam::123456789012:role/backup"


def fill(clients: Clients) -> None:
    """Streams `orders` and `again`, a Firehose of the first, and what it delivered within an hour."""
    clients.s3.create_bucket(Bucket=BUCKET)
    for name in ("orders", "again"):
        clients.kinesis.create_stream(StreamName=name, ShardCount=2)
    source = clients.kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    clients.firehose.create_delivery_stream(
        DeliveryStreamName=FIREHOSE,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": source["StreamARN"], "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration={"BucketARN": f"arn:aws:s3:::{BUCKET}", "RoleARN": ROLE},
    )
    for number in range(OBJECTS):
        key = key_at(START + timedelta(minutes=10 * number), number)
        clients.s3.put_object(Bucket=BUCKET, Key=key, Body=content_of(number))


def content_of(number: int) -> bytes:
    """Two GZIP members, cut in the middle of a record."""
    content = b"".join(record + b"\n" for record in _records(number))
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:])


def _records(number: int) -> list[bytes]:
    start = number * RECORDS_IN_OBJECT
    return [
        json.dumps({"order": order, "customer": f"c{order % PARTITIONS}"}).encode()
        for order in range(start, start + RECORDS_IN_OBJECT)
    ]


BACKED_UP = [record for number in range(OBJECTS) for record in _records(number)]
EXPECTED = sum((tally.of(record) for record in BACKED_UP), Tally())


def in_stream(kinesis: "KinesisClient", name: str) -> list[bytes]:
    """All records, shard by shard."""
    found: list[bytes] = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while records := (page := kinesis.get_records(ShardIterator=iterator))["Records"]:
            found.extend(record["Data"] for record in records)
            iterator = page["NextShardIterator"]
    return found
