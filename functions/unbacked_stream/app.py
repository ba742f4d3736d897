"""The guard `unbacked-stream`: reads what an event points at, asks the policy, and says what it found."""

import os
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from stackwarden import aws, ledger
from stackwarden.episodes import episode
from stackwarden.events import ApiCall
from stackwarden.finding import Mode, Outcome, Verdict
from stackwarden.guard import Event, Runner
from stackwarden.openings import about
from stackwarden.policies.unbacked_stream import judge
from stackwarden.settings import load
from stackwarden.stacks import StackReader
from stackwarden.stream_case import CaseReader
from stackwarden.stream_reader import StreamReader
from stackwarden.stream_settings import StreamSettings
from stackwarden.stream_starts import Starts
from stackwarden.stream_subject import start_of
from stackwarden.stream_verdict import Found, Subject, first_verdict, next_verdict

GUARD = "unbacked-stream"

logger, tracer, metrics = Logger(), Tracer(), Metrics()
settings = load(StreamSettings, os.environ)


class UnbackedStream:
    """Live state in, verdict out."""

    id = GUARD

    def __init__(self) -> None:
        reader, stacks = StreamReader(settings.place), StackReader(aws.client("cloudformation"))
        self._starts = Starts(reader)
        self._cases = CaseReader(GUARD, settings, reader, stacks)

    def look(self, event: Event) -> Iterator[Verdict]:
        """Judge every stream that the event points at."""
        start = start_of(event)
        if start is None:
            return
        for subject in self._starts.subjects(start):
            if verdict := self._verdict(subject, event):
                yield verdict

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the stream again, knowing what was tried."""
        case, subject = self._cases.read(Subject.model_validate(verdict.subject), verdict)
        return next_verdict(verdict, subject, case)

    def _verdict(self, subject: Subject, event: Event) -> Verdict | None:
        case, subject = self._cases.read(subject)
        found = Found(subject, case, judge(case))
        if found.judgement.outcome is Outcome.DISMISSED:
            logger.info("no hazard", extra={"stream": subject.stream, "reason": found.judgement.reason})
            return None
        told = ledger.entries(settings.ledger_table, subject.stream, GUARD)
        happened_at = event.called_at if isinstance(event, ApiCall) else event.time
        # Whoever waits for a stream, or for a copy of it, is going to act.
        acts = settings.mode is Mode.ENFORCE and found.judgement.next != "done"
        number = episode(about(told, subject.hazard, found.state), happened_at, held=False, acts=acts)
        return first_verdict(GUARD, found, number or 0, event.actor, settings)


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer EventBridge and the workflow (see stackwarden.guard)."""
    return Runner(UnbackedStream(), settings, logger, metrics).handle(event)
