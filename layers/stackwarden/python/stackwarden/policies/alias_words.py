"""What `missing-alias` calls things: sources of invocations, and how they refer to a function. Pure.

Names come from outside. In a report they stand among commands and snippets, one a line, so what could start
a line of its own does not pass.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import Function, Invoker, Kind

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_LONGEST_NAME: Final = 140
_MOST_NAMED: Final = 5
_AT_RUN_TIME: Final = "${"
_MAPPED: Final = {
    "sqs": "SQS queue",
    "kinesis": "Kinesis stream",
    "dynamodb": "stream of DynamoDB table",
    "kafka": "Kafka cluster",
    "mq": "MQ broker",
    "rds": "DocumentDB cluster",
}
_NOUNS: Final = {
    Kind.BUCKET: "bucket",
    Kind.TOPIC: "topic",
    Kind.RULE: "rule",
    Kind.SCHEDULE: "schedule",
    Kind.PIPE: "pipe",
    Kind.STATE_MACHINE: "state machine",
    Kind.REST_API: "REST API",
    Kind.HTTP_API: "HTTP API",
    Kind.TARGET_GROUP: "target group",
    Kind.LOG_GROUP: "log group",
    Kind.USER_POOL: "user pool",
    Kind.IOT_RULE: "IoT rule",
}
_WITH_ID: Final = (Kind.PIPE, Kind.REST_API, Kind.HTTP_API, Kind.USER_POOL)  # one source has several
_ARN_PARTS: Final = 6


def plain(text: str) -> str:
    """Return text of one line, in printable ASCII and not long."""
    line = _UNPRINTABLE.sub("?", text)
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 3]}..."


def short_name(invoker: Invoker) -> str:
    """Return the name of a source without what is around it: `jobs` of the ARN of a queue."""
    if invoker.kind is Kind.SCHEDULE:
        return plain(invoker.id)
    parts = invoker.source.split(":", _ARN_PARTS - 1)
    if not invoker.source.startswith("arn:") or len(parts) < _ARN_PARTS:
        return plain(invoker.source)
    return plain(_of_resource(parts[2], parts[5]))


def _of_resource(service: str, resource: str) -> str:
    """Take the name out of the last part of an ARN; every service has a way of its own."""
    if service == "events":
        return resource.removeprefix("rule/")
    if service == "logs":
        return resource.removeprefix("log-group:").removesuffix(":*")
    if service in ("sqs", "sns", "s3"):
        return resource
    pieces = re.split("[:/]", resource.lstrip("/"))
    return pieces[1] if len(pieces) > 1 else resource


def source(invoker: Invoker) -> str:
    """Name what invokes: `SQS queue jobs`, `bucket uploads`."""
    name = short_name(invoker)
    match invoker.kind:
        case Kind.MAPPING:
            service = invoker.source.split(":")[2] if invoker.source.startswith("arn:aws") else ""
            return f"{_MAPPED.get(service, 'event source')} {name}"
        case Kind.FUNCTION_URL:
            return f"function URL {plain(invoker.source)}"
        case Kind.PERMISSION:
            return f"{plain(invoker.source)}, let in by statement {plain(invoker.id)}"
        case Kind.PEOPLE:
            return f"{plain(invoker.source)}, by statement {plain(invoker.id)}"
    within = f" ({plain(invoker.id)})" if invoker.kind in _WITH_ID else ""
    return f"{_NOUNS[invoker.kind]} {name}{within}"


def reference(function: Function, invoker: Invoker) -> str:
    """Tell how an invoker refers to the function: `without a qualifier`, `as $LATEST`, `by alias live`."""
    qualifier = invoker.qualifier
    if qualifier is None:
        return "without a qualifier"
    if qualifier == LATEST:
        return "as $LATEST"
    name = plain(qualifier)
    if function.dangles(invoker):
        return f"by alias {name}, which does not exist"
    if function.runs_latest(invoker):
        return f"by alias {name}, which points at $LATEST"
    return f"by {'version' if qualifier.isdigit() else 'alias'} {name}"


def named(function: Function, invoker: Invoker) -> str:
    """Name an invoker with its reference, and whether it is switched off."""
    off = "" if invoker.enabled else "; disabled"
    return f"{source(invoker)} ({reference(function, invoker)}{off})"


def listed(items: Iterable[str], most: int = _MOST_NAMED) -> str:
    """List the first ones, and how many more there are; each once."""
    each = list(dict.fromkeys(items))
    more = len(each) - most
    return ", ".join(each[:most]) + (f" and {more} more" if more > 0 else "")


def counted(invokers: Sequence[Invoker]) -> str:
    """Return `1 trigger`, `2 triggers`."""
    return f"{len(invokers)} trigger{'' if len(invokers) == 1 else 's'}"


def is_decided_at_run_time(invoker: Invoker) -> bool:
    """Whether an expression decides which version or alias is invoked."""
    return (invoker.qualifier or "").startswith(_AT_RUN_TIME)
