"""Events, validated: a wrong shape is named, so that the dead-letter queue explains itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stackwarden.events import ApiCall, ResourceStatusChange, StackStatusChange, parse
from tests import sample_events


def sample(case: str, **changes: Any) -> dict[str, Any]:
    return sample_events.load("data-deletion", case) | changes


@pytest.mark.parametrize(
    ("case", "model"),
    [
        ("delete-table.violation", ApiCall),
        ("stack-deleting.violation", StackStatusChange),
        ("resource-created.violation", ResourceStatusChange),
    ],
)
def test_three_kinds_of_event(case: str, model: type) -> None:
    assert type(parse(sample(case))) is model


@pytest.mark.parametrize(
    ("case", "without", "named"),
    [
        ("stack-deleting.violation", "id", "id"),
        ("stack-deleting.violation", "time", "time"),
        ("stack-deleting.violation", "account", "account"),
        ("stack-deleting.violation", "region", "region"),
        ("stack-deleting.violation", "detail-type", "detail-type"),
        ("stack-deleting.violation", "detail.stack-id", "detail.stack-id"),
        ("stack-deleting.violation", "detail.status-details", "detail.status-details.status"),
        ("resource-created.violation", "detail.resource-type", "detail.resource-type"),
        ("resource-created.violation", "detail.logical-resource-id", "detail.logical-resource-id"),
        ("delete-table.violation", "detail.eventName", "detail.eventName"),
        ("delete-table.violation", "detail.eventSource", "detail.eventSource"),
        ("delete-table.violation", "detail.eventID", "detail.eventID"),
        ("delete-table.violation", "detail.eventTime", "detail.eventTime"),
        ("delete-table.violation", "detail.userIdentity", "detail.userIdentity"),
    ],
)
def test_a_missing_field_is_named(case: str, without: str, named: str) -> None:
    event = sample(case)
    place, _, key = without.rpartition(".")
    del (event[place] if place else event)[key]

    with pytest.raises(ValidationError) as refused:
        parse(event)

    assert [".".join(map(str, problem["loc"])) for problem in refused.value.errors()] == [named]


@pytest.mark.parametrize(
    ("identity", "role"),
    [
        ({}, None),
        ({"sessionContext": None}, None),
        ({"sessionContext": {"sessionIssuer": {}}}, None),
        ({"sessionContext": {"sessionIssuer": None}}, None),
        ({"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/r"}}}, "arn:aws:iam::1:role/r"),
    ],
)
def test_the_role_behind_a_call(identity: dict[str, Any], role: str | None) -> None:
    event = sample("delete-table.violation")
    event["detail"]["userIdentity"] = identity

    call = parse(event)

    assert isinstance(call, ApiCall)
    assert call.role_arn == role


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ({"arn": "arn:aws:iam::123456789012:user/a", "accountId": "1"}, "arn:aws:iam::123456789012:user/a"),
        ({"type": "AWSService", "invokedBy": "backup.amazonaws.com"}, "backup.amazonaws.com"),
        ({"type": "AWSAccount", "accountId": "123456789012"}, "123456789012"),
        ({}, "unknown"),
    ],
)
def test_who_made_a_call(identity: dict[str, Any], said: str) -> None:
    event = sample("delete-table.violation")
    event["detail"]["userIdentity"] = identity

    actor = parse(event).actor

    assert actor is not None
    assert (actor.arn, actor.event_name) == (said, "DeleteTable")
    assert actor.event_time == "2026-01-15T10:00:00+00:00"


def test_cloudformations_own_events_do_not_say_who() -> None:
    assert parse(sample("stack-deleting.violation")).actor is None


@pytest.mark.parametrize(
    "case", ["create-table-by-cloudformation.ignored", "delete-table-by-cloudformation.ignored"]
)
def test_a_call_that_cloudformation_made(case: str) -> None:
    call = parse(sample(case))

    assert isinstance(call, ApiCall)
    assert call.by_cloudformation


def test_a_replay_is_known_by_its_name() -> None:
    assert parse(sample("delete-stack-replayed.ignored")).replay_name == "january"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.sampled_from(["delete-table.violation", "resource-created.violation"]),
    st.sampled_from(["detail", "time", "account", "id", "region", "detail-type"]),
    json_values,
)
def test_nonsense_is_refused_or_parsed_and_nothing_else(case: str, key: str, value: Any) -> None:
    try:
        parsed = parse(sample(case, **{key: value}))
    except ValidationError:
        return
    assert parsed.time.tzinfo is not None
