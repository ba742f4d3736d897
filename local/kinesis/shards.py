"""Shards as AWS has them: safe to write to from many sides, and closed ones keep their records.

moto loses records of writers at the same time, puts into closed shards, and moves the records of a shard that
is split or merged, so that who has read them gets them again.
AWS: https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.kinesis.models import Record, Shard, Stream
from moto.utilities.utils import md5_hash

from local.extension import extend

RECORDS_OF_A_READ = 10_000
"""Most records of one GetRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html"""

_moto_get_sequence_number_at = Shard.get_sequence_number_at
_moto_get_shard_for_key = Stream.get_shard_for_key
_moto_split_shard = Stream.split_shard
_moto_merge_shards = Stream.merge_shards
_lock = threading.RLock()


def install() -> None:
    """Replace moto's reading, writing, splitting and merging."""
    extend(
        Shard,
        put_record=_put_record,
        get_records=_get_records,
        get_sequence_number_at=_get_sequence_number_at,
        get_max_sequence_number=last_sequence_number,
    )
    extend(Stream, get_shard_for_key=_get_shard_for_key, split_shard=_split_shard, merge_shards=_merge_shards)


def last_sequence_number(shard: Shard) -> int:
    """That of the latest record; 0 before the first one."""
    return next(reversed(shard.records), 0)


def _put_record(shard: Shard, partition_key: str, data: str, explicit_hash_key: str) -> str:
    with _lock:
        number = last_sequence_number(shard) + 1
        shard.records[number] = Record(partition_key, data, number, explicit_hash_key)
        return str(number)


def _get_records(
    shard: Shard, last_sequence_id: str | int, limit: int | None
) -> tuple[list[Record], int, int]:
    """The records behind a sequence number, the number of the last of them, and the milliseconds behind."""
    with _lock:
        first = int(last_sequence_id) + 1
        end = min(last_sequence_number(shard), first + (limit or RECORDS_OF_A_READ) - 1)
        records = [shard.records[number] for number in range(first, end + 1)]
        if not records:
            return [], int(last_sequence_id), 0
        latest = shard.records[last_sequence_number(shard)]
        return records, end, int(1000 * (latest.created_at - records[-1].created_at))


def _get_sequence_number_at(shard: Shard, at_timestamp: float) -> int:
    with _lock:
        return _moto_get_sequence_number_at(shard, at_timestamp)


def _get_shard_for_key(stream: Stream, partition_key: str, explicit_hash_key: str) -> Shard | None:
    found = _moto_get_shard_for_key(stream, partition_key, explicit_hash_key)
    key = int(
        explicit_hash_key or md5_hash(partition_key.encode()).hexdigest(), 10 if explicit_hash_key else 16
    )
    candidates = (it for it in list(stream.shards.values()) if it.is_open)
    return next((it for it in candidates if it.starting_hash <= key <= it.ending_hash), found)


@contextmanager
def _keeping_records(stream: Stream, *names: str) -> Iterator[None]:
    with _lock:
        shards = [stream.shards[name] for name in names if name in stream.shards]
        kept = [shard.records for shard in shards]
        for shard in shards:
            shard.records = OrderedDict()
        try:
            yield
        finally:
            for shard, records in zip(shards, kept, strict=True):
                shard.records = records


def _split_shard(stream: Stream, shard_to_split: str, new_starting_hash_key: str) -> Any:
    with _keeping_records(stream, shard_to_split):
        return _moto_split_shard(stream, shard_to_split, new_starting_hash_key)


def _merge_shards(stream: Stream, shard_to_merge: str, adjacent_shard_to_merge: str) -> Any:
    with _keeping_records(stream, shard_to_merge, adjacent_shard_to_merge):
        return _moto_merge_shards(stream, shard_to_merge, adjacent_shard_to_merge)
