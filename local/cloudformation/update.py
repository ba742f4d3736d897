"""Updating a stack: in place where the type allows it, by replacement where not, and back if anything fails.

moto deletes what is gone first, then adds, then modifies, and has no way back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from typing import Any

from moto.core.utils import utcnow

from local.background import Stopped
from local.cloudformation.creation import create_resource, pause, properties_of, wanted_resources
from local.cloudformation.deletion import delete_resource, delete_resources
from local.cloudformation.deployment import Deployment
from local.cloudformation.exports import publish_outputs
from local.cloudformation.failures import OperationFailed, ResourceFailed, reason_of
from local.cloudformation.resources import Properties, Resource
from local.cloudformation.stack import RETAINING, DeployedStack, StackResource
from local.cloudformation.types import new_resource

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def begin_update(stack: DeployedStack) -> None:
    stack.last_updated_time = utcnow()
    stack.change_status("UPDATE_IN_PROGRESS", "User Initiated")


def update(stack: DeployedStack, *, target: Deployment) -> None:
    """UPDATE_IN_PROGRESS to UPDATE_COMPLETE, UPDATE_ROLLBACK_COMPLETE or UPDATE_ROLLBACK_FAILED."""
    Update(stack, target).run()


class Update:
    """One update of a stack to another deployment. The stack must be UPDATE_IN_PROGRESS."""

    def __init__(self, stack: DeployedStack, target: Deployment) -> None:
        self._stack = stack
        self._target = target
        self._source = stack.deployed()
        self._before = {name: record.copy() for name, record in stack.resources.items() if record.stands}
        self._properties_before = {
            name: record.resource.properties for name, record in self._before.items() if record.resource
        }
        self._replaced: list[StackResource] = []

    def run(self) -> None:
        """See `update`."""
        stack = self._stack
        stack.resources = {name: record.copy() for name, record in self._before.items()}
        stack.deploy(self._target)
        try:
            wanted = wanted_resources(stack)
            for logical_id, definition in wanted.items():
                self._bring_about(logical_id, definition)
            publish_outputs(stack)
        except OperationFailed as failed:
            self._roll_back(str(failed))
            return
        stack.change_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        removed = [record for name, record in stack.resources.items() if name not in wanted]
        left = self._clean_up_replaced()
        for record in delete_resources(stack, removed, kept_by=RETAINING):
            record.abandoned = True
            left.append(record)
        stack.change_status(
            "UPDATE_COMPLETE",
            "Update successful. One or more resources could not be deleted." if left else None,
        )

    def _bring_about(self, logical_id: str, definition: dict[str, Any]) -> None:
        """Raises ResourceFailed."""
        stack = self._stack
        record = stack.resources.get(logical_id)
        if record is None or record.resource is None:
            pause(stack)
            create_resource(stack, logical_id, definition)
            return
        try:
            properties = properties_of(stack, definition)
        except Exception as failure:
            stack.change_resource(record, "UPDATE_FAILED", reason_of(failure))
            raise ResourceFailed(logical_id, "update") from failure
        if self._is_unchanged(record.resource, definition, properties):
            record.definition = definition
            return
        pause(stack)
        stack.change_resource(record, "UPDATE_IN_PROGRESS")
        try:
            self._change(record, definition, properties)
        except Stopped:
            raise
        except Exception as failure:
            stack.change_resource(record, "UPDATE_FAILED", reason_of(failure))
            raise ResourceFailed(logical_id, "update") from failure
        stack.change_resource(record, "UPDATE_COMPLETE")

    def _is_unchanged(self, resource: Resource, definition: dict[str, Any], properties: Properties) -> bool:
        same_type = definition["Type"] == self._before[resource.place.logical_id].resource_type
        place = self._stack.place(resource.place.logical_id)
        return (
            same_type
            and resource.properties == properties
            and resource.place.system_tags == place.system_tags
            and definition["Type"] != "AWS::CloudFormation::Stack"  # its template may have changed in place
        )

    def _change(self, record: StackResource, definition: dict[str, Any], properties: Properties) -> None:
        resource = record.resource
        assert resource is not None  # noqa: S101  # only standing resources come here
        place = self._stack.place(record.logical_id)
        if definition["Type"] == record.resource_type and not resource.requires_replacement(properties):
            resource.move(place)
            try:
                resource.update(properties)
            finally:  # what was reached before a failure, the rollback takes back
                resource.properties = properties
        else:
            resource.check_replacement(properties)
            self._stack.change_resource(record, "UPDATE_IN_PROGRESS", REPLACING)
            replacement = new_resource(definition["Type"], place, properties)
            replacement.create()
            self._replaced.append(self._before[record.logical_id].copy())
            record.resource, record.resource_type = replacement, definition["Type"]
        record.definition = definition

    def _clean_up_replaced(self) -> list[StackResource]:
        left = []
        for old in reversed(self._replaced):
            pause(self._stack)
            policy = self._stack.resources[old.logical_id].definition.get("UpdateReplacePolicy")
            if policy == "Retain":
                self._stack.change_resource(old, "DELETE_SKIPPED")
            elif not delete_resource(self._stack, old):
                left.append(old)
        return left

    def _roll_back(self, reason: str) -> None:
        stack = self._stack
        stack.change_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        attempted, stack.resources = stack.resources, self._restored()
        stack.deploy(self._source)
        broken = [name for name in stack.resources if not self._restore(name, attempted.get(name))]
        if broken:
            reason = f"The following resource(s) failed to update: [{', '.join(broken)}]. "
            stack.change_status("UPDATE_ROLLBACK_FAILED", reason)
            return
        publish_outputs(stack)
        stack.change_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        delete_resources(stack, self._new_ones(attempted), kept_by=())
        stack.change_status("UPDATE_ROLLBACK_COMPLETE")

    def _restored(self) -> dict[str, StackResource]:
        return {name: record.copy() for name, record in self._before.items()}

    def _new_ones(self, attempted: dict[str, StackResource]) -> list[StackResource]:
        return [
            record
            for name, record in attempted.items()
            if name not in self._before or record.resource is not self._before[name].resource
        ]

    def _restore(self, logical_id: str, attempted: StackResource | None) -> bool:
        """Bring a resource that was changed in place back to its former properties."""
        record = self._stack.resources[logical_id]
        resource = record.resource
        if attempted is None or resource is None or not attempted.status.startswith("UPDATE"):
            return True
        if attempted.timestamp == record.timestamp:
            return True
        self._stack.change_resource(record, "UPDATE_IN_PROGRESS")
        try:
            if attempted.resource is resource:
                resource.move(self._stack.place(logical_id))
                resource.update(self._properties_before[logical_id])
                resource.properties = self._properties_before[logical_id]
        except Stopped:
            raise
        except Exception as failure:
            self._stack.change_resource(record, "UPDATE_FAILED", reason_of(failure))
            return False
        self._stack.change_resource(record, "UPDATE_COMPLETE")
        return True
