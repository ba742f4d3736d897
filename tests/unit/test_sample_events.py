"""Each sample event through the template's rules, the parser and the guard's first look.

The verdict in a file's name: `violation` starts the workflow, `compliant` is looked at and left alone,
`ignored` starts no function or is not acted on, `malformed` fails and lands in the dead-letter queue.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from stackwarden import data_backups, data_subject
from stackwarden.data_subject import SituationReader, Subject, subject_of
from stackwarden.events import parse
from stackwarden.guard import Runner
from stackwarden.stacks import name_of
from tests import sample_account, sample_events
from tests.fakes import FakeClients

GUARD = "data-deletion"
RESOURCE, STACK, DELETE_STACK = "ResourceOfAStack", "StackDeletion", "StackDeletionCall"
SWITCHED_OFF, DATA_CALL = "ProtectionSwitchedOff", "DataCall"

# case: the rule that starts the guard, the hazard that it looks for, and where.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "create-db-instance-in-cluster.compliant": (
        DATA_CALL,
        "unprotected: AWS::RDS::DBInstance billing-member",
    ),
    "create-db-instance.violation": (DATA_CALL, "unprotected: AWS::RDS::DBInstance billing"),
    "create-stream-kinesisvideo.ignored": (None, None),
    "create-stream.violation": (DATA_CALL, "unprotected: AWS::Kinesis::Stream clicks"),
    "create-table-by-cloudformation.ignored": (None, None),
    "create-table.violation": (DATA_CALL, "unprotected: AWS::DynamoDB::Table ledger"),
    "create-user-pool.violation": (DATA_CALL, "unprotected: AWS::Cognito::UserPool us-east-1_AbCdEfGhI"),
    "delete-db-instance-failed.ignored": (None, "deleted: AWS::RDS::DBInstance billing"),
    "delete-db-instance.violation": (DATA_CALL, "deleted: AWS::RDS::DBInstance archive"),
    "delete-delivery-stream.ignored": (None, None),
    "delete-file-system.violation": (DATA_CALL, "deleted: AWS::EFS::FileSystem fs-0123456789abcdef0"),
    "delete-stack-by-arn.violation": (DELETE_STACK, "stack-deletion: stack going"),
    "delete-stack-by-name.violation": (DELETE_STACK, "stack-deletion: stack going"),
    "delete-stack-failed.ignored": (None, "stack-deletion: stack orders"),
    "delete-stack-old.ignored": (DELETE_STACK, "stack-deletion: stack going"),
    "delete-stack-own-by-name.compliant": (DELETE_STACK, "stack-deletion: stack stackwarden"),
    "delete-stack-replayed.ignored": (DELETE_STACK, "stack-deletion: stack going"),
    "delete-table-by-cloudformation.ignored": (None, None),
    "delete-table-failed.ignored": (None, "deleted: AWS::DynamoDB::Table protected"),
    "delete-table-from-the-console.violation": (DATA_CALL, "deleted: AWS::DynamoDB::Table sessions"),
    "delete-table-identity-missing.malformed": (DATA_CALL, None),
    "delete-table.violation": (DATA_CALL, "deleted: AWS::DynamoDB::Table sessions"),
    "drift-detected.malformed": (None, None),
    "modify-db-cluster-protection-off.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::RDS::DBCluster accounts",
    ),
    "modify-db-instance-protection-off.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::RDS::DBInstance billing",
    ),
    "point-in-time-recovery-off.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::DynamoDB::Table ledger",
    ),
    "point-in-time-recovery-on.ignored": (None, None),
    "resource-bucket-deleted.ignored": (None, None),
    "resource-created-in-nested-stack.violation": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table shop-OrdersTable-1A2B3C4D5E6F7 of shop-Data-1ABCDEF",
    ),
    "resource-created-in-own-stack.compliant": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table stackwarden-IndexTable-1A2B3C4D5E6F7 of stackwarden-More-1ABCDEF",
    ),
    "resource-created-protected.compliant": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table careful-OrdersTable-1A2B3C4D5E6F7 of careful",
    ),
    "resource-created-replaceable.violation": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table replaceable-OrdersTable-1A2B3C4D5E6F7 of replaceable",
    ),
    "resource-created-retained.compliant": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table retained-OrdersTable-1A2B3C4D5E6F7 of retained",
    ),
    "resource-created-without-protection-call.violation": (
        RESOURCE,
        "unprotected: AWS::Kinesis::Stream orders-stream of orders",
    ),
    "resource-created.violation": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7 of orders",
    ),
    "resource-creating.ignored": (None, None),
    "resource-delete-failed.ignored": (None, None),
    "resource-deleted-by-rollback.compliant": (
        RESOURCE,
        "deleted: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7 of taken-back",
    ),
    "resource-deleted-by-update.violation": (
        RESOURCE,
        "deleted: AWS::DynamoDB::Table replaced-OrdersTable-1A2B3C4D5E6F7 of replaced",
    ),
    "resource-deleted-with-stack.compliant": (
        RESOURCE,
        "deleted: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7 of going",
    ),
    "resource-imported.violation": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7 of orders",
    ),
    "resource-retained.ignored": (None, None),
    "resource-updated.violation": (
        RESOURCE,
        "unprotected: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7 of orders",
    ),
    "resource-without-data.ignored": (None, None),
    "restore-table.violation": (DATA_CALL, "unprotected: AWS::DynamoDB::Table ledger"),
    "stack-created.ignored": (None, None),
    "stack-deleted.ignored": (None, None),
    "stack-deleting-nested.violation": (STACK, "stack-deletion: stack mall-Data-1ABCDEF"),
    "stack-deleting-own.compliant": (STACK, "stack-deletion: stack stackwarden"),
    "stack-deleting-without-data.compliant": (STACK, "stack-deletion: stack functions-only"),
    "stack-deleting.violation": (STACK, "stack-deletion: stack going"),
    "stack-id-empty.malformed": (STACK, None),
    "stack-time-without-zone.malformed": (STACK, None),
    "termination-protection-off-by-own-role.ignored": (None, "protection-removed: stack taken-back"),
    "termination-protection-off.violation": (SWITCHED_OFF, "protection-removed: stack orders"),
    "termination-protection-on.ignored": (None, None),
    "update-table-billing.ignored": (None, None),
    "update-table-event-name-missing.malformed": (None, None),
    "update-table-protection-off-by-arn.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::DynamoDB::Table ledger",
    ),
    "update-table-protection-off-by-cloudformation.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::DynamoDB::Table orders-OrdersTable-1A2B3C4D5E6F7",
    ),
    "update-table-protection-off.violation": (
        SWITCHED_OFF,
        "protection-removed: AWS::DynamoDB::Table ledger",
    ),
    "update-table-protection-on-again.compliant": (
        SWITCHED_OFF,
        "protection-removed: AWS::DynamoDB::Table protected",
    ),
    "update-table-protection-on.ignored": (None, None),
}
CASES = sample_events.cases(GUARD)


def pointed_at(subject: Subject | None) -> str | None:
    """A subject in words, names of stacks in place of their ids."""
    if subject is None:
        return None
    stack = subject.stack and (name_of(subject.stack) if subject.stack.startswith("arn:") else subject.stack)
    if subject.type is None:
        return f"{subject.hazard}: stack {stack}"
    return f"{subject.hazard}: {subject.type} {subject.name}" + (f" of {stack}" if stack else "")


def test_every_sample_event_has_an_expectation() -> None:
    assert sorted(EXPECTED) == CASES


def test_every_verdict_is_one_of_four() -> None:
    assert {case.split(".")[1] for case in CASES} == {"violation", "compliant", "ignored", "malformed"}


def test_no_two_sample_events_share_an_id() -> None:
    ids = [sample_events.load(GUARD, case)["id"] for case in CASES]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES)
def test_the_rule_that_starts_the_guard(case: str) -> None:
    rule = EXPECTED[case][0]

    started = sample_events.rules_of(GUARD, sample_events.load(GUARD, case))

    assert started == ([rule] if rule else [])


@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith(".malformed")])
def test_what_the_event_points_at(case: str) -> None:
    assert pointed_at(subject_of(parse(sample_events.load(GUARD, case)))) == EXPECTED[case][1]


@pytest.mark.parametrize("case", [case for case in CASES if case.endswith(".malformed")])
def test_a_malformed_event_is_refused(case: str) -> None:
    with pytest.raises(ValidationError):
        parse(sample_events.load(GUARD, case))


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> FakeClients:
    return FakeClients(monkeypatch)


@pytest.fixture
def runner(app: ModuleType, clients: FakeClients, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """The guard in the account of the sample events."""
    monkeypatch.setattr(data_subject, "stack_of_table", sample_account.stack_of_table)
    monkeypatch.setattr(data_backups, "attach", lambda resources, since: tuple(resources))  # there are none
    guard = app.DataDeletion()
    stacks = sample_account.SampleStacks()
    guard._reader = SituationReader(stacks, sample_account.SampleData(), sample_account.OWN_STACK)
    return Runner(guard, app.settings, app.logger, app.metrics)


def first_look(runner: Runner, event: dict[str, Any]) -> str:
    try:
        started = runner.handle(event)["started"]
    except ValidationError:
        return "malformed"
    return "violation" if started else "compliant"


@pytest.mark.parametrize("case", CASES)
def test_the_first_look_answers_the_verdict_in_the_name(
    case: str, runner: Runner, clients: FakeClients
) -> None:
    verdict = case.split(".")[1]

    answer = first_look(runner, sample_events.now(GUARD, case))

    assert answer == ("compliant" if verdict == "ignored" else verdict)
    assert len(clients.started) == (1 if verdict == "violation" else 0)


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"])
@pytest.mark.parametrize("case", [case for case in CASES if "-own" in case and case.endswith(".compliant")])
def test_its_own_stack_is_left_alone_whatever_its_status(
    case: str, status: str, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = sample_account.STACKS["stackwarden"]
    monkeypatch.setitem(sample_account.STACKS, "stackwarden", replace(own, status=status))

    assert runner.handle(sample_events.now(GUARD, case)) == {"started": []}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stack-deleting.violation", "delete-stack-by-name.violation"),
        ("stack-deleting.violation", "delete-stack-by-arn.violation"),
        ("resource-created.violation", "resource-created-without-protection-call.violation"),
    ],
)
def test_one_hazard_seen_through_two_events_is_one_finding(
    one: str, other: str, runner: Runner, clients: FakeClients
) -> None:
    for case in (one, other):
        runner.handle(sample_events.now(GUARD, case))

    first, second = clients.started
    assert first["finding"]["id"] == second["finding"]["id"]
    assert clients.names[0] != clients.names[1]


def test_a_nested_stack_that_goes_down_with_its_root_is_the_roots_finding(
    runner: Runner, clients: FakeClients
) -> None:
    runner.handle(sample_events.now(GUARD, "stack-deleting-nested.violation"))

    assert clients.started[0]["finding"]["resource"]["name"] == "mall"
