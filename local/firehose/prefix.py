"""Names of Firehose's objects: prefixes with expressions, and what follows them. Pure.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
"""

import re
import uuid
from collections.abc import Callable
from datetime import datetime

from moto.moto_api._internal import mock_random

EXPRESSION = re.compile(r"!\{(?P<namespace>[^:{}]*):(?P<value>[^{}]*)\}")
ERROR_TYPE = "error-output-type"
FIREHOSE_VALUES = frozenset({ERROR_TYPE, "random-string"})
DEFAULT_TIME = "yyyy/MM/dd/HH/"
RANDOM_LENGTH = 11
EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}
"""By compression format; the others are not known here."""

JAVA_TOKEN = re.compile(
    r"'(?P<quoted>(?:[^']|'')*)'|(?P<letters>(?P<letter>[A-Za-z])(?P=letter)*)|(?P<text>.)", re.DOTALL
)
FORMATS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda moment: f"{moment:%Y}",
    "uuuu": lambda moment: f"{moment:%Y}",
    "yy": lambda moment: f"{moment:%y}",
    "MMMM": lambda moment: f"{moment:%B}",
    "MMM": lambda moment: f"{moment:%b}",
    "MM": lambda moment: f"{moment:%m}",
    "M": lambda moment: str(moment.month),
    "DDD": lambda moment: f"{moment:%j}",
    "dd": lambda moment: f"{moment:%d}",
    "d": lambda moment: str(moment.day),
    "HH": lambda moment: f"{moment:%H}",
    "H": lambda moment: str(moment.hour),
    "mm": lambda moment: f"{moment:%M}",
    "ss": lambda moment: f"{moment:%S}",
    "SSS": lambda moment: f"{moment:%f}"[:3],
}
"""The subset of Java's DateTimeFormatter that is known here."""


class InvalidPrefix(ValueError):
    """Firehose refuses the prefix; the message says why."""


def check(prefix: str, error_prefix: str | None) -> None:
    """Raises InvalidPrefix where the two break the rules for prefixes."""
    values = list(_expressions(prefix))
    if ("firehose", ERROR_TYPE) in values:
        raise InvalidPrefix(f"The prefix cannot contain !{{firehose:{ERROR_TYPE}}}.")
    if error_prefix is None and values:
        raise InvalidPrefix("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.")
    if error_prefix and ("firehose", ERROR_TYPE) not in _expressions(error_prefix):
        raise InvalidPrefix(f"ErrorOutputPrefix must contain !{{firehose:{ERROR_TYPE}}}.")


def _expressions(prefix: str) -> list[tuple[str, str]]:
    if "!{" in EXPRESSION.sub("", prefix):
        raise InvalidPrefix(f"The prefix {prefix} has an expression that is not !{{namespace:value}}.")
    found = [(match["namespace"], match["value"]) for match in EXPRESSION.finditer(prefix)]
    for namespace, value in found:
        if namespace == "timestamp":
            java_time(value, datetime.min)
        elif namespace != "firehose" or value not in FIREHOSE_VALUES:
            raise InvalidPrefix(f"The expression !{{{namespace}:{value}}} is not known.")
    return found


def evaluated(prefix: str, moment: datetime) -> str:
    """The prefix with its expressions replaced; without a timestamp the hour is added."""

    def value(match: re.Match[str]) -> str:
        if match["namespace"] == "timestamp":
            return java_time(match["value"], moment)
        return str(mock_random.get_random_string(RANDOM_LENGTH))

    has_time = any(namespace == "timestamp" for namespace, _ in _expressions(prefix))
    return EXPRESSION.sub(value, prefix) + ("" if has_time else java_time(DEFAULT_TIME, moment))


def java_time(pattern: str, moment: datetime) -> str:
    """A time by a pattern of Java's DateTimeFormatter; raises InvalidPrefix for letters not known here."""
    return "".join(_formatted(token, moment) for token in JAVA_TOKEN.finditer(pattern))


def _formatted(token: re.Match[str], moment: datetime) -> str:
    if (quoted := token["quoted"]) is not None:
        return quoted.replace("''", "'") or "'"
    if (letters := token["letters"]) is None:
        return str(token["text"])
    if letters not in FORMATS:
        raise InvalidPrefix(f"The time pattern {letters} is not known.")
    return FORMATS[letters](moment)


def object_key(*, prefix: str, name: str, version: str, moment: datetime, extension: str) -> str:
    """The key of an object whose oldest record arrived at `moment`, in the delivery stream's time zone."""
    return f"{evaluated(prefix, moment)}{name}-{version}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"
