"""What IAM policies say about one action on one resource. Pure: documents and a request in, a decision out.

moto asks only whether an action is allowed on "*", and ignores conditions. Here the evaluation of AWS:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

type Statement = Mapping[str, Any]
type Values = Mapping[str, Sequence[str]]

ARN_PARTS = 6
VARIABLE = re.compile(r"\$\{([^},]+)\}")


@dataclass(frozen=True)
class Request:
    """One action on one resource, and what is known of the request by condition key, in lower case."""

    action: str
    resource: str
    context: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """The documents that bear on a session; None where there is no boundary or no session policy."""

    identity: Sequence[Mapping[str, Any]]
    boundary: Mapping[str, Any] | None = None
    session: Mapping[str, Any] | None = None


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
        if documents and _any_statement(documents, "Deny", request):
            article = "an" if kind.startswith("i") else "a"
            return Decision(False, f"with an explicit deny in {article} {kind}")
    for kind, documents in kinds.items():
        if documents is not None and not _any_statement(documents, "Allow", request):
            return Decision(False, f"because no {kind} allows the {request.action} action")
    return Decision(True)


def _any_statement(documents: Iterable[Mapping[str, Any]], effect: str, request: Request) -> bool:
    return any(
        statement["Effect"] == effect and _applies(statement, request)
        for document in documents
        for statement in _listed(document["Statement"])
    )


def _applies(statement: Statement, request: Request) -> bool:
    return (
        _names(statement, "Action", lambda pattern: matches(pattern.lower(), request.action.lower()))
        and _names(statement, "Resource", lambda pattern: _matches_resource(pattern, request))
        and all(
            condition_holds(operator, key, _listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(statement: Statement, element: str, is_match: Callable[[str], bool]) -> bool:
    """Whether Action or Resource names the request, or NotAction or NotResource does not."""
    if element in statement:
        return any(is_match(pattern) for pattern in _listed(statement[element]))
    return not any(is_match(pattern) for pattern in _listed(statement[f"Not{element}"]))


def _matches_resource(pattern: str, request: Request) -> bool:
    return arn_matches(pattern, request.resource, request.context)


def arn_matches(pattern: str, value: str, context: Values) -> bool:
    """Compare part by part: a wildcard in the Region of an ARN cannot reach into the account id.

    Missing parts of a pattern stand for anything:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    patterns, parts = pattern.split(":", ARN_PARTS - 1), value.split(":", ARN_PARTS - 1)
    if patterns[0] != "arn" or len(parts) != ARN_PARTS:
        return matches(pattern, value, context)
    complete = patterns + ["*"] * (ARN_PARTS - len(patterns))
    return all(matches(p, part, context) for p, part in zip(complete, parts, strict=True))


def matches(pattern: str, value: str, context: Values | None = None) -> bool:
    """`*` stands for any characters, `?` for exactly one, `${key}` for the request's value of that key.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return re.fullmatch(_expression(pattern, context or {}), value, re.DOTALL) is not None


def _expression(pattern: str, context: Values) -> str:
    expression, position = "", 0
    for variable in VARIABLE.finditer(pattern):
        expression += _wildcards(pattern[position : variable.start()])
        name = variable[1].lower()
        values = [name] if name in ("*", "?", "$") else context.get(name, [])
        # A variable without a value matches nothing, so that the statement does not apply.
        expression += re.escape(values[0]) if len(values) == 1 else "(?!)"
        position = variable.end()
    return expression + _wildcards(pattern[position:])


def _wildcards(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


type Comparison = Callable[[str, str, Values], bool]

COMPARISONS: Mapping[str, Comparison] = {
    "StringEquals": lambda wanted, value, context: matches(_literal(wanted), value, context),
    "StringEqualsIgnoreCase": lambda wanted, value, context: matches(
        _literal(wanted).lower(), value.lower(), context
    ),
    "StringLike": lambda wanted, value, context: matches(wanted, value, context),
    "ArnEquals": lambda wanted, value, context: arn_matches(wanted, value, context),
    "ArnLike": lambda wanted, value, context: arn_matches(wanted, value, context),
    "Bool": lambda wanted, value, context: wanted.lower() == value.lower(),
    "NumericEquals": lambda wanted, value, context: float(value) == float(wanted),
    "NumericLessThan": lambda wanted, value, context: float(value) < float(wanted),
    "NumericLessThanEquals": lambda wanted, value, context: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value, context: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, value, context: float(value) >= float(wanted),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}
OPERATOR = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]+?)(?P<if_exists>IfExists)?")


def _literal(text: str) -> str:
    """StringEquals knows variables, but no wildcards."""
    parts = re.split(r"(\$\{[^}]*\})", text)
    return "".join(part if part.startswith("${") else re.sub(r"([*?])", r"${\1}", part) for part in parts)


def condition_holds(operator: str, key: str, wanted: Sequence[Any], context: Values) -> bool:
    """One line of a Condition block; raises NotImplementedError for an operator that is not evaluated here.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    match = OPERATOR.fullmatch(operator)
    if match is None:
        raise NotImplementedError(f"condition operator {operator}")
    values = context.get(key.lower())
    expected = [str(item).lower() if isinstance(item, bool) else str(item) for item in wanted]
    if match["name"] == "Null":
        return (values is None) == (expected[0].lower() == "true")
    name = NEGATED.get(match["name"], match["name"])
    is_negated = name != match["name"]
    if name not in COMPARISONS:
        raise NotImplementedError(f"condition operator {operator}")
    if values is None:
        return is_negated or match["if_exists"] is not None or match["set"] == "ForAllValues"

    def is_one_of_expected(value: str) -> bool:
        return any(COMPARISONS[name](item, value, context) for item in expected) is not is_negated

    quantifier = all if match["set"] == "ForAllValues" or (is_negated and not match["set"]) else any
    return quantifier(is_one_of_expected(value) for value in values)
