"""The Condition element of IAM policies: one operator, one key, one request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
import operator as compare
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.authorization.wildcards import Values, arn_matches, literal, matches

type Comparison = Callable[[str, str, Values], bool]

OPERATOR = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]+?)(?P<if_exists>IfExists)?")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _moment(text: str) -> float:
    """A date as ISO 8601 or as seconds since 1970, in seconds; ValueError for anything else."""
    if NUMBER.fullmatch(text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(read: Callable[[str], Any], is_so: Callable[[Any, Any], bool]) -> Comparison:
    """Compares what is read of both; a value that cannot be read matches nothing."""

    def holds(wanted: str, value: str, _: Values) -> bool:
        try:
            return is_so(read(value), read(wanted))
        except ValueError:
            return False

    return holds


def _is_inside(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _in_network(wanted: str, value: str, _: Values) -> bool:
    try:
        return _is_inside(value, wanted)
    except ValueError:
        return False


ORDERS = {
    "Equals": compare.eq,
    "LessThan": compare.lt,
    "LessThanEquals": compare.le,
    "GreaterThan": compare.gt,
    "GreaterThanEquals": compare.ge,
}
COMPARISONS: Mapping[str, Comparison] = {
    "StringEquals": lambda wanted, value, context: matches(literal(wanted), value, context),
    "StringEqualsIgnoreCase": lambda wanted, value, context: matches(
        literal(wanted).lower(),
        value.lower(),
        {key: [it.lower() for it in values] for key, values in context.items()},
    ),
    "StringLike": lambda wanted, value, context: matches(wanted, value, context),
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, value, _: wanted.lower() == value.lower(),
    "BinaryEquals": lambda wanted, value, _: wanted == value,
    "IpAddress": _in_network,
    **{f"Numeric{name}": _ordered(float, is_so) for name, is_so in ORDERS.items()},
    **{f"Date{name}": _ordered(_moment, is_so) for name, is_so in ORDERS.items()},
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}


def condition_holds(operator: str, key: str, wanted: Sequence[Any], context: Values) -> bool:
    """One line of a Condition block; raises NotImplementedError for an operator that IAM does not have."""
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
