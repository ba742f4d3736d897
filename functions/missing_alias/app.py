"""The guard `missing-alias`: reads what an event points at, asks the policy, and says what it found."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from stackwarden import aws, ledger
from stackwarden.alias_case import CaseReader
from stackwarden.alias_change import change_of, principals
from stackwarden.alias_reader import FunctionReader
from stackwarden.alias_settings import AliasSettings
from stackwarden.alias_starts import Starts
from stackwarden.alias_subject import Seed, start_of
from stackwarden.alias_verdict import (
    Found,
    Subject,
    code_told,
    first_verdict,
    is_part,
    next_verdict,
    state,
)
from stackwarden.episodes import episode
from stackwarden.events import ApiCall, StackStatusChange
from stackwarden.finding import Mode, Outcome, Verdict
from stackwarden.guard import Event, Runner
from stackwarden.openings import about
from stackwarden.policies.alias_changes import (
    ALIAS_TAG,
    MOVED_TAG,
    Change,
    is_pipeline,
    judge_behind,
    judge_change,
)
from stackwarden.policies.alias_code_reports import describe_behind, describe_change
from stackwarden.policies.alias_reports import describe
from stackwarden.policies.alias_state import Function
from stackwarden.policies.missing_alias import Case, Hazard, judge
from stackwarden.settings import load
from stackwarden.stacks import StackReader

GUARD = "missing-alias"

logger, tracer, metrics = Logger(), Tracer(), Metrics()
settings = load(AliasSettings, os.environ)


class MissingAlias:
    """Live state in, verdict out. One for each event: what was read is true for it only."""

    id = GUARD

    def __init__(self) -> None:
        stacks = StackReader(aws.client("cloudformation"))
        self._starts = Starts(settings.place, stacks)
        self._reader = FunctionReader(settings.place, stacks)
        self._cases = CaseReader(GUARD, settings)

    def look(self, event: Event) -> Iterator[Verdict]:
        """Judge every function that the event points at."""
        start = start_of(event, settings.place)
        if start is None:
            return
        change = _direct_change(event)
        denied: ClientError | None = None
        for arn, seeds in self._starts.functions(start):
            # Only where code may have changed can an alias have been left behind.
            whole = isinstance(event, StackStatusChange) or change_of(event) is not None
            try:
                function = self._read(arn, seeds, whole=whole, deleted=start.alias)
                if function is not None:
                    yield from self._verdicts(function, seeds, event, change)
            except ClientError as error:  # the next function may be one that can be read
                if not aws.is_access_denied(error):
                    raise
                denied = denied or error
        if denied:
            raise denied

    def look_again(self, verdict: Verdict) -> Verdict:
        """Judge the function again, knowing what was tried."""
        subject = Subject.model_validate(verdict.subject)
        seeds = [Seed(kind, name) for kind, name in subject.seeds]
        function = self._read(subject.function, seeds, whole=True)
        case = self._cases.again(function, verdict, subject.code) if function else None
        return next_verdict(verdict, case)

    def _read(self, arn: str, seeds: Iterable[Seed], *, whole: bool, deleted: str = "") -> Function | None:
        """Read a function; the rest only if something is wrong with its invokers, or it is wanted.

        deleted: the alias that the event says is gone.
        """
        function = self._reader.invoked(arn, seeds, push=settings.repoint_push, every=whole, deleted=deleted)
        if function is None:
            return None
        case = Case(function)
        if whole or case.exposed or case.dangling or case.people or self._is_minded(function):
            return self._reader.complete(function, settings.alias)
        logger.info("nothing unqualified", extra={"function": arn})
        return None

    def _is_minded(self, function: Function) -> bool:
        """Whether something goes through an alias of Stackwarden's: a deployment may have left it behind."""
        if not any(invoker.qualifier == settings.alias for invoker in function.invokers):
            return False
        return bool({ALIAS_TAG, MOVED_TAG} & set(self._reader.tags(function.arn) or {}))

    def _verdicts(
        self, function: Function, seeds: tuple[Seed, ...], event: Event, change: Change | None
    ) -> Iterator[Verdict]:
        if function.stack and function.stack.id == settings.stack_id:
            return  # the workflow and the rules name Stackwarden's own functions
        told, happened_at = self._cases.told(function.arn), _moment(event)
        deployed = isinstance(event, StackStatusChange) or (change is None and change_of(event) is not None)
        case = self._cases.first(function, told, happened_at, deployed=deployed)
        code = function.code.latest.code_sha256 if function.code else ""
        subject = Subject(hazard=Hazard.LATEST, function=function.arn, code=code, seeds=tuple(seeds))
        # Code that nobody has verified is told, with what runs it, and not made live for good.
        changed = change and _changed(case, subject, event, change, told)
        others = (_latest(case, subject), None if change else _behind(case, subject, event))
        for found in (changed,) if changed else others:
            verdict = found and self._verdict(found, told, event)
            if verdict:
                yield verdict

    def _verdict(self, found: Found, told: tuple[ledger.Entry, ...], event: Event) -> Verdict | None:
        happened_at = _moment(event)
        acts = settings.mode is Mode.ENFORCE and found.judgement.next == "act"
        if is_part(told, found, happened_at, acts=acts):
            logger.info("told with the whole", extra={"function": found.subject.function})
            return None
        same = about(told, found.subject.hazard, found.state)
        number = episode(same, happened_at, held=False, acts=acts)
        return first_verdict(GUARD, found, number or 0, event.actor, settings)


def _moment(event: Event) -> datetime:
    return event.called_at if isinstance(event, ApiCall) else event.time


def _direct_change(event: Event) -> Change | None:
    """Return the change of code by somebody who is not meant to make one."""
    change = change_of(event)
    if change is None or not isinstance(event, ApiCall):
        return None
    return None if is_pipeline(principals(event), settings.pipeline_principals) else change


def _latest(case: Case, subject: Subject) -> Found | None:
    judgement = judge(case)
    if judgement.outcome is Outcome.DISMISSED:
        return None
    return Found(subject, case, judgement, describe(case, judgement), state(case, Hazard.LATEST))


def _behind(case: Case, subject: Subject, event: Event) -> Found | None:
    judgement = judge_behind(case, completed=isinstance(event, StackStatusChange))
    if judgement.outcome is Outcome.DISMISSED:
        return None
    subject = subject.model_copy(update={"hazard": Hazard.BEHIND})
    return Found(subject, case, judgement, describe_behind(case, judgement), state(case, Hazard.BEHIND))


def _changed(
    case: Case, subject: Subject, event: Event, change: Change, told: tuple[ledger.Entry, ...]
) -> Found | None:
    judgement, actor = judge_change(case), event.actor
    if judgement.outcome is Outcome.DISMISSED or actor is None:
        return None
    subject = subject.model_copy(update={"hazard": Hazard.UNVERIFIED})
    known = Change(change.code_sha256, code_told(told, change.code_sha256, event.time), change.published)
    prose = describe_change(case, judgement, known, actor.arn)
    return Found(subject, case, judgement, prose, (actor.event_id,))


@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer EventBridge and the workflow (see stackwarden.guard)."""
    return Runner(MissingAlias(), settings, logger, metrics).handle(event)
