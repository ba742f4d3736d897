"""From the judgement of `unbacked-stream` to the verdict that travels through the workflow."""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from stackwarden.finding import Action, ActionKind, Actor, Outcome, Resource, Verdict
from stackwarden.openings import Opening, reworded
from stackwarden.policies.stream_reports import describe
from stackwarden.policies.unbacked_stream import Case, Hazard, Judgement, judge
from stackwarden.settings import Place, Settings
from stackwarden.stream_subject import TYPE

PROBLEMS: Final = "exemption_problems"
FINDING_TAG: Final = "stackwarden:finding"


class Subject(BaseModel):
    """What to look at again.

    stream: its ARN. orphan: the name of a delivery stream whose stream is gone. ended: of what copied it, and
    was deleted or changed. after: where the search among the delivery streams of others goes on; None: it is
    done. searched: rounds of it. stack_id: of the stack that made the stream.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hazard: Hazard
    stream: str
    orphan: str = ""
    ended: str = ""
    after: str | None = ""
    searched: int = 0
    stack_id: str | None = None


@dataclass(frozen=True)
class Found:
    """A hazard before it is a finding."""

    subject: Subject
    case: Case
    judgement: Judgement

    @property
    def state(self) -> tuple[str, ...]:
        """What makes it the same one, however often it is seen: the stream, not another one of its name."""
        stream = self.case.stream
        created = str(int(stream.created_at.timestamp())) if stream else ""
        return (self.subject.orphan,) if self.subject.orphan else (created,)


def first_verdict(guard: str, found: Found, number: int, actor: Actor | None, settings: Settings) -> Verdict:
    """Make the finding; number: the episode."""
    opening = Opening(
        guard=guard,
        hazard=found.subject.hazard,
        resource=_resource(found.subject, settings.place),
        state=found.state,
        prose=describe(found.case, found.judgement),
        subject=found.subject.model_dump(mode="json"),
        exemption=found.judgement.exemption,
    )
    return _verdict(opening.verdict(number, actor, settings), found.case, found.judgement)


def next_verdict(verdict: Verdict, subject: Subject, case: Case) -> Verdict:
    """Judge again."""
    judgement = judge(case)
    prose = describe(case, judgement)
    problems = verdict.finding.evidence.get(PROBLEMS)
    if problems and case.acted:  # what its owner wants is read once: five such calls a second
        prose = prose.model_copy(update={"evidence": {PROBLEMS: problems, **prose.evidence}})
    again = reworded(verdict, prose, judgement.exemption)
    again = again.model_copy(update={"subject": subject.model_dump(mode="json")})
    return _verdict(again, case, judgement)


def _verdict(verdict: Verdict, case: Case, judgement: Judgement) -> Verdict:
    return verdict.model_copy(
        update={
            "next": judgement.next,
            "outcome": judgement.outcome,
            "actions": [_marked(action, verdict.finding.id) for action in judgement.actions],
            "annotations": _annotations(verdict, case, judgement),
            "wait_seconds": judgement.wait_seconds,
        }
    )


def _marked(action: Action, finding: str) -> Action:
    """Let a delivery stream say for which finding it was made."""
    request = action.parameters.get("request")
    if action.kind is not ActionKind.CREATE_DELIVERY_STREAM or request is None:
        return action
    marked = {**request, "Tags": [*request["Tags"], {"Key": FINDING_TAG, "Value": finding}]}
    return action.model_copy(update={"parameters": {**action.parameters, "request": marked}})


def _annotations(verdict: Verdict, case: Case, judgement: Judgement) -> list[Action]:
    if judgement.outcome is not Outcome.REMEDIATED or case.stream is None:
        return []
    tags = {FINDING_TAG: verdict.finding.id, "stackwarden:outcome": str(judgement.outcome)}
    return [Action(kind=ActionKind.TAG_STREAM, target=case.stream.arn, parameters={"tags": tags})]


def _resource(subject: Subject, place: Place) -> Resource:
    return Resource(
        type=TYPE,
        arn=subject.stream,
        name=subject.stream.split("/", 1)[1],
        account=place.account,
        region=place.region,
        stack_id=subject.stack_id,
    )
