"""The sample events in events/: `<guard>/<case>.<verdict>.json`, all of 2026-01-15, about ten o'clock.

A guard leaves old events alone, so a test moves an event to now; one that was old stays as old as it was.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import template

FOLDER = Path(__file__).resolve().parents[1] / "events"
HAPPENED = datetime(2026, 1, 15, 10, tzinfo=UTC)

type Event = dict[str, Any]


def cases(guard: str) -> list[str]:
    """The cases of a guard, with their verdict: `delete-table.violation`."""
    return sorted(path.stem for path in (FOLDER / guard).glob("*.json"))


def load(guard: str, case: str) -> Event:
    """One sample event, as it is in its file."""
    event: Event = json.loads((FOLDER / guard / f"{case}.json").read_text())
    return event


def rules_of(guard: str, event: Event) -> list[str]:
    """The rules in a guard's block of the template that an event matches: `StackDeletion`."""
    function = f"{guard.title().replace('-', '')}Function."
    return [rule.removeprefix(function) for rule in template.rules_for(event) if rule.startswith(function)]


def now(guard: str, case: str) -> Event:
    """One sample event, moved to now."""
    event = load(guard, case)
    event["time"] = _moved(event["time"])
    detail = event["detail"]
    if "eventTime" in detail:
        detail["eventTime"] = _moved(detail["eventTime"])
    return event


def _moved(text: str) -> str:
    age = datetime.now(UTC) - HAPPENED
    zone = "Z" if text.endswith("Z") else ""
    moved = datetime.fromisoformat(text).replace(tzinfo=UTC) + age - timedelta(seconds=2)
    return moved.strftime("%Y-%m-%dT%H:%M:%S") + zone


def ahead(*, days: int) -> str:
    """The date some days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
