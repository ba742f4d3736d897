"""From an event of the guard `data-deletion` to what is to be judged, and from there to its live state."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from stackwarden import data_backups
from stackwarden.data_reader import DataReader, stack_of_table
from stackwarden.events import ApiCall, ResourceStatusChange, StackStatusChange
from stackwarden.finding import Wire
from stackwarden.policies.data_resources import TYPES, Protection, resource_name, type_of_call
from stackwarden.policies.data_state import Hazard, Presence, ResourceState, Situation, StackState
from stackwarden.stacks import Stack, StackReader, name_of

_APPEARED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_PROTECTION_KEYS = ("deletionProtectionEnabled", "deletionProtection", "pointInTimeRecoveryEnabled")


class Subject(Wire):
    """What to look at: a stack (`stack`: name or id), or one resource (`type`, `name`), perhaps of a stack.

    state: what makes one occurrence of the hazard differ from the next: a call's event, a stack's operation.
    called: somebody called for it (DeleteStack), it is not CloudFormation's own doing.
    members: database instances that were seen to be part of a cluster, which cannot be told once they are
    gone.
    """

    hazard: Hazard
    happened_at: datetime
    stack: str | None = None
    type: str | None = None
    name: str | None = None
    logical_id: str | None = None
    state: str = ""
    members: tuple[str, ...] = ()
    called: bool = False


def subject_of(event: ApiCall | StackStatusChange | ResourceStatusChange) -> Subject | None:
    """Tell what an event points at; None when it is not about data. Decides from the event alone."""
    match event:
        case ResourceStatusChange():
            return _of_resource_status(event)
        case StackStatusChange():
            if event.status != "DELETE_IN_PROGRESS":
                return None
            return Subject(hazard=Hazard.STACK_DELETION, happened_at=event.time, stack=event.stack_id)
        case ApiCall():
            return _of_stack_call(event) or _of_data_call(event)


def _of_resource_status(event: ResourceStatusChange) -> Subject | None:
    row = TYPES.get(event.resource_type)
    if row is None or not row.at_risk or not event.physical_id:
        return None
    if event.status == "DELETE_COMPLETE":
        hazard = Hazard.DELETED
    elif event.status in _APPEARED and (row.protection or event.status != "UPDATE_COMPLETE"):
        hazard = Hazard.UNPROTECTED  # what cannot be protected is told once, not at every update
    else:
        return None
    return Subject(
        hazard=hazard,
        happened_at=event.time,
        stack=event.stack_id,
        type=row.type,
        name=event.physical_id,
        logical_id=event.logical_id,
    )


def _of_stack_call(event: ApiCall) -> Subject | None:
    request = event.request or {}
    stack = request.get("stackName")
    if not isinstance(stack, str):
        return None
    match event.name:
        case "DeleteStack":
            deletion = Hazard.STACK_DELETION
            return Subject(hazard=deletion, happened_at=event.called_at, stack=stack, called=True)
        case "UpdateTerminationProtection" if _is_off(request.get("enableTerminationProtection")):
            return Subject(
                hazard=Hazard.PROTECTION_REMOVED,
                happened_at=event.called_at,
                stack=stack,
                state=event.event_id,
            )
    return None


def _of_data_call(event: ApiCall) -> Subject | None:
    known = type_of_call(event.source, event.name)
    name = resource_name(known[1], event.request, event.response) if known else None
    if known is None or name is None:
        return None
    kind, row = known
    hazards = {"create": Hazard.UNPROTECTED, "update": Hazard.PROTECTION_REMOVED, "delete": Hazard.DELETED}
    request = event.request or {}
    recovery = request.get("pointInTimeRecoverySpecification")
    settings = {**request, **(recovery if isinstance(recovery, dict) else {})}
    if kind == "update" and not any(_is_off(settings.get(key)) for key in _PROTECTION_KEYS):
        return None
    if kind != "update" and event.by_cloudformation:  # CloudFormation's own events tell of these, durably
        return None
    return Subject(
        hazard=hazards[kind],
        happened_at=event.called_at,
        type=row.type,
        name=name,
        state=event.event_id,
        called=not event.by_cloudformation,
    )


def _is_off(value: object) -> bool:
    """CloudTrail writes a boolean; no source rules out the text for services with a query protocol."""
    return value is False or value == "false"


@dataclass(frozen=True)
class SituationReader:
    """Reads the live state of a subject. Methods raise ClientError. None: nothing is left to judge."""

    stacks: StackReader
    data: DataReader
    own_stack: str

    def first(self, subject: Subject) -> tuple[Subject, Situation] | None:
        """Read as little as tells whether there may be a hazard, and name the subject for good."""
        if subject.stack is None:
            return self._bare(subject)
        stack = self.stacks.describe(subject.stack) if subject.stack != self.own_stack else None
        if stack is None:
            return None
        if subject.type is None:
            return self._whole(subject, stack)
        if stack.status.startswith("DELETE_") or "ROLLBACK" in stack.status:
            return None  # it goes with its stack, or is taken back with it: no finding of its own
        if subject.hazard is Hazard.DELETED:
            # AWS makes the last backup as the resource goes, before CloudFormation says that it is gone.
            operation = self.stacks.operation(stack.id)
            began = min(operation.began or subject.happened_at, subject.happened_at)
            return self.again(subject.model_copy(update={"state": operation.id, "happened_at": began}))
        return self._new(subject, stack)

    def again(self, subject: Subject) -> tuple[Subject, Situation] | None:
        """Read the whole subject, with backups where they tell something."""
        stack = self.stacks.describe(subject.stack) if subject.stack else None
        if subject.type is None:
            return self._of_stack(subject, stack, backups=True) if stack else None
        resource = _in(stack, self.data.bare(subject.type, subject.name or ""))
        if subject.hazard is Hazard.DELETED:
            if resource.row.protection is None:  # it is not read: AWS said that it was deleted
                resource = resource.model_copy(update={"presence": Presence.GONE})
            return self._situation(subject, stack, [resource], backups=True)
        if stack and stack.status == "DELETE_COMPLETE":
            stack = None  # the resource was retained, and is on its own now
        return self._situation(subject, self.stacks.root(stack) if stack else None, [resource])

    def _bare(self, subject: Subject) -> tuple[Subject, Situation] | None:
        if subject.hazard is Hazard.DELETED:
            return self.again(subject)
        resource = self.data.read(self.data.bare(subject.type or "", subject.name or ""))
        if resource.protected and resource.row.protection is not None:
            return None
        if subject.hazard is Hazard.PROTECTION_REMOVED:
            stack_id = resource.stack_id
            if resource.row.protection is Protection.DYNAMODB_TABLE and resource.exists:
                stack_id = stack_of_table(resource.arn)
            if stack_id == self.own_stack:
                return None
            if stack_id and not subject.called:
                return self._by_update(subject, resource, stack_id)
            return self.again(subject.model_copy(update={"stack": stack_id}))
        return subject, _situation(subject, None, [resource])

    def _by_update(
        self, subject: Subject, resource: ResourceState, stack_id: str
    ) -> tuple[Subject, Situation] | None:
        """Switched off by an update of the stack: CloudFormation's own event tells of that, too.

        Both are the one finding of that update; this event knows who did it.
        """
        stack = self.stacks.describe(stack_id)
        if stack is None:
            return None
        root = self.stacks.root(stack)
        state = self.stacks.operation(root.id).id
        whole = Subject(
            hazard=Hazard.UNPROTECTED, happened_at=subject.happened_at, stack=root.id, state=state
        )
        return whole, _situation(whole, root, [_in(stack, resource)])

    def _whole(self, subject: Subject, stack: Stack) -> tuple[Subject, Situation] | None:
        """A stack by itself. A nested one that goes down with its root is part of the root's finding."""
        root = self.stacks.root(stack)
        if stack.nested and "ROLLBACK" in root.status and root.status.endswith("IN_PROGRESS"):
            return None  # the root takes it back: saving its new tables would make that rollback fail
        if subject.hazard is Hazard.PROTECTION_REMOVED or root.status.startswith("DELETE_"):
            stack = root
        if self.own_stack in (stack.id, root.id):
            return None
        subject, situation = self._of_stack(subject.model_copy(update={"stack": stack.id}), stack)
        if subject.state or not situation.resources:
            return subject, situation
        operation = self.stacks.operation(stack.id)
        if operation.after_failed_creation and not subject.called:
            return None  # CloudFormation deletes what it could not create: nobody lost anything
        return subject.model_copy(update={"state": operation.id}), situation

    def _new(self, subject: Subject, stack: Stack) -> tuple[Subject, Situation] | None:
        """A resource of a stack that was created or updated: the finding will be the root stack's.

        All resources of one operation share that finding, so it may end only by what the whole stack holds.
        """
        root = self.stacks.root(stack)
        if root.id == self.own_stack:
            return None
        resource = self.data.bare(subject.type or "", subject.name or "")
        protectable = resource.row.protection is not None
        if protectable and root.termination_protection and self.data.read(resource).protected:
            return None
        policies, logical_id = self.stacks.policies(stack.id), subject.logical_id or ""
        retained, on_replace = policies.retained(logical_id), policies.retained_on_replace(logical_id)
        if retained and on_replace:
            return None
        state = self.stacks.operation(root.id).id
        whole = Subject(hazard=subject.hazard, happened_at=subject.happened_at, stack=root.id, state=state)
        if _state(root).settled:
            return self._of_stack(whole, root)
        update = {"retained": retained, "retained_on_replace": on_replace}
        return self._situation(whole, root, [_in(stack, resource).model_copy(update=update)])

    def _of_stack(
        self, subject: Subject, stack: Stack, *, backups: bool = False
    ) -> tuple[Subject, Situation]:
        found = [resource for resource in self.stacks.resources(stack) if _holds_data(resource.type)]
        # What an earlier operation deleted is not lost in this one.
        if subject.hazard is Hazard.STACK_DELETION:
            since = subject.happened_at.replace(microsecond=0)
            found = [r for r in found if r.status != "DELETE_COMPLETE" or r.changed_at >= since]
        policies = {id_: self.stacks.policies(id_) for id_ in {resource.stack_id for resource in found}}
        resources = [self.data.of_stack(resource, policies[resource.stack_id]) for resource in found]
        if subject.hazard is Hazard.STACK_DELETION:  # what is retained is in no danger and need not be read
            resources = [resource for resource in resources if not resource.retained]
        return self._situation(subject, stack, resources, backups=backups)

    def _situation(
        self,
        subject: Subject,
        stack: Stack | None,
        resources: Iterable[ResourceState],
        *,
        backups: bool = False,
    ) -> tuple[Subject, Situation]:
        ending = subject.hazard in (Hazard.STACK_DELETION, Hazard.DELETED)
        live = self.data.read_all(resources, recovery=not ending)
        if ending and backups:
            live = data_backups.attach(live, subject.happened_at)
        members = {*subject.members, *(resource.name for resource in live if resource.in_cluster)}
        live = tuple(
            resource.model_copy(update={"in_cluster": True}) if resource.name in members else resource
            for resource in live
        )
        subject = subject.model_copy(update={"members": tuple(sorted(members))})
        return subject, _situation(subject, stack, live)


def _holds_data(type_: str) -> bool:
    row = TYPES.get(type_)
    return row is not None and row.at_risk


def _in(stack: Stack | None, resource: ResourceState) -> ResourceState:
    if stack is None:
        return resource
    names = dict.fromkeys((stack.name, name_of(stack.root_id)))
    return resource.model_copy(update={"stack_id": stack.id, "stack_names": tuple(names)})


def _situation(subject: Subject, stack: Stack | None, resources: Iterable[ResourceState]) -> Situation:
    return Situation(
        hazard=subject.hazard,
        happened_at=subject.happened_at,
        of_resource=subject.type is not None,
        resources=tuple(resources),
        stack=_state(stack) if stack else None,
    )


def _state(stack: Stack) -> StackState:
    return StackState(
        id=stack.id,
        name=stack.name,
        status=stack.status,
        termination_protection=stack.termination_protection,
    )
