"""Notification configurations: read from XML, and refused where S3 refuses them. Pure.

moto takes filters that overlap, knows filter names in lower case alone, and takes values as they are.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import unquote_plus
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]
from moto.s3.exceptions import InvalidArgumentError, InvalidNotificationARN, MalformedXML
from moto.s3.models import Notification

KINDS = {
    "TopicConfiguration": "Topic",
    "QueueConfiguration": "Queue",
    "CloudFunctionConfiguration": "CloudFunction",
}
SERVICES = {"Topic": "sns", "Queue": "sqs", "CloudFunction": "lambda"}
REPEATED = ("Event", "FilterRule", *KINDS)
NAMES = ("prefix", "suffix")
ALL_OF_A_KIND = ":*"
OVERLAPPING_FILTERS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)
OVERLAPPING_EVENTS = (
    "Configurations overlap. Configurations on the same bucket cannot share a common event type."
)


@dataclass(frozen=True)
class Rule:
    """One notification, whatever its destination."""

    arn: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def overlaps(self, other: "Rule") -> bool:
        """Whether one event on one key could be for both."""
        return (
            any(share(mine, theirs) for mine in self.events for theirs in other.events)
            and begins_alike(self.prefix, other.prefix)
            and begins_alike(self.suffix[::-1], other.suffix[::-1])
        )


def share(one: str, other: str) -> bool:
    """Whether two event types have an event in common: `s3:ObjectCreated:*` and `s3:ObjectCreated:Put`."""
    one_kind, other_kind = one.removesuffix(ALL_OF_A_KIND), other.removesuffix(ALL_OF_A_KIND)
    return one == other or (
        one.rpartition(":")[0] == other.rpartition(":")[0] and (one_kind != one or other_kind != other)
    )


def begins_alike(one: str, other: str) -> bool:
    """Whether something can begin with both."""
    return one.startswith(other) or other.startswith(one)


def parse(body: bytes | str) -> dict[str, Any]:
    """The configuration in moto's form, each thing that may be repeated as a list; {} if it has none."""
    try:
        document = xmltodict.parse(body, force_list=REPEATED, strip_whitespace=False)
    except ExpatError:
        raise MalformedXML from None
    given = document.get("NotificationConfiguration")
    if given is None:
        return {}
    wanted: dict[str, Any] = {name: given[name] for name in KINDS if name in given}
    for name, entry in _entries(wanted):
        _check(entry, KINDS[name])
    if "EventBridgeConfiguration" in given:
        wanted["EventBridgeConfiguration"] = {}
    return wanted


def _entries(wanted: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in KINDS:
        for entry in wanted.get(name, []):
            yield name, entry


def _check(entry: dict[str, Any], target: str) -> None:
    arn = entry.get(target) or ""
    if arn.split(":")[:1] != ["arn"] or arn.split(":")[2:3] != [SERVICES[target]]:
        raise InvalidNotificationARN
    if not entry.get("Event"):
        raise MalformedXML
    if not entry.get("Filter"):
        entry.pop("Filter", None)
        return
    found = [str(rule.get("Name")).lower() for rule in _filter_rules(entry)]
    if not set(found) <= set(NAMES):
        message = "filter rule name must be either prefix or suffix"
        raise InvalidArgumentError(message, "FilterRule.Name", found[0])
    for name in NAMES:
        if found.count(name) > 1:
            message = f"Cannot specify more than one {name} rule in a filter."
            raise InvalidArgumentError(message, "FilterRule.Name", name)


def _filter_rules(entry: dict[str, Any]) -> list[dict[str, Any]]:
    key_filter = entry["Filter"].get("S3Key")
    if key_filter is None:
        raise MalformedXML
    rules: list[dict[str, Any]] = key_filter.setdefault("FilterRule", [])
    for rule in rules:
        rule["Value"] = rule.get("Value") or ""
    return rules


def check_overlaps(wanted: dict[str, Any]) -> None:
    """Raises InvalidArgument where one event could be for two rules."""
    for one, other in combinations(rules(wanted), 2):
        if one.overlaps(other):
            has_filter = any((one.prefix, one.suffix, other.prefix, other.suffix))
            message = OVERLAPPING_FILTERS if has_filter else OVERLAPPING_EVENTS
            raise InvalidArgumentError(message, "Event", ", ".join((*one.events, *other.events)))


def rules(wanted: dict[str, Any]) -> list[Rule]:
    """Every notification of a configuration."""
    found = []
    for name, entry in _entries(wanted):
        prefix, suffix = key_filter(entry.get("Filter", {}))
        found.append(Rule(entry[KINDS[name]], tuple(entry["Event"]), prefix, suffix))
    return found


def key_filter(filters: dict[str, Any]) -> tuple[str, str]:
    """Prefix and suffix as S3 compares them: filter values are URL-encoded."""
    values = {
        rule["Name"].lower(): unquote_plus(rule["Value"])
        for rule in filters.get("S3Key", {}).get("FilterRule", [])
    }
    return values.get("prefix", ""), values.get("suffix", "")


def key_matches(notification: Notification, key: str) -> bool:
    """Whether a notification wants events of a key."""
    prefix, suffix = key_filter(notification.filters)
    return key.startswith(prefix) and key.endswith(suffix)
