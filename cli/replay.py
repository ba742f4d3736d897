"""Puts a backup into a stream batch by batch and remembers how far it got."""

import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from cli import tally
from cli.backup_objects import BackupObject
from cli.batches import Entry, Place, batches
from cli.put import Sleep, put
from cli.restore_source import Omissions, Source
from cli.restore_state import State
from cli.restore_target import Target
from cli.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

type Remember = Callable[[State], None]


def replay(
    source: Source,
    kinesis: "KinesisClient",
    target: Target,
    state: State,
    omissions: Omissions,
    remember: Remember,
    sleep: Sleep = time.sleep,
) -> State:
    """Put what the state does not have yet, and hand each new state to `remember`; the last one.

    Whatever interrupts it: what was remembered is in the stream, and of the rest at most one batch.
    Raises Stopped, and ClientError or BotoCoreError of AWS.
    """
    entries = source.entries(state.start(source.backup), target.record_bytes, omissions)
    for batch in batches(entries, size=target.batch_bytes):
        put(kinesis, target.arn, batch, sleep)
        state = _after(state, source, batch, omissions)
        remember(state)
    last = len(source.backup.objects) - 1
    state = state.model_copy(
        update={
            **_standing(source, Place(last, 0)),
            "finished": True,
            "left_out": list(omissions.left_out),
        }
    )
    remember(state)
    return state


def _after(state: State, source: Source, batch: list[Entry], omissions: Omissions) -> State:
    done = sum((tally.of(entry.data) for entry in batch), state.tally)
    last = batch[-1].place
    standing = _standing(source, Place(last.object, last.record + 1))
    update = {**standing, "finished": False, "tally": done, "left_out": list(omissions.left_out)}
    return state.model_copy(update=update)


def _standing(source: Source, place: Place) -> dict[str, object]:
    key, mark = source.backup.objects[place.object].key, source.backup.marks[place.object]
    return {"key": key, "mark": mark, "records": place.record}


def count(source: Source, target: Target, omissions: Omissions) -> Iterator[tuple[BackupObject, Tally]]:
    """What a replay would put, object by object; an object without records is not in it. Raises Stopped."""
    entries = source.entries(Place(0, 0), target.record_bytes, omissions)
    for number, of_object in groupby(entries, key=lambda entry: entry.place.object):
        counted = sum((tally.of(entry.data) for entry in of_object), Tally())
        yield source.backup.objects[number], counted
