"""Creating the resources of a stack, one after another.

moto does it within the request. AWS answers at once, then works through the resources in dependency order,
and tells each step in the stack's events.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from typing import Any

from local.account import current
from local.background import Stopped
from local.cloudformation.deletion import delete, delete_resources, failed_to_delete
from local.cloudformation.exports import exports_visible_to, publish_outputs
from local.cloudformation.failures import OperationFailed, ResourceFailed, reason_of
from local.cloudformation.stack import DeployedStack, StackResource
from local.cloudformation.template import in_dependency_order
from local.cloudformation.types import new_resource


class Cancelled(Exception):
    """Somebody deletes the stack while it is being created."""


def pause(stack: DeployedStack) -> None:
    """The time that one resource takes. Raises Stopped, Cancelled."""
    current().background.pause(current().step_delay)
    if stack.is_cancelled:
        raise Cancelled


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
