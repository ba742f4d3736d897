"""The guard `s3-recursion`: reads what an event points at, asks the policy, and says what it found."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from stackwarden import aws, exemptions, ledger
from stackwarden.events import ApiCall
from stackwarden.finding import Mode, Verdict
from stackwarden.guard import Event, Runner
from stackwarden.policies.s3_recursion import (
    Cap,
    Case,
    Grade,
    Hazard,
    Rules,
    Situation,
    WhenUnreservable,
    judge,
    names,
)
from stackwarden.policies.s3_state import unqualified
from stackwarden.policies.s3_walk import Loop, Survey
from stackwarden.s3_loops import LoopFinder, states
from stackwarden.s3_reader import EstateReader
from stackwarden.s3_roles import RoleReader
from stackwarden.s3_starts import Starts
from stackwarden.s3_subject import Kind, start_of
from stackwarden.s3_verdict import Subject, about, cap_set, episode, first_verdict, next_verdict
from stackwarden.settings import Settings, load
from stackwarden.stacks import StackReader

GUARD = "s3-recursion"
MOST_TOLD = 5  # loops through one function, each a finding: proven ones first, then short ones


class RecursionSettings(Settings):
    """What this guard needs besides."""

    cap: int = Field(alias="STACKWARDEN_CONCURRENCY_CAP", ge=0, le=1000)
    enforce: Grade = Field(alias="STACKWARDEN_ENFORCE")
    when_unreservable: WhenUnreservable = Field(alias="STACKWARDEN_WHEN_UNRESERVABLE")
    ledger_table: str = Field(alias="STACKWARDEN_LEDGER_TABLE", min_length=1)


logger, tracer, metrics = Logger(), Tracer(), Metrics()
settings = load(RecursionSettings, os.environ)


class S3Recursion:
    """Live state in, verdict out. One for each event: what was read is true for it only."""

    id = GUARD

    def __init__(self) -> None:
        roles = RoleReader()
        reader = EstateReader(settings.place, roles)
        self._starts = Starts(settings.place, StackReader(aws.client("cloudformation")), roles, reader)
        self._finder = LoopFinder(reader)

    def look(self, event: Event) -> Sequence[Verdict]:
        """Judge every loop through what the event points at, and every cap whose loop is gone."""
        start = start_of(event, settings.place)
        if start is None:
            return []
        capped = self._starts.capped()
        functions = [*self._starts.functions(start), *(() if start.kind is Kind.FUNCTION else sorted(capped))]
        found = [
            verdict
            for function in dict.fromkeys(functions)
            for verdict in self._through(function, event, capped.get(unqualified(function)))
        ]
        return list({verdict.finding.id: verdict for verdict in found}.values())

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the subject again, knowing what was tried."""
        subject = Subject.model_validate(verdict.subject)
        survey = self._survey(subject.start, subject.buckets)
        loop = next((loop for loop in survey.loops if loop.cycle == subject.cycle), None)
        if subject.hazard is Hazard.GONE:
            loop = next(iter(survey.loops), None)
        case = self._case(subject, loop, survey, verdict)
        return next_verdict(verdict, subject, case, settings.place)

    def _through(self, function: str, event: Event, capped_by: str | None) -> Iterator[Verdict]:
        arn = unqualified(function)
        cap = None if capped_by is None else self._cap(arn, capped_by)
        surveys = [
            self._survey(name, cap.buckets if cap else ())
            for name in dict.fromkeys([function, *(cap.names if cap else ())])
        ]
        for survey in surveys:
            told = sorted(survey.loops, key=lambda loop: (not loop.proven, len(loop.hops)))[:MOST_TOLD]
            more = len(survey.loops) - len(told)
            cut = (*survey.cut, *([f"{more} more loops through this function"] if more else []))
            for loop in told:
                yield from self._verdict(event, Subject.of(loop), loop, replace(survey, cut=cut))
        if cap and not any(survey.loops or survey.cut for survey in surveys):
            yield from self._verdict(event, Subject.gone(arn, cap), None, surveys[0])

    def _cap(self, function: str, finding: str) -> Cap | None:
        pointed_at = ledger.entry(settings.ledger_table, finding) if finding else None
        entries = ledger.entries(settings.ledger_table, function, GUARD)
        return cap_set([*entries, *([pointed_at] if pointed_at else [])], function)

    def _verdict(
        self, event: Event, subject: Subject, loop: Loop | None, survey: Survey
    ) -> Iterator[Verdict]:
        # The ledger first: a cap that it calls verified and that does not show afterwards was lifted.
        told = [
            entry for arn in subject.functions for entry in ledger.entries(settings.ledger_table, arn, GUARD)
        ]
        caps = {arn: cap for arn in subject.functions if (cap := cap_set(told, arn))}
        case = self._case(subject, loop, survey, caps=caps)
        if case is None:
            return
        happened_at = event.called_at if isinstance(event, ApiCall) else event.time
        number = episode(
            about(told, subject),
            happened_at,
            held=case.held and not case.allows_recursion,
            acts=settings.mode is Mode.ENFORCE and judge(case).next == "act",
        )
        if number is None:
            logger.info("held already", extra={"cycle": subject.cycle})
            return
        verdict = first_verdict(GUARD, subject, case, number, event, settings)
        if verdict:
            yield verdict

    def _survey(self, function: str, buckets: tuple[str, ...]) -> Survey:
        survey = self._finder.through(function, buckets)
        if survey.cut:
            metrics.add_metric("WalksCutShort", MetricUnit.Count, 1)
            logger.warning("the walk was cut short", extra={"function": function, "cut": survey.cut})
        return survey

    def _case(
        self,
        subject: Subject,
        loop: Loop | None,
        survey: Survey,
        verdict: Verdict | None = None,
        caps: Mapping[str, Cap] = MappingProxyType({}),
    ) -> Case | None:
        """Read what the judgement depends on besides the loop; None: its functions are gone."""
        functions = tuple(replace(state, cap=caps.get(state.arn)) for state in states(subject.functions))
        if not functions:
            return None
        situation = Situation(subject.hazard, functions, loop, subject.cap, survey.cut)
        ssm, now = aws.client("ssm"), datetime.now(UTC)
        return Case(
            situation=situation,
            rules=Rules(settings.cap, settings.enforce, settings.when_unreservable),
            mode=settings.mode,
            exemptions=exemptions.read_or_none(ssm, GUARD, names(situation), now),
            attempts=verdict.attempts if verdict else (),
            round=verdict.round if verdict else 0,
        )


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer EventBridge and the workflow (see stackwarden.guard)."""
    return Runner(S3Recursion(), settings, logger, metrics).handle(event)
