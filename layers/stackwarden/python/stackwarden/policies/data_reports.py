"""What the guard `data-deletion` says about a judgement: title, why, fix, severity, evidence. Pure."""

import shlex
from collections.abc import Sequence
from typing import Any

from stackwarden.finding import Action, ActionKind, Mode, Outcome, Prose, Severity
from stackwarden.policies.data_deletion import Case, Judgement, backup_asked, fresh_backup
from stackwarden.policies.data_state import Backup, Hazard, ResourceState

_MOST_NAMED = 5
_MOST_EVIDENCE = 100


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
            return f"Data of the {subject} was not fully protected"
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
            return f"{held}: what is not fully protected, one delete call ends, and its data."
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
    match judgement.outcome:
        case Outcome.EXEMPT:
            return "Nothing, as long as the exemption is right. It ends by itself."
        case Outcome.LOST:
            return _after_loss(case, judgement)
        case Outcome.PROTECTED | Outcome.RESCUED if case.situation.hazard is Hazard.STACK_DELETION:
            return _after_deletion(case)
        case Outcome.PROTECTED:
            return _declare(
                judgement, "Nothing is urgent. So that no deployment undoes it, put it into the template:"
            )
        case Outcome.OBSERVED:
            return _declare(judgement, "Keep it when its stack goes, by saying so in the template:")
    return _by_hand(case, judgement)


def _after_loss(case: Case, judgement: Judgement) -> str:
    lines = ["Find out who deleted it, and why."]
    if any(restore_command(resource) for resource in judgement.lost):
        lines.insert(0, "Restore what can be restored: the commands are above.")
    if any(not restore_command(resource) for resource in judgement.lost):
        lines.append("For what has no command: AWS Backup and exports of your own were not asked.")
    if judgement.undecided:
        lines += _commands(case, judgement)
    return "\n".join(lines)


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


def _by_hand(case: Case, judgement: Judgement) -> str:
    """Nothing was done, or it did not work: what a person does at once."""
    stack = case.situation.stack
    if stack and stack.stuck:
        return (
            f"The stack is {stack.status}, where protecting its resources could break a rollback. "
            "Finish its operation or roll it back; its next one is looked at again."
        )
    return "\n".join(_commands(case, judgement) or ["Look at the resource at once: it is not protected."])


def _commands(case: Case, judgement: Judgement) -> list[str]:
    """Return the AWS CLI commands for what is still to be done, to be run by hand."""
    resources = case.situation.resources
    region = resources[0].arn.split(":")[3] if resources else ""
    commands = [
        f"  {_BY_HAND[action.kind].format(region=region, target=shlex.quote(action.target))}"
        for action in judgement.actions[:_MOST_NAMED]
        if action.kind in _BY_HAND and action.parameters.get("enabled", True)
    ]
    return (
        [f"Not done by Stackwarden. To do it by hand{_more(judgement.actions)}:", *commands]
        if commands
        else []
    )


def _more(actions: Sequence[Action]) -> str:
    return f" (the first {_MOST_NAMED} of {len(actions)})" if len(actions) > _MOST_NAMED else ""


_BY_HAND = {
    ActionKind.SET_TERMINATION_PROTECTION: (
        "aws cloudformation update-termination-protection --region {region} --enable-termination-protection"
        " --stack-name {target}"
    ),
    ActionKind.PROTECT_TABLE: (
        "aws dynamodb update-table --region {region} --table-name {target} --deletion-protection-enabled"
    ),
    ActionKind.ENABLE_POINT_IN_TIME_RECOVERY: (
        "aws dynamodb update-continuous-backups --region {region} --table-name {target}"
        " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    ),
    ActionKind.PROTECT_DB_INSTANCE: (
        "aws rds modify-db-instance --region {region} --db-instance-identifier {target} --deletion-protection"
    ),
    ActionKind.PROTECT_DB_CLUSTER: (
        "aws rds modify-db-cluster --region {region} --db-cluster-identifier {target} --deletion-protection"
    ),
}


def _declare(judgement: Judgement, heading: str) -> str:
    tables = any(resource.row.type.startswith("AWS::DynamoDB") for resource in judgement.at_risk)
    lines = [heading]
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
        evidence["lost"] = [_lost(resource, case) for resource in judgement.lost]
    if judgement.exempt:
        evidence["exempt"] = [_exempt(resource, case) for resource in judgement.exempt]
    if judgement.undecided:
        evidence["undecided"] = [_undecided(resource) for resource in judgement.undecided]
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
    elif backup_asked(resource, case):
        facts.append("backup begun, not yet available")
    return f"{resource.label}: standing, {', '.join(facts)}"


def _undecided(resource: ResourceState) -> str:
    if resource.unseen:
        return f"{resource.label}: could not be looked at ({resource.unseen})"
    return f"{resource.label}: {resource.presence}, not protected"


def _exempt(resource: ResourceState, case: Case) -> str:
    exemption = case.exemption(resource)
    return f"{resource.label}: left alone, exempt by {exemption.name if exemption else 'nothing'}"


def _lost(resource: ResourceState, case: Case) -> str:
    fate = "another of that name was made since" if resource.exists else resource.presence
    restore = restore_command(resource)
    if restore:
        return f"{resource.label}: {fate}. {_backup_in_words(resource, case)} Restore: {restore}"
    where = "no backup of it was found" if resource.row.restore else "AWS keeps no copy that can be named"
    return f"{resource.label}: {fate}; {where}."


def _backup_in_words(resource: ResourceState, case: Case) -> str:
    newest = _newest_backup(resource)
    if newest is None:
        return ""
    when = newest.created_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    if fresh_backup(resource, case.situation):
        return f"A backup was made since, at {when} ({newest.kind.lower()} backup)."
    return f"Only an older backup of that name was found, of {when}."


def _newest_backup(resource: ResourceState) -> Backup | None:
    available = [backup for backup in resource.backups if backup.available]
    return max(available, key=lambda backup: backup.created_at, default=None)


def restore_command(resource: ResourceState) -> str | None:
    """Return the AWS CLI command that restores the newest available backup, or None."""
    newest = _newest_backup(resource)
    if newest is None or not resource.row.restore:
        return None
    return resource.row.restore.format(
        region=resource.arn.split(":")[3],
        name=shlex.quote(resource.name),
        backup=shlex.quote(newest.arn),
        engine=shlex.quote(newest.engine or "ENGINE"),
    )
