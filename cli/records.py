"""The records in the content of an object: Firehose joins them, this takes them apart again."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

type Delimiter = Literal["newline", "json", "none"]

_OUTSIDE_STRING = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A record that was not kept in memory: its size in bytes."""

    size: int


type Item = bytes | TooLarge
type Split = Callable[[Iterable[bytes], int], Iterator[Item]]


class _Pending:
    """A record of which not everything has been read; its bytes only while there are at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.data = bytearray()

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= self.limit:
            self.data += part

    def add_json(self, part: bytes) -> None:
        """Add a part of a JSON object or array, or white space before it. Raises WrongDelimiter."""
        if not self.size:
            part = part.lstrip()
            if part and part[:1] not in b"{[":
                raise WrongDelimiter(f"{part[:20]!r} is no JSON object or array")
        self.add(part)

    def take(self) -> Item:
        item = bytes(self.data) if self.size <= self.limit else TooLarge(self.size)
        self.size = 0
        self.data.clear()
        return item


def split_lines(pieces: Iterable[bytes], limit: int) -> Iterator[Item]:
    r"""Each line is a record, without its \n.

    Empty lines are left out: Firehose adds a \n to a record that brought its own, too.
    Raises WrongDelimiter for an end without \n, before anything of a content without any.
    """
    pending = _Pending(limit)
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            pending.add(end)
            if pending.size:
                yield pending.take()
        pending.add(rest)
    if pending.size:
        raise WrongDelimiter(
            "it does not end with a newline: were its records joined without? See --delimiter"
        )


def whole(pieces: Iterable[bytes], limit: int) -> Iterator[Item]:
    """Everything is one record."""
    pending = _Pending(limit)
    for piece in pieces:
        pending.add(piece)
    yield pending.take()


class WrongDelimiter(ValueError):
    """The content does not lie as `--delimiter` says."""


class _JsonScan:
    """Finds where top-level objects and arrays end, without parsing what is in them."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._position = 0

    def ends(self, piece: bytes) -> Iterator[int]:
        """The position after each object or array that ends in this piece; pieces come in order."""
        while token := (_IN_STRING if self._in_string else _OUTSIDE_STRING).search(piece, self._position):
            self._position = token.end()
            if self._seen(token[0]):
                yield self._position
        # One more than the piece has, when it ends with the backslash of an escape.
        self._position = max(self._position - len(piece), 0)

    def _seen(self, token: bytes) -> bool:
        if token == b"\\":
            self._position += 1
        elif token == b'"':
            self._in_string = not self._in_string
        elif token in b"{[":
            self._depth += 1
        elif self._depth == 0:
            raise WrongDelimiter(f"{token.decode()} closes nothing")
        else:
            self._depth -= 1
            return self._depth == 0
        return False


def split_json(pieces: Iterable[bytes], limit: int) -> Iterator[Item]:
    """Each JSON object or array is a record, byte for byte; white space between them belongs to none.

    Raises WrongDelimiter for anything else between them, and for an end within one.
    """
    scan, pending = _JsonScan(), _Pending(limit)
    for piece in pieces:
        start = 0
        for end in scan.ends(piece):
            pending.add_json(piece[start:end])
            yield pending.take()
            start = end
        pending.add_json(piece[start:])
    if pending.size:
        raise WrongDelimiter("the content ends within a JSON value")


SPLITS: dict[Delimiter, Split] = {"newline": split_lines, "json": split_json, "none": whole}
