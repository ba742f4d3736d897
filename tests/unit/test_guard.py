"""What every guard function does with an event and with the workflow's questions; the guard is a stub."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger, Metrics
from botocore.exceptions import ClientError
from pydantic import ValidationError

from stackwarden.finding import Action, ActionKind, Finding, Mode, Outcome, Resource, Severity, Verdict
from stackwarden.guard import OLDEST, Event, Runner
from stackwarden.settings import Settings, load
from tests import sample_events
from tests.conftest import ENVIRONMENT
from tests.fakes import FakeClients, client_error

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"


def verdict(**changes: Any) -> Verdict:
    finding = Finding(
        id="data-deletion-0123456789abcdef",
        guard="data-deletion",
        hazard="deleted",
        severity=Severity.HIGH,
        title="The DynamoDB table orders was deleted",
        why="why",
        fix="fix",
        resource=Resource(
            type="AWS::DynamoDB::Table", arn=ARN, name="orders", account="123456789012", region="us-east-1"
        ),
        mode=Mode.ENFORCE,
        environment="test",
    )
    known: dict[str, Any] = {"finding": finding, "function": "f", "next": "wait", "subject": {}}
    return Verdict(**known | changes)


class StubGuard:
    """Answers what the test wants, and then fails with it."""

    id = "data-deletion"

    def __init__(self) -> None:
        self.found: list[Verdict] = []
        self.error: ClientError | None = None
        self.looked: list[Event] = []
        self.asked: list[Verdict] = []

    def look(self, event: Event) -> Iterator[Verdict]:
        self.looked.append(event)
        yield from self.found
        if self.error:
            raise self.error

    def look_again(self, verdict: Verdict) -> Verdict:
        self.asked.append(verdict)
        if self.error:
            raise self.error
        return verdict.model_copy(update={"next": "done", "outcome": Outcome.LOST})


@pytest.fixture
def guard() -> StubGuard:
    return StubGuard()


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> FakeClients:
    return FakeClients(monkeypatch)


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Stackwarden")
    metrics = Metrics(service="data-deletion")
    metrics.clear_metrics()
    return metrics


@pytest.fixture
def runner(guard: StubGuard, clients: FakeClients, metrics: Metrics) -> Runner:
    return Runner(guard, load(Settings, ENVIRONMENT), Logger(service="data-deletion"), metrics)


def event(case: str = "delete-table.violation") -> dict[str, Any]:
    return sample_events.now("data-deletion", case)


def test_a_verdict_starts_the_workflow(runner: Runner, guard: StubGuard, clients: FakeClients) -> None:
    guard.found = [verdict()]
    raw = event()

    answer = runner.handle(raw)

    assert answer == {"started": [f"data-deletion-0123456789abcdef-{raw['id']}"]}
    assert clients.started == [verdict().model_dump(mode="json")]


def test_no_verdict_starts_nothing(runner: Runner, guard: StubGuard, clients: FakeClients) -> None:
    assert runner.handle(event()) == {"started": []}
    assert (len(guard.looked), clients.started) == (1, [])


def test_the_same_event_twice_is_one_execution(
    runner: Runner, guard: StubGuard, clients: FakeClients
) -> None:
    guard.found, raw = [verdict()], event()

    assert runner.handle(raw) == runner.handle(raw)
    assert len(clients.started) == 1


def test_a_refused_start_is_raised_and_no_blindness(
    runner: Runner, guard: StubGuard, clients: FakeClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard saw: what is wrong is told by the dead-letter queue."""
    start = clients.start_execution
    refusals = [client_error("AccessDeniedException", "StartExecution")]

    def refuse_once(**arguments: Any) -> None:
        if refusals:
            raise refusals.pop()
        start(**arguments)

    monkeypatch.setattr(clients, "start_execution", refuse_once)
    guard.found = [verdict()]

    with pytest.raises(ClientError, match="StartExecution"):
        runner.handle(event())

    assert clients.started == []


def aged(raw: dict[str, Any], age: timedelta) -> dict[str, Any]:
    moment = (datetime.now(UTC) - age).isoformat()
    raw["time"] = moment
    if "eventTime" in raw["detail"]:
        raw["detail"]["eventTime"] = moment
    return raw


def failed(raw: dict[str, Any]) -> dict[str, Any]:
    raw["detail"]["errorCode"] = "ValidationException"
    return raw


def by_own_role(raw: dict[str, Any]) -> dict[str, Any]:
    issuer = {"arn": ENVIRONMENT["STACKWARDEN_STATE_MACHINE_ROLE_ARN"]}
    raw["detail"]["userIdentity"]["sessionContext"] = {"sessionIssuer": issuer}
    return raw


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda raw: raw | {"replay-name": "january"}, id="replayed"),
        pytest.param(lambda raw: aged(raw, OLDEST + timedelta(minutes=1)), id="old"),
        pytest.param(failed, id="failed"),
        pytest.param(by_own_role, id="own"),
    ],
)
def test_an_event_that_must_not_be_acted_on_is_not_even_looked_at(
    changed: Callable[[dict[str, Any]], dict[str, Any]], runner: Runner, guard: StubGuard
) -> None:
    guard.found = [verdict()]

    assert runner.handle(changed(event())) == {"started": []}
    assert guard.looked == []


def test_a_stack_status_change_can_be_old_too(runner: Runner, guard: StubGuard) -> None:
    runner.handle(aged(event("stack-deleting.violation"), OLDEST + timedelta(minutes=1)))
    assert guard.looked == []

    runner.handle(aged(event("stack-deleting.violation"), OLDEST - timedelta(minutes=1)))
    assert len(guard.looked) == 1


def test_a_call_that_is_delivered_late_is_as_old_as_the_call(runner: Runner, guard: StubGuard) -> None:
    raw = event()
    raw["detail"]["eventTime"] = (datetime.now(UTC) - OLDEST - timedelta(minutes=1)).isoformat()

    runner.handle(raw)

    assert guard.looked == []


def test_a_guard_that_is_off_does_not_look(guard: StubGuard, clients: FakeClients, metrics: Metrics) -> None:
    off = load(Settings, {**ENVIRONMENT, "STACKWARDEN_MODE": "off"})

    assert Runner(guard, off, Logger(), metrics).handle(event()) == {"started": []}
    assert guard.looked == []


@pytest.mark.parametrize(
    "code", ["AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"]
)
def test_a_guard_that_may_not_see_says_so(
    code: str, runner: Runner, guard: StubGuard, clients: FakeClients
) -> None:
    guard.error = client_error(code, "DescribeTable", "not authorized\nFinding: none")

    runner.handle(event())

    [started] = clients.started
    assert (started["next"], started["outcome"]) == ("done", "failed")
    assert started["finding"]["hazard"] == "blind"
    assert started["finding"]["severity"] == "HIGH"
    assert "DescribeTable: not authorized Finding: none" in started["finding"]["fix"]


def test_being_blind_is_one_finding_a_day_and_call(
    runner: Runner, guard: StubGuard, clients: FakeClients
) -> None:
    guard.error = client_error("AccessDenied", "DescribeTable")
    runner.handle(event("delete-table.violation"))
    runner.handle(event("delete-table-from-the-console.violation"))
    guard.error = client_error("AccessDenied", "DescribeStacks")
    runner.handle(event("stack-deleting.violation"))

    one, same, other = (started["finding"]["id"] for started in clients.started)
    assert one == same != other


def test_what_was_found_before_a_read_was_denied_is_acted_on(
    runner: Runner, guard: StubGuard, clients: FakeClients
) -> None:
    guard.found, guard.error = [verdict()], client_error("AccessDenied", "DescribeTable")

    answer = runner.handle(event())

    assert [started["finding"]["hazard"] for started in clients.started] == ["deleted", "blind"]
    assert answer["started"] == clients.names


def test_what_was_found_before_a_read_failed_is_acted_on(
    runner: Runner, guard: StubGuard, clients: FakeClients
) -> None:
    """The invocation is tried again; the same finding stops at the ledger."""
    guard.found, guard.error = [verdict()], client_error("InternalServerError", "DescribeTable")

    with pytest.raises(ClientError, match="InternalServerError"):
        runner.handle(event())

    assert [started["finding"]["hazard"] for started in clients.started] == ["deleted"]


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "ResourceNotFoundException"])
def test_any_other_error_fails_the_invocation(code: str, runner: Runner, guard: StubGuard) -> None:
    guard.error = client_error(code, "DescribeTable")

    with pytest.raises(ClientError, match=code):
        runner.handle(event())


def test_a_malformed_event_fails_the_invocation(runner: Runner, guard: StubGuard) -> None:
    with pytest.raises(ValidationError, match="stack-id"):
        runner.handle(event("stack-id-empty.malformed"))


@pytest.mark.parametrize("task", ["undo", "", 7])
def test_an_unknown_task_fails_the_invocation(task: object, runner: Runner) -> None:
    with pytest.raises(ValueError, match="neither judge nor report"):
        runner.handle({"task": task, "verdict": {}})


def question(asked: Verdict, **left_by_the_workflow: Any) -> dict[str, Any]:
    """As the state machine asks: the verdict with what its states added."""
    return {"task": "judge", "verdict": json.loads(asked.model_dump_json()) | left_by_the_workflow}


DONE = {"kind": "protect-table", "target": "orders", "parameters": {}, "before": {}, "status": "done"}


def test_judging_again_counts_rounds_and_remembers_every_attempt(runner: Runner, guard: StubGuard) -> None:
    earlier = verdict(round=3, attempts=[DONE])

    answer = runner.handle(question(earlier, results=[DONE | {"status": "failed", "error": "X: no"}]))

    [asked] = guard.asked
    assert asked.round == 4
    assert [(attempt.status, attempt.round) for attempt in asked.attempts] == [("done", 0), ("failed", 3)]
    assert asked.results == []
    assert answer["outcome"] == "lost"


def test_a_verdict_of_another_shape_is_refused(runner: Runner) -> None:
    with pytest.raises(ValidationError, match="stranger"):
        runner.handle(question(verdict(), stranger=1))


def test_access_denied_on_judging_again_ends_it_as_failed(runner: Runner, guard: StubGuard) -> None:
    guard.error = client_error("AccessDeniedException", "DescribeTable", "not authorized")
    pending = verdict(next="act", actions=[Action(kind=ActionKind.PROTECT_TABLE, target="orders")])

    answer = runner.handle(question(pending, results=[DONE]))

    assert (answer["next"], answer["outcome"], answer["actions"]) == ("done", "failed", [])
    assert answer["finding"]["evidence"]["denied"] == "DescribeTable: not authorized"
    assert [attempt["status"] for attempt in answer["attempts"]] == ["done"]


def test_the_report_has_what_sns_takes(runner: Runner) -> None:
    answer = runner.handle(
        {"task": "report", "verdict": verdict(next="done", outcome="lost").model_dump(mode="json")}
    )

    assert sorted(answer) == ["message", "subject"]
    assert sorted(json.loads(cast(str, answer["message"]))) == ["default", "email"]
