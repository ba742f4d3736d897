"""Streams of Kinesis and DynamoDB that feed functions: batches in order, shard by shard, in the background.

moto invokes the function inside of PutRecord, once a record, whether or not the mapping is enabled. Left out:
filters, partial batch responses, batching windows, bisection, destinations, and that the role may read.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import logging
import threading
from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import EventSourceMapping
from moto.core.utils import unix_time
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.kinesis.models import Record, Shard, Stream, kinesis_backends

from local.extension import extend
from local.lambda_runtime.feeds import ATTEMPTS_WITHOUT_LIMIT, Feed, feeds_of

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

writing = threading.Lock()
"""moto would give two records of the same moment one sequence number."""

moto_put_record = Stream.put_record
moto_add = StreamShard.add


def install(account: "LocalAccount") -> None:
    """Let a new record wake the mappings of its stream."""
    extend(Stream, put_record=put_record)
    extend(StreamShard, add=add)


def put_record(stream: Stream, partition_key: str, explicit_hash_key: str, data: str) -> tuple[str, str]:
    """PutRecord, and each record of PutRecords."""
    with writing:
        written = moto_put_record(stream, partition_key, explicit_hash_key, data)
    for feed in feeds_of(stream.arn):
        feed.wake()
    return written


def add(shard: StreamShard, old: Item | None, new: Item | None) -> None:
    """An item was written."""
    with writing:
        moto_add(shard, old, new)
    for feed in feeds_of(f"{shard.table.table_arn}/stream/{shard.table.latest_stream_label}"):
        feed.wake()


class StreamFeed(Feed, ABC):
    """Remembers how far each shard was read; what fails keeps the rest of its shard waiting."""

    def __init__(self, account: "LocalAccount", mapping: EventSourceMapping) -> None:
        super().__init__(account, mapping)
        self._read_until = {shard: self.start(shard) for shard in self.shards()}

    @abstractmethod
    def shards(self) -> list[str]:
        """The ids of the shards that the stream has now."""

    @abstractmethod
    def start(self, shard: str) -> int:
        """The position that the mapping begins behind, by its StartingPosition."""

    @abstractmethod
    def read(self, shard: str, behind: int) -> tuple[list[dict[str, Any]], int]:
        """The next batch, as functions get it, and the position of its last record."""

    def pull(self) -> None:
        """Each shard up to its end; shards that a stream got later, from their beginning."""
        for shard in self.shards():
            while self.active and self._hand_over_next(shard):
                pass

    def _hand_over_next(self, shard: str) -> bool:
        """Whether there was a batch, and the shard goes on."""
        records, last = self.read(shard, self._read_until.get(shard, 0))
        if not records:
            return False
        retries = self.mapping.max_retry_attempts
        limit = -1 if retries is None else int(retries)
        forever = limit < 0
        attempts = ATTEMPTS_WITHOUT_LIMIT if forever else limit + 1
        if self._succeeds(records, attempts):
            self._read_until[shard] = last
            return True
        logger.warning("%s: a batch of %s failed", self.mapping.function_arn, self.mapping.event_source_arn)
        if forever or not self.active:
            return False
        self._read_until[shard] = last
        return True

    def _succeeds(self, records: list[dict[str, Any]], attempts: int) -> bool:
        for attempt in range(attempts):
            if attempt:
                self.account.background.pause(self.account.retry_delay)
            if self.active and self.hand_over(records):
                return True
        return False


class KinesisFeed(StreamFeed):
    """Positions are sequence numbers."""

    @property
    def _stream(self) -> Stream | None:
        _, _, _, region, account_id, name = self.mapping.event_source_arn.split(":")
        return kinesis_backends[account_id][region].streams.get(name.removeprefix("stream/"))

    def shards(self) -> list[str]:
        """None of a deleted stream."""
        return list(self._stream.shards) if self._stream else []

    def start(self, shard: str) -> int:
        """TRIM_HORIZON, LATEST or AT_TIMESTAMP."""
        found = self._stream.shards[shard] if self._stream else Shard(0, 0, 0)
        match self.mapping.starting_position:
            case "LATEST":
                return int(found.get_max_sequence_number())
            case "AT_TIMESTAMP":
                return int(found.get_sequence_number_at(float(self.mapping.starting_position_timestamp or 0)))
        return 0

    def read(self, shard: str, behind: int) -> tuple[list[dict[str, Any]], int]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""
        if self._stream is None:
            return [], behind
        with writing:
            found, last, _ = self._stream.shards[shard].get_records(str(behind), self.mapping.batch_size)
        return [self._record(shard, record) for record in found], last

    def _record(self, shard: str, record: Record) -> dict[str, Any]:
        try:
            role = self.function().role
        except UnknownFunctionException:
            role = ""
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": str(record.sequence_number),
                "data": record.data,
                "approximateArrivalTimestamp": round(record.created_at, 3),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record.sequence_number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role,
            "awsRegion": self.mapping.region,
            "eventSourceARN": self.mapping.event_source_arn,
        }


class TableFeed(StreamFeed):
    """Positions count the records of the only shard that moto's tables have."""

    @property
    def _shard(self) -> StreamShard | None:
        _, _, _, region, account_id, resource = self.mapping.event_source_arn.split(":", 5)
        table = dynamodb_backends[account_id][region].tables.get(resource.split("/")[1])
        return table.stream_shard if table else None

    def shards(self) -> list[str]:
        """None of a deleted table, or one without its stream."""
        return [self._shard.id] if self._shard else []

    def start(self, shard: str) -> int:
        """TRIM_HORIZON or LATEST."""
        is_latest = self.mapping.starting_position == "LATEST"
        return len(self._shard.items) if self._shard and is_latest else 0

    def read(self, shard: str, behind: int) -> tuple[list[dict[str, Any]], int]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""
        items = self._shard.items[behind : behind + self.mapping.batch_size] if self._shard else []
        return [self._record(item.to_json()) for item in items], behind + len(items)

    def _record(self, record: dict[str, Any]) -> dict[str, Any]:
        changed = dict(record["dynamodb"])
        if isinstance(created := changed.get("ApproximateCreationDateTime"), datetime):
            changed["ApproximateCreationDateTime"] = int(unix_time(created))
        return {
            **record,
            "awsRegion": self.mapping.region,
            "dynamodb": changed,
            "eventSourceARN": self.mapping.event_source_arn,
        }
