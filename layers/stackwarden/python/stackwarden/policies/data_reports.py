"""What the guard `data-deletion` says about a judgement: title, why, fix, severity, evidence. Pure."""

import shlex
from typing import Any

from stackwarden.finding import Mode, Outcome, Severity, Wire
from stackwarden.policies.data_deletion import Case, Judgement, fresh_backup
from stackwarden.policies.data_state import Hazard, ResourceState

_MOST_NAMED = 5
_MOST_EVIDENCE = 100


class Prose(Wire):
    """The words of a finding. `why`: what happened and what it endangers. `fix`: what its owner does now."""

    severity: Severity
    title: str
    why: str
    fix: str
    evidence: dict[str, Any]


def describe(case: Case, judgement: Judgement) -> Prose:
    """Put a judgement into words."""
    return Prose(
        severity=_severity(case, judgement),
        title=_title(case, judgement),
        why=_why(case, judgement),
        fix=_fix(case, judgement),
        evidence=_evidence(case, judgement),
    )


def _severity(case: Case, judgement: Judgement) -> Severity:
    if judgement.replaceable or judgement.outcome in (Outcome.DISMISSED, Outcome.EXEMPT):
        return Severity.LOW
    if judgement.outcome in (Outcome.LOST, Outcome.FAILED) or case.situation.hazard is Hazard.STACK_DELETION:
        return Severity.HIGH
    return Severity.MEDIUM if case.situation.hazard is Hazard.PROTECTION_REMOVED else Severity.LOW


def subject_name(case: Case) -> str:
    """Name what the finding is about: `stack orders` or `DynamoDB table orders`."""
    stack, resources = case.situation.stack, case.situation.resources
    if stack and not case.situation.of_resource:
        return f"stack {stack.name}"
    return resources[0].label if resources else "a data resource"


def names(resources: tuple[ResourceState, ...]) -> str:
    """List the first five by type and name, and how many more there are."""
    named = ", ".join(resource.label for resource in resources[:_MOST_NAMED])
    more = len(resources) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named or "no data resource"


def _title(case: Case, judgement: Judgement) -> str:
    subject = subject_name(case)
    if judgement.replaceable:
        return f"An update can replace the data of {subject}"
    match case.situation.hazard:
        case Hazard.UNPROTECTED:
            return f"The {subject} held data that nothing protected"
        case Hazard.PROTECTION_REMOVED:
            return f"Protection was switched off on {subject}"
        case Hazard.STACK_DELETION:
            return f"The {subject} is being deleted with its data"
        case Hazard.DELETED:
            return f"The {subject} was deleted"


def _why(case: Case, judgement: Judgement) -> str:
    held = names(judgement.at_risk)
    if judgement.replaceable:
        return (
            f"{names(judgement.replaceable)}: kept when the stack is deleted, but an update that replaces "
            "the resource (a changed name or key, say) deletes the old one with its data, since it has no "
            "UpdateReplacePolicy."
        )
    match case.situation.hazard:
        case Hazard.UNPROTECTED:
            return f"{held}: without protection one DeleteStack or delete call ends it, and its data."
        case Hazard.PROTECTION_REMOVED:
            return f"{held}: the next delete would have destroyed its data."
        case Hazard.STACK_DELETION:
            return (
                f"CloudFormation is deleting, one after another, what the stack made, among it {held}. "
                "A deletion cannot be cancelled; a resource with deletion protection stops it."
            )
        case Hazard.DELETED:
            by = "an update of its stack" if case.situation.stack else "a direct call"
            return f"{held}: deleted by {by}. What had no deletion protection is gone at once."


def _fix(case: Case, judgement: Judgement) -> str:
    if judgement.replaceable:
        return "Add to each of these resources in the template:  UpdateReplacePolicy: Retain"
    if judgement.outcome is Outcome.EXEMPT:
        return "Nothing, as long as the exemption is right. It ends by itself."
    if judgement.outcome is Outcome.LOST:
        return "Restore what can be restored (commands above), then find out who deleted it and why."
    match case.situation.hazard:
        case Hazard.UNPROTECTED | Hazard.PROTECTION_REMOVED:
            return _declare(judgement)
        case Hazard.STACK_DELETION:
            return _after_deletion(case)
        case Hazard.DELETED:
            return "Restore it from a backup (command above)."


def _after_deletion(case: Case) -> str:
    stack_id = shlex.quote(case.situation.stack.id if case.situation.stack else "")
    return "\n".join(
        [
            "A mistake? The data stands. Deploy the template again as another stack, or import the tables.",
            "Meant? Get an exemption (below), switch deletion protection off, and delete the stack again.",
            "Only the data is to stay? Once the stack is DELETE_FAILED, this finishes and retains the data:",
            f"  aws cloudformation delete-stack --deletion-mode FORCE_DELETE_STACK --stack-name {stack_id}",
        ]
    )


def _declare(judgement: Judgement) -> str:
    tables = any(resource.row.type.startswith("AWS::DynamoDB") for resource in judgement.at_risk)
    lines = ["Nothing is urgent. So that the next deployment does not undo it, say the same in the template:"]
    if tables:
        lines += [
            "  DeletionPolicy: Retain",
            "  UpdateReplacePolicy: Retain",
            "  Properties:",
            "    DeletionProtectionEnabled: true",
            "    PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}",
        ]
    elif any(resource.row.protection for resource in judgement.at_risk):
        lines += ["  DeletionPolicy: Snapshot", "  Properties:", "    DeletionProtection: true"]
    else:
        lines += ["  DeletionPolicy: Retain", "  UpdateReplacePolicy: Retain"]
    return "\n".join(lines)


def _evidence(case: Case, judgement: Judgement) -> dict[str, Any]:
    stack = case.situation.stack
    evidence: dict[str, Any] = {}
    if stack:
        evidence["stack_status"] = stack.status
    if case.exemptions.problems:
        evidence["exemption_problems"] = list(case.exemptions.problems)
    if case.mode is Mode.OBSERVE and judgement.actions:
        evidence["would_do"] = [f"{action.kind} {action.target}" for action in judgement.actions]
    weak = [r for r in judgement.at_risk if r.row.protection is None and r.exists]
    if weak:
        evidence["unprotectable"] = [f"{r.label}: {r.row.unprotected_because}" for r in weak]
    if judgement.saved:
        fate = "saved" if case.situation.hazard is Hazard.STACK_DELETION else "verified"
        evidence[fate] = [_saved(resource, case) for resource in judgement.saved]
    if judgement.lost:
        evidence["lost"] = [_lost(resource) for resource in judgement.lost]
    if judgement.exempt:
        evidence["exempt"] = [_exempt(resource, case) for resource in judgement.exempt]
    if judgement.undecided:
        evidence["undecided"] = [f"{r.label}: {r.presence}, not protected" for r in judgement.undecided]
    return {key: _bounded(value) for key, value in evidence.items()}


def _bounded(value: Any) -> Any:
    """Keep the finding small enough for the workflow, whose state may have 256 KiB."""
    if not isinstance(value, list) or len(value) <= _MOST_EVIDENCE:
        return value
    return [*value[:_MOST_EVIDENCE], f"and {len(value) - _MOST_EVIDENCE} more"]


def _saved(resource: ResourceState, case: Case) -> str:
    facts = ["deletion protection on"] if resource.deletion_protection else [resource.row.unprotected_because]
    if resource.point_in_time_recovery:
        facts.append("point-in-time recovery on")
    if case.situation.hazard is Hazard.STACK_DELETION and fresh_backup(resource, case.situation):
        facts.append("backup available")
    return f"{resource.label}: standing, {', '.join(facts)}"


def _exempt(resource: ResourceState, case: Case) -> str:
    exemption = case.exemption(resource)
    return f"{resource.label}: left alone, exempt by {exemption.name if exemption else 'nothing'}"


def _lost(resource: ResourceState) -> str:
    fate = "another of that name was made since" if resource.exists else resource.presence
    restore = restore_command(resource)
    if restore:
        return f"{resource.label}: {fate}. Restore: {restore}"
    where = (
        "no backup of it was found" if resource.row.restore else "AWS keeps no copy that Stackwarden can name"
    )
    return f"{resource.label}: {fate}; {where}."


def restore_command(resource: ResourceState) -> str | None:
    """Return the AWS CLI command that restores the newest available backup, or None."""
    available = [backup for backup in resource.backups if backup.available]
    if not available or not resource.row.restore:
        return None
    newest = max(available, key=lambda backup: backup.created_at)
    return resource.row.restore.format(
        region=resource.arn.split(":")[3],
        name=shlex.quote(resource.name),
        backup=shlex.quote(newest.arn),
        engine=shlex.quote(newest.engine or "ENGINE"),
    )
