"""Who may invoke a function, by what GetPolicy returns."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.policies.alias_permissions import of_permission, permissions, service_of
from stackwarden.policies.alias_state import Invoker, Kind, Permission

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:resize"
BUCKET = "arn:aws:s3:::uploads"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders"
S3 = {"Service": "s3.amazonaws.com"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def policy(*changes: dict[str, Any]) -> str:
    """A policy of statements as AddPermission writes them, with these changes."""
    known = {
        "Sid": "upload",
        "Effect": "Allow",
        "Principal": S3,
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
    }
    statements = [{**known, **change} for change in changes]
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})


def one(**changes: Any) -> Permission:
    """The only permission of a policy with one statement."""
    (permission,) = permissions(policy(changes))
    return permission


def known(**changes: Any) -> Permission:
    return Permission(
        **{"sid": "upload", "action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com"} | changes
    )


def test_a_service_without_conditions() -> None:
    assert one() == known()


def test_all_that_the_call_has_parameters_for_is_read() -> None:
    conditions = {
        "ArnLike": {"AWS:SourceArn": BUCKET},
        "StringEquals": {
            "AWS:SourceAccount": "123456789012",
            "aws:PrincipalOrgID": "o-example123",
            "lambda:EventSourceToken": "token",
            "lambda:FunctionUrlAuthType": "AWS_IAM",
        },
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
    }

    assert one(Condition=conditions).parameters == {
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": BUCKET,
        "SourceAccount": "123456789012",
        "PrincipalOrgID": "o-example123",
        "EventSourceToken": "token",
        "FunctionUrlAuthType": "AWS_IAM",
        "InvokedViaFunctionUrl": True,
    }
    assert one(Condition=conditions).exact


@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals", "StringLike", "StringEquals", "arnlike"])
@pytest.mark.parametrize("key", ["AWS:SourceArn", "aws:SourceArn", "aws:sourcearn"])
def test_the_source_is_read_in_any_spelling(operator: str, key: str) -> None:
    assert one(Condition={operator: {key: BUCKET}}) == known(source_arn=BUCKET)
    assert one(Condition={operator: {key: [BUCKET]}}) == known(source_arn=BUCKET)


@pytest.mark.parametrize(
    ("operator", "exact"), [("ArnLike", True), ("StringLike", True), ("StringEquals", False)]
)
def test_a_pattern_is_exact_unless_it_is_compared_as_text(operator: str, exact: bool) -> None:
    assert one(Condition={operator: {"aws:SourceArn": "arn:aws:s3:::up*"}}).exact is exact


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnNotLike": {"aws:SourceArn": BUCKET}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"Bool": {"lambda:InvokedViaFunctionUrl": "false"}},
    ],
)
def test_another_condition_makes_it_inexact(condition: dict[str, Any]) -> None:
    assert one(Condition=condition) == known(exact=False)


def test_of_several_accounts_none_is_the_one() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": ["123456789012", "999999999999"]}}

    assert one(Condition=condition) == known(exact=False)


def test_each_of_several_sources_is_a_permission_of_its_own() -> None:
    found = permissions(policy({"Condition": {"ArnLike": {"aws:SourceArn": [BUCKET, TOPIC]}}}))

    assert found == (known(source_arn=BUCKET, exact=False), known(source_arn=TOPIC, exact=False))


def test_each_of_several_services_is_a_permission_of_its_own() -> None:
    found = permissions(policy({"Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}}))

    assert found == (known(exact=False), known(principal="sns.amazonaws.com", exact=False))


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("*", "*"),
        ({"AWS": "*"}, "*"),
        ({"AWS": "arn:aws:iam::999999999999:root"}, "arn:aws:iam::999999999999:root"),
        ({"AWS": ["arn:aws:iam::999999999999:role/caller"]}, "arn:aws:iam::999999999999:role/caller"),
        ({"AWS": "AIDAEXAMPLE"}, "AIDAEXAMPLE"),  # what IAM leaves of a user who was deleted
    ],
)
def test_people_are_no_service(principal: Any, name: str) -> None:
    assert one(Principal=principal) == known(principal=name, service=False)


def test_a_service_beside_an_account_is_two() -> None:
    found = permissions(policy({"Principal": {"AWS": "999999999999", **S3}}))

    assert found == (known(principal="999999999999", service=False, exact=False), known(exact=False))


def test_everybody_but_somebody_is_everybody() -> None:
    statement = {"Sid": "most", "Effect": "Allow", "NotPrincipal": {"AWS": "999999999999"}, "Action": "*"}

    assert permissions(json.dumps({"Statement": statement})) == (
        Permission("most", "*", "*", service=False, exact=False),
    )


@pytest.mark.parametrize(
    "action", ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:invokefunction", "lambda:*", "*"]
)
def test_actions_that_invoke(action: str) -> None:
    assert one(Action=action) == known(action=action)
    assert one(Action=[action]) == known(action=action)


@pytest.mark.parametrize("action", ["lambda:GetFunction", "lambda:GetLayerVersion", "s3:*"])
def test_other_actions_do_not_count(action: str) -> None:
    assert permissions(policy({"Action": action})) == ()


def test_an_action_that_invokes_among_others_is_inexact() -> None:
    assert one(Action=["lambda:GetFunction", "lambda:InvokeFunction"]) == known(exact=False)


def test_beside_a_deny_nothing_is_exact() -> None:
    deny = {"Effect": "Deny", "Principal": "*"}

    assert permissions(policy({}, deny)) == (known(exact=False),)
    assert permissions(policy(deny)) == ()


def test_an_element_that_the_call_cannot_make_is_inexact() -> None:
    assert one(NotResource="arn:aws:lambda:eu-central-1:123456789012:function:other").exact is False


@pytest.mark.parametrize(
    ("asked", "found"),
    [(None, ["plain", "latest"]), ("$LATEST", ["plain", "latest"]), ("live", ["live"]), ("7", [])],
)
def test_statements_about_another_qualifier_are_left_out(asked: str | None, found: list[str]) -> None:
    mixed = policy(
        {"Sid": "plain"},
        {"Sid": "live", "Resource": f"{ARN}:live"},
        {"Sid": "latest", "Resource": f"{ARN}:$LATEST"},
    )

    assert [permission.sid for permission in permissions(mixed, asked)] == found


@pytest.mark.parametrize("resource", ["*", [ARN], None])
def test_a_statement_about_something_unclear_counts(resource: Any) -> None:
    assert one(Resource=resource).sid == "upload"


def test_a_permission_of_a_service_stands_for_its_source() -> None:
    permission = known(source_arn=TOPIC, source_account="123456789012")

    assert of_permission(permission) == Invoker(Kind.PERMISSION, TOPIC, "upload")
    assert of_permission(permission, "live").qualifier == "live"


def test_a_permission_without_a_source_stands_for_its_principal() -> None:
    assert of_permission(known()) == Invoker(Kind.PERMISSION, "s3.amazonaws.com", "upload")
    assert of_permission(known(principal="*", service=False)) == Invoker(Kind.PEOPLE, "*", "upload")


@pytest.mark.parametrize(
    ("principal", "service"),
    [
        ("s3.amazonaws.com", "s3"),
        ("logs.eu-central-1.amazonaws.com", "logs"),
        ("logs.us-gov-west-1.amazonaws.com", "logs"),
        ("logs.cn-north-1.amazonaws.com.cn", "logs"),
        ("cognito-idp.amazonaws.com", "cognito-idp"),
        ("lambda.alarms.cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch"),
        ("example.com", ""),
    ],
)
def test_a_service_is_the_same_in_every_region(principal: str, service: str) -> None:
    assert service_of(known(principal=principal)) == service


def test_people_have_no_service() -> None:
    assert service_of(known(principal="s3.amazonaws.com", service=False)) == ""


@pytest.mark.parametrize("text", ["", "no JSON", "null", "[]", '{"Statement": 7}', "[" * 200_000])
def test_what_is_no_policy_allows_nobody(text: str) -> None:
    assert permissions(text) == ()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Sid": JSON,
            "Principal": JSON,
            "NotPrincipal": JSON,
            "Action": JSON | st.lists(JSON | st.just("lambda:*"), max_size=3),
            "Resource": JSON,
            "Condition": JSON
            | st.dictionaries(
                st.sampled_from(["ArnLike", "StringEquals", "Bool"]),
                JSON | st.dictionaries(st.sampled_from(["aws:SourceArn", "aws:SourceAccount"]), JSON),
            ),
        },
    )
)
def test_any_statement_is_read(statement: dict[str, Any]) -> None:
    found = permissions(policy(statement))

    assert all(isinstance(of_permission(permission).source, str) for permission in found)
    assert all(not permission.exact for permission in found if len(found) > 1)
