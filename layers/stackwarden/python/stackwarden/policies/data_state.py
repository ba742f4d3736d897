"""The state that the guard `data-deletion` judges, as read from AWS. Pure: models and nothing else."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from stackwarden.finding import Wire
from stackwarden.policies.data_resources import TYPES, DataResourceType


class Hazard(StrEnum):
    """What may cost data; one kind of finding each."""

    UNPROTECTED = "unprotected"  # a data resource exists and little keeps it from being deleted
    PROTECTION_REMOVED = "protection-removed"  # somebody switched a protection off
    STACK_DELETION = "stack-deletion"  # a stack is being deleted with its data resources
    DELETED = "deleted"  # a data resource was deleted by itself: a direct call, or an update of its stack


class Presence(StrEnum):
    """`busy`: standing, but AWS refuses changes for the moment (CREATING, UPDATING, modifying)."""

    STANDING = "standing"
    BUSY = "busy"
    DELETING = "deleting"
    GONE = "gone"


class Backup(Wire):
    """A copy that outlives the resource. `arn` is what the restore command names."""

    arn: str
    kind: Literal["SYSTEM", "USER"]
    available: bool
    created_at: datetime
    engine: str = ""


class ResourceState(Wire):
    """A data resource. None for a protection: the type has none, or it was not read.

    unseen: what AWS said when it refused to show the resource; it is then taken to be unprotected.
    """

    type: str
    name: str
    arn: str
    logical_id: str | None = None
    stack_id: str | None = None
    stack_names: tuple[str, ...] = ()
    presence: Presence = Presence.STANDING
    deletion_protection: bool | None = None
    point_in_time_recovery: bool | None = None
    retained: bool = False
    retained_on_replace: bool = False
    in_cluster: bool = False
    unseen: str = ""
    identity: str = ""
    created_at: datetime | None = None
    backups: tuple[Backup, ...] = ()

    @property
    def row(self) -> DataResourceType:
        """The type's row in the table of data resource types."""
        return TYPES[self.type]

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.row.label} {self.name}"

    @property
    def exists(self) -> bool:
        """Whether it can still be saved."""
        return self.presence in (Presence.STANDING, Presence.BUSY)

    @property
    def holds_data(self) -> bool:
        """Whether deleting it destroys data."""
        return self.row.at_risk and not self.in_cluster

    @property
    def protected(self) -> bool:
        """Whether all that the type offers is known to be on; of a busy resource not all is known."""
        on = self.deletion_protection is not False and self.point_in_time_recovery is not False
        return on and self.presence is not Presence.BUSY


class StackState(Wire):
    """A stack that is a root, or is judged by itself."""

    id: str
    name: str
    status: str
    termination_protection: bool

    @property
    def deleting(self) -> bool:
        """Whether the deletion has begun or is over (DELETE_FAILED is neither)."""
        return self.status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")

    @property
    def rolled_back(self) -> bool:
        """Whether a create, update or import failed and was, or is being, taken back."""
        return "ROLLBACK" in self.status

    @property
    def creation_failed(self) -> bool:
        """Whether the stack never stood: its creation was, or is being, taken back."""
        return self.status.startswith("ROLLBACK_")

    @property
    def stuck(self) -> bool:
        """Whether an operation ended where its owner has to decide: roll back, continue or delete."""
        return self.status.endswith("_FAILED") and not self.settled

    @property
    def settled(self) -> bool:
        """Whether protecting a resource cannot make a rollback fail: no operation is under way."""
        return self.status in (
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "IMPORT_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
            "DELETE_FAILED",
        )


class Situation(Wire):
    """What is judged: a stack with its data resources, or (stack None) data resources by themselves.

    happened_at: when the event happened that made the guard look. of_resource: the finding is about the one
    resource, though its stack is known.
    """

    hazard: Hazard
    stack: StackState | None = None
    resources: tuple[ResourceState, ...] = Field(default=())
    happened_at: datetime
    of_resource: bool = False
