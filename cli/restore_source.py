"""The records of a backup in order, from any place on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import object_content
from cli.backup_objects import Backup, BackupObject
from cli.batches import Entry, Place
from cli.partition_keys import field_of, random_key
from cli.problems import Stopped, Unreadable
from cli.records import SPLITS, Delimiter, Item, TooLarge, WrongDelimiter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Format:
    """How the records lie in the objects, and which field holds their partition key (None: random)."""

    delimiter: Delimiter
    gzip: bool
    key_field: str | None


@dataclass
class Omissions:
    """What cannot be restored: told and left out with `keep_going`, else the end."""

    keep_going: bool
    told: Callable[[str], None]
    left_out: list[str]
    without_field: int = 0

    def leave_out(self, problem: Stopped) -> None:
        """Raises the problem unless there is to be no stop for it."""
        if not self.keep_going:
            raise Stopped(f"{problem} (--keep-going leaves it out)") from problem
        text = str(problem)
        if text not in self.left_out:
            self.left_out.append(text)
            self.told(text)


@dataclass(frozen=True, slots=True)
class Source:
    """A backup that can be read."""

    s3: "S3Client"
    bucket: str
    backup: Backup
    format: Format

    def entries(self, start: Place, limit: int, omissions: Omissions) -> Iterator[Entry]:
        """Records of at most `limit` bytes, data and partition key. Raises Stopped."""
        for number in range(start.object, len(self.backup.objects)):
            skipped = start.record if number == start.object else 0
            try:
                yield from self._of_object(number, skipped, limit, omissions)
            except Unreadable as problem:
                omissions.leave_out(problem)

    def _of_object(self, number: int, skipped: int, limit: int, omissions: Omissions) -> Iterator[Entry]:
        source = self.backup.objects[number]
        for record, item in enumerate(self._items(source, limit)):
            if record < skipped:
                continue
            if isinstance(item, TooLarge):
                omissions.leave_out(_too_large(source, record, item.size, limit))
                continue
            entry = Entry(Place(number, record), item, self._partition_key(item, omissions))
            if entry.size > limit:
                omissions.leave_out(_too_large(source, record, entry.size, limit))
            else:
                yield entry

    def _items(self, source: BackupObject, limit: int) -> Iterator[Item]:
        content = object_content.read(self.s3, self.bucket, source, gzip=self.format.gzip)
        try:
            yield from SPLITS[self.format.delimiter](content, limit)
        except WrongDelimiter as error:
            raise Unreadable(f"{source.key}: {error}") from error

    def _partition_key(self, data: bytes, omissions: Omissions) -> str:
        if self.format.key_field is None:
            return random_key()
        key = field_of(data, self.format.key_field)
        if key is None:
            omissions.without_field += 1
            return random_key()
        return key


def _too_large(source: BackupObject, record: int, size: int, limit: int) -> Stopped:
    return Stopped(
        f"{source.key}: record {record + 1} has {size:,} bytes, the stream takes {limit:,}; "
        "`aws kinesis update-max-record-size` raises that"
    )
