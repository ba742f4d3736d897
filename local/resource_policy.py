"""Whether the policy of a queue, topic, function or event bus lets somebody use it.

moto asks nobody. AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

from local.authorization.conditions import condition_holds


def allows(
    policy: Mapping[str, Any] | None,
    *,
    principal: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> bool:
    """Whether `principal` (a service, an account id or an ARN) may do `action` on `resource`.

    `context` holds condition keys, e.g. `aws:SourceArn`; other keys are not in the request.
    """
    effects = {
        statement.get("Effect", "Allow")
        for statement in as_list((policy or {}).get("Statement"))
        if applies(statement, principal, action, resource, context)
    }
    return effects == {"Allow"}


def applies(
    statement: Mapping[str, Any], principal: str, action: str, resource: str, context: Mapping[str, str]
) -> bool:
    """Whether a statement speaks about this request."""
    return (
        names(statement.get("Principal"), principal)
        and any(matches(action.lower(), pattern.lower()) for pattern in as_list(statement.get("Action")))
        and any(matches(resource, pattern) for pattern in as_list(statement.get("Resource", "*")))
        and all(
            holds(operator, keys, {key.lower(): value for key, value in context.items()})
            for operator, keys in statement.get("Condition", {}).items()
        )
    )


def names(principals: Any, principal: str) -> bool:
    """Whether a Principal element names `principal`; an account id also stands for its root ARN."""
    if isinstance(principals, Mapping):
        named = [value for values in principals.values() for value in as_list(values)]
    else:
        named = as_list(principals)
    # moto writes the ARN of an event bus' principal * like this.
    everybody = {"*", "arn:aws:iam::*:root"}
    account = principal.split(":")[4] if principal.startswith("arn:") else principal
    return any(name in everybody | {principal, account, f"arn:aws:iam::{account}:root"} for name in named)


def holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether every key of one condition operator is met; `context` has its keys in lower case."""
    values = {key: [value] for key, value in context.items()}
    return all(condition_holds(operator, key, as_list(wanted), values) for key, wanted in keys.items())


def matches(value: str, pattern: str) -> bool:
    """Wildcards * and ?, nothing else."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def document(policy: str | bytes | None) -> dict[str, Any]:
    """A resource policy as moto keeps it; a resource without one lets nobody in."""
    return dict(json.loads(policy)) if policy else {}


def as_list(value: Any) -> list[Any]:
    """Policies write one element without its list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
