"""CloudTrail's LookupEvents, which moto lacks.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
The events of an account and Region hang on moto's CloudTrail backend: resetting moto forgets them.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from local.cloudtrail.resources import lookup_resources

type Event = dict[str, Any]

RETENTION = timedelta(days=90)
MAXIMUM_RESULTS = 50
KEPT_EVENTS = 50_000
"""A bound on memory; the oldest go first."""


def remember(event: Event, *, account: str, region: str) -> None:
    """Keep one record."""
    _events(account, region).append(event)


def _events(account: str, region: str) -> deque[Event]:
    backend = cloudtrail_backends[account][region]
    kept: deque[Event] = backend.__dict__.setdefault("recorded_events", deque(maxlen=KEPT_EVENTS))
    return kept


def install() -> None:
    """Add the operation to moto's CloudTrail."""
    CloudTrailResponse.lookup_events = _lookup_events  # type: ignore[attr-defined]  # moto has none


def _lookup_events(response: CloudTrailResponse) -> str:
    limit = int(response._get_param("MaxResults") or MAXIMUM_RESULTS)
    if not 1 <= limit <= MAXIMUM_RESULTS:
        raise JsonRESTError("InvalidMaxResultsException", "A maximum results value of 0 is specified.")
    offset = _offset(response._get_param("NextToken"))
    now = datetime.now(UTC)
    start = _moment(response._get_param("StartTime")) or now - RETENTION
    end = _moment(response._get_param("EndTime")) or now
    if start > end:
        raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")
    attributes = response._get_param("LookupAttributes") or []
    conditions = [_condition(item["AttributeKey"], item["AttributeValue"]) for item in attributes]
    events = reversed(list(_events(response.current_account, response.region)))
    found = [e for e in events if start <= _time(e) <= end and all(holds(e) for holds in conditions)]
    page = found[offset : offset + limit]
    more = {"NextToken": str(offset + limit)} if len(found) > offset + limit else {}
    return json.dumps({"Events": [_entry(event) for event in page], **more})


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise JsonRESTError("InvalidNextTokenException", "A token from a prior call is expected.")
    return int(token)


def _moment(value: float | str | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(float(value), UTC)


def _time(event: Event) -> datetime:
    return datetime.fromisoformat(event["eventTime"])


def _condition(key: str, value: str) -> Callable[[Event], bool]:
    readers: dict[str, Callable[[Event], Iterable[str]]] = {
        "EventId": lambda event: [event["eventID"]],
        "EventName": lambda event: [event["eventName"]],
        "EventSource": lambda event: [event["eventSource"]],
        "ReadOnly": lambda event: [str(event["readOnly"]).lower()],
        "Username": lambda event: [_user_name(event)],
        "AccessKeyId": lambda event: [event["userIdentity"].get("accessKeyId", "")],
        "ResourceName": lambda event: (it["ResourceName"] for it in lookup_resources(event)),
        "ResourceType": lambda event: (it["ResourceType"] for it in lookup_resources(event)),
    }
    if key not in readers:
        raise JsonRESTError("InvalidLookupAttributesException", f"{key} is no valid lookup attribute.")
    read = readers[key]
    return lambda event: value in read(event)


def _user_name(event: Event) -> str:
    """A user's name; of a role session the session name, as the console shows it."""
    identity = event["userIdentity"]
    return str(identity.get("userName") or identity.get("arn", "root").rsplit("/", 1)[-1])


def _entry(event: Event) -> dict[str, Any]:
    return {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "ReadOnly": str(event["readOnly"]).lower(),
        "AccessKeyId": event["userIdentity"].get("accessKeyId", ""),
        "EventTime": _time(event).timestamp(),
        "EventSource": event["eventSource"],
        "Username": _user_name(event),
        "Resources": lookup_resources(event),
        "CloudTrailEvent": json.dumps(event),
    }
