"""From the judgement of `missing-alias` to the verdict that travels through the workflow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from stackwarden.episodes import STUCK, TOLD
from stackwarden.finding import (
    Action,
    ActionKind,
    Actor,
    Outcome,
    Prose,
    Resource,
    Verdict,
)
from stackwarden.ledger import Entry
from stackwarden.openings import Opening, about, reworded
from stackwarden.policies.alias_changes import ALIAS_TAG, MOVED_TAG, judge_behind, left_behind
from stackwarden.policies.alias_code_reports import describe_behind
from stackwarden.policies.alias_reports import describe
from stackwarden.policies.alias_state import Function, Kind
from stackwarden.policies.missing_alias import Case, Hazard, Judgement, judge
from stackwarden.settings import Place, Settings

FINDING_TAG: Final = "stackwarden:finding"
_ALIAS_TAGS: Final = {ActionKind.CREATE_ALIAS: ALIAS_TAG, ActionKind.UPDATE_ALIAS: MOVED_TAG}


class Subject(BaseModel):
    """What to look at again: a function, and the sources that an event or a stack told of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hazard: Hazard
    function: str
    code: str = ""  # the CodeSha256 that was judged first
    seeds: tuple[tuple[Kind, str], ...] = ()


@dataclass(frozen=True)
class Found:
    """A hazard before it is a finding. state: what makes it the same one, however often it is seen."""

    subject: Subject
    case: Case
    judgement: Judgement
    prose: Prose
    state: tuple[str, ...]


def state(case: Case, hazard: Hazard) -> tuple[str, ...]:
    """Return what makes a hazard the same one.

    New code under the same invokers is another one in prod: live traffic was changed in place.
    """
    code = case.function.code
    latest = code.latest.code_sha256 if code else ""
    if hazard is Hazard.BEHIND:
        behind = left_behind(case)
        return (latest, behind[1].number if behind else "")
    counted = case.exposed + case.dangling or case.people
    keys = sorted(invoker.key for invoker in counted)
    return (*keys, *([latest] if case.is_prod and case.exposed else []))


def unverified(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the code that came from outside the known pipelines, as far as that is not exempt."""
    return frozenset(
        str(entry.finding["evidence"].get("code_sha256"))
        for entry in entries
        if entry.hazard == Hazard.UNVERIFIED and entry.outcome is not Outcome.EXEMPT
    )


def relapses(entries: Iterable[Entry], judged: Sequence[str], now: datetime) -> int:
    """Count how often the same was remediated within a day."""
    same = about(entries, Hazard.LATEST, judged)
    return sum(entry.outcome is Outcome.REMEDIATED and now - entry.opened_at < TOLD for entry in same)


def is_part(entries: Iterable[Entry], found: Found, happened_at: datetime, *, acts: bool) -> bool:
    """Whether it is a part of what was found before, and nothing to be told of by itself.

    A workflow at work on the whole leaves parts of it for a while; what it leaves to its owner was told with
    the whole. acts: whether something is to be done about it.
    """
    whole = [
        entry
        for entry in entries
        if entry.hazard == found.subject.hazard
        and set(found.state) < set(entry.finding["evidence"].get("state", ()))
    ]
    return any(_covers(entry, happened_at, acts=acts) for entry in whole)


def _covers(entry: Entry, happened_at: datetime, *, acts: bool) -> bool:
    if entry.closed_at is None:
        return happened_at - entry.opened_at < STUCK
    only_told = entry.outcome in (Outcome.OBSERVED, Outcome.EXEMPT)
    return only_told and not acts and happened_at <= entry.closed_at + TOLD


def code_told(entries: Iterable[Entry], now: str, happened_at: datetime) -> str:
    """Return the code that the function had when the guard last looked before, if another one; else ""."""
    before = (entry for entry in entries if entry.opened_at < happened_at)
    newest_first = sorted(before, key=lambda entry: entry.opened_at, reverse=True)
    known = [str(entry.finding["evidence"].get("code_sha256") or "") for entry in newest_first]
    return next((sha for sha in known if sha and sha != now), "")


def first_verdict(guard: str, found: Found, number: int, actor: Actor | None, settings: Settings) -> Verdict:
    """Make the finding; number: the episode."""
    opening = Opening(
        guard=guard,
        hazard=found.subject.hazard,
        resource=_resource(found.case.function, settings.place),
        state=found.state,
        prose=found.prose,
        subject=found.subject.model_dump(mode="json"),
        exemption=found.judgement.exemption,
    )
    return _verdict(opening.verdict(number, actor, settings), found.case, found.judgement)


def next_verdict(verdict: Verdict, case: Case | None) -> Verdict:
    """Judge again. A function that is gone has nothing to move."""
    if case is None:
        return verdict.model_copy(update={"next": "done", "outcome": Outcome.DISMISSED, "actions": []})
    behind = verdict.finding.hazard == Hazard.BEHIND
    judgement = judge_behind(case) if behind else judge(case)
    prose = describe_behind(case, judgement) if behind else describe(case, judgement)
    return _verdict(reworded(verdict, prose, judgement.exemption), case, judgement)


def _verdict(verdict: Verdict, case: Case, judgement: Judgement) -> Verdict:
    done = judgement.next == "done"
    return verdict.model_copy(
        update={
            "next": judgement.next,
            "outcome": judgement.outcome,
            "actions": list(judgement.actions),
            "annotations": _annotations(verdict, case, judgement) if done else [],
            "wait_seconds": judgement.wait_seconds,
        }
    )


def _annotations(verdict: Verdict, case: Case, judgement: Judgement) -> list[Action]:
    """Tag a function that was changed; the alias's tag tells later that it is Stackwarden's to mind."""
    if not case.done:
        return []
    tags = {FINDING_TAG: verdict.finding.id, "stackwarden:outcome": str(judgement.outcome)}
    tags |= {_ALIAS_TAGS[a.kind]: str(a.parameters["name"]) for a in case.done if a.kind in _ALIAS_TAGS}
    target = verdict.finding.resource.arn
    return [Action(kind=ActionKind.TAG_FUNCTION, target=target, parameters={"tags": tags})]


def _resource(function: Function, place: Place) -> Resource:
    return Resource(
        type="AWS::Lambda::Function",
        arn=function.arn,
        name=function.name,
        account=place.account,
        region=place.region,
        stack_id=function.stack.id if function.stack else None,
    )
