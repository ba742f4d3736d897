"""Where an event points: to a function, or to what may invoke one."""

from typing import Any

import pytest

from stackwarden.alias_subject import Start, Target, rule_arn, start_of
from stackwarden.events import StackStatusChange, parse
from tests import sample_events
from tests.sample_account import PLACE, stack_id

HERE = "us-east-1:123456789012"
ARN = f"arn:aws:lambda:{HERE}:function:billing"
ELSEWHERE = "arn:aws:lambda:eu-west-1:123456789012:function:billing"
THEIRS = "arn:aws:lambda:us-east-1:210987654321:function:billing"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:nightly"
TOPIC = f"arn:aws:sns:{HERE}:orders"
MAPPING = "8fe62b78-a254-5101-9342-0920f9a144e6"
FUNCTION = Start(Target.FUNCTION, ARN)


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
    "reference",
    [
        "billing",
        "billing:live",
        "function:billing",
        "123456789012:function:billing",
        "123456789012:function:billing:7",
        ARN,
        f"{ARN}:live",
        f"{ARN}:$LATEST",
    ],
)
def test_a_function_is_known_however_it_is_named(reference: str) -> None:
    assert start("lambda", "AddPermission20150331v2", {"functionName": reference}) == FUNCTION


@pytest.mark.parametrize(
    "name",
    [
        "CreateEventSourceMapping20150331",
        "AddPermission20150331v2",
        "AddPermission20270101v3",
        "CreateFunctionUrlConfig",
        "UpdateFunctionUrlConfig",
        "CreateFunctionUrlConfig20211031",
        "CreateAlias20150331",
        "UpdateAlias20150331",
        "UpdateFunctionCode20150331v2",
    ],
)
def test_a_call_to_lambda_is_known_whatever_its_date(name: str) -> None:
    assert start("lambda", name, {"functionName": "billing"}) == FUNCTION


@pytest.mark.parametrize("reference", ["billing", "123456789012:function:billing", ARN])
def test_an_alias_that_is_deleted_is_known_by_name(reference: str) -> None:
    """The function itself does not tell of it any more."""
    found = start("lambda", "DeleteAlias20150331", {"functionName": reference, "name": "live"})

    assert found == Start(Target.FUNCTION, ARN, alias="live")


def test_an_alias_that_is_there_is_not_one_that_is_deleted() -> None:
    assert start("lambda", "UpdateAlias20150331", {"functionName": "billing", "name": "live"}) == FUNCTION


@pytest.mark.parametrize(
    "name", ["PublishVersion20150331", "CreateFunction20150331", "Invoke", "DeleteFunction20150331", "v2"]
)
def test_other_calls_to_lambda_point_nowhere(name: str) -> None:
    assert start("lambda", name, {"functionName": "billing"}) is None


def test_code_that_is_only_tried_out_is_not_changed() -> None:
    request = {"functionName": "billing", "dryRun": True}

    assert start("lambda", "UpdateFunctionCode20150331v2", request) is None
    assert start("lambda", "UpdateFunctionCode20150331v2", {**request, "dryRun": False}) == FUNCTION


@pytest.mark.parametrize("spelt", ["uUID", "uuid", "UUID"])
def test_a_mapping_is_known_however_its_parameter_is_spelt(spelt: str) -> None:
    found = start("lambda", "UpdateEventSourceMapping20150331", {spelt: MAPPING, "functionName": "other"})

    assert found == Start(Target.MAPPING, MAPPING)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (ARN, FUNCTION),
        (f"{ARN}:live", FUNCTION),
        (f"arn:aws:lambda:{HERE}:event-source-mapping:{MAPPING}", None),
        (f"arn:aws:lambda:{HERE}:code-signing-config:csc-0", None),
        ("", None),
    ],
)
def test_of_all_that_has_tags_only_functions_count(resource: str, expected: Start | None) -> None:
    request = {"resource": resource, "tags": {"environment": "prod"}}

    assert start("lambda", "TagResource20170331v2", request) == expected


@pytest.mark.parametrize(
    ("service", "name", "request_", "expected"),
    [
        ("s3", "PutBucketNotification", {"bucketName": "photos"}, Start(Target.BUCKET, "photos")),
        ("sns", "Subscribe", {"protocol": "lambda", "endpoint": f"{ARN}:live"}, FUNCTION),
        ("sns", "Subscribe", {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{HERE}:jobs"}, None),
        ("scheduler", "CreateSchedule", {"name": "nightly"}, Start(Target.SCHEDULE, "default/nightly")),
        (
            "scheduler",
            "UpdateSchedule",
            {"name": "nightly", "groupName": "night"},
            Start(Target.SCHEDULE, "night/nightly"),
        ),
        ("pipes", "CreatePipe", {"name": "orders"}, Start(Target.PIPE, "orders")),
        ("pipes", "UpdatePipe", {"Name": "orders"}, Start(Target.PIPE, "orders")),
        ("states", "UpdateStateMachine", {"stateMachineArn": MACHINE}, Start(Target.STATE_MACHINE, MACHINE)),
    ],
)
def test_other_services_name_it_by_a_parameter(
    service: str, name: str, request_: dict[str, Any], expected: Start | None
) -> None:
    assert start(service, name, request_) == expected


def test_a_new_state_machine_is_named_by_the_answer() -> None:
    found = start(
        "states", "CreateStateMachine", {"name": "nightly"}, responseElements={"stateMachineArn": MACHINE}
    )

    assert found == Start(Target.STATE_MACHINE, MACHINE)


@pytest.mark.parametrize("endpoint", [None, "HIDDEN_DUE_TO_SECURITY_REASONS", "***"])
def test_a_subscription_whose_endpoint_is_hidden_is_looked_for_at_its_topic(endpoint: str | None) -> None:
    request = {"protocol": "lambda", "topicArn": TOPIC, "endpoint": endpoint}

    assert start("sns", "Subscribe", request) == Start(Target.TOPIC, TOPIC)


def test_a_hidden_endpoint_of_another_accounts_topic_points_nowhere() -> None:
    theirs = TOPIC.replace("123456789012", "210987654321")
    request = {"protocol": "lambda", "topicArn": theirs, "endpoint": "HIDDEN_DUE_TO_SECURITY_REASONS"}

    assert start("sns", "Subscribe", request) is None


@pytest.mark.parametrize(
    ("rule", "bus", "expected"),
    [
        ("scans", None, "scans"),
        ("scans", "default", "scans"),
        ("scans", f"arn:aws:events:{HERE}:event-bus/default", "scans"),
        ("scans", "orders", "orders/scans"),
        ("scans", f"arn:aws:events:{HERE}:event-bus/orders", "orders/scans"),
        ("scans", "aws.partner/example.com/1", "aws.partner/example.com/1/scans"),
        (f"arn:aws:events:{HERE}:rule/orders/scans", "orders", "orders/scans"),
    ],
)
def test_a_rule_is_known_by_its_arn_however_its_bus_is_named(
    rule: str, bus: str | None, expected: str
) -> None:
    found = start("events", "PutTargets", {"rule": rule, "eventBusName": bus})

    assert found == Start(Target.RULE, f"arn:aws:events:{HERE}:rule/{expected}")


@pytest.mark.parametrize(
    ("service", "name", "request_"),
    [
        ("lambda", "AddPermission20150331v2", {"functionName": ELSEWHERE}),
        ("lambda", "AddPermission20150331v2", {"functionName": THEIRS}),
        ("lambda", "TagResource20170331v2", {"resource": THEIRS}),
        ("sns", "Subscribe", {"protocol": "lambda", "endpoint": ELSEWHERE}),
        (
            "events",
            "PutTargets",
            {"rule": "scans", "eventBusName": "arn:aws:events:us-east-1:210987654321:event-bus/default"},
        ),
        ("states", "UpdateStateMachine", {"stateMachineArn": MACHINE.replace("us-east-1", "eu-west-1")}),
    ],
)
def test_what_is_of_another_account_or_region_is_left_to_it(
    service: str, name: str, request_: dict[str, Any]
) -> None:
    assert start(service, name, request_) is None


def test_a_name_that_nobody_can_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="no name, partial ARN or ARN"):
        start("lambda", "AddPermission20150331v2", {"functionName": "not a function"})


@pytest.mark.parametrize("request_", [None, {}, {"omitted": True, "originalSize": 102401}])
@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("lambda", "AddPermission20150331v2"),
        ("lambda", "UpdateEventSourceMapping20150331"),
        ("lambda", "TagResource20170331v2"),
        ("s3", "PutBucketNotification"),
        ("sns", "Subscribe"),
        ("events", "PutTargets"),
        ("scheduler", "CreateSchedule"),
        ("pipes", "CreatePipe"),
        ("states", "CreateStateMachine"),
    ],
)
def test_a_call_without_its_parameters_points_nowhere(
    service: str, name: str, request_: dict[str, Any] | None
) -> None:
    assert start(service, name, request_, responseElements=None) is None


def test_a_call_of_the_same_name_to_another_service_points_nowhere() -> None:
    assert start("iot", "TagResource", {"resource": ARN}) is None
    assert start("sns", "CreateSchedule", {"name": "nightly"}) is None


def test_a_stack_is_looked_at_by_its_id() -> None:
    event = parse(sample_events.load("s3-recursion", "stack-created.violation"))
    assert isinstance(event, StackStatusChange)
    event = event.model_copy(update={"stack_id": stack_id("shop")})

    assert start_of(event, PLACE) == Start(Target.STACK, stack_id("shop"))


def test_a_rule_on_a_bus_of_another_account_is_that_accounts() -> None:
    bus = "arn:aws:events:us-east-1:210987654321:event-bus/orders"

    assert rule_arn("scans", bus, PLACE) == "arn:aws:events:us-east-1:210987654321:rule/orders/scans"
