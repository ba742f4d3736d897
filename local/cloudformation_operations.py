"""Creating and deleting the resources of a stack, one after another.

moto does both within the request. AWS answers at once, then works through the resources in dependency order,
and tells each step in the stack's events.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from moto.cloudformation.models import cloudformation_backends
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow
from werkzeug.exceptions import HTTPException

from local.account import current
from local.background import Stopped
from local.cloudformation_calls import error_code, error_message
from local.cloudformation_resources import Resource, ResourceRefused
from local.cloudformation_stack import RETAINING, DeployedStack, StackResource
from local.cloudformation_template import dependencies, in_dependency_order
from local.cloudformation_types import new_resource

logger = logging.getLogger(__name__)

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


class OperationFailed(Exception):
    """The stack cannot become what its template says, and rolls back. The message is the status reason."""


class ResourceFailed(OperationFailed):
    """A resource could not be created or changed."""

    def __init__(self, logical_id: str, verb: str = "create") -> None:
        super().__init__(f"The following resource(s) failed to {verb}: [{logical_id}]. ")


class Cancelled(Exception):
    """Somebody deletes the stack while it is being created."""


def pause(stack: DeployedStack) -> None:
    """The time that one resource takes. Raises Stopped, Cancelled."""
    current().background.pause(current().step_delay)
    if stack.is_cancelled:
        raise Cancelled


def reason_of(failure: Exception) -> str:
    """A status reason, worded as CloudFormation passes a service's answer on."""
    if isinstance(failure, ClientError):
        status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return (
            f'Resource handler returned message: "{error_message(failure)} '
            f'(Service: {failure.operation_name}, Status Code: {status}, Error Code: {error_code(failure)})"'
        )
    if isinstance(failure, ServiceException | HTTPException):
        return str(getattr(failure, "message", failure))
    if isinstance(failure, ParamValidationError):
        return f"Properties validation failed for resource: {failure}"
    if not isinstance(failure, ResourceRefused):
        logger.error("unexpected failure of a resource", exc_info=failure)
    return str(failure) if str(failure) else type(failure).__name__


def exports_visible_to(stack: DeployedStack) -> Mapping[str, str]:
    """What Fn::ImportValue can read: the exports of the stack's account and Region."""
    backend = cloudformation_backends[stack.account_id][stack.region_name]
    return {name: export.value for name, export in backend.exports.items()}


def wanted_resources(stack: DeployedStack) -> dict[str, Any]:
    """The resources of the template whose condition holds, in dependency order."""
    definitions = stack.deployed().document["Resources"]
    evaluator = stack.evaluator({})
    return {
        logical_id: definitions[logical_id]
        for logical_id in in_dependency_order(definitions)
        if "Condition" not in definitions[logical_id]
        or evaluator.condition(definitions[logical_id]["Condition"])
    }


def create(stack: DeployedStack, *, on_failure: str = "ROLLBACK") -> None:
    """CREATE_IN_PROGRESS to CREATE_COMPLETE, or what `on_failure` says (ROLLBACK, DELETE, DO_NOTHING)."""
    try:
        for logical_id, definition in wanted_resources(stack).items():
            pause(stack)
            create_resource(stack, logical_id, definition)
        publish_outputs(stack)
    except Cancelled:
        return
    except OperationFailed as failed:
        if not stack.is_cancelled:
            _creation_failed(stack, str(failed), on_failure)
        return
    with stack.lock:
        if not stack.is_cancelled:
            stack.change_status("CREATE_COMPLETE")


def _creation_failed(stack: DeployedStack, reason: str, on_failure: str) -> None:
    if on_failure == "DO_NOTHING":
        stack.change_status("CREATE_FAILED", reason)
    elif on_failure == "DELETE":
        stack.change_status("DELETE_IN_PROGRESS", reason + "Delete requested by user.")
        delete(stack)
    else:
        stack.change_status("ROLLBACK_IN_PROGRESS", reason + "Rollback requested by user.")
        left = delete_resources(stack, stack.resources.values(), kept_by=("Retain",))
        if left:
            stack.change_status("ROLLBACK_FAILED", failed_to_delete(left))
        else:
            stack.change_status("ROLLBACK_COMPLETE")


def create_resource(stack: DeployedStack, logical_id: str, definition: dict[str, Any]) -> StackResource:
    """Raises ResourceFailed once the resource's status says why."""
    record = StackResource(logical_id, definition["Type"], definition)
    stack.resources[logical_id] = record
    stack.change_resource(record, "CREATE_IN_PROGRESS")
    try:
        record.resource = new_resource(
            record.resource_type, stack.place(logical_id), properties_of(stack, definition)
        )
        record.resource.create()
    except Stopped:
        raise
    except Exception as failure:
        stack.change_resource(record, "CREATE_FAILED", reason_of(failure))
        raise ResourceFailed(logical_id) from failure
    stack.change_resource(record, "CREATE_IN_PROGRESS", "Resource creation Initiated")
    stack.change_resource(record, "CREATE_COMPLETE")
    return record


def properties_of(stack: DeployedStack, definition: dict[str, Any]) -> dict[str, Any]:
    evaluated: dict[str, Any] = stack.evaluator(exports_visible_to(stack)).value(
        definition.get("Properties") or {}
    )
    return evaluated


def publish_outputs(stack: DeployedStack) -> None:
    """Evaluate Outputs and export them. Raises OperationFailed."""
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    try:
        stack.refresh_outputs(stack.evaluator(exports_visible_to(stack)))
    except ServiceException as wrong:
        raise OperationFailed(f"{wrong.message} ") from wrong
    withdraw_exports(stack)
    for export in stack.exports:
        if export.name in exports:
            taken_by = exports[export.name].exporting_stack_id
            raise OperationFailed(f"Export with name {export.name} is already exported by stack {taken_by}. ")
        exports[export.name] = export


def withdraw_exports(stack: DeployedStack) -> None:
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    for name in [name for name, export in exports.items() if export.exporting_stack_id == stack.stack_id]:
        del exports[name]


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
