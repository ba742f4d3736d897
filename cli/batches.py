"""Records grouped as PutRecords takes them.

At most 500 records and 10 MiB a call: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_RECORDS = 500
# Half of what a call takes now and all that it took until 2025; a larger record travels alone.
MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The number of an object in the backup and of a record in it, both from 0."""

    object: int
    record: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way."""

    place: Place
    data: bytes
    partition_key: str

    @property
    def size(self) -> int:
        """Bytes that count for the limits of Kinesis."""
        return len(self.data) + len(self.partition_key.encode())


def batches(
    entries: Iterable[Entry], *, records: int = MAX_RECORDS, size: int = MAX_BYTES
) -> Iterator[list[Entry]]:
    """Group in order; no batch is empty, and only a record that is larger than `size` bytes exceeds it."""
    batch: list[Entry] = []
    total = 0
    for entry in entries:
        if batch and (len(batch) == records or total + entry.size > size):
            yield batch
            batch, total = [], 0
        batch.append(entry)
        total += entry.size
    if batch:
        yield batch
