"""How Firehose names its objects, and which prefixes it refuses."""

import re
from datetime import UTC, datetime

import pytest

from local.firehose.prefix import InvalidPrefix, check, evaluated, java_time
from local.throttling import Calls

MOMENT = datetime(2026, 3, 5, 7, 8, 9, 123456, tzinfo=UTC)
ERRORS = "errors/!{firehose:error-output-type}/"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy/MM/dd/HH", "2026/03/05/07"),
        ("yy-M-d'T'H:mm:ss.SSS", "26-3-5T7:08:09.123"),
        ("DDD 'o''clock'", "064 o'clock"),
        ("MMM MMMM", "Mar March"),
    ],
)
def test_times_are_written_as_java_writes_them(pattern: str, text: str) -> None:
    assert java_time(pattern, MOMENT) == text


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("", "2026/03/05/07/"),
        ("orders-", "orders-2026/03/05/07/"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", "y=2026/m=03/"),
    ],
)
def test_a_prefix_gets_the_hour_unless_it_has_a_time(prefix: str, text: str) -> None:
    assert evaluated(prefix, MOMENT) == text


def test_each_random_string_of_a_prefix_is_another_one() -> None:
    found = evaluated("!{firehose:random-string}/!{firehose:random-string}/!{timestamp:yyyy}", MOMENT)
    match = re.fullmatch(r"(\w{11})/(\w{11})/2026", found)
    assert match is not None
    assert match[1] != match[2]


@pytest.mark.parametrize(
    ("prefix", "error_prefix"),
    [("", None), ("a/", None), ("!{timestamp:yyyy}/", ERRORS), ("a/", ERRORS)],
)
def test_prefixes_that_firehose_accepts(prefix: str, error_prefix: str | None) -> None:
    check(prefix, error_prefix)


@pytest.mark.parametrize(
    ("prefix", "error_prefix"),
    [
        (ERRORS, ERRORS),
        ("!{timestamp:yyyy}/", None),
        ("!{timestamp:QQ}/", ERRORS),
        ("!{timestamp}/", ERRORS),
        ("!{other:yyyy}/", ERRORS),
        ("a/", "errors/"),
    ],
)
def test_prefixes_that_firehose_refuses(prefix: str, error_prefix: str | None) -> None:
    with pytest.raises(InvalidPrefix):
        check(prefix, error_prefix)


def test_a_call_is_refused_until_the_second_is_over() -> None:
    calls = Calls()
    assert calls.take(("a",), limit=1, seconds=3600)
    assert not calls.take(("a",), limit=1, seconds=3600)
    assert calls.take(("b",), limit=1, seconds=3600)
    assert calls.take(("a",), limit=1, seconds=0)
