"""The whole restore over a bucket and a stream in memory."""

import gzip
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import tally
from cli.problems import Stopped, Unreadable
from cli.replay import count, replay
from cli.restore_source import Format, Omissions, Source
from cli.restore_state import State
from cli.restore_target import Target
from cli.tally import Tally
from tests.restore_fakes import BUCKET, START, TARGET, Bucket, Stream, key_at

LINES = Format("newline", gzip=True, key_field=None)
MIB = 1024 * 1024
contents = st.lists(
    st.lists(st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data), max_size=8),
    min_size=1,
    max_size=5,
)


class Interrupted(Exception):
    """Stands for a crash."""


class Run:
    """One run of a restore; `states` is what a state file would have held."""

    def __init__(self, bucket: Bucket, stream: Stream, **changes: Any) -> None:
        self.source = Source(bucket.client, BUCKET, bucket.backup(), changes.get("format", LINES))
        self.stream = stream
        self.target: Target = changes.get("target", TARGET)
        self.told: list[str] = []
        self.omissions = Omissions(changes.get("keep_going", False), self.told.append, [])
        self.states = [changes.get("state", State(parameters={}))]

    def restore(self) -> State:
        self.omissions.left_out = list(self.states[-1].left_out)
        return replay(
            self.source,
            self.stream.client,
            self.target,
            self.states[-1],
            self.omissions,
            self.states.append,
            sleep=lambda seconds: None,
        )


def filled(objects: list[list[bytes]]) -> Bucket:
    bucket = Bucket()
    for minute, records in enumerate(objects):
        bucket.add(minute, records)
    return bucket


def joined(objects: list[list[bytes]]) -> list[bytes]:
    return [record for records in objects for record in records]


@given(contents)
def test_a_restore_puts_every_record_in_order_once(objects: list[list[bytes]]) -> None:
    run = Run(filled(objects), stream := Stream())
    done = run.restore()
    assert stream.records == joined(objects)
    assert done.finished
    assert done.tally == sum((tally.of(record) for record in stream.records), Tally())


@given(contents, st.integers(1, 12), st.integers(60, 200), st.booleans())
def test_an_interrupted_restore_loses_nothing_and_repeats_at_most_one_batch(
    objects: list[list[bytes]], crash: int, batch_bytes: int, put_before: bool
) -> None:
    def crashing(call: int, records: list[bytes]) -> set[int]:
        if call == crash:
            if put_before:
                stream.records.extend(records)
            raise Interrupted
        return set()

    bucket, stream = filled(objects), Stream(crashing)
    target = Target(TARGET.arn, TARGET.name, MIB, batch_bytes)
    run = Run(bucket, stream, target=target)
    interrupted = False
    try:
        run.restore()
    except Interrupted:
        interrupted = True
    before = list(stream.records)
    again = Run(bucket, stream, target=target, state=run.states[-1])
    done = again.restore()
    expected = joined(objects)
    repeated = len(stream.records) - len(expected)
    assert repeated == (len(stream.calls[crash - 1]) if interrupted and put_before else 0)
    assert before[: len(before) - repeated] + stream.records[len(before) :] == expected
    assert done.tally == sum((tally.of(record) for record in expected), Tally())


@given(contents, st.data())
def test_going_on_from_any_state_ever_written_gives_the_rest(
    objects: list[list[bytes]], data: st.DataObject
) -> None:
    bucket, target = filled(objects), Target(TARGET.arn, TARGET.name, MIB, 100)
    run = Run(bucket, Stream(), target=target)
    run.restore()
    state = data.draw(st.sampled_from(run.states))
    rest = Run(bucket, stream := Stream(), target=target, state=state)
    rest.restore()
    assert joined(objects)[: state.tally.records] + stream.records == joined(objects)


@given(contents)
def test_a_count_is_what_a_restore_puts(objects: list[list[bytes]]) -> None:
    run = Run(filled(objects), stream := Stream())
    counted = list(count(run.source, run.target, run.omissions))
    assert not stream.calls
    assert sum((each for _, each in counted), Tally()) == run.restore().tally
    assert [found.key for found, _ in counted] == sorted(found.key for found, _ in counted)


def test_the_checksum_knows_a_record_put_twice() -> None:
    once = tally.of(b"a") + tally.of(b"b")
    assert Tally() + tally.of(b"a") == tally.of(b"a")
    assert tally.of(b"b") + tally.of(b"a") == once
    assert (once + tally.of(b"a") + tally.of(b"a")).checksum != once.checksum


def test_a_damaged_object_ends_the_restore_with_its_key() -> None:
    bucket = filled([[b"a"], [b"b"], [b"c"]])
    _, damaged, _ = bucket.contents
    bucket.contents[damaged] = bucket.contents[damaged][:-9]
    with pytest.raises(Stopped, match=f"{damaged}: not sound GZIP"):
        Run(bucket, Stream()).restore()


def test_with_keep_going_a_damaged_object_is_left_out_and_told() -> None:
    bucket = filled([[b"a"], [b"b"], [b"c"]])
    _, damaged, _ = bucket.contents
    bucket.contents[damaged] = b"no gzip"
    run = Run(bucket, stream := Stream(), keep_going=True)
    done = run.restore()
    assert stream.records == [b"a", b"c"]
    assert done.left_out == run.told
    assert [text.split(":")[0] for text in run.told] == [damaged]


def test_a_record_too_large_is_named_with_the_size_that_the_stream_takes() -> None:
    bucket = filled([[b"a", b"x" * 100]])
    target = Target(TARGET.arn, TARGET.name, 120, MIB)
    [key] = bucket.contents
    with pytest.raises(Stopped, match=f"{key}: record 2 has 132 bytes, the stream takes 120"):
        Run(bucket, Stream(), target=target).restore()
    run = Run(bucket, stream := Stream(), target=target, keep_going=True)
    assert len(run.restore().left_out) == 1
    assert stream.records == [b"a"]


def test_what_was_left_out_before_is_told_once_and_not_forgotten() -> None:
    bucket = filled([[b"x" * 100, b"a"], [b"b"]])
    target = Target(TARGET.arn, TARGET.name, 120, 40)
    run = Run(bucket, Stream(), target=target, keep_going=True)
    run.restore()
    again = Run(bucket, Stream(), target=target, keep_going=True, state=run.states[1])
    assert again.restore().left_out == run.told
    assert again.told == []


def test_content_that_is_no_json_is_told_with_the_key() -> None:
    bucket = filled([[b"no json"]])
    [key] = bucket.contents
    run = Run(bucket, Stream(), format=Format("json", gzip=True, key_field=None))
    with pytest.raises(Stopped, match=f"{key}: .*no json") as stopped:
        run.restore()
    assert isinstance(stopped.value.__cause__, Unreadable)


def test_a_field_can_be_the_partition_key() -> None:
    bucket = filled([[b'{"customer": "c1"}', b'{"customer": "c2"}', b"{}"]])
    run = Run(bucket, stream := Stream(), format=Format("newline", gzip=True, key_field="customer"))
    run.restore()
    assert stream.partition_keys[:2] == ["c1", "c2"]
    assert len(stream.partition_keys[2]) == 32
    assert run.omissions.without_field == 1


def test_objects_are_read_by_the_time_in_their_names() -> None:
    bucket = Bucket()
    late = START + timedelta(minutes=1)
    first, second = key_at(START, 9), key_at(late, 1).replace("backup-of-orders-1-", "backup-of-orders-2-")
    third = key_at(late, 3).replace("backup-of-orders-1-", "a-new-name-3-")
    for key in (third, second, first):
        bucket.contents[key] = gzip.compress(key.encode() + b"\n")
    Run(bucket, stream := Stream()).restore()
    assert stream.records == [key.encode() for key in (first, third, second)]


def test_memory_does_not_grow_with_the_object() -> None:
    mebibytes = 256
    bucket = Bucket()
    key = bucket.add(0, [])
    line = b"x" * (MIB // 32 - 1) + b"\n"
    half = gzip.compress(line * 16 * mebibytes)
    bucket.contents[key] = half + half
    put = Tally()

    class Counting(Stream):
        def put_records(self, StreamARN: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
            nonlocal put
            put += Tally(len(Records), sum(len(record["Data"]) for record in Records))
            return {"Records": [{} for _ in Records]}

    run = Run(bucket, Counting())
    tracemalloc.start()
    try:
        run.restore()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert put.records == 32 * mebibytes
    assert peak < 32 * MIB
