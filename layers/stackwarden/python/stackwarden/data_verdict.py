"""From the judgement of `data-deletion` to the verdict that travels through the workflow."""

from stackwarden.data_subject import Subject
from stackwarden.finding import (
    NOBODY,
    Action,
    ActionKind,
    Actor,
    Finding,
    Outcome,
    Resource,
    Verdict,
    finding_id,
)
from stackwarden.policies.data_deletion import Case, Judgement, judge
from stackwarden.policies.data_reports import describe
from stackwarden.policies.data_resources import Protection
from stackwarden.policies.data_state import ResourceState
from stackwarden.settings import Place, Settings

_TAGS = {Protection.DYNAMODB_TABLE: ActionKind.TAG_TABLE}  # the databases all answer RDS


def first_verdict(
    guard: str,
    subject: Subject,
    case: Case,
    actor: Actor | None,
    settings: Settings,
) -> Verdict | None:
    """Judge for the first time. None: there is no hazard."""
    judgement = judge(case)
    if judgement.outcome is Outcome.DISMISSED:
        return None
    resource = _resource(subject, case, settings.place)
    prose = describe(case, judgement)
    finding = Finding(
        id=finding_id(guard, resource.arn, subject.hazard, subject.state),
        guard=guard,
        hazard=subject.hazard,
        severity=prose.severity,
        title=prose.title,
        why=prose.why,
        fix=prose.fix,
        resource=resource,
        actor=actor,
        mode=settings.mode,
        environment=settings.environment,
        exemption=judgement.exemption,
        evidence=prose.evidence,
    )
    return _verdict(
        Verdict(
            finding=finding,
            function=settings.function_name,
            actor=actor.model_dump_json() if actor else NOBODY,
            next="wait",
            subject={},
        ),
        subject,
        judgement,
    )


def next_verdict(verdict: Verdict, subject: Subject | None, case: Case | None) -> Verdict:
    """Judge again. A subject that is gone altogether leaves nothing to protect."""
    if subject is None or case is None:
        return verdict.model_copy(update={"next": "done", "outcome": Outcome.DISMISSED, "actions": []})
    judgement = judge(case)
    prose = describe(case, judgement)
    finding = verdict.finding.model_copy(
        update={**dict(prose), "exemption": judgement.exemption or verdict.finding.exemption}
    )
    return _verdict(verdict.model_copy(update={"finding": finding}), subject, judgement)


def _verdict(verdict: Verdict, subject: Subject, judgement: Judgement) -> Verdict:
    outcome = judgement.outcome
    annotated = judgement.saved if outcome in (Outcome.PROTECTED, Outcome.RESCUED, Outcome.LOST) else ()
    tags = {"stackwarden:finding": verdict.finding.id, "stackwarden:outcome": str(outcome)}
    return verdict.model_copy(
        update={
            "next": judgement.next,
            "outcome": outcome,
            "subject": subject.model_dump(mode="json"),
            "actions": list(judgement.actions),
            "annotations": [tag for resource in annotated if (tag := _tag(resource, tags))],
            "wait_seconds": judgement.wait_seconds,
        }
    )


def _tag(resource: ResourceState, tags: dict[str, str]) -> Action | None:
    if resource.row.protection is None:
        return None
    kind = _TAGS.get(resource.row.protection, ActionKind.TAG_DB)
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return Action(kind=kind, target=resource.arn, parameters={"tags": pairs})


def _resource(subject: Subject, case: Case, place: Place) -> Resource:
    stack, resources = case.situation.stack, case.situation.resources
    own = resources[0] if subject.type else None
    return Resource(
        type=own.type if own else "AWS::CloudFormation::Stack",
        arn=own.arn if own else stack.id if stack else "",
        name=own.name if own else stack.name if stack else "",
        account=place.account,
        region=place.region,
        stack_id=stack.id if stack else None,
    )
