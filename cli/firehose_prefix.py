"""Where Firehose puts its objects: its prefix expressions, and the time in an object's name.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DEFAULT_FOLDERS = "!{timestamp:yyyy/MM/dd/HH}/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_HOUR_UP_TO = timedelta(days=2)

_EXPRESSION = re.compile(r"!\{(?P<namespace>[a-zA-Z-]+):(?P<value>[^}]*)\}")
_PATTERN = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z']+)")
# Not YYYY: the year of the week is another one around New Year.
_DIRECTIVES = {"yyyy": "%Y", "uuuu": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
_OF_A_DAY = {letters: directive for letters, directive in _DIRECTIVES.items() if letters != "HH"}
_NAME = re.compile(
    r"(?P<firehose>[a-zA-Z0-9_.-]+)-\d+-(?P<time>\d{4}(-\d\d){5})"
    r"-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(\.[0-9a-zA-Z!_.*'()-]+)?"
)


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What the last part of a key says."""

    firehose: str
    time: datetime


def parse_name(key: str) -> ObjectName | None:
    """Read `PREFIX<Firehose>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid><extension>`; None for any other key.

    A prefix need not end in a slash, then it is taken for a part of the Firehose's name.
    """
    found = _NAME.fullmatch(key.rsplit("/", 1)[-1])
    if found is None:
        return None
    try:
        time = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ObjectName(found["firehose"], time)


def listings(prefix: str, start: datetime, end: datetime) -> list[str]:
    """The prefixes to list for objects of start to end, in order of time, none of them within another.

    `prefix` is written as in the Firehose's own configuration; without an expression of the namespace
    `timestamp` Firehose appends yyyy/MM/dd/HH/, and so does this.
    """
    template = prefix if "!{timestamp:" in prefix else prefix + DEFAULT_FOLDERS
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    step, directives = HOUR, _DIRECTIVES
    if end - start > BY_HOUR_UP_TO:  # a year has 8,760 hours to list
        first, step, directives = first.replace(hour=0), DAY, _OF_A_DAY
    steps = (end - first) // step + 1
    # A dictionary, since the same prefix may stand for many steps.
    return list(dict.fromkeys(_evaluate(template, first + n * step, directives) for n in range(steps)))


def _evaluate(template: str, time: datetime, directives: Mapping[str, str]) -> str:
    """The template at a time, up to the first expression that the directives do not decide."""
    text, position = "", 0
    for expression in _EXPRESSION.finditer(template):
        text += template[position : expression.start()]
        if expression["namespace"] != "timestamp":
            return text
        value, decided = _timestamp(expression["value"], time, directives)
        text += value
        if not decided:
            return text
        position = expression.end()
    return text + template[position:]


def _timestamp(pattern: str, time: datetime, directives: Mapping[str, str]) -> tuple[str, bool]:
    text = ""
    for part in _PATTERN.finditer(pattern):
        if part["letters"] is None:
            text += part["quoted"] or part["other"] or "'"
        elif part["letters"] in directives:
            text += time.strftime(directives[part["letters"]])
        else:
            return text, False
    return text, True
