"""Patterns of IAM policies: wildcards, policy variables, and how ARNs are compared.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence

type Values = Mapping[str, Sequence[str]]
"""What is known of a request, by condition key in lower case."""

COLONS_BEFORE_RESOURCE = 5
VARIABLE = re.compile(r"\$\{\s*(?P<key>[^},]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?\}")
SPECIAL_CHARACTERS = ("*", "?", "$")


def matches(pattern: str, value: str, context: Values | None = None) -> bool:
    """`*` stands for any characters, `?` for exactly one, `${key}` for the request's value of that key."""
    return _is_full_match("".join(map(_anywhere, _characters(pattern, context or {}))), value)


def resource_matches(pattern: str, value: str, context: Values) -> bool:
    """How a Resource element compares ARNs: a wildcard stays in its part, unless `*` ends the part.

    Missing parts of a pattern stand for anything.
    """
    if _is_not_arn(pattern, value):
        return matches(pattern, value, context)
    return _is_full_match(_arn_expression(pattern, context, last_star_reaches_on=True), value)


def arn_matches(pattern: str, value: str, context: Values) -> bool:
    """How ArnLike and ArnEquals compare: part by part.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    if _is_not_arn(pattern, value):
        return matches(pattern, value, context)
    return _is_full_match(_arn_expression(pattern, context, last_star_reaches_on=False), value)


def variables(pattern: str) -> Iterator[str]:
    """The condition keys that a pattern needs a value of."""
    for variable in VARIABLE.finditer(pattern):
        if variable["key"] not in SPECIAL_CHARACTERS and variable["default"] is None:
            yield variable["key"]


def without_variables(pattern: str) -> str:
    """The pattern as policies before version 2012-10-17 mean it: `${` is text."""
    return pattern.replace("${", "${$}{")


def literal(pattern: str) -> str:
    """The pattern as StringEquals means it: variables, but no wildcards."""
    parts = re.split(r"(\$\{[^}]*\})", pattern)
    return "".join(part if part.startswith("${") else re.sub(r"([*?])", r"${\1}", part) for part in parts)


def _is_not_arn(pattern: str, value: str) -> bool:
    return not pattern.startswith("arn:") or value.count(":") < COLONS_BEFORE_RESOURCE


def _is_full_match(expression: str, value: str) -> bool:
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _characters(pattern: str, context: Values) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it may be a wildcard. A variable without a value is a lone empty string."""
    position = 0
    for variable in VARIABLE.finditer(pattern):
        yield from ((character, True) for character in pattern[position : variable.start()])
        value = _value(variable, context)
        yield from [("", True)] if value is None else ((character, False) for character in value)
        position = variable.end()
    yield from ((character, True) for character in pattern[position:])


def _value(variable: re.Match[str], context: Values) -> str | None:
    """A variable of several values has none: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html"""
    if variable["key"] in SPECIAL_CHARACTERS:
        return variable["key"]
    values = context.get(variable["key"].lower(), ())
    return values[0] if len(values) == 1 else variable["default"]


def _anywhere(character: tuple[str, bool]) -> str:
    return _expression(*character, star=".*", one=".")


def _expression(character: str, may_be_wildcard: bool, *, star: str, one: str) -> str:
    # What has no value matches nothing, so that the statement does not apply.
    special = {"*": star, "?": one, "": "(?!)"} if may_be_wildcard else {}
    return special.get(character, re.escape(character))


def _arn_expression(pattern: str, context: Values, *, last_star_reaches_on: bool) -> str:
    characters, colons, expression = list(_characters(pattern, context)), 0, ""
    for position, character in enumerate(characters):
        ends_part = position + 1 == len(characters) or characters[position + 1][0] == ":"
        free = colons >= COLONS_BEFORE_RESOURCE
        star = ".*" if free or (last_star_reaches_on and ends_part) else "[^:]*"
        expression += _expression(*character, star=star, one="." if free else "[^:]")
        colons += character[0] == ":"
    if colons < COLONS_BEFORE_RESOURCE:
        expression += ":.*" if characters[-1][0] != "*" else "(:.*)?"
    return expression
