"""The guard `s3-recursion`: reads what an event points at, asks the policy, and says what it found."""

import os
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from stackwarden import aws
from stackwarden.events import ApiCall
from stackwarden.finding import Verdict
from stackwarden.guard import Event, Runner
from stackwarden.policies.s3_recursion import Cap, Hazard
from stackwarden.policies.s3_state import unqualified
from stackwarden.policies.s3_walk import Loop, Survey
from stackwarden.s3_case import CaseReader
from stackwarden.s3_loops import LoopFinder
from stackwarden.s3_reader import EstateReader
from stackwarden.s3_roles import RoleReader
from stackwarden.s3_settings import RecursionSettings
from stackwarden.s3_starts import Starts
from stackwarden.s3_subject import start_of
from stackwarden.s3_verdict import Cause, Subject, first_verdict, next_verdict
from stackwarden.settings import load
from stackwarden.stacks import StackReader

GUARD = "s3-recursion"
MOST_TOLD = 5  # loops through one function that are only told, each a finding; those to act on have no limit

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
        self._cases = CaseReader(GUARD, settings)
        self._found = set[str]()

    def look(self, event: Event) -> Iterator[Verdict]:
        """Judge every loop through what the event points at, and every cap whose loop may be gone."""
        start = start_of(event, settings.place)
        if start is None:
            return
        capped = self._starts.capped()
        functions = self._starts.functions(start)
        for function in functions:
            arn = unqualified(function)
            cap = self._cases.cap(arn, capped[arn]) if arn in capped else None
            yield from self._through(function, event, Cause.of(event), cap)
        own = {unqualified(function) for function in functions}
        for arn in sorted(capped.keys() - own):
            cap = self._cases.cap(arn, capped[arn])
            # A call about one function says nothing of the loops that others are in.
            if cap and (not start.is_function or own & set(cap.cycle)):
                yield from self._through(arn, event, Cause(), cap)

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the subject again, knowing what was tried."""
        subject = Subject.model_validate(verdict.subject)
        surveys = [self._survey(name, subject.buckets) for name in subject.starts]
        loops = tuple(loop for survey in surveys for loop in survey.loops)
        survey = Survey(loops, (), tuple(cut for survey in surveys for cut in survey.cut))
        wanted = [loop for loop in loops if subject.hazard is Hazard.GONE or loop.cycle == subject.cycle]
        case = self._cases.again(subject, next(iter(wanted), None), survey, verdict)
        return next_verdict(verdict, subject, case, settings.place)

    def _through(self, function: str, event: Event, cause: Cause, cap: Cap | None) -> Iterator[Verdict]:
        names = dict.fromkeys([function, *(cap.names if cap else ())])
        surveys = [self._survey(name, cap.buckets if cap else ()) for name in names]
        told = 0
        for survey in surveys:
            for loop in sorted(survey.loops, key=lambda loop: (not loop.proven, len(loop.hops))):
                verdict = self._verdict(Subject.of(loop), loop, survey, event, cause)
                if verdict and (verdict.next == "act" or told < MOST_TOLD):
                    told += verdict.next != "act"
                    yield verdict
        if cap and not any(survey.loops or survey.cut for survey in surveys):
            subject = Subject.gone(unqualified(function), cap)
            if verdict := self._verdict(subject, None, surveys[0], event, cause):
                yield verdict

    def _verdict(
        self, subject: Subject, loop: Loop | None, survey: Survey, event: Event, cause: Cause
    ) -> Verdict | None:
        happened_at = event.called_at if isinstance(event, ApiCall) else event.time
        read = self._cases.first(subject, loop, survey, happened_at)
        verdict = read and first_verdict(GUARD, subject, *read, cause, settings)
        if not verdict or verdict.finding.id in self._found:
            logger.info("nothing new", extra={"cycle": subject.cycle})
            return None
        self._found.add(verdict.finding.id)
        return verdict

    def _survey(self, function: str, buckets: tuple[str, ...]) -> Survey:
        survey = self._finder.through(function, buckets)
        if survey.cut:
            metrics.add_metric("WalksCutShort", MetricUnit.Count, 1)
            logger.warning("the walk was cut short", extra={"function": function, "cut": survey.cut})
        return survey


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer EventBridge and the workflow (see stackwarden.guard)."""
    return Runner(S3Recursion(), settings, logger, metrics).handle(event)
