from pathlib import Path

import pytest

from cli.backup_objects import Backup
from cli.batches import Place
from cli.problems import BadInput, Stopped
from cli.restore_state import State, load, save
from cli.tally import Tally
from tests.restore_fakes import Bucket

PARAMETERS = {"--bucket": "backup", "--from": "2026-10-05T10:00:00+00:00"}


@pytest.fixture
def bucket() -> Bucket:
    filled = Bucket()
    for minute in range(3):
        filled.add(minute, [b"record"])
    return filled


def state_in(backup: Backup, number: int, *, finished: bool = False) -> State:
    key, mark = backup.objects[number].key, backup.marks[number]
    return State(parameters=PARAMETERS, key=key, mark=mark, records=7, finished=finished)


def test_a_state_is_read_as_it_was_written(tmp_path: Path, bucket: Bucket) -> None:
    written = state_in(bucket.backup(), 1).model_copy(
        update={"tally": Tally(3, 9, 2**127), "left_out": ["orders/x: damaged"]}
    )
    path = tmp_path / "state.json"
    save(path, State(parameters=PARAMETERS))
    save(path, written)
    assert load(path, PARAMETERS) == written
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_file_a_restore_begins(tmp_path: Path, bucket: Bucket) -> None:
    state = load(tmp_path / "state.json", PARAMETERS)
    assert state.start(bucket.backup()) == Place(0, 0)


def test_a_restore_goes_on_at_the_record_after_the_last_one(bucket: Bucket) -> None:
    backup = bucket.backup()
    assert state_in(backup, 1).start(backup) == Place(1, 7)


def test_objects_that_arrive_later_are_restored_by_the_next_run(bucket: Bucket) -> None:
    done = state_in(bucket.backup(), 2, finished=True)
    assert done.start(bucket.backup()) == Place(3, 0)
    bucket.add(3, [b"late"])
    assert done.start(bucket.backup()) == Place(3, 0)
    assert len(bucket.backup().objects) == 4


@pytest.mark.parametrize("change", ["arrives", "goes", "changes"])
def test_a_change_among_what_was_restored_is_refused(bucket: Bucket, change: str) -> None:
    state = state_in(bucket.backup(), 1)
    first, *_ = bucket.contents
    if change == "arrives":
        bucket.add(0.5, [b"late"])
    elif change == "goes":
        del bucket.contents[first]
    else:
        bucket.contents[first] += b"more"
    with pytest.raises(BadInput, match=r"--state.*already restored"):
        state.start(bucket.backup())


def test_a_change_after_what_was_restored_is_none(bucket: Bucket) -> None:
    state = state_in(bucket.backup(), 1)
    *_, last = bucket.contents
    del bucket.contents[last]
    assert state.start(bucket.backup()) == Place(1, 7)


@pytest.mark.parametrize("parameters", [{**PARAMETERS, "--bucket": "other"}, {"--bucket": "backup"}, {}])
def test_the_state_of_another_restore_is_refused(tmp_path: Path, parameters: dict[str, str]) -> None:
    path = tmp_path / "state.json"
    save(path, State(parameters=PARAMETERS))
    with pytest.raises(BadInput, match=r"--state: .* of another restore: --"):
        load(path, parameters)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"version": 2, "parameters": {}}', b'{"parameters": {}, "x": 1}', b"\xff"],
)
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"--state: .*damaged"):
        load(path, PARAMETERS)


def test_a_state_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--state: .*cannot be read"):
        load(tmp_path, PARAMETERS)
    with pytest.raises(Stopped, match=r"--state: .*cannot be written"):
        save(tmp_path / "missing" / "state.json", State(parameters=PARAMETERS))
