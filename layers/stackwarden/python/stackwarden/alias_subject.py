"""Where an event of `missing-alias` points: to a function, or to what may invoke one."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stackwarden import lambda_names
from stackwarden.events import LAMBDA, ApiCall, ResourceStatusChange, StackStatusChange
from stackwarden.policies.alias_state import Kind
from stackwarden.settings import Place

DEFAULT: Final = "default"  # the name of an account's own event bus, and of its first schedule group


class Seed(NamedTuple):
    """A source of invocations that an event or a stack told of; the function itself may not know it.

    name: the ARN of a topic, a rule or a state machine, the name of a bucket or a pipe, `group/name` of a
    schedule, the UUID of an event source mapping.
    """

    kind: Kind
    name: str


class Target(StrEnum):
    """What an event may point at."""

    FUNCTION = "function"  # its ARN, unqualified
    MAPPING = "event source mapping"  # a UUID
    BUCKET = "bucket"  # a name
    TOPIC = "topic"  # an ARN
    RULE = "rule"  # an ARN
    SCHEDULE = "schedule"  # `group/name`
    PIPE = "pipe"  # a name
    STATE_MACHINE = "state machine"  # an ARN
    STACK = "stack"  # an id


class Start(NamedTuple):
    """One thing to begin at. alias: the one of a function that is gone, where that is what happened."""

    kind: Target
    name: str
    alias: str = ""


type _Parameters = Mapping[str, Any]  # by lower case: how CloudTrail spells `uuid` is not documented


def start_of(event: ApiCall | StackStatusChange | ResourceStatusChange, place: Place) -> Start | None:
    """Say where to begin; None: the event is about nothing that invokes a function of this place.

    Raises ValueError for a reference to a function that nobody can read.
    """
    if isinstance(event, StackStatusChange):
        return Start(Target.STACK, event.stack_id)
    found = _CALLS.get(event.source, {}).get(event.undated_name)
    if found is None:
        return None
    given = event.response if event.undated_name in _ANSWERED else event.request
    return found({key.lower(): value for key, value in (given or {}).items()}, place)


def rule_arn(name: str, bus: str, place: Place) -> str:
    """Return the ARN of a rule, from its name and the name or ARN of its bus ("": the default bus)."""
    if name.startswith("arn:"):
        return name
    owner = bus.split(":")[1:5] if bus.startswith("arn:") else _here("events", place)
    bus = bus.split(":event-bus/")[-1] or DEFAULT  # a partner's bus has slashes in its name
    within = "" if bus == DEFAULT else f"{bus}/"
    return ":".join(["arn", *owner, f"rule/{within}{name}"])


def _function(parameters: _Parameters, place: Place) -> Start | None:
    return _named(parameters.get("functionname"), place)


def _code(parameters: _Parameters, place: Place) -> Start | None:
    return None if parameters.get("dryrun") in (True, "true") else _function(parameters, place)


def _tagged(parameters: _Parameters, place: Place) -> Start | None:
    resource = str(parameters.get("resource") or "")  # mappings and layers have tags, too
    return _named(resource, place) if ":function:" in resource else None


def _unaliased(parameters: _Parameters, place: Place) -> Start | None:
    start = _function(parameters, place)
    return start and start._replace(alias=str(parameters.get("name") or ""))


def _subscribed(parameters: _Parameters, place: Place) -> Start | None:
    if parameters.get("protocol") != "lambda":
        return None
    endpoint = str(parameters.get("endpoint") or "")
    if lambda_names.from_arn(endpoint):
        return _named(endpoint, place)
    # CloudTrail may hide the endpoint; the topic knows it.
    return _ours(Target.TOPIC, str(parameters.get("topicarn") or ""), place)


def _named(reference: Any, place: Place) -> Start | None:
    if not reference:
        return None
    function = lambda_names.parse(str(reference), place)
    if (function.region, function.account) != (place.region, place.account):
        return None
    return Start(Target.FUNCTION, function.arn)


def _rule(parameters: _Parameters, place: Place) -> Start | None:
    if not (name := parameters.get("rule")):
        return None
    return _ours(Target.RULE, rule_arn(str(name), str(parameters.get("eventbusname") or ""), place), place)


def _schedule(parameters: _Parameters, _: Place) -> Start | None:
    name = parameters.get("name")
    return Start(Target.SCHEDULE, f"{parameters.get('groupname') or DEFAULT}/{name}") if name else None


def _machine(parameters: _Parameters, place: Place) -> Start | None:
    return _ours(Target.STATE_MACHINE, str(parameters.get("statemachinearn") or ""), place)


def _by(kind: Target, parameter: str) -> Callable[[_Parameters, Place], Start | None]:
    def start(parameters: _Parameters, _: Place) -> Start | None:
        name = parameters.get(parameter)
        return Start(kind, str(name)) if name else None

    return start


def _ours(kind: Target, arn: str, place: Place) -> Start | None:
    return Start(kind, arn) if arn.split(":")[3:5] == [place.region, place.account] else None


def _here(service: str, place: Place) -> list[str]:
    return [place.partition, service, place.region, place.account]


_MAPPING: Final = _by(Target.MAPPING, "uuid")
_BUCKET: Final = _by(Target.BUCKET, "bucketname")
_PIPE: Final = _by(Target.PIPE, "name")
_ANSWERED: Final = frozenset({"CreateStateMachine"})  # the call has a name, its answer the ARN
# The call, and what reads its parameters. Lambda's names carry a date.
_CALLS: Final[Mapping[str, Mapping[str, Callable[[_Parameters, Place], Start | None]]]] = {
    LAMBDA: {
        "CreateEventSourceMapping": _function,
        "UpdateEventSourceMapping": _MAPPING,
        "AddPermission": _function,
        "CreateFunctionUrlConfig": _function,
        "UpdateFunctionUrlConfig": _function,
        "CreateAlias": _function,
        "UpdateAlias": _function,
        "DeleteAlias": _unaliased,
        "UpdateFunctionCode": _code,
        "TagResource": _tagged,
    },
    "s3.amazonaws.com": {"PutBucketNotification": _BUCKET},
    "sns.amazonaws.com": {"Subscribe": _subscribed},
    "events.amazonaws.com": {"PutTargets": _rule},
    "scheduler.amazonaws.com": {"CreateSchedule": _schedule, "UpdateSchedule": _schedule},
    "pipes.amazonaws.com": {"CreatePipe": _PIPE, "UpdatePipe": _PIPE},
    "states.amazonaws.com": {"CreateStateMachine": _machine, "UpdateStateMachine": _machine},
}
