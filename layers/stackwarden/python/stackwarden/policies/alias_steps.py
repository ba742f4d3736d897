"""The steps from `$LATEST` to an alias: each stage only once the one before it shows. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from stackwarden.finding import Action, ActionKind, Attempt
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_permissions import service_of
from stackwarden.policies.alias_pushes import endings, moves, qualified
from stackwarden.policies.alias_state import (
    INVOCABLE,
    Alias,
    Code,
    Function,
    Invoker,
    Kind,
    Permission,
    Version,
)

NEW = "the new one"  # a version that is not published yet
# Whose permission lets an invoker in. Others have a role of their own or, as a URL, belong to one qualifier.
SERVICES: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: "s3.amazonaws.com",
    Kind.TOPIC: "sns.amazonaws.com",
    Kind.RULE: "events.amazonaws.com",
    Kind.REST_API: "apigateway.amazonaws.com",
    Kind.HTTP_API: "apigateway.amazonaws.com",
    Kind.TARGET_GROUP: "elasticloadbalancing.amazonaws.com",
    Kind.LOG_GROUP: "logs.amazonaws.com",
    Kind.USER_POOL: "cognito-idp.amazonaws.com",
    Kind.IOT_RULE: "iot.amazonaws.com",
}
_PENDING = "Pending"


@dataclass(frozen=True)
class Plan:
    """What is still to be done. blocked: why nothing (more) can be. waiting: what has to pass first."""

    stages: tuple[tuple[Action, ...], ...] = ()
    blocked: str = ""
    waiting: str = ""


def plan(
    function: Function,
    exposed: Sequence[Invoker],
    alias_name: str,
    repoint_push: bool,
    attempts: Iterable[Attempt] = (),
) -> Plan:
    """Plan the way of what runs `$LATEST` to the alias; stages that have nothing to do are left out."""
    code = function.code
    if code is None:
        return Plan(blocked="its code could not be read")
    if code.unpublishable:
        return Plan(blocked=code.unpublishable)
    if code.updating:
        return Plan(waiting="the function is still being updated")
    alias = function.aliases.get(alias_name)
    if alias and (reason := _unusable(alias, code)):
        return Plan(blocked=reason)
    version = _version(alias, code)
    if version and version.state == _PENDING:
        return Plan(waiting=f"version {version.number} is still being prepared")
    if version and version.state != INVOCABLE:
        why = f"it is {version.state} {version.reason}".strip()
        return Plan(blocked=f"version {version.number} cannot be invoked: {why}")
    alias_arn = f"{function.arn}:{alias_name}"
    others = [invoker for invoker in exposed if invoker.qualifier != alias_name]  # they come with the alias
    may_push = repoint_push and not function.async_settings_missing
    pushing = [invoker for invoker in others if may_push and _is_movable(function, invoker)]
    stages = (
        () if version else (publish_version(function, code),),
        _alias_stage(function, alias, alias_name, version),
        (*_mappings(function, others, alias_arn), *_permissions(function, others, alias_name)),
        tuple(moves(function, pushing, alias_arn)),
    )
    # Until the one that was replaced ends, both subscriptions are told: that waits for nothing else.
    first, *rest = [stage for stage in stages if stage] or [()]
    first = (*endings(function, others, attempts, alias_arn), *first)
    return Plan(stages=(first, *rest)) if first else Plan()


def _unusable(alias: Alias, code: Code) -> str:
    """Say why traffic cannot move to an alias that is there: it would run something else afterwards."""
    if alias.is_latest:
        return ""
    if alias.weights:
        return f"the alias {alias.name} shares its traffic among versions"
    version = code.versions.get(alias.version)
    if version is None or not version.runs_the_same_as(code.latest):
        same_code = version is not None and version.code_sha256 == code.latest.code_sha256
        what = "with other settings" if same_code else "other code"
        return (
            f"the alias {alias.name} runs version {alias.version}, {what} than $LATEST, "
            "so moving traffic to it would change what runs"
        )
    return ""


def _version(alias: Alias | None, code: Code) -> Version | None:
    """The published version that runs what `$LATEST` runs; None: it is to be published."""
    if alias and not alias.is_latest:
        return code.versions[alias.version]
    newest = code.newest
    return newest if newest and newest.runs_the_same_as(code.latest) else None


def _alias_stage(
    function: Function, alias: Alias | None, name: str, version: Version | None
) -> tuple[Action, ...]:
    number = version.number if version else NEW
    if alias is None:
        return (_alias(ActionKind.CREATE_ALIAS, function, name, number, None),)
    if alias.is_latest:
        return (_alias(ActionKind.UPDATE_ALIAS, function, name, number, alias.version),)
    return ()


def _alias(kind: ActionKind, function: Function, name: str, version: str, before: str | None) -> Action:
    parameters = {"name": name, "version": version}
    return Action(kind=kind, target=function.arn, parameters=parameters, before={"version": before})


def publish_version(function: Function, code: Code) -> Action:
    """Return the action that publishes the current code; Lambda refuses if it is another one by then.

    https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    return Action(
        kind=ActionKind.PUBLISH_VERSION,
        target=function.arn,
        parameters={"code_sha256": code.latest.code_sha256},
        before={"version": code.newest.number if code.newest else None},
    )


def _mappings(function: Function, exposed: Iterable[Invoker], alias_arn: str) -> list[Action]:
    return [
        Action(
            kind=ActionKind.REPOINT_MAPPING,
            target=invoker.id,
            parameters={"function": alias_arn},
            before={"function": qualified(function, invoker)},
        )
        for invoker in exposed
        if invoker.kind is Kind.MAPPING
    ]


def needed(function: Function, exposed: Iterable[Invoker]) -> tuple[Permission, ...]:
    """Return the permissions that let in what runs `$LATEST` now: the alias needs the same."""
    used = [p for p in function.permissions if p.service and any(_lets_in(p, i) for i in exposed)]
    return tuple(dict.fromkeys(used))


def _lets_in(permission: Permission, invoker: Invoker) -> bool:
    if invoker.qualifier not in {None, LATEST}:  # another policy than the function's own
        return False
    if invoker.kind is Kind.PERMISSION:
        return permission.sid == invoker.id
    if service_of(permission) != SERVICES.get(invoker.kind, "-").partition(".")[0]:
        return False
    pattern = permission.source_arn
    if pattern is None:
        return True
    if invoker.kind in (Kind.REST_API, Kind.HTTP_API):  # `arn:…:execute-api:…:API/STAGE/METHOD/path`
        *_, api = pattern.split(":", 5)
        return fnmatchcase(invoker.source.rsplit("/", 1)[-1], api.partition("/")[0])
    # a log group's ARN has `:*` behind it, or `:log-stream:…`
    named = (invoker.source, f"{invoker.source}:*")
    return any(fnmatchcase(arn, pattern) for arn in named) or pattern.startswith(f"{invoker.source}:")


def _is_movable(function: Function, invoker: Invoker) -> bool:
    """Whether the alias lets in, in the end, all that the function without a qualifier lets in.

    SNS and EventBridge do not check that before they are told to invoke it: events would be lost. A target
    with a role of its own has the role's permissions, which may name the function alone.
    """
    letting = needed(function, [invoker])
    return bool(letting) and all(p.copyable for p in letting) and not invoker.config.get("RoleArn")


def _permissions(function: Function, exposed: Iterable[Invoker], alias_name: str) -> list[Action]:
    lacking = [
        add_permission(function, permission, alias_name)
        for permission in needed(function, exposed)
        if permission.copyable and not any(permission.allows_as(granted) for granted in function.granted)
    ]
    # statements that allow the same have the same id, which a policy may hold once
    return list({action.parameters["statement"]["StatementId"]: action for action in lacking}.values())


def add_permission(function: Function, permission: Permission, alias_name: str) -> Action:
    """Return the action that allows for the alias what is allowed for the function without a qualifier."""
    allowed = permission.parameters
    digest = hashlib.sha256(json.dumps(allowed, sort_keys=True).encode()).hexdigest()
    statement = {
        "FunctionName": function.arn,
        "Qualifier": alias_name,
        "StatementId": f"stackwarden-{digest[:16]}",
        **allowed,
    }
    return Action(
        kind=ActionKind.ADD_PERMISSION,
        target=function.arn,
        parameters={"qualifier": alias_name, "statement": statement},
    )
