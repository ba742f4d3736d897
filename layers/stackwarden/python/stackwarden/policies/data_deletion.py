"""The judgement of the guard `data-deletion`: is data about to be lost, and what keeps it?

Pure. The guard reads the state (data_state.Situation), asks `judge`, and the workflow does what the judgement
says, then the guard reads and asks again until the judgement is `done`. Each hazard has one function here.

Rules that AWS imposes:
- Deletion protection set while a stack is created or updated makes the stack's rollback fail, so resources
  are protected once the stack has settled; termination protection is harmless at any time.
- A stack's deletion cannot be cancelled and termination protection is refused during it:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html
- DeleteTable fails on a table with deletion protection:
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Exemption, Mode, Outcome, Wire
from stackwarden.policies.data_resources import Protection
from stackwarden.policies.data_state import Hazard, Presence, ResourceState, Situation, StackState

TRIES = 3  # of one action that fails or does not last, each with the workflow's own retries for throttling
MOST_ACTIONS = 40  # in one round: what a Map state runs at once; the rest follows in the next round
PATIENCE = {  # judgements before giving up; the pauses between them grow to two minutes
    Hazard.UNPROTECTED: 200,  # about six hours for a stack to settle
    Hazard.PROTECTION_REMOVED: 200,
    Hazard.STACK_DELETION: 14,  # about eight minutes for the fate of what cannot be rescued
    Hazard.DELETED: 16,  # about twelve minutes for a database to be gone and its final snapshot to be there
}
BACKUP_ROUNDS = 8  # most of a minute for the system backup of a deleted table to show
STUCK_ROUNDS = 12  # some minutes for the owner of a stack whose operation failed to decide
STALE_ROUNDS = 4  # some seconds for a change that was made to show: reads are eventually consistent
_PROTECT = {
    Protection.DYNAMODB_TABLE: ActionKind.PROTECT_TABLE,
    Protection.RDS_INSTANCE: ActionKind.PROTECT_DB_INSTANCE,
    Protection.RDS_CLUSTER: ActionKind.PROTECT_DB_CLUSTER,
}


class Judgement(Wire):
    """What is next (see finding.Verdict) and, when done, the fate of each resource by name."""

    next: Literal["act", "wait", "done"]
    outcome: Outcome | None = None
    actions: tuple[Action, ...] = ()
    wait_seconds: int = 0
    exemption: Exemption | None = None
    at_risk: tuple[ResourceState, ...] = ()
    saved: tuple[ResourceState, ...] = ()
    lost: tuple[ResourceState, ...] = ()
    undecided: tuple[ResourceState, ...] = ()
    exempt: tuple[ResourceState, ...] = ()
    replaceable: tuple[ResourceState, ...] = ()


@dataclass(frozen=True)
class Case:
    """A situation with all that its judgement depends on. `round`: how often it was judged before."""

    situation: Situation
    mode: Mode = Mode.ENFORCE
    exemptions: Exemptions = field(default_factory=Exemptions)
    attempts: Sequence[Attempt] = ()
    round: int = 0

    def exemption(self, resource: ResourceState) -> Exemption | None:
        """Return what exempts the resource: an exemption of its own, or of a stack that it is part of."""
        stack = self.situation.stack
        names = (resource.name, *resource.stack_names, *((stack.name,) if stack else ()))
        return self.exemptions.for_any(names)

    def untried(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """Return those not tried often enough to give up: they failed, or somebody undid them again."""
        tried = [(attempt.kind, attempt.target, attempt.parameters) for attempt in self.attempts]
        return tuple(a for a in actions if tried.count((a.kind, a.target, a.parameters)) < TRIES)

    def showing(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """Return those that were made a moment ago and may not show yet."""
        recent = [
            (attempt.kind, attempt.target, attempt.parameters)
            for attempt in self.attempts
            if attempt.status == "done" and self.round - attempt.round <= STALE_ROUNDS
        ]
        return tuple(
            action for action in actions if (action.kind, action.target, action.parameters) in recent
        )

    def todo(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """Return those to do now."""
        showing = self.showing(actions)
        return tuple(action for action in self.untried(actions) if action not in showing)

    def done(self, *kinds: ActionKind) -> bool:
        """Whether the workflow made a change of one of the kinds (of any kind, if none is named)."""
        return any(
            attempt.status == "done" and (not kinds or attempt.kind in kinds) for attempt in self.attempts
        )

    def done_to(self, resource: ResourceState) -> bool:
        """Whether the workflow changed this resource."""
        return any(a.status == "done" and a.target == resource.name for a in self.attempts)

    @property
    def patient(self) -> bool:
        """Whether to wait once more."""
        return self.round < PATIENCE[self.situation.hazard]

    def wait(self, **fates: Any) -> Judgement:
        """Look again later: after 1 s at first, growing by half each round, two minutes at most."""
        return Judgement(next="wait", wait_seconds=min(120, int(1.5 ** min(self.round, 12))), **fates)


def judge(case: Case) -> Judgement:
    """Judge one situation. Total, and it ends: waiting by PATIENCE, acting by TRIES of each action."""
    match case.situation.hazard:
        case Hazard.UNPROTECTED | Hazard.PROTECTION_REMOVED:
            return _standing(case)
        case Hazard.STACK_DELETION:
            return _stack_deletion(case)
        case Hazard.DELETED:
            return _deleted(case)


def _done(outcome: Outcome, **fates: Any) -> Judgement:
    return Judgement(next="done", outcome=outcome, **fates)


def _act(actions: Sequence[Action], **fates: Any) -> Judgement:
    return Judgement(next="act", actions=tuple(actions[:MOST_ACTIONS]), **fates)


def _exempt(case: Case, resources: Sequence[ResourceState]) -> Judgement:
    return _done(Outcome.EXEMPT, exemption=case.exemption(resources[0]), at_risk=tuple(resources))


def set_termination_protection(stack: StackState, *, enabled: bool) -> Action:
    """Return the action; only for a root stack: nested stacks inherit."""
    return Action(
        kind=ActionKind.SET_TERMINATION_PROTECTION,
        target=stack.id,
        parameters={"enabled": enabled},
        before={"enabled": not enabled},
    )


def protect(resource: ResourceState) -> Action | None:
    """Return the action that switches deletion protection on, or None where there is nothing to switch."""
    if resource.row.protection is None or resource.deletion_protection is not False:
        return None
    return Action(
        kind=_PROTECT[resource.row.protection],
        target=resource.name,
        before={"deletion_protection": None if resource.unseen else False},
    )


def _recovery(resource: ResourceState) -> Action | None:
    if resource.point_in_time_recovery is not False:
        return None
    return Action(
        kind=ActionKind.ENABLE_POINT_IN_TIME_RECOVERY,
        target=resource.name,
        before={"point_in_time_recovery": False},
    )


def _protections(resources: Iterable[ResourceState]) -> list[Action]:
    standing = [resource for resource in resources if resource.presence is Presence.STANDING]
    actions = [action for resource in standing for action in (protect(resource), _recovery(resource))]
    return [action for action in actions if action]


def _standing(case: Case) -> Judgement:
    situation, stack = case.situation, case.situation.stack
    if stack and (stack.deleting or stack.creation_failed):
        return _withdraw(case, stack)  # a deletion is a finding of its own
    standing = [resource for resource in situation.resources if resource.exists and resource.holds_data]
    at_risk = [resource for resource in standing if not resource.retained]
    if not at_risk and stack and stack.settled and case.done(ActionKind.SET_TERMINATION_PROTECTION):
        return _withdraw(case, stack)  # what there was to protect is gone again
    if not at_risk:
        return _only_retained(case, standing)
    enforced = [resource for resource in at_risk if not case.exemption(resource)]
    if enforced:
        return _arm(
            case, enforced, exempt=tuple(resource for resource in at_risk if resource not in enforced)
        )
    if stack and not stack.settled and case.patient:  # what is not exempt may still be created
        return case.wait(at_risk=tuple(at_risk))
    return _exempt(case, at_risk)


def _arm(case: Case, resources: Sequence[ResourceState], exempt: tuple[ResourceState, ...]) -> Judgement:
    stack, fates = case.situation.stack, {"at_risk": tuple(resources), "exempt": exempt}
    ready = stack is None or stack.settled
    wanted = _protections(resources) if ready else []
    # A stack that never stood is its owner's to delete.
    standing = stack and not stack.status.startswith("DELETE_") and stack.status != "CREATE_FAILED"
    if stack and standing and not stack.termination_protection:
        wanted.insert(0, set_termination_protection(stack, enabled=True))
    todo = case.todo(wanted)
    # Observing says all that would be done, once it is known.
    if todo and (ready or case.mode is Mode.ENFORCE):
        return _act(todo, **fates)
    patient = case.patient and not (stack and stack.stuck and case.round >= STUCK_ROUNDS)
    busy = any(resource.presence is Presence.BUSY for resource in resources)
    if patient and (not ready or busy or case.showing(wanted)):
        return case.wait(**fates)
    if not ready or busy or wanted:
        return _done(Outcome.FAILED, actions=tuple(wanted[:MOST_ACTIONS]), **fates)
    if case.done():
        return _done(Outcome.PROTECTED, **fates, saved=tuple(resources))
    unprotectable = any(resource.row.protection is None for resource in resources)
    return _done(Outcome.OBSERVED if unprotectable else Outcome.DISMISSED, **fates)


def _withdraw(case: Case, stack: StackState) -> Judgement:
    """End without a finding; termination protection set for a stack that rolled back is taken away again."""
    ours = case.done(ActionKind.SET_TERMINATION_PROTECTION)
    if ours and stack.termination_protection and not stack.deleting:
        wanted = [set_termination_protection(stack, enabled=False)]
        if todo := case.todo(wanted):
            return _act(todo)
        return case.wait() if case.showing(wanted) and case.patient else _done(Outcome.FAILED)
    changed = [r for r in case.situation.resources if case.done_to(r)]
    if changed:  # tables were protected again before the stack's deletion began: that is told
        kept = all(resource.exists and resource.protected for resource in changed)
        outcome = Outcome.PROTECTED if kept else Outcome.FAILED
        return _done(outcome, at_risk=tuple(changed), saved=tuple(changed) if kept else ())
    return _done(Outcome.DISMISSED)


def _only_retained(case: Case, resources: Sequence[ResourceState]) -> Judgement:
    stack = case.situation.stack
    if stack and not stack.settled:
        return case.wait() if case.patient else _done(Outcome.DISMISSED)
    replaceable = [r for r in resources if not r.retained_on_replace and r.row.replaced_by]
    replaceable = [resource for resource in replaceable if not case.exemption(resource)]
    if not replaceable or case.situation.hazard is not Hazard.UNPROTECTED:
        return _done(Outcome.DISMISSED)
    return _done(Outcome.OBSERVED, replaceable=tuple(replaceable))


def _stack_deletion(case: Case) -> Judgement:
    stack = case.situation.stack
    at_risk = [r for r in case.situation.resources if r.holds_data and not r.retained]
    if stack is None or not stack.status.startswith("DELETE_") or not at_risk:
        return _done(Outcome.DISMISSED)
    enforced = [resource for resource in at_risk if not case.exemption(resource)]
    if not enforced:
        return _exempt(case, at_risk)
    saved = [resource for resource in enforced if resource.exists and resource.deletion_protection]
    undecided = [resource for resource in enforced if resource.exists and not resource.deletion_protection]
    fates = {
        "at_risk": tuple(enforced),
        "exempt": tuple(resource for resource in at_risk if resource not in enforced),
        "saved": tuple(saved),
        "undecided": tuple(undecided),
        "lost": tuple(resource for resource in enforced if not resource.exists),
    }
    wanted = _protections_against_deletion(undecided)
    todo = case.todo(wanted)
    if not todo and not _may_still_be_saved(case, undecided, wanted):  # a backup takes its time
        todo = case.untried([action for resource in saved if (action := _back_up(resource, case))])
    if todo:
        return _act(todo, **fates)
    pending = _pending(case, saved, undecided, stack) or _looking_for_backups(case, fates["lost"])
    if case.patient and (pending or case.showing(wanted)):
        return case.wait(**fates)
    return _done(_deletion_outcome(case, fates), actions=tuple(wanted[:MOST_ACTIONS]), **fates)


def _may_still_be_saved(case: Case, undecided: Sequence[ResourceState], wanted: Sequence[Action]) -> bool:
    busy = any(resource.presence is Presence.BUSY and resource.row.protection for resource in undecided)
    return case.patient and (busy or bool(case.showing(wanted)))


def _protections_against_deletion(resources: Iterable[ResourceState]) -> list[Action]:
    """A busy resource refuses the change, but refuses deletion, too: it is asked again once it stands."""
    standing = [resource for resource in resources if resource.presence is Presence.STANDING]
    return [action for resource in standing if (action := protect(resource))]


def _back_up(resource: ResourceState, case: Case) -> Action | None:
    if backup_asked(resource, case) or resource.row.protection is not Protection.DYNAMODB_TABLE:
        return None
    return Action(kind=ActionKind.BACK_UP_TABLE, target=resource.name)


def backup_asked(resource: ResourceState, case: Case) -> bool:
    """Whether DynamoDB has accepted to back the table up; the backup may not be available yet."""
    return any(
        attempt.kind is ActionKind.BACK_UP_TABLE
        and attempt.target == resource.name
        and attempt.status == "done"
        for attempt in case.attempts
    )


def fresh_backup(resource: ResourceState, situation: Situation) -> bool:
    """Whether an available backup was made since the event (AWS truncates its time to milliseconds)."""
    since = situation.happened_at.replace(microsecond=0)
    return any(backup.available and backup.created_at >= since for backup in resource.backups)


def _pending(
    case: Case, saved: Sequence[ResourceState], undecided: Sequence[ResourceState], stack: StackState
) -> bool:
    backing_up = case.round < BACKUP_ROUNDS and any(
        backup_asked(resource, case) and not fresh_backup(resource, case.situation) for resource in saved
    )
    busy = any(resource.presence is Presence.BUSY for resource in undecided)
    return backing_up or busy or bool(undecided and stack.status == "DELETE_IN_PROGRESS")


def _deletion_outcome(case: Case, fates: dict[str, tuple[ResourceState, ...]]) -> Outcome:
    if fates["lost"]:
        return Outcome.LOST
    if fates["undecided"]:
        return Outcome.FAILED
    rescued = case.done(
        ActionKind.PROTECT_TABLE, ActionKind.PROTECT_DB_INSTANCE, ActionKind.PROTECT_DB_CLUSTER
    )
    return Outcome.RESCUED if rescued else Outcome.PROTECTED


def _deleted(case: Case) -> Judgement:
    situation, stack = case.situation, case.situation.stack
    gone = [resource for resource in situation.resources if _is_gone(resource, situation)]
    with_its_stack = stack and (stack.status.startswith("DELETE_") or stack.rolled_back)
    if not gone or (with_its_stack and case.round == 0):  # later the stack's status tells nothing of it
        return _done(Outcome.DISMISSED)
    lost = [resource for resource in gone if not case.exemption(resource)]
    if not lost:
        return _exempt(case, gone)
    fates = {"at_risk": tuple(lost), "lost": tuple(lost)}
    if case.patient and _looking_for_backups(case, lost):
        return case.wait(**fates)
    return _done(Outcome.LOST, **fates)


def _looking_for_backups(case: Case, lost: Iterable[ResourceState]) -> bool:
    """Whether a backup of what was lost may yet show: AWS makes the last one while the resource goes."""
    for resource in lost:
        unfinished = any(not backup.available for backup in resource.backups)
        if resource.row.restore and (resource.presence is Presence.DELETING or unfinished):
            return True
        fresh = fresh_backup(resource, case.situation)
        if resource.row.restore and not fresh and case.round < BACKUP_ROUNDS:
            return True
    return False


def _is_gone(resource: ResourceState, situation: Situation) -> bool:
    """Whether the resource of the event is gone: one of that name created later is another resource."""
    if not resource.holds_data:
        return False
    if not resource.exists:
        return True
    return resource.created_at is not None and resource.created_at > situation.happened_at
