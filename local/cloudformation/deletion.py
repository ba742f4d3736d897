"""Deleting the resources of a stack, dependents first, and what becomes of those that refuse.

moto tries until nothing goes any more, and then forgets what it did.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
"""

from collections.abc import Iterable

from botocore.exceptions import ClientError
from moto.cloudformation.models import cloudformation_backends
from moto.core.utils import utcnow

from local.account import current
from local.background import Stopped
from local.cloudformation.calls import error_code
from local.cloudformation.exports import withdraw_exports
from local.cloudformation.failures import reason_of
from local.cloudformation.resources import Resource
from local.cloudformation.stack import RETAINING, DeployedStack, StackResource
from local.cloudformation.template import dependencies, in_dependency_order

ALREADY_GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "DBClusterNotFoundFault",
        "DBInstanceNotFound",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)


def delete(stack: DeployedStack, *, retain: Iterable[str] = (), force: bool = False) -> None:
    """DELETE_IN_PROGRESS to DELETE_COMPLETE or DELETE_FAILED; resources in `retain` stay and are forgotten.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
    """
    left = delete_resources(stack, stack.resources.values(), kept_by=RETAINING, retain=retain)
    if left and force:
        failed = {record.logical_id for record in left if record.status == "DELETE_FAILED"}
        left = delete_resources(stack, stack.resources.values(), kept_by=RETAINING, retain=failed)
    if left:
        stack.change_status("DELETE_FAILED", failed_to_delete(left))
        return
    withdraw_exports(stack)
    stack.change_status("DELETE_COMPLETE")
    backend = cloudformation_backends[stack.account_id][stack.region_name]
    backend.stacks.pop(stack.stack_id)
    backend.deleted_stacks[stack.stack_id] = stack


def failed_to_delete(left: Iterable[StackResource]) -> str:
    names = ", ".join(record.logical_id for record in left if record.status == "DELETE_FAILED")
    return f"The following resource(s) failed to delete: [{names}]. "


def delete_resources(
    stack: DeployedStack,
    records: Iterable[StackResource],
    *,
    kept_by: tuple[str, ...],
    retain: Iterable[str] = (),
) -> list[StackResource]:
    """Deletes dependents before what they depend on; returns what still stands although it should not.

    What a resource that refuses depends on is left alone, as it is still in use.
    """
    retain = set(retain)
    standing = {record.logical_id: record for record in records if record.stands}
    definitions = {logical_id: record.definition for logical_id, record in standing.items()}
    needed = dependencies(definitions)
    left: list[StackResource] = []
    for logical_id in reversed(in_dependency_order(definitions)):
        record = standing[logical_id]
        if any(logical_id in needed[other.logical_id] for other in left):
            left.append(record)
        elif logical_id in retain or record.definition.get("DeletionPolicy") in kept_by:
            stack.change_resource(record, "DELETE_SKIPPED")
        else:
            current().background.pause(current().step_delay)
            if not delete_resource(stack, record):
                left.append(record)
    return left


def delete_resource(stack: DeployedStack, record: StackResource) -> bool:
    """Whether the resource is gone; if not, its status is DELETE_FAILED and says why."""
    if record.resource is None or not record.physical_id:  # there never was anything
        stack.change_resource(record, "DELETE_COMPLETE")
        return True
    stack.change_resource(record, "DELETE_IN_PROGRESS")
    record.resource.move(stack.place(record.logical_id))  # to be deleted for whoever asks now
    try:
        _delete_unless_gone(record.resource)
    except Stopped:
        raise
    except Exception as refusal:
        stack.change_resource(record, "DELETE_FAILED", reason_of(refusal))
        return False
    stack.change_resource(record, "DELETE_COMPLETE")
    return True


def _delete_unless_gone(resource: Resource) -> None:
    try:
        resource.delete()
    except ClientError as refusal:
        if error_code(refusal) not in ALREADY_GONE:
            raise


def begin_delete(stack: DeployedStack) -> None:
    stack.deletion_time = utcnow()
    stack.change_status("DELETE_IN_PROGRESS", "User Initiated")
