"""From the judgement of `s3-recursion` to the verdict that travels through the workflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from stackwarden.events import StackStatusChange
from stackwarden.finding import (
    NOBODY,
    Action,
    ActionKind,
    Actor,
    Attempt,
    Finding,
    Outcome,
    Resource,
    Verdict,
    finding_id,
)
from stackwarden.guard import Event
from stackwarden.ledger import Entry
from stackwarden.policies.s3_recursion import Cap, Case, FunctionState, Hazard, Judgement, judge
from stackwarden.policies.s3_reports import describe
from stackwarden.policies.s3_state import unqualified
from stackwarden.policies.s3_walk import Loop
from stackwarden.s3_starts import CAP_TAG, FINDING_TAG
from stackwarden.settings import Place, Settings

_TAGS: Final = (FINDING_TAG, "stackwarden:outcome", CAP_TAG, "stackwarden:concurrency-before")


class Subject(BaseModel):
    """What to look at again.

    start, names: where walks begin. cycle: which of its loops. buckets: whose policies may allow it. cap: of
    a loop that is gone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hazard: Hazard
    start: str
    functions: tuple[str, ...]
    cycle: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    cap_before: int | None = None
    cap_reserved: int = 0
    cap_finding: str = ""

    @classmethod
    def of(cls, loop: Loop) -> "Subject":
        """A loop."""
        return cls(
            hazard=Hazard.LOOP,
            start=loop.hops[0].function,
            functions=loop.functions,
            cycle=loop.cycle,
            buckets=loop.cycle[1::2],
        )

    @classmethod
    def gone(cls, function: str, cap: Cap) -> "Subject":
        """A capped function whose loop is gone."""
        return cls(
            hazard=Hazard.GONE,
            start=function,
            functions=(function,),
            names=cap.names,
            cycle=cap.cycle,
            buckets=cap.buckets,
            cap_before=cap.before,
            cap_reserved=cap.reserved,
            cap_finding=cap.finding,
        )

    @property
    def cap(self) -> Cap | None:
        """The cap, if the hazard is one whose loop is gone."""
        if self.hazard is Hazard.LOOP:
            return None
        return Cap(self.cap_before, self.cap_reserved, self.cap_finding, self.cycle, self.names)

    @property
    def starts(self) -> tuple[str, ...]:
        """Every name under which to begin."""
        return tuple(dict.fromkeys((self.start, *self.names)))


@dataclass(frozen=True)
class Cause:
    """Who is behind what was found, as far as the event says.

    stack_id: the stack that completed. Neither: the function was looked at since it is capped, and whatever
    changed its loop is not known.
    """

    KEPT: ClassVar = ("who",)

    actor: Actor | None = None
    stack_id: str | None = None

    @classmethod
    def of(cls, event: Event) -> "Cause":
        """An event that points at the function."""
        return cls(event.actor, event.stack_id if isinstance(event, StackStatusChange) else None)

    @property
    def evidence(self) -> dict[str, str]:
        """What the report says instead of an actor."""
        if self.actor or self.stack_id:
            return {}
        return {"who": "Not known: it was seen when Stackwarden looked at what it has capped."}


def about(entries: Iterable[Entry], subject: Subject) -> list[Entry]:
    """Return the entries about the same hazard, newest first."""
    same = [entry for entry in entries if entry.hazard == subject.hazard and _same(entry, subject)]
    return sorted(same, key=lambda entry: entry.opened_at, reverse=True)


def _same(entry: Entry, subject: Subject) -> bool:
    evidence = entry.finding["evidence"]
    if subject.hazard is Hazard.GONE:
        return bool(evidence.get("cap_of") == subject.cap_finding)
    return tuple(evidence.get("cycle", ())) == subject.cycle


def cap_set(entries: Iterable[Entry], function: str) -> Cap | None:
    """Return the newest cap that the workflow set on a function, as the ledger has it."""
    for entry in sorted(entries, key=lambda entry: entry.opened_at, reverse=True):
        for attempt in reversed(entry.attempts):
            if (
                attempt.kind is ActionKind.CAP_CONCURRENCY
                and attempt.target == function
                and attempt.status == "done"
            ):
                cycle = tuple(entry.finding["evidence"].get("cycle", ()))
                hops = entry.finding["evidence"].get("hops", ())
                names = tuple(hop["function"] for hop in hops if unqualified(hop["function"]) == function)
                before, reserved = attempt.before.get("reserved"), int(attempt.parameters["reserved"])
                return Cap(before, reserved, entry.id, cycle, names)
    return None


def first_verdict(
    guard: str, subject: Subject, case: Case, number: int, cause: Cause, settings: Settings
) -> Verdict | None:
    """Judge for the first time; number: the episode. None: there is no hazard."""
    judgement = judge(case)
    if judgement.outcome is Outcome.DISMISSED:
        return None
    state = (subject.cap_finding,) if subject.hazard is Hazard.GONE else subject.cycle
    prose = describe(case, judgement)
    finding = Finding(
        id=finding_id(guard, subject.functions[0], subject.hazard, *state, str(number)),
        guard=guard,
        hazard=subject.hazard,
        severity=prose.severity,
        title=prose.title,
        why=prose.why,
        fix=prose.fix,
        resource=_resource(_acted_on(case, judgement), settings.place, cause.stack_id),
        actor=cause.actor,
        mode=settings.mode,
        environment=settings.environment,
        exemption=judgement.exemption,
        evidence={**_evidence(prose.evidence, subject, number), **cause.evidence},
    )
    verdict = Verdict(
        finding=finding,
        function=settings.function_name,
        actor=cause.actor.model_dump_json() if cause.actor else NOBODY,
        next="wait",
        subject=subject.model_dump(mode="json"),
    )
    return _verdict(verdict, case, judgement)


def next_verdict(verdict: Verdict, subject: Subject, case: Case | None, place: Place) -> Verdict:
    """Judge again. Functions that are gone altogether leave nothing to hold."""
    if case is None:
        return verdict.model_copy(update={"next": "done", "outcome": Outcome.DISMISSED, "actions": []})
    judgement = judge(case)
    prose = describe(case, judgement)
    before = verdict.finding.evidence
    number = int(before.get("episode", 0))
    finding = verdict.finding.model_copy(
        update={
            **dict(prose),
            "evidence": {
                **_evidence(prose.evidence, subject, number),
                **{key: before[key] for key in Cause.KEPT if key in before},
            },
            "resource": _resource(_acted_on(case, judgement), place, verdict.finding.resource.stack_id),
            "exemption": judgement.exemption or verdict.finding.exemption,
        }
    )
    return _verdict(verdict.model_copy(update={"finding": finding}), case, judgement)


def _evidence(evidence: dict[str, Any], subject: Subject, number: int) -> dict[str, Any]:
    of = {"cap_of": subject.cap_finding} if subject.hazard is Hazard.GONE else {}
    return {**evidence, **of, "cycle": list(subject.cycle), "episode": number}


def _acted_on(case: Case, judgement: Judgement) -> FunctionState:
    """The function that a finding is about: the one that is capped, else the first of the loop."""
    functions = {function.arn: function for function in case.situation.functions}
    newest_first = [*judgement.actions, *reversed(case.attempts)]
    known = [action for action in newest_first if action.target in functions]
    acted_on = [*(action for action in known if _is_cap(action)), *known]
    return functions[acted_on[0].target] if acted_on else case.situation.functions[0]


def _is_cap(action: Action) -> bool:
    failed = getattr(action, "status", "") == "failed"
    return action.kind is ActionKind.CAP_CONCURRENCY and not failed


def _verdict(verdict: Verdict, case: Case, judgement: Judgement) -> Verdict:
    return verdict.model_copy(
        update={
            "next": judgement.next,
            "outcome": judgement.outcome,
            "actions": list(judgement.actions),
            "annotations": _annotations(verdict, case, judgement),
            "wait_seconds": judgement.wait_seconds,
        }
    )


def _annotations(verdict: Verdict, case: Case, judgement: Judgement) -> list[Action]:
    function, outcome = verdict.finding.resource.arn, judgement.outcome
    released = case.situation.hazard is Hazard.GONE and outcome is Outcome.REMEDIATED
    taken_back = outcome is Outcome.DISMISSED and bool(_caps(case))
    if taken_back and case.situation.other_loops:
        return []  # the cap stays for them, and so do its tags
    if outcome is None or not (outcome is Outcome.REMEDIATED or _caps(case)):
        return []
    if released or taken_back:
        untag = Action(kind=ActionKind.UNTAG_FUNCTION, target=function, parameters={"keys": list(_TAGS)})
        return [untag]
    tags = {FINDING_TAG: verdict.finding.id, "stackwarden:outcome": str(judgement.outcome)}
    if cap := next(reversed(_caps(case)), None):
        before = cap.before.get("reserved")
        tags[CAP_TAG] = str(cap.parameters["reserved"])
        tags["stackwarden:concurrency-before"] = "none" if before is None else str(before)
    return [Action(kind=ActionKind.TAG_FUNCTION, target=function, parameters={"tags": tags})]


def _caps(case: Case) -> list[Attempt]:
    return [a for a in case.attempts if a.kind is ActionKind.CAP_CONCURRENCY and a.status == "done"]


def _resource(function: FunctionState, place: Place, stack_id: str | None) -> Resource:
    return Resource(
        type="AWS::Lambda::Function",
        arn=function.arn,
        name=function.name,
        account=place.account,
        region=place.region,
        stack_id=stack_id,
    )
