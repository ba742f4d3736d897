from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.firehose_prefix import ObjectName, listings, parse_name
from tests.restore_fakes import START, key_at

UUID = "0f1e2d3c-0000-4000-8000-000000000000"
times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize("extension", ["", ".gz", ".json.gz", ".my-own.gz"])
def test_the_name_of_an_object_says_its_firehose_and_time(extension: str) -> None:
    key = f"orders/2026/10/05/10/backup-of-orders-12-2026-10-05-10-01-02-{UUID}{extension}"
    assert parse_name(key) == ObjectName("backup-of-orders", datetime(2026, 10, 5, 10, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    "key",
    [
        "orders/2026/10/05/10/",
        "orders/2026/10/05/10/_SUCCESS",
        f"orders/backup-of-orders-1-2026-10-05-10-01-{UUID}.gz",
        f"orders/backup-of-orders-1-2026-13-05-10-01-02-{UUID}.gz",
        "orders/backup-of-orders-1-2026-10-05-10-01-02-0f1e.gz",
    ],
)
def test_another_key_is_no_object_of_a_firehose(key: str) -> None:
    assert parse_name(key) is None


@pytest.mark.parametrize(
    ("prefix", "listed"),
    [
        ("orders/", ["orders/2026/12/31/23/", "orders/2027/01/01/00/"]),
        ("", ["2026/12/31/23/", "2027/01/01/00/"]),
        (
            "y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/h=!{timestamp:HH}/",
            ["y=2026/m=12/d=31/h=23/", "y=2027/m=01/d=01/h=00/"],
        ),
        ("!{timestamp:yyyy'/hour'HH}-", ["2026/hour23-", "2027/hour00-"]),
        ("orders/!{timestamp:yyyy}/", ["orders/2026/", "orders/2027/"]),
        ("orders/!{timestamp:yyyy/MM/dd/HH-mm}/", ["orders/2026/12/31/23-", "orders/2027/01/01/00-"]),
        ("orders/!{firehose:random-string}/!{timestamp:yyyy}/", ["orders/"]),
        ("week/!{timestamp:YYYY}/", ["week/"]),
    ],
)
def test_the_prefix_is_read_as_firehose_reads_it(prefix: str, listed: list[str]) -> None:
    start = datetime(2026, 12, 31, 23, 40, tzinfo=UTC)
    assert listings(prefix, start, start + timedelta(minutes=30)) == listed


def test_a_prefix_that_comes_back_every_day_is_listed_once() -> None:
    found = listings("!{timestamp:HH}/", START, START + timedelta(days=2))
    assert sorted(found) == [f"{hour:02}/" for hour in range(24)]


def test_a_long_window_is_listed_by_day() -> None:
    found = listings("orders/", START, START + timedelta(days=3))
    assert found == [f"orders/2026/10/0{day}/" for day in (5, 6, 7, 8)]


@given(start=times, length=st.timedeltas(timedelta(0), timedelta(days=4)), share=st.floats(0, 1))
def test_every_object_of_the_window_is_under_exactly_one_prefix_listed(
    start: datetime, length: timedelta, share: float
) -> None:
    key = key_at(start + length * share)
    assert sum(key.startswith(each) for each in listings("orders/", start, start + length)) == 1
