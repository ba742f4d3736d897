import gzip
import zlib
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cli.object_content import CONNECTIONS, CONTENT_PIECE, gunzip, read
from cli.problems import Stopped, Unreadable
from tests.restore_fakes import BUCKET, Bucket

CONTENT = bytes(range(256)) * 40


def cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def content_of(bucket: Bucket, *, compressed: bool = True) -> bytes:
    [source] = bucket.backup().objects
    return b"".join(read(bucket.client, BUCKET, source, gzip=compressed))


@given(st.lists(st.binary(), min_size=1, max_size=4), st.integers(0, 30), st.integers(1, 50))
def test_members_of_gzip_are_read_one_after_the_other(members: list[bytes], padding: int, size: int) -> None:
    stored = b"".join(gzip.compress(member) for member in members) + b"\0" * padding
    assert b"".join(gunzip(cut(stored, size))) == b"".join(members)


@given(st.integers(0, len(gzip.compress(CONTENT)) - 1))
def test_gzip_that_ends_too_early_is_damaged(end: int) -> None:
    with pytest.raises(EOFError):
        list(gunzip(cut(gzip.compress(CONTENT)[:end], 64)))


@pytest.mark.parametrize(
    "damaged", [b"no gzip", gzip.compress(b"a", mtime=0) + b"rest", b"\x1f\x8b" + b"\xff" * 30]
)
def test_what_is_no_gzip_is_damaged(damaged: bytes) -> None:
    with pytest.raises(zlib.error):
        list(gunzip([damaged]))


def test_a_wrong_checksum_is_damage() -> None:
    stored = bytearray(gzip.compress(CONTENT))
    stored[-5] ^= 1
    with pytest.raises(zlib.error):
        list(gunzip([bytes(stored)]))


def test_pieces_stay_small_whatever_they_are_compressed_to() -> None:
    stored = gzip.compress(bytes(20 * CONTENT_PIECE))
    sizes = [len(piece) for piece in gunzip([stored])]
    assert max(sizes) <= CONTENT_PIECE
    assert sum(sizes) == 20 * CONTENT_PIECE


def test_damage_is_told_with_the_key() -> None:
    bucket = Bucket()
    key = bucket.add(0, [b"a"])
    bucket.contents[key] = b"no gzip"
    with pytest.raises(Unreadable, match=key):
        content_of(bucket)


def test_an_object_that_is_not_compressed_is_read_as_it_is() -> None:
    bucket = Bucket()
    bucket.contents[bucket.add(0, [])] = CONTENT
    assert content_of(bucket, compressed=False) == CONTENT


def test_a_download_that_breaks_goes_on_at_the_same_byte() -> None:
    bucket = Bucket(cuts=CONNECTIONS - 1)
    bucket.add(0, [b"a", b"b"])
    assert content_of(bucket) == b"a\nb\n"
    assert [text.split("-")[0] for text in bucket.ranges] == [f"bytes={n}" for n in range(CONNECTIONS)]


def test_a_download_that_never_gets_a_byte_is_given_up() -> None:
    bucket = Bucket(cuts=1000, cut_after=0)
    key = bucket.add(0, [b"a"])
    with pytest.raises(Stopped, match=f"{key}: the download broke {CONNECTIONS} times"):
        content_of(bucket)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AccessDenied", "kms:Decrypt"),
        ("InvalidObjectState", "archive class"),
        ("NoSuchKey", "gone since"),
        ("PreconditionFailed", "changed since"),
    ],
)
def test_an_object_that_cannot_be_read_is_told_with_its_key_and_reason(code: str, reason: str) -> None:
    bucket = Bucket()
    key = bucket.add(0, [b"a"])
    bucket.refused = code
    with pytest.raises(Stopped, match=f"{key}: .*{reason}"):
        content_of(bucket)


def test_an_unknown_refusal_is_passed_on() -> None:
    bucket = Bucket()
    bucket.add(0, [b"a"])
    bucket.refused = "SlowDown"
    with pytest.raises(ClientError):
        content_of(bucket)
