"""A Kinesis stream with a bucket and a role, for tests of delivery streams in the local account."""

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.firehose.models import firehose_backends

from local.account import LocalAccount

ACCOUNT = "123456789012"
STREAM_ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/orders"
PREFIX = "kinesis/orders/!{timestamp:yyyy/MM/dd/HH}/"
ERRORS = "errors/!{firehose:error-output-type}/"
NEVER = 3600.0
PATIENCE_IN_SECONDS = 20
FIREHOSE_MAY = {
    "reads": (
        ["kinesis:DescribeStream", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"],
        STREAM_ARN,
    ),
    "writes": (["s3:PutObject"], "arn:aws:s3:::backup/*"),
}
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "firehose.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": ACCOUNT}},
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refusal(code: str, message: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def eventually[T](look: Callable[[], T], what: str) -> T:
    """What `look` finds as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_IN_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return found


class Backup:
    """A Kinesis stream `orders`, a bucket `backup`, a role for Firehose, and what a test does with them."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        self.kinesis, self.firehose = account.client("kinesis"), account.client("firehose")
        self.s3, self.iam = account.client("s3"), account.client("iam")
        self.s3.create_bucket(Bucket="backup")
        created = self.iam.create_role(RoleName="firehose", AssumeRolePolicyDocument=document(TRUST))
        self.role_arn: str = created["Role"]["Arn"]
        for name in FIREHOSE_MAY:
            self.permit(name)
        self.kinesis.create_stream(StreamName="orders", ShardCount=2)

    def permit(self, name: str) -> None:
        actions, resource = FIREHOSE_MAY[name]
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        self.iam.put_role_policy(RoleName="firehose", PolicyName=name, PolicyDocument=document(statement))

    def forbid(self, name: str) -> None:
        self.iam.delete_role_policy(RoleName="firehose", PolicyName=name)

    def request(self, name: str = "backup-of-orders", **destination: Any) -> dict[str, Any]:
        settings = {
            "BucketARN": "arn:aws:s3:::backup",
            "RoleARN": self.role_arn,
            "Prefix": PREFIX,
            "ErrorOutputPrefix": ERRORS,
            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
            "CompressionFormat": "GZIP",
        }
        return {
            "DeliveryStreamName": name,
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": STREAM_ARN, "RoleARN": self.role_arn},
            "ExtendedS3DestinationConfiguration": {**settings, **destination},
        }

    def create(self, name: str = "backup-of-orders", **destination: Any) -> str:
        arn: str = self.firehose.create_delivery_stream(**self.request(name, **destination))[
            "DeliveryStreamARN"
        ]
        return arn

    def description(self, name: str = "backup-of-orders") -> dict[str, Any]:
        answer = self.firehose.describe_delivery_stream(DeliveryStreamName=name)
        described: dict[str, Any] = answer["DeliveryStreamDescription"]
        return described

    def status(self) -> str:
        try:
            return str(self.description()["DeliveryStreamStatus"])
        except self.firehose.exceptions.ResourceNotFoundException:
            return "gone"

    def active(self, **destination: Any) -> None:
        """Create, and wait until records are delivered."""
        self.create(**destination)
        eventually(lambda: self.status() == "ACTIVE", "the delivery stream")

    def put(self, *texts: str, key: str = "one") -> None:
        records = [{"Data": text.encode(), "PartitionKey": key} for text in texts]
        assert self.kinesis.put_records(StreamName="orders", Records=records)["FailedRecordCount"] == 0

    def objects(self) -> list[str]:
        return [it["Key"] for it in self.s3.list_objects_v2(Bucket="backup").get("Contents", [])]

    def content(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket="backup", Key=key)["Body"].read()
        return gzip.decompress(body)

    def delivered(self) -> bytes:
        return b"".join(map(self.content, self.objects()))

    def refusal(self) -> str:
        stream = firehose_backends[ACCOUNT]["us-east-1"].delivery_streams["backup-of-orders"]
        why: str = vars(stream)["delivery"].refusal
        return why

    def arrival(self) -> bytes:
        """All that was delivered, once there is something."""
        return eventually(self.delivered, "an object in the bucket")
