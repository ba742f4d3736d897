"""Where a call points: by its name and its parameters, as CloudTrail spells them."""

from typing import Any

import pytest

from stackwarden.events import StackStatusChange, parse
from stackwarden.s3_subject import OF_STACK, Kind, Start, start_of
from tests import sample_events, template
from tests.sample_account import PLACE, stack_id

ARN = "arn:aws:lambda:us-east-1:123456789012:function:thumbnails"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus"
POLICY = "arn:aws:iam::123456789012:policy/writer"
TOPIC = "arn:aws:sns:us-east-1:123456789012:albums"
MAPPING = "8fe62b78-a254-5101-9342-0920f9a144e6"


def start(service: str, name: str, request: dict[str, Any] | None, **detail: Any) -> Start | None:
    """Where a call points."""
    event = sample_events.load("s3-recursion", "put-bucket-notification.violation")
    event["detail"] |= {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": request,
        **detail,
    }
    return start_of(parse(event), PLACE)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("thumbnails", ARN),
        ("123456789012:function:thumbnails", ARN),
        ("function:thumbnails", ARN),
        (ARN, ARN),
        ("thumbnails:live", f"{ARN}:live"),
        ("123456789012:function:thumbnails:7", f"{ARN}:7"),
        (f"{ARN}:live", f"{ARN}:live"),
        ("thumbnails:$LATEST", f"{ARN}:$LATEST"),
    ],
)
def test_a_function_is_known_however_it_is_named(reference: str, expected: str) -> None:
    found = start("lambda", "AddPermission20150331v2", {"functionName": reference})

    assert found == (Kind.FUNCTION, expected)


def test_a_qualifier_beside_the_name_counts() -> None:
    request = {"functionName": "thumbnails", "qualifier": "live"}

    assert start("lambda", "AddPermission20150331v2", request) == (Kind.FUNCTION, f"{ARN}:live")


def test_the_name_of_an_alias_is_its_qualifier() -> None:
    request = {"functionName": "thumbnails", "name": "live", "functionVersion": "1"}

    assert start("lambda", "UpdateAlias20150331", request) == (Kind.FUNCTION, f"{ARN}:live")


@pytest.mark.parametrize(
    "name",
    [
        "CreateFunction20150331",
        "UpdateFunctionConfiguration20150331v2",
        "PutFunctionConcurrency20171031",
        "DeleteFunctionConcurrency20171031",
        "PutFunctionRecursionConfig",
        "PutFunctionRecursionConfig20240831",
        "AddPermission20150331v2",
        "RemovePermission20150331v2",
        "RemovePermission20270101v3",
        "CreateEventSourceMapping20150331",
    ],
)
def test_a_call_to_lambda_is_known_whatever_its_date(name: str) -> None:
    assert start("lambda", name, {"functionName": "thumbnails"}) == (Kind.FUNCTION, ARN)


@pytest.mark.parametrize(
    "name", ["CreateFunctionUrlConfig", "UpdateFunctionCode20150331v2", "DeleteFunction20150331", "v2"]
)
def test_other_calls_to_lambda_point_nowhere(name: str) -> None:
    assert start("lambda", name, {"functionName": "thumbnails"}) is None


@pytest.mark.parametrize(
    ("service", "name", "request_", "expected"),
    [
        ("s3", "PutBucketNotification", {"bucketName": "photos"}, (Kind.BUCKET, "photos")),
        ("s3", "PutBucketPolicy", {"bucketName": "photos"}, (Kind.BUCKET, "photos")),
        ("sns", "Subscribe", {"topicArn": TOPIC}, (Kind.TOPIC, TOPIC)),
        ("sns", "Unsubscribe", {"subscriptionArn": f"{TOPIC}:{MAPPING}"}, (Kind.TOPIC, TOPIC)),
        ("lambda", "UpdateEventSourceMapping20150331", {"uUID": MAPPING}, (Kind.MAPPING, MAPPING)),
        ("iam", "PutRolePolicy", {"roleName": "writer"}, (Kind.ROLE, "writer")),
        ("iam", "DetachRolePolicy", {"roleName": "writer", "policyArn": POLICY}, (Kind.ROLE, "writer")),
        ("iam", "TagRole", {"roleName": "writer", "tags": []}, (Kind.ROLE, "writer")),
        ("iam", "CreatePolicyVersion", {"policyArn": POLICY}, (Kind.POLICY, POLICY)),
    ],
)
def test_other_services_name_it_by_a_parameter(
    service: str, name: str, request_: dict[str, Any], expected: tuple[Kind, str]
) -> None:
    assert start(service, name, request_) == expected


@pytest.mark.parametrize("name", ["UpdateEventSourceMapping20150331", "DeleteEventSourceMapping20150331"])
@pytest.mark.parametrize("parameter", ["uUID", "uuid", "UUID"])
def test_a_mapping_is_known_however_its_parameter_is_spelt(name: str, parameter: str) -> None:
    assert start("lambda", name, {parameter: MAPPING}) == (Kind.MAPPING, MAPPING)


@pytest.mark.parametrize("bus", [None, "", "default", f"{BUS}/default"])
def test_a_rule_of_the_default_bus_is_looked_at_however_that_is_named(bus: str | None) -> None:
    found = start("events", "PutTargets", {"rule": "scans", "eventBusName": bus})

    assert found == (Kind.RULE, "scans")


@pytest.mark.parametrize("bus", ["orders", f"{BUS}/orders", f"{BUS}/not-default"])
def test_a_rule_of_another_bus_never_hears_of_a_bucket(bus: str) -> None:
    assert start("events", "PutRule", {"name": "scans", "eventBusName": bus}) is None


@pytest.mark.parametrize("request_", [None, {}, {"omitted": True, "originalSize": 102401}])
def test_a_call_without_its_parameters_points_nowhere(request_: dict[str, Any] | None) -> None:
    assert start("s3", "PutBucketNotification", request_) is None


def test_a_call_of_the_same_name_to_another_service_points_nowhere() -> None:
    assert start("lambda", "PutBucketNotification", {"bucketName": "photos"}) is None
    assert start("s3-outposts", "PutBucketPolicy", {"bucketName": "photos"}) is None


def test_a_stack_is_looked_at_by_its_id() -> None:
    event = parse(sample_events.load("s3-recursion", "stack-created.violation"))
    assert isinstance(event, StackStatusChange)
    event = event.model_copy(update={"stack_id": stack_id("shop")})

    assert start_of(event, PLACE) == (Kind.STACK, stack_id("shop"))


@pytest.mark.parametrize("rule", ["TriggerChanged", "FunctionChanged", "PermissionChanged", "RoleChanged"])
def test_every_call_that_starts_the_function_points_somewhere(rule: str) -> None:
    """Else the function would be started for nothing, and a loop be missed in silence."""
    request = {
        "bucketName": "photos",
        "functionName": "thumbnails",
        "uUID": MAPPING,
        "name": "live",
        "rule": "scans",
        "roleName": "writer",
        "policyArn": POLICY,
        "topicArn": TOPIC,
        "subscriptionArn": f"{TOPIC}:{MAPPING}",
    }
    detail = template.patterns()[f"S3RecursionFunction.{rule}"]["detail"]
    named = [name for part in (detail, *detail.get("$or", [])) for name in part.get("eventName", [])]
    names = [name if isinstance(name, str) else name["prefix"] for name in named]

    for name in names:
        dated = f"{name}0150331" if name.endswith("2") else name
        found = [start(source.split(".")[0], dated, request) for source in detail["eventSource"]]
        assert any(found), name


def test_every_type_of_a_stack_that_may_be_part_of_a_loop_is_known() -> None:
    assert set(OF_STACK.values()) == set(Kind) - {Kind.STACK}
