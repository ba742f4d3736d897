"""Policy variables and the Condition element, evaluated as far as the request is known. Pure.

Every answer is True, False or None: None means that it depends on something that nobody knows beforehand,
such as the caller's address.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stackwarden.policies.s3_patterns import ANYTHING, Glob, Token
from stackwarden.policies.s3_state import Condition

# What a request says under a condition key: () if it lacks the key, None if nobody can tell.
type Known = tuple[str, ...] | None
type Lookup = Callable[[str], Known]

ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{(?P<key>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")
_OPERATOR = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]+?)(?P<if_exists>IfExists)?")


@dataclass(frozen=True)
class Expansion:
    """A pattern with its variables filled in; `*` stands for those that could not be.

    is_absent: the request lacks a variable, so the pattern matches nothing. is_unknown: nobody can tell.
    """

    glob: Glob
    is_absent: bool = False
    is_unknown: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether every variable was filled in."""
        return not (self.is_absent or self.is_unknown)


def expand(pattern: str, lookup: Lookup, *, wildcards: bool = True) -> Expansion:
    """Fill in policy variables; their values hold no wildcards. Without wildcards, `*` is a literal star.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    read = Glob.parse if wildcards else Glob.literal
    if "${" not in pattern:
        return Expansion(read(pattern))
    glob, position, is_absent, is_unknown = Glob(()), 0, False, False
    for variable in _VARIABLE.finditer(pattern):
        glob += read(pattern[position : variable.start()])
        position = variable.end()
        values = (variable["key"],) if variable["key"] in {"*", "?", "$"} else lookup(variable["key"].strip())
        if values == () and variable["default"] is not None:
            values = (variable["default"],)
        is_absent |= values == ()
        is_unknown |= values is None or len(values) > 1
        glob += Glob.literal(values[0]) if values is not None and len(values) == 1 else ANYTHING
    return Expansion(glob + read(pattern[position:]), is_absent, is_unknown)


def arn_segments(glob: Glob) -> list[Glob]:
    """Split at the first five colons; missing segments stand for anything.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    segments: list[list[str | Token]] = [[]]
    for piece in glob.tokens:
        if piece == ":" and len(segments) < ARN_PARTS:
            segments.append([])
        else:
            segments[-1].append(piece)
    return [Glob(tuple(segment)) for segment in segments] + [ANYTHING] * (ARN_PARTS - len(segments))


def spells_arn(glob: Glob) -> bool:
    """Whether it is an ARN's pattern, and not such a thing as `*`."""
    return glob.tokens[:4] == tuple("arn:")


def all_hold(results: Iterable[bool | None]) -> bool | None:
    """Return False if one is False, else None if one is None."""
    seen = set(results)
    return False if False in seen else None if None in seen else True


def any_holds(results: Iterable[bool | None]) -> bool | None:
    """Return True if one is True, else None if one is None."""
    seen = set(results)
    return True if True in seen else None if None in seen else False


def holds(condition: Condition, lookup: Lookup) -> bool | None:
    """Evaluate one line of a Condition element; None for an operator that is not known here, too.

    A key that the request lacks satisfies only what is negated, …IfExists, ForAllValues and Null.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    parts, values = _OPERATOR.fullmatch(condition.operator), lookup(condition.key)
    if parts is None or values is None:
        return None
    if parts["name"] == "Null":
        return str(not values).lower() in {value.lower() for value in condition.values}
    name = _NEGATED.get(parts["name"], parts["name"])
    is_negated = name != parts["name"]
    if name not in _COMPARISONS:
        return None
    if not values:
        is_set = parts["set"] is not None
        return bool(parts["if_exists"]) or parts["set"] == "ForAllValues" or (is_negated and not is_set)
    compare = _COMPARISONS[name]

    def is_met(value: str) -> bool | None:
        found = any_holds(compare(wanted, value, lookup) for wanted in condition.values)
        return found if found is None or not is_negated else not found

    must_all = parts["set"] == "ForAllValues" or (is_negated and not parts["set"])
    return (all_hold if must_all else any_holds)(is_met(value) for value in values)


type _Comparison = Callable[[str, str, Lookup], bool | None]


def _string_equals(wanted: str, value: str, lookup: Lookup) -> bool | None:
    if "${" not in wanted:
        return wanted == value
    expanded = expand(wanted, lookup, wildcards=False)
    return expanded.glob.tokens == tuple(value) if expanded.is_exact else None


def _string_equals_ignore_case(wanted: str, value: str, lookup: Lookup) -> bool | None:
    expanded = expand(wanted, lookup, wildcards=False)
    return str(expanded.glob).lower() == str(Glob.literal(value)).lower() if expanded.is_exact else None


def _string_like(wanted: str, value: str, lookup: Lookup) -> bool | None:
    expanded = expand(wanted, lookup)
    return expanded.glob.matches(value) if expanded.is_exact else None


def _arn_like(wanted: str, value: str, lookup: Lookup) -> bool | None:
    """Segment by segment; ArnEquals and ArnLike mean the same."""
    expanded = expand(wanted, lookup)
    if not expanded.is_exact:
        return None
    segments = value.split(":", ARN_PARTS - 1)
    if not spells_arn(expanded.glob) or len(segments) < ARN_PARTS:
        return expanded.glob.matches(value)
    patterns = arn_segments(expanded.glob)
    return all(pattern.matches(segment) for pattern, segment in zip(patterns, segments, strict=True))


def _not_evaluated(wanted: str, value: str, lookup: Lookup) -> bool | None:
    return None


def moment(text: str) -> datetime:
    """Read ISO 8601 or seconds since 1970; raises ValueError."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _ordered(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> _Comparison:
    def comparison(wanted: str, value: str, _: Lookup) -> bool | None:
        try:
            return compare(read(value), read(wanted))
        except (ValueError, OverflowError):
            return None

    return comparison


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_COMPARISONS: Mapping[str, _Comparison] = {
    "StringEquals": _string_equals,
    "StringEqualsIgnoreCase": _string_equals_ignore_case,
    "StringLike": _string_like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _string_equals_ignore_case,
    "BinaryEquals": _not_evaluated,
    "IpAddress": _not_evaluated,
    **{f"Numeric{name}": _ordered(float, compare) for name, compare in _ORDERS.items()},
    **{f"Date{name}": _ordered(moment, compare) for name, compare in _ORDERS.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
