"""What docs/guards/unbacked-stream.md shows of the guard: what a copy costs, its numbers."""

from collections.abc import Iterator

from stackwarden.policies import unbacked_stream as policy
from stackwarden.policies.stream_cost import Cost, Prices, Volume, monthly
from stackwarden.stream_case import MEASURED
from stackwarden.stream_reader import MOST_DESCRIBED

_DAY = 24 * 3600
_KB, _GB = 1024, 1024**3
_VOLUMES = (1, 10, 100)  # GB a day
_SIZES = (0.5, 5, 20)  # KB a record


def costs() -> Iterator[tuple[str, ...]]:
    """Yield one row a volume and size of records: what a month of it costs at the default prices."""
    for volume in _VOLUMES:
        for size in _SIZES:
            cost = _cost(volume * _GB, size * _KB)
            yield (
                f"{volume:,} GB",
                f"{size:g} KB",
                f"{cost.stored:,.0f}",
                f"{cost.billed:,.0f}",
                f"{cost.firehose:,.2f}",
                f"{cost.storage:,.2f}",
                f"{cost.total:,.2f}",
            )


def prices() -> str:
    """Say which prices the table is made with."""
    default = Prices()
    return (
        f"us-east-1: {default.firehose:g} USD for a GB through Firehose (`UnbackedStreamFirehosePrice`, "
        f"the first 500 TB of a month),\n{default.storage:g} USD for a GB and month in S3 Standard "
        "(`UnbackedStreamStoragePrice`). A month has 30 days, a KB 1,024 bytes.\n"
    )


def _cost(size_of_a_day: float, size: float) -> Cost:
    cost = monthly(Volume(size_of_a_day / size, size_of_a_day, _DAY), Prices())
    assert cost is not None  # noqa: S101 - none of the volumes is empty
    return cost


def numbers(timeout: int) -> Iterator[tuple[str, str]]:
    """Yield what a number is, and the number."""
    yield (
        "times that one change is tried, each with its [retries](../remediation.md#states)",
        f"{policy.TRIES}",
    )
    yield (
        "looks while something is being made or deleted",
        f"{policy.PATIENCE}, {policy.PAUSE} to {policy.LONGEST_PAUSE} seconds apart",
    )
    yield (
        "looks at the stack that made the stream, which may bring a copy of its own",
        f"{policy.SETTLING}, which takes some 20 minutes",
    )
    yield (
        "pause after AWS answered no calls, another one for each stream",
        f"{policy.PAUSE} to {policy.PAUSE + 59} seconds",
    )
    yield "delivery streams of others described in one look", f"{MOST_DESCRIBED}"
    yield (
        "looks of a search among them",
        f"{policy.LONGEST_SEARCH}, {policy.NEXT_PAGE} seconds apart; then it fails, and says so",
    )
    yield "a delivery stream is kept after its stream is deleted", f"{policy.FLUSHED} seconds"
    yield "volume measured for the cost", f"of {MEASURED.days} days"
    yield "time for one event", f"{timeout} seconds"
