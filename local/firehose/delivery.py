"""One delivery stream at work: records of a Kinesis stream, buffered, as objects in a bucket.

It reads from LATEST as of the moment in which it becomes ACTIVE; later shards from their beginning.
A stream that is created anew under its name is read from LATEST, too: AWS does not say what it does then.
Left out: records that the Producer Library aggregated, transformation, format conversion, partitioning.
AWS: https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
"""

import gzip
import logging
import threading
from base64 import b64decode
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError
from moto.firehose.models import DeliveryStream
from moto.kinesis.models import Shard, Stream, kinesis_backends
from moto.sts.models import AssumedRole

from local.firehose.prefix import EXTENSIONS, object_key
from local.firehose.roles import PRINCIPAL, may_encrypt, may_read
from local.firehose.settings import delimiter, s3_destination
from local.identity import role_session
from local.kinesis.shards import last_sequence_number

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024
READ_AT_ONCE = 500
SESSION_NAME = "firehose"
"""One for all delivery streams of a role, since each needs a client of its own."""


@dataclass(frozen=True)
class Arrived:
    """A record as it goes into an object, and when it arrived in the Kinesis stream."""

    data: bytes
    at: datetime


class Delivery:
    """The state of a delivery stream, from CREATING on; `carry` does what is due."""

    def __init__(self, account: "LocalAccount", stream: DeliveryStream) -> None:
        self._account = account
        self._stream = stream
        self._created_at = self._seen_creating_at = datetime.now(UTC)
        self._deleted_at = 0.0
        self._retry_at = 0.0
        self._due_at = 0.0
        self._source: Stream | None = None
        self._positions: dict[str, int] = {}
        self._buffer: deque[Arrived] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self.started_at: datetime | None = None
        """From when on records of the source are delivered."""
        self.refusal = ""
        """Why the last reading or writing failed; empty again once it succeeds."""
        self.source_arn: str | None = (stream.source or {}).get("KinesisStreamARN")
        self._sessions: dict[str, AssumedRole] = {}

    def settle(self) -> None:
        """Become ACTIVE when it is time; whoever looks at the status calls this first."""
        with self._lock:
            if self._stream.delivery_stream_status != "CREATING":
                return
            now = datetime.now(UTC)
            ready_at = self._created_at + timedelta(seconds=self._account.stream_seconds)
            if now < ready_at:
                self._seen_creating_at = now
                return
            self.started_at = max(ready_at, self._seen_creating_at)
            self._start_at_latest(self.started_at)
            self._stream.delivery_stream_status = "ACTIVE"

    def _start_at_latest(self, moment: datetime) -> None:
        """Leave out what arrived before that moment, which may have passed unseen."""
        self._source = self._current_source()
        self._positions = {
            shard.shard_id: shard.get_sequence_number_at(moment.timestamp()) for shard in self._shards()
        }

    def _current_source(self) -> Stream | None:
        if self.source_arn is None:
            return None
        _, _, _, region, account, resource = self.source_arn.split(":")
        return kinesis_backends[account][region].streams.get(resource.removeprefix("stream/"))

    def delete(self) -> None:
        """Begin to be DELETING."""
        with self._lock:
            if self._stream.delivery_stream_status != "DELETING":
                self._stream.delivery_stream_status = "DELETING"
                self._deleted_at = monotonic()
                self._retry_at, self.refusal = 0.0, ""

    def carry(self) -> bool:
        """Read and write what is due; returns whether the delivery stream is gone."""
        self.settle()
        status = self._stream.delivery_stream_status
        if status == "ACTIVE" or (status == "DELETING" and self._account.flush_on_delete):
            self._read_and_write(at_once=status == "DELETING")
        is_over = monotonic() >= self._deleted_at + self._account.stream_seconds
        return status == "DELETING" and is_over and not self._has_rest()

    def _has_rest(self) -> bool:
        """Whether there is something that can still be written before the delivery stream goes."""
        if self.refusal or not self._account.flush_on_delete:
            return False
        return bool(self._buffer) or self._has_more()

    def _read_and_write(self, *, at_once: bool) -> None:
        if monotonic() < self._retry_at or not self._destination:
            return
        if (found := self._current_source()) is not None and found is not self._source:
            self._start_at_latest(datetime.now(UTC))
        if self._size < self._most_bytes and self._has_more():
            self._read()
        is_due = at_once or self._size >= self._most_bytes or monotonic() >= self._due_at
        if self._buffer and is_due:
            self._write()

    def _shards(self) -> list[Shard]:
        return list(self._source.shards.values()) if self._source else []

    def _has_more(self) -> bool:
        return any(
            last_sequence_number(shard) > self._positions.get(shard.shard_id, 0) for shard in self._shards()
        )

    def _read(self) -> None:
        if self._source and not may_read(self._session(self._stream.source["RoleARN"]), self._source):
            self._try_later(f"the role may not read {self.source_arn}")
            return
        if not self._buffer:
            self._due_at = monotonic() + self._interval
        for shard in self._shards():
            position = self._positions.get(shard.shard_id, 0)
            while self._size < self._most_bytes and position < last_sequence_number(shard):
                records, position, _ = shard.get_records(str(position), READ_AT_ONCE)
                for record in records:
                    self._add(b64decode(record.data), record.created_at_datetime.replace(tzinfo=UTC))
                self._positions[shard.shard_id] = position

    def _add(self, data: bytes, at: datetime) -> None:
        self._buffer.append(Arrived(data + delimiter(self._destination), at))
        self._size += len(self._buffer[-1].data)

    def _write(self) -> None:
        """One object of what fits in. Where it is refused, the same records are tried again later."""
        taken, size = 0, 0
        for record in self._buffer:
            if taken and size + len(record.data) > self._most_bytes:
                break
            taken, size = taken + 1, size + len(record.data)
        records = [self._buffer[position] for position in range(taken)]
        if not self._put(records):
            return
        for _ in records:
            self._buffer.popleft()
        self._size -= size
        self.refusal = ""
        self._due_at = monotonic() + self._interval

    def _put(self, records: list[Arrived]) -> bool:
        settings = self._destination
        bucket = settings["BucketARN"].split(":")[-1]
        zone = ZoneInfo(settings.get("CustomTimeZone") or "UTC")
        compression = settings["CompressionFormat"]
        key = object_key(
            prefix=settings.get("Prefix") or "",
            name=self._stream.delivery_stream_name,
            version=self._stream.version_id,
            moment=min(record.at for record in records).astimezone(zone),
            extension=settings.get("FileExtension") or EXTENSIONS[compression],
        )
        body = b"".join(record.data for record in records)
        body = gzip.compress(body) if compression == "GZIP" else body
        try:
            encryption = self._encryption(bucket, key)
            self._bucket_client().put_object(Bucket=bucket, Key=key, Body=body, **encryption)
        except (ClientError, PermissionError) as refusal:
            self._try_later(str(refusal))
            return False
        return True

    def _encryption(self, bucket: str, key: str) -> dict[str, str]:
        config = self._destination.get("EncryptionConfiguration", {}).get("KMSEncryptionConfig")
        if not config:
            return {}
        kms_key = config["AWSKMSKeyARN"]
        session = self._session(self._destination["RoleARN"])
        if not may_encrypt(session, kms_key, bucket=bucket, object_key=key):
            raise PermissionError(f"{self._destination['RoleARN']} may not use {kms_key}")
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}

    def _session(self, role_arn: str) -> AssumedRole:
        if role_arn not in self._sessions:
            self._sessions[role_arn] = role_session(role_arn, SESSION_NAME, self._region)
        return self._sessions[role_arn]

    def _bucket_client(self) -> Any:
        return self._account.roles.client(
            "s3",
            role_arn=self._destination["RoleARN"],
            session_name=SESSION_NAME,
            region=self._region,
            principal=PRINCIPAL,
        )

    def _try_later(self, reason: str) -> None:
        logger.debug("%s: %s", self._stream.delivery_stream_name, reason)
        self.refusal = reason
        self._retry_at = monotonic() + self._account.retry_delay

    @property
    def _region(self) -> str:
        return str(self._stream.delivery_stream_arn.split(":")[3])

    @property
    def _destination(self) -> dict[str, Any]:
        return s3_destination(self._stream)

    @property
    def _most_bytes(self) -> int:
        return int(self._destination["BufferingHints"]["SizeInMBs"] * MEBIBYTE)

    @property
    def _interval(self) -> float:
        return float(
            self._destination["BufferingHints"]["IntervalInSeconds"] * self._account.firehose_seconds
        )
