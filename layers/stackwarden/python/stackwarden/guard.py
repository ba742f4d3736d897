"""What every guard function does: an event becomes subjects, a subject a verdict, a verdict an execution.

A guard function is called in three ways:
- by EventBridge, with an event: `look` reads live state and answers a verdict, which starts the workflow;
- by the workflow, `{"task": "judge", "verdict": …}`: `look_again` judges after something was done, or waited
  for;
- by the workflow, `{"task": "report", …}`: the report's text (messages.py).

Guards only read: the one call that is not a read is StartExecution of the workflow.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from stackwarden import aws, messages
from stackwarden.events import ApiCall, ResourceStatusChange, StackStatusChange, parse
from stackwarden.finding import (
    NOBODY,
    Attempt,
    Finding,
    Mode,
    Outcome,
    Resource,
    Severity,
    Verdict,
    finding_id,
)
from stackwarden.settings import Settings

OLDEST = timedelta(hours=1)  # what happened longer ago is for the sweep: the world has moved on
BLIND = "blind"
_ERROR = 300  # characters
_NO_NAME = re.compile(r"[^0-9A-Za-z_-]")  # what an execution's name may not hold

type Event = ApiCall | StackStatusChange | ResourceStatusChange


class Guard(Protocol):
    """What a guard's app.py provides. Both may raise ClientError; access denied becomes a blind finding."""

    @property
    def id(self) -> str:
        """The guard's name, as in design, folder and documentation."""

    def look(self, event: Event) -> Iterable[Verdict]:
        """Judge what an event points at; empty when there is no hazard. Each starts as it comes."""

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the subject of an earlier verdict again."""


@dataclass(frozen=True)
class Runner:
    """One guard in one Lambda function."""

    guard: Guard
    settings: Settings
    logger: Logger
    metrics: Metrics

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer one invocation. What it raises reaches the dead-letter queue (or the workflow's Catch)."""
        match event.get("task"):
            case None:
                self.metrics.add_metric("Events", MetricUnit.Count, 1)
                return self._event(event)
            case "judge":
                self.metrics.add_metric("Judgements", MetricUnit.Count, 1)
                return self._judge(Verdict.model_validate(event["verdict"])).model_dump(mode="json")
            case "report":
                self.metrics.add_metric("Reports", MetricUnit.Count, 1)
                return messages.report(
                    Verdict.model_validate(event["verdict"]), self.settings.documentation_url
                )
            case other:
                raise ValueError(f"task: {other!r} is neither judge nor report")

    def _event(self, raw: dict[str, Any]) -> dict[str, Any]:
        event = parse(raw)
        self.logger.append_keys(event_id=event.id)
        reason = self._ignored(event)
        if reason:
            self.logger.info("ignored", extra={"reason": reason})
            self.metrics.add_metric("Ignored", MetricUnit.Count, 1)
            return {"started": []}
        started = []
        try:
            for verdict in self.guard.look(event):
                started.append(self._start(verdict, event.id))
        except ClientError as error:
            if not aws.is_access_denied(error) or error.operation_name == "StartExecution":
                raise
            started.append(self._start(self._blind(event, error), event.id))
        return {"started": started}

    def _ignored(self, event: Event) -> str:
        """Say why an event must not be acted on: patterns tell most of it apart, this the rest."""
        happened = event.called_at if isinstance(event, ApiCall) else event.time
        if self.settings.mode is Mode.OFF:
            return "the guard is off"
        if event.replay_name:
            return "a replayed event"
        if datetime.now(UTC) - happened > OLDEST:
            return f"older than {OLDEST}"
        if isinstance(event, ApiCall) and event.error_code:
            return "a failed call"
        if isinstance(event, ApiCall) and event.role_arn == self.settings.state_machine_role_arn:
            return "Stackwarden's own call"
        return ""

    def _start(self, verdict: Verdict, event_id: str) -> str:
        """Start the workflow. The same event twice is the same name; the same finding stops at the ledger."""
        finding = verdict.finding
        name = _NO_NAME.sub("-", f"{finding.id}-{event_id}")[:80]
        self.metrics.add_metric("Findings", MetricUnit.Count, 1)
        self.logger.info(
            "finding", extra={"finding": finding.id, "title": finding.title, "next": verdict.next}
        )
        sfn = aws.client("stepfunctions")
        try:
            sfn.start_execution(
                stateMachineArn=self.settings.state_machine_arn,
                name=name,
                input=json.dumps(verdict.model_dump(mode="json")),
            )
        except sfn.exceptions.ExecutionAlreadyExists:
            self.logger.info("already started", extra={"execution": name})
        return name

    def _judge(self, verdict: Verdict) -> Verdict:
        tried = verdict.model_copy(
            update={
                "attempts": [
                    *verdict.attempts,
                    *(_noted(result, verdict.round) for result in verdict.results),
                ],
                "results": [],
                "round": verdict.round + 1,
            }
        )
        try:
            judged = self.guard.look_again(tried)
        except ClientError as error:
            if not aws.is_access_denied(error):
                raise
            judged = _blinded(tried, error)
        self.logger.info(
            "judged",
            extra={
                "finding": judged.finding.id,
                "next": judged.next,
                "outcome": judged.outcome,
                "round": tried.round,
            },
        )
        return judged

    def _blind(self, event: Event, error: ClientError) -> Verdict:
        """A guard that cannot see says so: one finding a day for each call that it may not make."""
        denied, place = _denied(error), self.settings.place
        arn = f"arn:{place.partition}:cloudformation:{place.region}:{place.account}:{self.guard.id}"
        finding = Finding(
            id=finding_id(self.guard.id, arn, BLIND, error.operation_name, event.time.date().isoformat()),
            guard=self.guard.id,
            hazard=BLIND,
            severity=Severity.HIGH,
            title=f"The guard {self.guard.id} cannot see: {error.operation_name} is denied",
            why="What the event pointed at was not judged, so it is not protected.",
            fix=(
                "Allow the guard's role the call: look for a service control policy, a permissions boundary "
                f"or a resource policy that denies it. AWS said: {denied}"
            ),
            resource=Resource(
                type="AWS::CloudFormation::Stack",
                arn=self.settings.stack_id,
                name=self.guard.id,
                account=place.account,
                region=place.region,
            ),
            actor=event.actor,
            mode=self.settings.mode,
            environment=self.settings.environment,
            evidence={"denied": denied, "event": event.id},
        )
        return Verdict(
            finding=finding,
            function=self.settings.function_name,
            actor=event.actor.model_dump_json() if event.actor else NOBODY,
            next="done",
            outcome=Outcome.FAILED,
            subject={},
        )


def _denied(error: ClientError) -> str:
    return messages.clean(f"{error.operation_name}: {error.response['Error']['Message']}")


def _noted(result: Attempt, round_: int) -> Attempt:
    """Keep when it was tried, and of an error's text what fits a workflow's state however many there are."""
    return result.model_copy(update={"round": round_, "error": result.error[:_ERROR]})


def _blinded(verdict: Verdict, error: ClientError) -> Verdict:
    denied = _denied(error)
    evidence = {**verdict.finding.evidence, "denied": denied}
    finding = verdict.finding.model_copy(
        update={
            "severity": Severity.HIGH,
            "fix": (
                f"The guard could not look again, so nothing is certain. Allow its role the call: {denied}"
            ),
            "evidence": evidence,
        }
    )
    return verdict.model_copy(
        update={"finding": finding, "next": "done", "outcome": Outcome.FAILED, "actions": []}
    )
