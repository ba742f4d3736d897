"""The guard `data-deletion`: reads what an event points at, asks the policy, and says what it found."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from stackwarden import aws, exemptions
from stackwarden.data_reader import DataReader
from stackwarden.data_subject import SituationReader, Subject, subject_of
from stackwarden.data_verdict import first_verdict, next_verdict
from stackwarden.finding import Verdict
from stackwarden.guard import Event, Runner
from stackwarden.policies.data_deletion import Case
from stackwarden.policies.data_state import Situation
from stackwarden.settings import Settings, load
from stackwarden.stacks import StackReader

GUARD = "data-deletion"

logger, tracer, metrics = Logger(), Tracer(), Metrics()
settings = load(Settings, os.environ)


class DataDeletion:
    """Live state in, verdict out."""

    id = GUARD

    def __init__(self) -> None:
        stacks = StackReader(aws.client("cloudformation"))
        self._reader = SituationReader(stacks, DataReader(settings.place), settings.stack_id)

    def look(self, event: Event) -> Sequence[Verdict]:
        """Judge what the event points at."""
        subject = subject_of(event)
        read = self._reader.first(subject) if subject else None
        if read is None:
            return []
        verdict = first_verdict(GUARD, read[0], self._case(read[1]), event.actor, settings)
        return [verdict] if verdict else []

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the subject again, knowing what was tried."""
        read = self._reader.again(Subject.model_validate(verdict.subject))
        case = self._case(read[1], verdict) if read else None
        return next_verdict(verdict, read[0] if read else None, case)

    def _case(self, situation: Situation, verdict: Verdict | None = None) -> Case:
        endangered = [r for r in situation.resources if r.holds_data and not r.retained]
        names = [name for resource in endangered for name in (resource.name, *resource.stack_names)]
        if endangered and situation.stack:
            names.append(situation.stack.name)
        granted = exemptions.read_or_none(aws.client("ssm"), GUARD, names, datetime.now(UTC))
        return Case(
            situation=situation,
            mode=settings.mode,
            exemptions=granted,
            attempts=verdict.attempts if verdict else (),
            round=verdict.round if verdict else 0,
        )


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer EventBridge and the workflow (see stackwarden.guard)."""
    return Runner(DataDeletion(), settings, logger, metrics).handle(event)
