"""Commands of the AWS CLI, to paste: moving an alias, rolling back, undoing what Stackwarden did. Pure."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stackwarden.finding import ActionKind, Attempt
from stackwarden.policies.alias_state import Function, Kind
from stackwarden.policies.missing_alias import Case

_ALIASING: Final = (ActionKind.CREATE_ALIAS, ActionKind.UPDATE_ALIAS)
_LONGEST_JSON: Final = 1500


class Raw(str):
    """A value that the shell is to expand: a variable of the lines before."""

    __slots__ = ()


def region(function: Function) -> str:
    """Return the function's Region."""
    return function.arn.split(":")[3]


def aws(function: Function, call: str, **options: str) -> str:
    """Return a command in the function's Region; each value is quoted for a shell, besides Raw ones."""
    given = {**options, "region": region(function)}
    flags = (
        f"--{name.replace('_', '-')} {value if isinstance(value, Raw) else shlex.quote(value)}"
        for name, value in given.items()
    )
    return f"aws {call} {' '.join(flags)}"


def move_alias(function: Function, alias: str, version: str) -> str:
    """Return the command that points an alias at a version."""
    return aws(
        function, "lambda update-alias", function_name=function.name, name=alias, function_version=version
    )


def publish_and_move(function: Function, alias: str) -> list[str]:
    """Return the commands that make live what `$LATEST` runs."""
    name, version = function.name, Raw('"$version"')
    publish = aws(function, "lambda publish-version", function_name=name, query="Version", output="text")
    return [
        f"version=$({publish})",
        aws(function, "lambda wait published-version-active", function_name=name, qualifier=version),
        move_alias(function, alias, version),
    ]


def put_code_back(function: Function, version: str) -> list[str]:
    """Return the commands that give `$LATEST` the code of a version: its package is fetched and uploaded.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
    """
    name = function.name
    package = f"{name}-{version}.zip"
    where = aws(
        function,
        "lambda get-function",
        function_name=name,
        qualifier=version,
        query="Code.Location",
        output="text",
    )
    return [
        f'curl -sSf -o {shlex.quote(package)} "$({where})"',
        aws(function, "lambda update-function-code", function_name=name, zip_file=f"fileb://{package}"),
    ]


def undo(case: Case) -> list[str]:
    """Return a command for each change that was made, the last one first: that order lets each succeed."""
    commands = (_undo(case, attempt) for attempt in reversed(case.done))
    return list(dict.fromkeys(command for command in commands if command))


def _undo(case: Case, attempt: Attempt) -> str:
    function, before = case.function, attempt.before
    name = function.name
    match attempt.kind:
        case ActionKind.PUBLISH_VERSION:
            return _unpublish(case, attempt)
        case ActionKind.CREATE_ALIAS:
            alias = str(attempt.parameters.get("name"))
            return aws(function, "lambda delete-alias", function_name=name, name=alias)
        case ActionKind.UPDATE_ALIAS:
            return move_alias(function, str(attempt.parameters.get("name")), str(before.get("version")))
        case ActionKind.ADD_PERMISSION:
            return _revoke(function, attempt.parameters)
        case ActionKind.REPOINT_MAPPING:
            was = str(before.get("function"))
            call = "lambda update-event-source-mapping"
            return aws(function, call, uuid=attempt.target, function_name=was)
    return _undo_push(function, attempt)


def _undo_push(function: Function, attempt: Attempt) -> str:
    before = attempt.before
    match attempt.kind:
        case ActionKind.REPOINT_NOTIFICATION:
            value, comment = _as_json(before.get("configuration"))
            call = "s3api put-bucket-notification-configuration"
            owner = function.arn.split(":")[4]
            options = {"notification_configuration": value, "expected_bucket_owner": owner}
            return aws(function, call, bucket=attempt.target, **options) + comment
        case ActionKind.REPOINT_TARGET:
            value, comment = _as_json(before.get("targets"))
            bus = str(attempt.parameters.get("bus"))
            options = {"event_bus_name": bus, "targets": value}
            return aws(function, "events put-targets", rule=attempt.target, **options) + comment
        case ActionKind.REPOINT_SUBSCRIPTION:
            return next(_unsubscribe(function, attempt), "")
        case ActionKind.END_SUBSCRIPTION:
            value, comment = _as_json(before.get("attributes") or {})
            topic, endpoint = str(attempt.parameters.get("topic")), str(before.get("function"))
            options = {"protocol": "lambda", "notification_endpoint": endpoint, "attributes": value}
            return aws(function, "sns subscribe", topic_arn=topic, **options) + comment
    return ""


def _unpublish(case: Case, attempt: Attempt) -> str:
    """Delete the version that was published; never without a number, since that deletes the function."""
    code = case.function.code
    numbers = [str(a.parameters.get("version")) for a in case.done if a.kind in _ALIASING]
    if code and code.newest and code.newest.code_sha256 == attempt.parameters.get("code_sha256"):
        numbers.append(code.newest.number)
    version = next((n for n in numbers if n.isdigit() and n != attempt.before.get("version")), "")
    if not version:
        return ""
    return aws(case.function, "lambda delete-function", function_name=case.function.name, qualifier=version)


def _revoke(function: Function, parameters: Mapping[str, Any]) -> str:
    sid = str(parameters.get("statement", {}).get("StatementId"))
    options = {"qualifier": str(parameters.get("qualifier")), "statement_id": sid}
    return aws(function, "lambda remove-permission", function_name=function.name, **options)


def _unsubscribe(function: Function, attempt: Attempt) -> Iterator[str]:
    alias = str(attempt.parameters.get("function")).rsplit(":", 1)[-1]
    for invoker in function.invokers:
        if (invoker.kind, invoker.source, invoker.qualifier) == (Kind.TOPIC, attempt.target, alias):
            yield aws(function, "sns unsubscribe", subscription_arn=invoker.id)


def _as_json(value: object) -> tuple[str, str]:
    """Return a value for the command and a comment behind it: what is long comes from the ledger."""
    text = json.dumps(value, default=str)
    if len(text) <= _LONGEST_JSON:
        return text, ""
    return "file://before.json", "  # before.json: `before` of this action, from the ledger"
