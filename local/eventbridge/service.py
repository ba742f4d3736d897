"""Event buses that deliver: every matching rule's targets get the event, in the background.

Added to moto: CloudTrail's and CloudFormation's events (through `publish`), targets beside queues and log
groups, permissions, retries, dead-letter queues, envelopes that stay what they are from bus to bus.
AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-how-it-works.html
"""

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, Rule, events_backends

from local.eventbridge.delivery import Delivery
from local.eventbridge.targets import lets_in
from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount

MAX_ENTRIES = 10


def install(account: "LocalAccount") -> None:
    """Let PutEvents, S3's notifications and replays go the way of `publish`."""

    def send_to_targets(rule: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        offer(account, rule, {**original_event, "time": timestamp(original_event.get("time"))})

    extend(EventsBackend, put_events=put_events)
    extend(Rule, send_to_targets=send_to_targets)


def publish(event: dict[str, Any], *, account: str, region: str, bus: str = "default") -> None:
    """Put an event on a bus, given by name or ARN, and return at once.

    What is missing of the envelope (version, id, time, account, region, resources) is filled in.
    """
    from local.account import current

    envelope = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "account": account,
        "time": timestamp(event.get("time")),
        "region": region,
        "resources": [],
        **{key: value for key, value in event.items() if key != "time"},
    }
    for rule in list(events_backends[account][region].describe_event_bus(bus.split("/")[-1]).rules.values()):
        offer(current(), rule, envelope)


def drain(timeout: float = 30.0) -> None:
    """Wait until no delivery, asynchronous invocation or execution is under way; else TimeoutError."""
    from local.account import current

    current().drain(timeout)


def offer(account: "LocalAccount", rule: Rule, event: dict[str, Any]) -> None:
    """Deliver the event to the rule's targets, if the rule wants it."""
    if not wants(rule, event):
        return
    for target in list(rule.targets):
        account.background.spawn(Delivery(account, rule, target, event).deliver)


def wants(rule: Rule, event: dict[str, Any]) -> bool:
    """Whether the rule is on and its pattern matches.

    ENABLED does not include CloudTrail's read-only management events:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    if rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
        return False
    read_only = event["detail-type"].endswith("via CloudTrail") and event["detail"].get("readOnly") is True
    if read_only and rule.state == "ENABLED":
        return False
    return rule.event_pattern.matches_event(event)  # type: ignore[arg-type]  # moto's own kind of dict


def timestamp(moment: Any = None) -> str:
    """An envelope's time: ISO 8601 with seconds, in UTC."""
    if isinstance(moment, str):
        if not moment.replace(".", "").isdigit():
            return moment
        moment = float(moment)
    when = datetime.fromtimestamp(moment, UTC) if moment is not None else datetime.now(UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def put_events(backend: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents: each entry is taken or refused on its own.

    AWS: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """
    if len(events) > MAX_ENTRIES:
        raise ValidationException(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy "
            "constraint: Member must have length less than or equal to 10"
        )
    return [put_event(backend, entry) for entry in events]


def put_event(backend: EventsBackend, entry: dict[str, Any]) -> dict[str, str]:
    """Publish one entry of PutEvents, or say why not."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    if entry["Source"].startswith("aws."):
        return {
            "ErrorCode": "NotAuthorizedForSourceException",
            "ErrorMessage": "Not authorized for the source.",
        }
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    bus = entry.get("EventBusName") or "default"
    account, region = (
        bus.split(":")[4:2:-1] if bus.startswith("arn:") else (backend.account_id, backend.region_name)
    )
    event = {
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": backend.account_id,
        "time": entry.get("Time"),
        "region": backend.region_name,
        "resources": entry.get("Resources", []),
        "detail": detail,
    }
    if account != backend.account_id:
        receiver = events_backends[account][region].describe_event_bus(bus.split("/")[-1])
        if not lets_in(receiver, backend.account_id):
            message = (
                f"The account {backend.account_id} is not authorized to perform: events:PutEvents on {bus}"
            )
            raise JsonRESTError("AccessDeniedException", message)
    publish(event, account=account, region=region, bus=bus)
    return {"EventId": event["id"]}
