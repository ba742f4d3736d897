"""A bucket and a stream in memory, as far as `cli` uses them."""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, ResponseStreamingError

from cli.backup_objects import Backup, Window, find
from cli.restore_target import Target

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

START = datetime(2026, 10, 5, 10, 0, tzinfo=UTC)
BUCKET = "backup"
PREFIX = "orders/"
TARGET = Target("arn:aws:kinesis:us-east-1:123456789012:stream/again", "again", 1024**2, 5 * 1024**2)


def refusal(code: str) -> ClientError:
    """The answer of AWS with this error code."""
    return ClientError({"Error": {"Code": code, "Message": "as told"}}, "Operation")


def key_at(time: datetime, number: int = 0, extension: str = ".gz") -> str:
    """The key that Firehose gives an object under PREFIX."""
    uuid = f"{number:08x}-0000-4000-8000-000000000000"
    return f"{PREFIX}{time:%Y/%m/%d/%H}/backup-of-orders-1-{time:%Y-%m-%d-%H-%M-%S}-{uuid}{extension}"


class Bucket:
    """Objects by key. `cuts` breaks that many downloads after `cut_after` bytes."""

    def __init__(
        self, contents: dict[str, bytes] | None = None, *, cuts: int = 0, cut_after: int = 1
    ) -> None:
        self.contents = contents or {}
        self.cuts = cuts
        self.cut_after = cut_after
        self.refused: str | None = None
        self.ranges: list[str] = []

    @property
    def client(self) -> "S3Client":
        return cast("S3Client", self)

    def add(self, minute: float, records: Sequence[bytes]) -> str:
        """An object of lines, that many minutes after START."""
        key = key_at(START + timedelta(minutes=minute), len(self.contents))
        self.contents[key] = gzip.compress(b"".join(record + b"\n" for record in records), mtime=0)
        return key

    def backup(self) -> Backup:
        """All objects within two hours of START."""
        return find(
            self.client, BUCKET, PREFIX, Window(START, START + timedelta(hours=2), timedelta(minutes=15))
        )

    def get_paginator(self, name: str) -> "Bucket":
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        assert Bucket == BUCKET
        found = [key for key in sorted(self.contents) if key.startswith(Prefix)]
        for half in (found[::2], found[1::2]):
            yield {"Contents": [self._listed(key) for key in half]} if half else {}

    def _listed(self, key: str) -> dict[str, Any]:
        content = self.contents[key]
        etag = hashlib.sha256(content).hexdigest()
        return {"Key": key, "ETag": etag, "Size": len(content)}

    def get_object(self, Bucket: str, Key: str, IfMatch: str, Range: str) -> dict[str, Any]:
        assert Bucket == BUCKET
        if self.refused:
            raise refusal(self.refused)
        if IfMatch != self._listed(Key)["ETag"]:
            raise refusal("PreconditionFailed")
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", Range)
        assert found
        self.ranges.append(Range)
        content = self.contents[Key][int(found[1]) : int(found[2]) + 1]
        self.cuts -= 1
        return {"Body": Body(content, self.cut_after if self.cuts >= 0 else None)}


class Body:
    """What get_object streams."""

    def __init__(self, content: bytes, cut: int | None) -> None:
        self.content = content
        self.cut = cut

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        if self.cut is not None:
            if self.cut:
                yield self.content[: self.cut]
            raise ResponseStreamingError(error="closed by the other side")
        for start in range(0, len(self.content), size):
            yield self.content[start : start + size]

    def close(self) -> None:
        self.content = b""


class Stream:
    """What was put, in order. `refuse` says for each call which of its records the stream does not take."""

    def __init__(self, refuse: Callable[[int, list[bytes]], set[int]] | None = None) -> None:
        self.refuse = refuse or (lambda call, records: set())
        self.records: list[bytes] = []
        self.partition_keys: list[str] = []
        self.calls: list[list[bytes]] = []

    @property
    def client(self) -> "KinesisClient":
        return cast("KinesisClient", self)

    def put_records(self, StreamARN: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert StreamARN == TARGET.arn
        self.calls.append([record["Data"] for record in Records])
        refused = self.refuse(len(self.calls), self.calls[-1])
        results: list[dict[str, Any]] = []
        for number, record in enumerate(Records):
            if number in refused:
                results.append(
                    {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
                )
                continue
            self.records.append(record["Data"])
            self.partition_keys.append(record["PartitionKey"])
            results.append({"SequenceNumber": str(len(self.records)), "ShardId": "shardId-000000000000"})
        return {"FailedRecordCount": len(refused), "Records": results}
