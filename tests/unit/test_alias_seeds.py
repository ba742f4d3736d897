"""Which source a permission names, whether it is here, and what its refusal is called."""

import pytest

from stackwarden.alias_seeds import is_here, refusal, source_of
from stackwarden.alias_subject import Seed
from stackwarden.policies.alias_state import Kind, Permission
from tests.fakes import client_error
from tests.sample_account import PLACE

HERE = "us-east-1:123456789012"


def allowed(service: str, source: str | None) -> Permission:
    """A permission of a service."""
    return Permission("allowed", "lambda:InvokeFunction", f"{service}.amazonaws.com", source_arn=source)


@pytest.mark.parametrize(
    ("service", "source", "expected"),
    [
        ("s3", "arn:aws:s3:::photos.example.com", (Kind.BUCKET, "photos.example.com")),
        ("s3", "arn:aws-cn:s3:::photos", (Kind.BUCKET, "photos")),
        ("sns", f"arn:aws:sns:{HERE}:orders.fifo", (Kind.TOPIC, f"arn:aws:sns:{HERE}:orders.fifo")),
        ("events", f"arn:aws:events:{HERE}:rule/scans", (Kind.RULE, f"arn:aws:events:{HERE}:rule/scans")),
        (
            "events",
            f"arn:aws:events:{HERE}:rule/aws.partner/example.com/1/scans",
            (Kind.RULE, f"arn:aws:events:{HERE}:rule/aws.partner/example.com/1/scans"),
        ),
        ("apigateway", f"arn:aws:execute-api:{HERE}:a1b2c3/*/GET/a/*", (Kind.REST_API, "a1b2c3")),
        ("apigateway", f"arn:aws:execute-api:{HERE}:a1b2c3", (Kind.REST_API, "a1b2c3")),
        (
            "logs.us-east-1",
            f"arn:aws:logs:{HERE}:log-group:/shop/orders:*",
            (Kind.LOG_GROUP, f"arn:aws:logs:{HERE}:log-group:/shop/orders"),
        ),
        (
            "cognito-idp",
            f"arn:aws:cognito-idp:{HERE}:userpool/us-east-1_AbCd",
            (Kind.USER_POOL, f"arn:aws:cognito-idp:{HERE}:userpool/us-east-1_AbCd"),
        ),
        ("iot", f"arn:aws:iot:{HERE}:rule/alarms", (Kind.IOT_RULE, f"arn:aws:iot:{HERE}:rule/alarms")),
    ],
)
def test_a_permission_names_its_source(service: str, source: str, expected: Seed) -> None:
    assert source_of(allowed(service, source)) == expected


@pytest.mark.parametrize(
    ("service", "source"),
    [
        ("s3", None),
        ("s3", "arn:aws:s3:::photos-*"),
        ("s3", "arn:aws:sns:us-east-1:123456789012:orders"),
        ("sns", f"arn:aws:sns:{HERE}:*"),
        ("sns", "arn:aws:sns:*:123456789012:orders"),
        ("events", f"arn:aws:events:{HERE}:rule/nightly-*"),
        ("apigateway", f"arn:aws:execute-api:{HERE}:*/*/GET/a"),
        ("logs", f"arn:aws:logs:{HERE}:log-group:*:*"),
        ("iot", f"arn:aws:iot:{HERE}:rule/*"),
        ("config", f"arn:aws:config:{HERE}:config-rule/1"),
    ],
)
def test_a_permission_for_many_sources_or_unknown_ones_names_none(service: str, source: str | None) -> None:
    assert source_of(allowed(service, source)) is None


def test_a_permission_of_people_names_no_source() -> None:
    people = Permission("allowed", "lambda:InvokeFunction", "210987654321", service=False)

    assert source_of(people) is None


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("photos", True),
        (f"arn:aws:sns:{HERE}:orders", True),
        ("arn:aws:sns:eu-west-1:123456789012:orders", False),
        ("arn:aws:sns:us-east-1:210987654321:orders", False),
        (f"arn:aws-cn:sns:{HERE}:orders", False),
    ],
)
def test_a_source_is_here_unless_its_name_says_otherwise(name: str, here: bool) -> None:
    assert is_here(Seed(Kind.TOPIC, name), PLACE) is here


@pytest.mark.parametrize(
    ("code", "operation", "seed", "said"),
    [
        (
            "AccessDenied",
            "GetBucketNotificationConfiguration",
            Seed(Kind.BUCKET, "photos"),
            "s3:GetBucketNotification on photos is denied",
        ),
        (
            "PermanentRedirect",
            "GetBucketNotificationConfiguration",
            Seed(Kind.BUCKET, "photos"),
            "s3:GetBucketNotification on photos is denied",
        ),
        (
            "AccessDeniedException",
            "GetResources",
            Seed(Kind.REST_API, "a1b2c3"),
            "apigateway:GET on a1b2c3 is denied",
        ),
        (
            "KmsAccessDeniedException",
            "DescribeStateMachine",
            Seed(Kind.STATE_MACHINE, "nightly"),
            "states:DescribeStateMachine on nightly is denied",
        ),
        (
            "NotAuthorizedException",
            "DescribeUserPool",
            Seed(Kind.USER_POOL, "pool"),
            "cognito-idp:DescribeUserPool on pool is denied",
        ),
        (
            "UnknownOperationException",
            "DescribePipe",
            Seed(Kind.PIPE, "orders"),
            "pipes:DescribePipe on orders is denied",
        ),
        ("ThrottlingException", "DescribePipe", Seed(Kind.PIPE, "orders"), ""),
        ("NoSuchBucket", "GetBucketNotificationConfiguration", Seed(Kind.BUCKET, "photos"), ""),
    ],
)
def test_a_refusal_is_told_by_the_action_that_iam_knows(
    code: str, operation: str, seed: Seed, said: str
) -> None:
    assert refusal(client_error(code, operation), seed) == said
