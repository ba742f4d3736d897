"""What a copy costs in a month, against sums made by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.policies.stream_cost import LEAST_MEASURED, Prices, Volume, monthly

KB, GB = 1024, 1024**3
DAY, MONTH = 24 * 3600, 30 * 24 * 3600
PRICES = Prices(firehose=0.029, storage=0.023)


def test_the_example_of_small_records() -> None:
    """A hundred records of 3 KB a second: 100 * 5 KB * 2,592,000 s / 1,048,576 KB = 1,235.96 GB."""
    cost = monthly(Volume(records=100 * DAY, size=100 * DAY * 3 * KB, seconds=DAY), PRICES)

    assert cost is not None
    assert cost.billed == pytest.approx(1235.96, abs=0.01)
    assert cost.firehose == pytest.approx(35.84, abs=0.01)
    assert cost.stored == pytest.approx(741.58, abs=0.01)
    assert cost.storage == pytest.approx(17.06, abs=0.01)
    assert cost.total == pytest.approx(52.90, abs=0.01)


@pytest.mark.parametrize(
    ("size", "billed"),
    [(1, 5 * KB), (5 * KB - 1, 5 * KB), (5 * KB, 5 * KB), (5 * KB + 1, 10 * KB), (12 * KB, 15 * KB)],
)
def test_a_record_counts_as_a_multiple_of_five_kilobytes(size: int, billed: int) -> None:
    cost = monthly(Volume(records=1, size=size, seconds=MONTH), PRICES)

    assert cost is not None
    assert cost.billed * GB == pytest.approx(billed)
    assert cost.stored * GB == pytest.approx(size)


def test_an_empty_record_counts_too() -> None:
    cost = monthly(Volume(records=1, size=0, seconds=MONTH), PRICES)

    assert cost is not None
    assert cost.billed * GB == pytest.approx(5 * KB)


@pytest.mark.parametrize(
    "volume", [Volume(0, 0, MONTH), Volume(0, 0, 0), Volume(1000, 1000, LEAST_MEASURED - 1)]
)
def test_of_too_little_nothing_is_told(volume: Volume) -> None:
    assert monthly(volume, PRICES) is None


def test_an_hour_is_enough() -> None:
    assert monthly(Volume(1, 1, LEAST_MEASURED), PRICES) is not None


@given(st.lists(st.integers(0, 30 * KB), min_size=1, max_size=20))
def test_the_average_is_wrong_by_less_than_five_kilobytes_a_record(sizes: list[int]) -> None:
    true = sum(max(1, -(-size // (5 * KB))) * 5 * KB for size in sizes)

    cost = monthly(Volume(len(sizes), sum(sizes), MONTH), PRICES)

    assert cost is not None
    assert abs(cost.billed * GB - true) <= 5 * KB * len(sizes) * (1 + 1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 10**9), st.integers(0, 10**12))
def test_prices_and_volumes_multiply(firehose: float, storage: float, records: int, size: int) -> None:
    cost = monthly(Volume(records, size, MONTH), Prices(firehose, storage))

    assert cost is not None
    assert cost.firehose == pytest.approx(cost.billed * firehose)
    assert cost.storage == pytest.approx(cost.stored * storage)
    assert cost.billed >= cost.stored * (1 - 1e-9)
