"""How far a restore got, in a file: written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cli.backup_objects import Backup
from cli.batches import Place
from cli.problems import BadInput, Stopped
from cli.tally import Tally

OPTION = "--state"


class State(BaseModel):
    """`key` and `mark` of the object that was last put from, `records` of it are done, or all: `finished`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    parameters: dict[str, str]
    key: str | None = None
    mark: str = ""
    records: int = 0
    finished: bool = False
    tally: Tally = Tally()
    left_out: list[str] = []

    def start(self, backup: Backup) -> Place:
        """Where to go on. Raises BadInput when what was done is no longer the beginning of the backup."""
        if self.key is None:
            return Place(0, 0)
        keys = [each.key for each in backup.objects]
        number = keys.index(self.key) if self.key in keys else -1
        if number < 0 or backup.marks[number] != self.mark:
            raise BadInput(
                OPTION,
                "objects of the window came, went or changed among those that were already restored; "
                "take another state file to restore all of it again",
            )
        return Place(number + 1, 0) if self.finished else Place(number, self.records)


def load(path: Path, parameters: Mapping[str, str]) -> State:
    """Read the file, or begin. Raises BadInput for a file that is damaged or of another restore."""
    try:
        state = State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return State(parameters=dict(parameters))
    except OSError as error:
        raise BadInput(OPTION, f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BadInput(OPTION, f"{path} is damaged or no state of restore-stream") from error
    for option in sorted(parameters.keys() | state.parameters.keys()):
        then, now = state.parameters.get(option), parameters.get(option)
        if then != now:
            raise BadInput(OPTION, f"{path} is of another restore: {option} was {then!r}, now it is {now!r}")
    return state


def save(path: Path, state: State) -> None:
    """Replace the file. Raises Stopped when that cannot be done."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(state.model_dump_json(indent=2).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise Stopped(f"{OPTION}: {path} cannot be written: {error.strerror}") from error
