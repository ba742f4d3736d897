import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.records import TooLarge, WrongDelimiter, split_json, split_lines, whole

LIMIT = 10_000
lines = st.lists(st.binary(min_size=1).filter(lambda data: b"\n" not in data))
leaves = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
documents = st.lists(
    st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3), max_size=5
)


def cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@given(lines, st.integers(1, 20))
def test_lines_come_back_as_the_records_they_were(records: list[bytes], size: int) -> None:
    content = b"".join(record + b"\n" for record in records)
    assert list(split_lines(cut(content, size), LIMIT)) == records


@given(documents, st.integers(1, 20), st.sampled_from([None, 1]), st.sampled_from(["", "\n", " \r\n\t"]))
def test_json_comes_back_byte_for_byte_however_it_was_joined(
    records: list[object], size: int, indent: int | None, between: str
) -> None:
    texts = [json.dumps(record, indent=indent, ensure_ascii=False).encode() for record in records]
    content = b"".join(text + between.encode() for text in texts)
    assert list(split_json(cut(content, size), LIMIT)) == texts


@given(st.binary(max_size=200), st.integers(1, 20))
def test_without_a_delimiter_an_object_is_a_record(content: bytes, size: int) -> None:
    assert list(whole(cut(content, size), LIMIT)) == [content]


def test_a_record_that_brought_its_own_newline_leaves_no_empty_record() -> None:
    assert list(split_lines([b"a\n\nb\n\n"], LIMIT)) == [b"a", b"b"]


@pytest.mark.parametrize("content", [b'{"a": 1}{"a": 2}', b"x" * (LIMIT + 1), b"a\nb"])
def test_records_that_were_joined_without_newline_are_not_taken_for_one(content: bytes) -> None:
    with pytest.raises(WrongDelimiter, match="--delimiter"):
        list(split_lines([content], LIMIT))


def test_a_carriage_return_belongs_to_the_record() -> None:
    assert list(split_lines([b"a\r\n"], LIMIT)) == [b"a\r"]


@given(st.integers(1, 30))
def test_a_record_too_large_is_told_with_its_size_and_the_others_kept(size: int) -> None:
    large = b"x" * 21
    assert list(split_lines(cut(b"a\n" + large + b"\nb\n", size), 20)) == [b"a", TooLarge(21), b"b"]
    document = b'{"x": "' + large + b'"}'
    found = list(split_json(cut(b"{}" + document + b"[1]", size), 20))
    assert found == [b"{}", TooLarge(len(document)), b"[1]"]
    assert list(whole(cut(large, size), 20)) == [TooLarge(21)]


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1', b'{"a": "}', b"{}}", b"]", b"1{}", b'"a"{}', b"{}\n\0{}", gzip.compress(b"{}", mtime=0)],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(WrongDelimiter):
        list(split_json(cut(content, 3), LIMIT))
