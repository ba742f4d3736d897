from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from cli.backup_objects import Window, find
from cli.problems import BadInput
from tests.restore_fakes import BUCKET, PREFIX, START, Bucket, key_at, refusal


@pytest.mark.parametrize(
    ("minutes", "read"), [(-16, False), (-15, True), (0, True), (74.9, True), (75, False)]
)
def test_the_window_is_read_with_a_margin_on_both_sides(minutes: float, read: bool) -> None:
    bucket = Bucket()
    bucket.add(minutes, [b"a"])
    window = Window(START, START + timedelta(hours=1), timedelta(minutes=15))
    assert bool(find(bucket.client, BUCKET, PREFIX, window).objects) is read


def test_an_object_in_the_folder_of_the_hour_before_its_name_is_found() -> None:
    bucket = Bucket()
    key = key_at(START + timedelta(minutes=6)).replace("/05/10/", "/05/09/")
    bucket.contents[key] = b""
    start = START + timedelta(minutes=20)
    window = Window(start, start + timedelta(hours=1), timedelta(minutes=15))
    assert [found.key for found in find(bucket.client, BUCKET, PREFIX, window).objects] == [key]


def test_other_objects_are_counted_and_left_alone() -> None:
    bucket = Bucket()
    bucket.add(0, [b"a"])
    bucket.contents[f"{PREFIX}2026/10/05/10/readme.txt"] = b"hello"
    backup = bucket.backup()
    assert (len(backup.objects), backup.others) == (1, 1)
    assert backup.firehoses == {"backup-of-orders"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refusal("NoSuchBucket"), "there is no bucket"),
        (refusal("AccessDenied"), "s3:ListBucket"),
        (ParamValidationError(report="Invalid bucket name"), "no name of a bucket"),
    ],
)
def test_a_bucket_that_cannot_be_listed_is_told_by_its_option(error: Exception, reason: str) -> None:
    with pytest.raises(BadInput, match=f"^--bucket: .*{reason}"):
        Unlisted(error).backup()


def test_an_unknown_refusal_to_list_is_passed_on() -> None:
    with pytest.raises(ClientError):
        Unlisted(refusal("SlowDown")).backup()


class Unlisted(Bucket):
    """A bucket that answers with an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        raise self.error
