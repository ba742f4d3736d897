"""Which of 2,900 events that AWS recorded would start a function, by the template's own event patterns."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from stackwarden import alias_subject, stream_subject
from stackwarden.data_subject import subject_of
from stackwarden.events import ApiCall, parse
from stackwarden.s3_subject import start_of
from stackwarden.settings import Place
from tests import recorded, template
from tests.sample_account import PLACE

DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
}


def as_event(record: dict[str, Any]) -> dict[str, Any]:
    """A CloudTrail record in EventBridge's envelope."""
    return {
        "version": "0",
        "id": record["eventID"],
        "detail-type": DETAIL_TYPES[record["eventType"]],
        "source": f"aws.{record['eventSource'].removesuffix('.amazonaws.com')}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


@pytest.fixture(scope="module")
def starting() -> list[tuple[list[str], dict[str, Any]]]:
    """The recorded events that some rule matches, with the rules."""
    matched = ((template.rules_for(event), event) for event in map(as_event, recorded.events()))
    return [(rules, event) for rules, event in matched if rules]


def test_all_recorded_events_are_there() -> None:
    assert len(recorded.events()) == 2900


def test_what_would_start_a_function(
    starting: list[tuple[list[str], dict[str, Any]]], record_property: Callable[[str, object], None]
) -> None:
    calls = Counter(
        (event["detail"]["eventSource"].split(".")[0], event["detail"]["eventName"], *rules)
        for rules, event in starting
    )
    told = [f"{len(starting)} of {len(recorded.events())} recorded events would start a function:"]
    for (service, name, *rules), count in sorted(calls.items()):
        told.append(f"  {count} x {service}:{name} by {', '.join(rules)}")
    record_property("told", "\n".join(told))

    assert calls == {
        ("iam", "AttachRolePolicy", "S3RecursionFunction.RoleChanged"): 6,
        ("iam", "DeleteRolePolicy", "S3RecursionFunction.RoleChanged"): 4,
        ("iam", "DetachRolePolicy", "S3RecursionFunction.RoleChanged"): 5,
        ("iam", "PutRolePolicy", "S3RecursionFunction.RoleChanged"): 5,
        (
            "lambda",
            "AddPermission20150331v2",
            "S3RecursionFunction.PermissionChanged",
            "MissingAliasFunction.FunctionChanged",
        ): 1,
        ("lambda", "CreateFunction20150331", "S3RecursionFunction.FunctionChanged"): 2,
        ("lambda", "RemovePermission20150331v2", "S3RecursionFunction.PermissionChanged"): 1,
        ("lambda", "UpdateFunctionCode20150331v2", "MissingAliasFunction.FunctionChanged"): 2,
        ("rds", "CreateDBInstance", "DataDeletionFunction.DataCall"): 1,
        ("rds", "DeleteDBInstance", "DataDeletionFunction.DataCall"): 1,
        ("s3", "DeleteBucket", "S3RecursionFunction.TriggerChanged"): 5,
        ("s3", "DeleteBucketPolicy", "S3RecursionFunction.TriggerChanged"): 1,
        ("s3", "PutBucketPolicy", "S3RecursionFunction.TriggerChanged"): 3,
    }


def test_no_failed_call_starts_a_function(starting: list[tuple[list[str], dict[str, Any]]]) -> None:
    assert any(record.get("errorCode") for record in recorded.events())
    assert [event for _, event in starting if event["detail"].get("errorCode")] == []


def test_no_read_call_starts_a_function(starting: list[tuple[list[str], dict[str, Any]]]) -> None:
    assert any(record["readOnly"] for record in recorded.events())
    assert [event for _, event in starting if event["detail"]["readOnly"]] == []


def test_no_event_is_seen_by_two_rules_of_one_guard(
    starting: list[tuple[list[str], dict[str, Any]]],
) -> None:
    guards = [[rule.split(".")[0] for rule in rules] for rules, _ in starting]

    assert [seen for seen in guards if len(set(seen)) < len(seen)] == []


def test_every_recorded_call_can_be_parsed() -> None:
    calls = [record for record in recorded.events() if record["eventType"] == "AwsApiCall"]

    parsed = [parse(as_event(record)) for record in calls]

    assert [call.name for call in parsed if isinstance(call, ApiCall)] == [r["eventName"] for r in calls]


def test_a_caller_without_a_role_has_none() -> None:
    record = recorded.one("rds", "DeleteDBInstance")
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"] == {}

    call = parse(as_event(record))

    assert isinstance(call, ApiCall)
    assert call.role_arn is None
    assert call.actor.arn == record["userIdentity"]["arn"]


def test_only_calls_about_data_point_at_data() -> None:
    calls = [record for record in recorded.events() if record["eventType"] == "AwsApiCall"]

    pointing = {record["eventName"] for record in calls if subject_of(parse(as_event(record)))}

    assert pointing == {"CreateDBInstance", "DeleteDBInstance"}


def test_only_calls_that_may_open_or_close_a_loop_point_at_a_part_of_one() -> None:
    calls = [record for record in recorded.events() if record["eventType"] == "AwsApiCall"]

    pointing = {record["eventName"] for record in calls if start_of(parse(as_event(record)), PLACE)}

    assert pointing == {
        "AddPermission20150331v2",
        "AttachRolePolicy",
        "CreateFunction20150331",
        "DeleteBucket",
        "DeleteBucketPolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "PutBucketPolicy",
        "PutRolePolicy",
        "RemovePermission20150331v2",
    }


def test_only_calls_that_change_code_or_who_invokes_it_point_at_a_function() -> None:
    calls = [record for record in recorded.events() if record["eventType"] == "AwsApiCall"]

    pointing = {
        record["eventName"]
        for record in calls
        if alias_subject.start_of(
            parse(as_event(record)), Place("aws", record["awsRegion"], record["recipientAccountId"])
        )
    }

    assert pointing == {"AddPermission20150331v2", "UpdateFunctionCode20150331v2"}


def test_no_call_to_another_service_points_at_a_stream() -> None:
    calls = [record for record in recorded.events() if record["eventType"] == "AwsApiCall"]

    assert [record["eventName"] for record in calls if stream_subject.start_of(parse(as_event(record)))] == []
