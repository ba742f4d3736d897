"""The recorded CloudTrail events, which are kept beside the repository."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

VARIABLE = "STACKWARDEN_RECORDED_EVENTS"
DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "recorded-events"

type Event = dict[str, Any]


def folder() -> Path:
    """Where the events are; raises FileNotFoundError with what to do about it."""
    path = Path(os.environ.get(VARIABLE, DEFAULT_FOLDER))
    if not (path / "cloudtrail.jsonl.gz").is_file():
        raise FileNotFoundError(f"no recorded events in {path}: set {VARIABLE} to the folder that has them")
    return path


@cache
def events() -> tuple[Event, ...]:
    """All recorded events, oldest first."""
    with gzip.open(folder() / "cloudtrail.jsonl.gz", "rt") as lines:
        return tuple(json.loads(line) for line in lines)


def write_calls() -> list[Event]:
    """Those of API calls that change something."""
    return [event for event in events() if event["eventType"] == "AwsApiCall" and not event["readOnly"]]


def one(source: str, name: str, *, error: str | None = None) -> Event:
    """The first event of this name, of a call that succeeded or failed with this code."""
    return next(
        event
        for event in events()
        if event["eventSource"] == f"{source}.amazonaws.com"
        and event["eventName"] == name
        and event.get("errorCode") == error
    )


def key_paths(value: Any, prefix: str = "") -> set[str]:
    """Each key with the keys above it, `tags[].key`; entries of a list count as one."""
    if isinstance(value, dict):
        paths = {f"{prefix}{key}" for key in value}
        return paths.union(*(key_paths(inner, f"{prefix}{key}.") for key, inner in value.items()))
    if isinstance(value, list):
        return set[str]().union(*(key_paths(inner, f"{prefix.removesuffix('.')}[].") for inner in value))
    return set()
