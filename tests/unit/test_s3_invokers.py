"""May a service invoke a function on behalf of a bucket, a topic or a rule? What its policy says."""

from typing import Any

import pytest

from stackwarden.policies.s3_invokers import may_invoke
from stackwarden.policies.s3_state import Statement, statements
from tests.s3_cases import ACCOUNT, bucket_arn, function_arn, rule_arn

S3, EVENTS = "s3.amazonaws.com", "events.amazonaws.com"
UPLOADS = bucket_arn("uploads")


def policy(*documents: dict[str, Any]) -> tuple[Statement, ...]:
    known = {
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": "lambda:InvokeFunction",
        "Resource": function_arn("resize"),
    }
    return statements("function policy", {"Statement": [{**known, **document} for document in documents]})


def on(**lines: Any) -> dict[str, Any]:
    """A Condition: the operator's name, then key and value."""
    return {"Condition": {operator: {key: value} for operator, (key, value) in lines.items()}}


def allowed(*documents: dict[str, Any], service: str = S3, source: str = UPLOADS) -> bool:
    return may_invoke(policy(*documents), service, source, account=ACCOUNT)


def test_nothing_may_invoke_a_function_without_a_policy() -> None:
    assert may_invoke((), S3, UPLOADS, account=ACCOUNT) is False


def test_a_service_may_without_any_condition() -> None:
    assert allowed({})


@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals", "StringEquals", "StringLike"])
def test_the_source_is_compared(operator: str) -> None:
    condition = on(**{operator: ("AWS:SourceArn", UPLOADS)})

    assert allowed(condition)
    assert not allowed(condition, source=bucket_arn("uploads-2"))


@pytest.mark.parametrize("operator", ["ArnLike", "StringLike"])
def test_the_source_may_be_a_pattern(operator: str) -> None:
    condition = on(**{operator: ("aws:SourceArn", "arn:aws:s3:::up*")})

    assert allowed(condition)
    assert not allowed(condition, source=bucket_arn("other"))


def test_a_pattern_in_an_equality_is_no_pattern() -> None:
    assert not allowed(on(StringEquals=("aws:SourceArn", "arn:aws:s3:::up*")))


def test_one_of_several_sources_suffices() -> None:
    assert allowed(on(ArnLike=("aws:SourceArn", [bucket_arn("other"), UPLOADS])))


def test_the_account_is_compared() -> None:
    assert allowed(on(StringEquals=("aws:SourceAccount", ACCOUNT)))
    assert not allowed(on(StringEquals=("AWS:SourceAccount", "999999999999")))


def test_all_conditions_must_hold() -> None:
    both = on(ArnLike=("aws:SourceArn", UPLOADS), StringEquals=("aws:SourceAccount", "999999999999"))

    assert not allowed(both)


def test_a_negated_condition_is_turned_round() -> None:
    assert not allowed(on(StringNotEquals=("aws:SourceAccount", ACCOUNT)))
    assert allowed(on(ArnNotLike=("aws:SourceArn", bucket_arn("other"))))


def test_a_condition_about_something_else_is_taken_to_hold() -> None:
    assert allowed(on(StringEquals=("aws:PrincipalOrgID", "o-example")))


@pytest.mark.parametrize("service", [EVENTS, "sns.amazonaws.com"])
def test_another_service_may_not(service: str) -> None:
    assert not allowed({}, service=service)


def test_a_rule_may_by_the_principal_of_eventbridge() -> None:
    source = rule_arn("on-upload")
    rule = {"Principal": {"Service": EVENTS}, **on(ArnLike=("AWS:SourceArn", source))}

    assert allowed(rule, service=EVENTS, source=source)
    assert not allowed(rule, service=EVENTS, source=rule_arn("another"))


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"Service": ["sns.amazonaws.com", S3]}])
def test_the_principal_may_be_everybody_or_one_of_several(principal: Any) -> None:
    assert allowed({"Principal": principal})


@pytest.mark.parametrize("principal", [{"AWS": ACCOUNT}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}])
def test_the_account_is_no_service(principal: Any) -> None:
    assert not allowed({"Principal": principal})


@pytest.mark.parametrize(
    "action", ["lambda:*", "*", "lambda:invokefunction", ["lambda:GetFunction", "lambda:Inv*"]]
)
def test_the_action_may_be_a_pattern(action: Any) -> None:
    assert allowed({"Action": action})


def test_another_action_does_not_count() -> None:
    assert not allowed({"Action": "lambda:GetFunction"})


def test_a_deny_wins() -> None:
    assert not allowed({}, {"Effect": "Deny"})
    assert not allowed({"Effect": "Deny"})


def test_a_deny_of_another_source_does_not_count() -> None:
    assert allowed({}, {"Effect": "Deny", **on(ArnLike=("aws:SourceArn", bucket_arn("other")))})
