"""What is in an object of the backup, piece by piece: never a whole object in memory."""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)

from cli.backup_objects import BackupObject
from cli.problems import Stopped, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOAD_PIECE = 256 * 1024
CONTENT_PIECE = 1024 * 1024
CONNECTIONS = 5
_GZIP = zlib.MAX_WBITS | 16
_BROKEN = (HTTPClientError, IncompleteReadError)
_REASONS = {
    "NoSuchKey": "it is gone since the backup was listed",
    "PreconditionFailed": "it has changed since the backup was listed",
    "AccessDenied": "it may not be read; s3:GetObject is needed, and kms:Decrypt for the key of the bucket",
    "InvalidObjectState": "it is in an archive class of S3; restore it first (aws s3api restore-object)",
}


def read(s3: "S3Client", bucket: str, source: BackupObject, *, gzip: bool) -> Iterator[bytes]:
    """Pieces of the content, at most CONTENT_PIECE bytes each. Raises Stopped and Unreadable with the key."""
    pieces = _download(s3, bucket, source)
    if not gzip:
        yield from pieces
        return
    try:
        yield from gunzip(pieces)
    except (zlib.error, EOFError) as error:
        raise Unreadable(f"{source.key}: not sound GZIP ({error})") from error


def gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress any number of GZIP members. Raises zlib.error, and EOFError for an end within a member."""
    member, finished = None, 0
    for piece in pieces:
        rest = piece
        # Zeros may pad what follows a member: https://www.gnu.org/software/gzip/manual/gzip.html#Tapes
        while rest := (rest.lstrip(b"\0") if member is None and finished else rest):
            member = member or zlib.decompressobj(_GZIP)
            if content := member.decompress(rest, CONTENT_PIECE):
                yield content
            rest = member.unused_data or member.unconsumed_tail
            if member.eof:
                member, finished = None, finished + 1
    if member is not None or not finished:
        raise EOFError("it ends too early")


def _download(s3: "S3Client", bucket: str, source: BackupObject) -> Iterator[bytes]:
    """The bytes as stored. S3 closes a connection that waits for a throttled stream: go on where it broke."""
    done, failures = 0, 0
    while done < source.size:
        try:
            for piece in _from(s3, bucket, source, done):
                done, failures = done + len(piece), 0
                yield piece
        except _BROKEN as error:
            failures += 1
            if failures == CONNECTIONS:
                raise Stopped(f"{source.key}: the download broke {failures} times ({error})") from error


def _from(s3: "S3Client", bucket: str, source: BackupObject, offset: int) -> Iterator[bytes]:
    try:
        answer = s3.get_object(
            Bucket=bucket, Key=source.key, IfMatch=source.etag, Range=f"bytes={offset}-{source.size - 1}"
        )
    except ClientError as error:
        reason = _REASONS.get(error.response["Error"]["Code"])
        if reason is None:
            raise
        raise Stopped(f"{source.key}: {reason}") from error
    with closing(answer["Body"]) as body:
        yield from body.iter_chunks(DOWNLOAD_PIECE)
