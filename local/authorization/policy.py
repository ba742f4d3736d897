"""What IAM policies say about one action on one resource. Pure: documents and a request in, a decision out.

moto asks only whether an action is allowed on "*", and ignores conditions. Here the evaluation of AWS:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.authorization.conditions import condition_holds
from local.authorization.wildcards import Values, matches, resource_matches, without_variables

type Document = Mapping[str, Any]
type Statement = Mapping[str, Any]

VERSION_WITH_VARIABLES = "2012-10-17"
ELEMENTS_WITH_VARIABLES = ("Resource", "NotResource", "Condition")


@dataclass(frozen=True)
class Request:
    """One action on one resource, and what is known of the request by condition key, in lower case."""

    action: str
    resource: str
    context: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """The documents that bear on a session; None where there is no boundary or no session policy."""

    identity: Sequence[Document]
    boundary: Document | None = None
    session: Document | None = None


@dataclass(frozen=True)
class Decision:
    """Allowed or not; if not, the reason in the words of AWS."""

    allowed: bool
    reason: str = ""


def decide(policies: Policies, request: Request) -> Decision:
    """An explicit deny wins; then identity policies, boundary and session policy must all allow."""
    kinds = {
        "identity-based policy": policies.identity,
        "permissions boundary": [policies.boundary] if policies.boundary is not None else None,
        "session policy": [policies.session] if policies.session is not None else None,
    }
    for kind, documents in kinds.items():
        if any(applying(document, "Deny", request) for document in documents or []):
            article = "an" if kind.startswith("i") else "a"
            return Decision(False, f"with an explicit deny in {article} {kind}")
    for kind, documents in kinds.items():
        if documents is not None and not any(applying(it, "Allow", request) for it in documents):
            return Decision(False, f"because no {kind} allows the {request.action} action")
    return Decision(True)


def applying(document: Document, effect: str, request: Request) -> list[int]:
    """Which statements with this effect speak about the request, counted from 0."""
    return [
        position
        for position, statement in enumerate(statements(document))
        if statement["Effect"] == effect and applies(statement, request)
    ]


def statements(document: Document) -> Iterator[Statement]:
    """The statements of a document, a single one too; before version 2012-10-17 variables are text.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    """
    for statement in listed(document["Statement"]):
        if document.get("Version") == VERSION_WITH_VARIABLES:
            yield statement
        else:
            yield {
                name: _with_plain_text(value) if name in ELEMENTS_WITH_VARIABLES else value
                for name, value in statement.items()
            }


def _with_plain_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_plain_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_plain_text(inner) for inner in value]
    return without_variables(value) if isinstance(value, str) else value


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement speaks about the request; its Principal is not asked."""
    return (
        _names(statement, "Action", lambda pattern: matches(pattern.lower(), request.action.lower()))
        and _names(
            statement,
            "Resource",
            lambda pattern: resource_matches(pattern, request.resource, request.context),
        )
        and all(
            condition_holds(operator, key, listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(statement: Statement, element: str, is_match: Callable[[str], bool]) -> bool:
    """Whether Action or Resource names the request, or NotAction or NotResource does not."""
    if element in statement:
        return any(is_match(pattern) for pattern in listed(statement[element]))
    return not any(is_match(pattern) for pattern in listed(statement[f"Not{element}"]))


def listed(value: Any) -> list[Any]:
    """Policies write one element without its list."""
    return value if isinstance(value, list) else [value]
