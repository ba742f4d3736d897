"""What policies say: wildcards, conditions, and who wins."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.authorization.conditions import condition_holds
from local.authorization.policy import Policies, Request, decide
from local.authorization.wildcards import arn_matches, matches, resource_matches, variables

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"


def matches_by_hand(pattern: str, value: str) -> bool:
    """The textbook table: whether each beginning of the pattern matches each beginning of the value."""
    row = [True] + [False] * len(value)
    for character in pattern:
        if character == "*":
            below = [any(row[: end + 1]) for end in range(len(value) + 1)]
        else:
            fits = [character in ("?", actual) for actual in value]
            below = [False] + [row[end] and fits[end] for end in range(len(value))]
        row = below
    return row[-1]


@given(st.text("ab*?:/.$", max_size=8), st.text("ab:/.$?*", max_size=8))
def test_wildcards_match_as_by_hand(pattern: str, value: str) -> None:
    assert matches(pattern, value) is matches_by_hand(pattern, value)


@given(st.text(max_size=20))
def test_a_text_without_wildcards_matches_itself_alone(value: str) -> None:
    pattern = re.sub(r"[*?$]", "x", value)
    assert matches(pattern, pattern)
    assert not matches(pattern, f"{pattern}x")


@given(st.lists(st.text("ab", max_size=4), min_size=1, max_size=5), st.text("ab", max_size=6))
def test_a_star_stands_for_anything_between(parts: list[str], filling: str) -> None:
    assert matches("*".join(parts), filling.join(parts))


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("*", TABLE, True),
        ("arn:aws:dynamodb:*:*:table/*", TABLE, True),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/order?", TABLE, True),
        ("arn:aws:dynamodb:*:table/orders", TABLE, False),
        ("arn:aws:dynamodb:*:*:table/ORDERS", TABLE, False),
        ("arn:aws:dynamodb", TABLE, True),
        ("arn:aws:sqs", TABLE, False),
        ("arn:aws:dynamodb:*", "*", False),
        ("*", "*", True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a:b/c", True),
        ("arn:*:s3:::bucket", "arn:aws:s3:::bucket", True),
        ("arn:aws:*:::bucket", "arn:aws:iam:us-east-1::bucket", False),
    ],
)
def test_arns_are_compared_part_by_part(pattern: str, arn: str, expected: bool) -> None:
    assert arn_matches(pattern, arn, {}) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("*", TABLE, True),
        ("arn:aws:dynamodb:*:table/orders", TABLE, False),
        ("arn:aws:lambda:*:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f", True),
        ("arn:aws:lambda:us-*:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f", True),
        ("arn:aws:lambda:*2:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f", False),
        ("arn:aws:dynamodb:us-east-?:123456789012:table/orders", TABLE, True),
        ("arn:aws:dynamodb:us-east-1?123456789012:table/orders", TABLE, False),
        ("arn:aws:dynamodb", TABLE, True),
        ("arn:aws:dynamodb:*", "*", False),
        ("arn:aws:s3:::bucket*", "arn:aws:s3:::bucket-of-others/in/x", True),
        ("arn:aws:s3:::*/in/?", "arn:aws:s3:::bucket/a:b/in/x", True),
        ("arn:aws:s3:*:*:bucket/*", "arn:aws:s3:::bucket/x", True),
        ("arn:*:s3:::bucket/*", "arn:aws-cn:s3:::bucket/x", True),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/x", False),
        ("arn:aws:iam::${aws:PrincipalAccount}:role/x", "arn:aws:iam::123456789012:role/x", True),
    ],
)
def test_a_star_at_the_end_of_a_part_of_a_resource_reaches_on(pattern: str, arn: str, expected: bool) -> None:
    assert resource_matches(pattern, arn, {"aws:principalaccount": ["123456789012"]}) is expected


def test_a_variable_may_have_a_default() -> None:
    assert matches("home/${aws:PrincipalTag/team, 'nobody'}/x", "home/nobody/x")
    team = {"aws:principaltag/team": ["blue"]}
    assert matches("home/${aws:PrincipalTag/team, 'nobody'}/x", "home/blue/x", team)


def test_a_value_of_a_variable_is_no_pattern() -> None:
    assert not matches("home/${aws:PrincipalTag/team}/x", "home/blue/x", {"aws:principaltag/team": ["*"]})


def test_a_variable_of_several_values_matches_nothing() -> None:
    assert not matches("${aws:TagKeys}", "team", {"aws:tagkeys": ["team", "cost"]})


def test_variables_without_a_default_need_a_value() -> None:
    assert list(variables("${aws:username}/${*}/${aws:PrincipalTag/a, 'b'}")) == ["aws:username"]


def test_a_variable_stands_for_the_value_of_the_request() -> None:
    context = {"aws:principalaccount": ["123456789012"]}
    assert matches("home/${aws:PrincipalAccount}/*", "home/123456789012/x", context)
    assert not matches("home/${aws:PrincipalAccount}/*", "home/999999999999/x", context)
    assert not matches("home/${aws:username}/*", "home//x", context)
    assert matches("${*}", "*")
    assert not matches("${*}", "a")


CONTEXT = {
    "aws:requestedregion": ["us-east-1"],
    "aws:securetransport": ["true"],
    "aws:tagkeys": ["team", "cost"],
    "aws:principalarn": ["arn:aws:iam::123456789012:role/guard"],
    "s3:max-keys": ["10"],
    "aws:sourceip": ["10.1.2.3"],
    "aws:currenttime": ["2026-03-01T12:00:00Z"],
    "aws:epochtime": ["1772366400"],
    "s3:x-amz-content": ["QQ=="],
}


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "aws:RequestedRegion", ["eu-west-1", "us-east-1"], True),
        ("StringEquals", "aws:RequestedRegion", ["us-*"], False),
        ("StringEquals", "aws:RequestedRegion", ["US-EAST-1"], False),
        ("StringEqualsIgnoreCase", "aws:RequestedRegion", ["US-EAST-1"], True),
        ("StringLike", "aws:RequestedRegion", ["us-*"], True),
        ("StringNotEquals", "aws:RequestedRegion", ["us-east-1"], False),
        ("StringNotEquals", "aws:RequestedRegion", ["eu-west-1"], True),
        ("StringNotLike", "aws:RequestedRegion", ["us-*", "eu-*"], False),
        ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/*"], True),
        ("ArnEquals", "aws:PrincipalArn", ["arn:aws:iam::*:role/other"], False),
        ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/other"], True),
        ("Bool", "aws:SecureTransport", [True], True),
        ("Bool", "aws:SecureTransport", ["false"], False),
        ("NumericLessThanEquals", "s3:max-keys", ["10"], True),
        ("NumericNotEquals", "s3:max-keys", ["10"], False),
        ("NumericGreaterThan", "s3:max-keys", ["nine"], False),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.1.0.0/16"], True),
        ("NotIpAddress", "aws:SourceIp", ["10.1.2.3"], False),
        ("NotIpAddress", "aws:SourceIp", ["2001:db8::/32"], True),
        ("DateGreaterThan", "aws:CurrentTime", ["2026-03-01T11:00:00Z"], True),
        ("DateLessThan", "aws:CurrentTime", ["2026-03-01"], False),
        ("DateEquals", "aws:EpochTime", ["2026-03-01T12:00:00+00:00"], True),
        ("DateNotEquals", "aws:CurrentTime", ["1772366400"], False),
        ("BinaryEquals", "s3:x-amz-content", ["QQ=="], True),
        ("Null", "aws:RequestedRegion", ["false"], True),
        ("Null", "aws:SourceAccount", ["true"], True),
        ("Null", "aws:SourceAccount", [False], False),
        ("StringEquals", "aws:SourceAccount", ["1"], False),
        ("StringEqualsIfExists", "aws:SourceAccount", ["1"], True),
        ("StringEqualsIfExists", "aws:RequestedRegion", ["eu-west-1"], False),
        ("StringNotEquals", "aws:SourceAccount", ["1"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "owner"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "aws:SourceAccount", ["1"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["cost"], True),
        ("ForAnyValue:StringEquals", "aws:SourceAccount", ["1"], False),
    ],
)
def test_a_condition(operator: str, key: str, values: list[Any], expected: bool) -> None:
    assert condition_holds(operator, key, values, CONTEXT) is expected


def test_an_operator_that_is_not_known_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="StringMatches"):
        condition_holds("StringMatches", "aws:RequestedRegion", ["us-*"], CONTEXT)


def policy(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "dynamodb:*", "Resource": "*"} | elements
    if "NotAction" in elements:
        del statement["Action"]
    if "NotResource" in elements:
        del statement["Resource"]
    return {"Version": "2012-10-17", "Statement": statement}


def allowed(
    *identity: dict[str, Any], action: str = "dynamodb:DeleteTable", resource: str = TABLE, **more: Any
) -> bool:
    return decide(Policies(identity, **more), Request(action, resource, CONTEXT)).allowed


def test_nothing_is_allowed_without_a_policy() -> None:
    decision = decide(Policies([]), Request("dynamodb:DeleteTable", TABLE))
    assert not decision.allowed
    assert decision.reason == "because no identity-based policy allows the dynamodb:DeleteTable action"


def test_an_explicit_deny_wins_over_every_allow() -> None:
    deny = policy("Deny", Action="dynamodb:Delete*", Resource=TABLE)
    assert allowed(policy())
    assert not allowed(policy(), deny)
    assert allowed(policy(), deny, action="dynamodb:UpdateTable")
    decision = decide(Policies([policy(), deny]), Request("dynamodb:DeleteTable", TABLE))
    assert decision.reason == "with an explicit deny in an identity-based policy"


def test_actions_are_compared_without_regard_to_case() -> None:
    assert allowed(policy(Action="DynamoDB:deletetable"))


def test_not_action_names_everything_else() -> None:
    assert not allowed(policy(NotAction=["dynamodb:Delete*"]))
    assert allowed(policy(NotAction=["dynamodb:Delete*"]), action="sqs:SendMessage")


def test_not_resource_names_everything_else() -> None:
    assert not allowed(policy(NotResource=TABLE))
    assert allowed(policy(NotResource=TABLE), resource=f"{TABLE}-of-today")


def test_a_boundary_limits_what_the_policies_allow() -> None:
    assert not allowed(policy(), boundary=policy(Action="dynamodb:Describe*"))
    assert allowed(policy(), boundary=policy(), action="dynamodb:DescribeTable")
    assert not allowed(boundary=policy())
    decision = decide(
        Policies([policy()], boundary=policy(Action="s3:*")), Request("dynamodb:DeleteTable", TABLE)
    )
    assert decision.reason == "because no permissions boundary allows the dynamodb:DeleteTable action"


def test_a_session_policy_limits_what_the_policies_allow() -> None:
    assert not allowed(policy(), session=policy(Action="dynamodb:Describe*"))
    assert not allowed(policy(), session=policy("Deny"))


def test_a_condition_that_does_not_hold_disables_the_statement() -> None:
    elsewhere = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    assert not allowed(policy(Condition=elsewhere))
    assert allowed(policy(), policy("Deny", Condition=elsewhere))


def test_an_unknown_resource_is_permitted_only_for_every_resource() -> None:
    assert allowed(policy(), resource="*")
    assert not allowed(policy(Resource="arn:aws:dynamodb:*:*:table/*"), resource="*")


def test_variables_are_text_in_policies_of_the_first_version() -> None:
    resource = "arn:aws:s3:::b/${aws:RequestedRegion}"
    old = {"Version": "2008-10-17", "Statement": policy(Action="s3:*", Resource=[resource])["Statement"]}
    assert allowed(old, action="s3:GetObject", resource=resource)
    assert not allowed(old, action="s3:GetObject", resource="arn:aws:s3:::b/us-east-1")
    new = policy(Action="s3:*", Resource=[resource])
    assert allowed(new, action="s3:GetObject", resource="arn:aws:s3:::b/us-east-1")
