import itertools
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cli.batches import MAX_BYTES, MAX_RECORDS, Entry, Place, batches
from cli.partition_keys import field_of, random_key
from cli.problems import Stopped
from cli.put import ATTEMPTS, FIRST_DELAY, LONGEST_DELAY, delay, put
from tests.restore_fakes import TARGET, Stream, refusal

MIB = 1024 * 1024


def entry(data: bytes, number: int = 0) -> Entry:
    return Entry(Place(0, number), data, "key")


BATCH = [entry(b"%d" % number, number) for number in range(10)]
DATA = [each.data for each in BATCH]


@given(st.lists(st.integers(0, 30)), st.integers(1, 5), st.integers(10, 60))
def test_batches_keep_the_order_and_the_limits(sizes: list[int], records: int, size: int) -> None:
    entries = [entry(b"x" * length, number) for number, length in enumerate(sizes)]
    found = list(batches(entries, records=records, size=size))
    assert [each for batch in found for each in batch] == entries
    for batch in found:
        assert 1 <= len(batch) <= records
        assert len(batch) == 1 or sum(each.size for each in batch) <= size
    for batch, following in itertools.pairwise(found):
        assert len(batch) == records or sum(each.size for each in [*batch, following[0]]) > size


def test_batches_are_what_put_records_takes() -> None:
    many = list(batches(entry(b"x") for _ in range(MAX_RECORDS + 1)))
    assert [len(batch) for batch in many] == [MAX_RECORDS, 1]
    large = list(batches(entry(b"x" * (MIB - 3)) for _ in range(6)))
    assert [sum(each.size for each in batch) for batch in large] == [MAX_BYTES, MIB]
    assert [len(batch) for batch in batches([entry(b"x"), entry(b"x" * 9 * MIB), entry(b"x")])] == [1, 1, 1]


def test_the_partition_key_counts_in_bytes() -> None:
    assert Entry(Place(0, 0), b"four", "äö").size == 8


@given(st.lists(st.sets(st.integers(0, 9)), max_size=6))
def test_only_what_was_refused_is_put_again_and_in_order(refused: list[set[int]]) -> None:
    stream = Stream(lambda call, records: refused[call - 1] if call <= len(refused) else set())
    put(stream.client, TARGET.arn, BATCH, sleep=lambda seconds: None)
    assert sorted(stream.records) == DATA
    for before, after, numbers in zip(stream.calls, stream.calls[1:], refused, strict=False):
        assert after == [record for number, record in enumerate(before) if number in numbers]


def test_a_record_keeps_its_partition_key_when_put_again() -> None:
    stream = Stream(lambda call, records: {0} if call == 1 else set())
    put(
        stream.client,
        TARGET.arn,
        [Entry(Place(0, 0), b"a", "k1"), Entry(Place(0, 1), b"b", "k2")],
        lambda s: None,
    )
    assert list(zip(stream.records, stream.partition_keys, strict=True)) == [(b"b", "k2"), (b"a", "k1")]


def test_a_stream_that_takes_nothing_is_given_up_after_some_attempts() -> None:
    stream = Stream(lambda call, records: set(range(len(records))))
    slept: list[float] = []
    with pytest.raises(Stopped, match=f"{ATTEMPTS} attempts: ProvisionedThroughputExceededException"):
        put(stream.client, TARGET.arn, BATCH, slept.append)
    assert len(stream.calls) == ATTEMPTS
    assert len(slept) == ATTEMPTS - 1


def test_a_stream_that_takes_one_record_a_time_is_not_given_up() -> None:
    stream = Stream(lambda call, records: set(range(1, len(records))))
    many = [entry(b"%d" % number) for number in range(ATTEMPTS * 3)]
    put(stream.client, TARGET.arn, many, lambda seconds: None)
    assert stream.records == [each.data for each in many]


def failing(codes: list[str]) -> Callable[[int, list[bytes]], set[int]]:
    """Whole calls that fail, one code each."""

    def refuse(call: int, records: list[bytes]) -> set[int]:
        if call <= len(codes):
            raise refusal(codes[call - 1])
        return set()

    return refuse


def test_a_call_that_is_throttled_as_a_whole_is_repeated() -> None:
    stream = Stream(failing(["ProvisionedThroughputExceededException", "KMSThrottlingException"]))
    put(stream.client, TARGET.arn, BATCH, lambda seconds: None)
    assert stream.calls == [DATA, DATA, DATA]
    assert stream.records == DATA


def test_an_error_that_waiting_does_not_heal_is_passed_on() -> None:
    stream = Stream(failing(["ResourceNotFoundException"]))
    with pytest.raises(ClientError):
        put(stream.client, TARGET.arn, BATCH, lambda seconds: None)
    assert len(stream.calls) == 1


@given(st.integers(1, 50))
def test_the_delay_grows_to_a_bound(attempt: int) -> None:
    assert 0 <= delay(attempt) <= min(LONGEST_DELAY, FIRST_DELAY * 2**attempt)


def test_random_keys_differ() -> None:
    assert len({random_key() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"customer": "c1"}', "c1"),
        (b'{"customer": 17}', "17"),
        (b'{"customer": true}', "true"),
        (b'{"customer": "%s"}' % (b"x" * 256), "x" * 256),
        (b'{"customer": "%s"}' % (b"x" * 257), None),
        (b'{"customer": ""}', None),
        (b'{"customer": null}', None),
        (b'{"customer": ["c1"]}', None),
        (b'{"customer": "\\ud800"}', None),
        (b'{"other": "c1"}', None),
        (b'["customer"]', None),
        (b"[" * 100_000, None),
        (b"no json", None),
        (b"\xff\xfe\xfd", None),
    ],
)
def test_a_field_is_the_key_where_it_can_be_one(data: bytes, key: str | None) -> None:
    assert field_of(data, "customer") == key
