"""Which objects of a backup belong to a window of time, in order."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ParamValidationError

from cli.firehose_prefix import listings, parse_name
from cli.problems import BadInput

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = ("NoSuchBucket", "404")
_DENIED = ("AccessDenied", "403", "AllAccessDisabled")


@dataclass(frozen=True, slots=True)
class Window:
    """From start (included) to end (excluded); `margin` is read before and after it."""

    start: datetime
    end: datetime
    margin: timedelta

    def holds(self, time: datetime) -> bool:
        """Whether an object of this time may hold a record of the window.

        Firehose names a folder by the arrival of the oldest record in the object, and does not say which
        moment the object's name means: it may be up to one buffer interval off, either way.
        https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
        """
        return self.start - self.margin <= time < self.end + self.margin


@dataclass(frozen=True, slots=True)
class BackupObject:
    """One object; `size` in bytes as stored."""

    time: datetime
    key: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Backup:
    """The objects of a window in order of time, and how many others lay among them.

    `marks[n]` stands for the first n + 1 objects: it changes when one of them comes, goes or changes.
    """

    objects: tuple[BackupObject, ...]
    marks: tuple[str, ...]
    firehoses: frozenset[str]
    others: int

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(each.size for each in self.objects)


def find(s3: "S3Client", bucket: str, prefix: str, window: Window) -> Backup:
    """List the bucket. Raises BadInput for a bucket that is not there or may not be listed."""
    # Twice the margin: the folder is the hour of the oldest record, the name may be later than that.
    prefixes = listings(prefix, window.start - 2 * window.margin, window.end + window.margin)
    objects, firehoses, others = [], set(), 0
    for each in prefixes:
        for key, etag, size in _listed(s3, bucket, each):
            name = parse_name(key)
            if name is None:
                others += 1
            elif window.holds(name.time):
                objects.append(BackupObject(name.time, key, etag, size))
                firehoses.add(name.firehose)
    ordered = tuple(sorted(objects, key=lambda found: (found.time, found.key)))
    return Backup(ordered, _marks(ordered), frozenset(firehoses), others)


def _marks(objects: tuple[BackupObject, ...]) -> tuple[str, ...]:
    def extend(mark: str, text: str) -> str:
        return hashlib.sha256(f"{mark} {text}".encode()).hexdigest()[:32]

    return tuple(accumulate((f"{each.key} {each.etag}" for each in objects), extend, initial=""))[1:]


def _listed(s3: "S3Client", bucket: str, prefix: str) -> Iterator[tuple[str, str, int]]:
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"], found["ETag"], found["Size"]
    except ParamValidationError as error:
        raise BadInput("--bucket", f"{bucket!r} is no name of a bucket") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _MISSING:
            raise BadInput("--bucket", f"there is no bucket {bucket!r}") from error
        if code in _DENIED:
            raise BadInput("--bucket", f"{bucket!r} may not be listed; s3:ListBucket is needed") from error
        raise
