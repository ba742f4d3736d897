"""What the resource policy of a function, version or alias allows whom. Pure.

AddPermission writes statements with one action, one principal and few conditions:
https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from stackwarden.lambda_names import LATEST, from_arn
from stackwarden.policies.alias_documents import at, each_at, items_at, read_json, text_at
from stackwarden.policies.alias_state import Invoker, Kind, Permission

_INVOKING = {"*", "lambda:*", "lambda:invokefunction", "lambda:invokefunctionurl", "lambda:invokeasync"}
_FIELDS = {
    ("arnlike", "aws:sourcearn"): "source_arn",
    ("arnequals", "aws:sourcearn"): "source_arn",
    ("stringequals", "aws:sourcearn"): "source_arn",
    ("stringlike", "aws:sourcearn"): "source_arn",
    ("stringequals", "aws:sourceaccount"): "source_account",
    ("stringequals", "aws:principalorgid"): "organization",
    ("stringequals", "lambda:eventsourcetoken"): "event_source_token",
    ("stringequals", "lambda:functionurlauthtype"): "url_auth_type",
    ("bool", "lambda:invokedviafunctionurl"): "via_url",
}
_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
_SERVICE = re.compile(
    r"(?P<service>[a-z0-9.-]+?)(?:\.[a-z]{2,4}(?:-[a-z]+)+-[0-9])?\.amazonaws\.(?:com|com\.cn|eu)"
)


def permissions(policy: str, qualifier: str | None = None) -> tuple[Permission, ...]:
    """Read `Policy` of GetPolicy, of the function or of a qualifier of it: who may invoke it.

    Statements about another qualifier are left out. A statement with several actions, principals or sources
    makes several permissions. None is exact beside a Deny.
    """
    statements = list(each_at(read_json(policy), "Statement"))
    allowed = [
        permission
        for statement in statements
        if text_at(statement, "Effect") == "Allow" and _is_about(statement, qualifier)
        for permission in _allowed(statement)
    ]
    if any(text_at(statement, "Effect") == "Deny" for statement in statements):
        return tuple(replace(permission, exact=False) for permission in allowed)
    return tuple(allowed)


def of_permission(permission: Permission, qualifier: str | None = None) -> Invoker:
    """Return a permission as the invoker that it stands for, where its source cannot be read.

    source: SourceArn, or the principal if there is none. id: the statement's Sid.
    """
    kind = Kind.PERMISSION if permission.service else Kind.PEOPLE
    return Invoker(kind, permission.source_arn or permission.principal, permission.sid, qualifier)


def service_of(permission: Permission) -> str:
    """Return `logs` of `logs.amazonaws.com` and of `logs.us-east-1.amazonaws.com`; "" if it is no service."""
    found = _SERVICE.fullmatch(permission.principal) if permission.service else None
    return found["service"] if found else ""


def _is_about(statement: Any, qualifier: str | None) -> bool:
    resource = from_arn(text_at(statement, "Resource"))
    wanted = {None, LATEST} if qualifier in {None, LATEST} else {qualifier}
    return resource is None or resource.qualifier in wanted


def _allowed(statement: Any) -> Iterator[Permission]:
    actions = list(each_at(statement, "Action"))
    principals = _principals(statement)
    conditions, exact = _conditions(statement)
    sources: Sequence[str | None] = conditions.get("source_arn") or [None]
    choices = [actions, principals, *conditions.values()]
    exact = exact and all(len(choice) == 1 for choice in choices) and not {*statement} - _ELEMENTS
    for action, (principal, service), source in product(actions, principals, sources):
        if isinstance(action, str) and action.lower() in _INVOKING:
            yield Permission(
                sid=text_at(statement, "Sid"),
                action=action,
                principal=principal,
                service=service,
                source_arn=source,
                source_account=_only(conditions, "source_account"),
                organization=_only(conditions, "organization"),
                event_source_token=_only(conditions, "event_source_token"),
                url_auth_type=_only(conditions, "url_auth_type"),
                via_url=True if "via_url" in conditions else None,
                exact=exact,
            )


def _principals(statement: Any) -> list[tuple[str, bool]]:
    """Return each with whether it is a service; NotPrincipal is everybody."""
    principal = at(statement, "Principal")
    if isinstance(principal, str):
        return [(principal, False)]
    if at(statement, "NotPrincipal") is not None:
        return [("*", False)]
    return [
        (name, kind == "Service")
        for kind, names in items_at(principal)
        for name in each_at(names)
        if isinstance(name, str)
    ]


def _conditions(statement: Any) -> tuple[dict[str, list[str]], bool]:
    """Return values by field of Permission, and whether AddPermission has a parameter for each of them."""
    given: dict[str, list[str]] = {}
    exact = True
    for operator, keys in items_at(statement, "Condition"):
        for key, value in items_at(keys):
            values = [_text(each) for each in each_at(value)]
            field = _FIELDS.get((operator.lower(), key.lower()))
            if field is None or (field == "via_url" and values != ["true"]):
                exact = False
                continue
            given.setdefault(field, []).extend(values)
            if field == "source_arn" and operator.lower() == "stringequals":
                # AddPermission compares with a pattern: ArnLike, or StringLike as its documentation has it
                exact = exact and not any("*" in value or "?" in value for value in values)
    return given, exact


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _only(conditions: dict[str, list[str]], field: str) -> str | None:
    values = conditions.get(field, [])
    return values[0] if len(values) == 1 else None
