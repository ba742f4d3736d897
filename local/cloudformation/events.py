"""Status changes: in the stack's own events, and on the default event bus.

moto records stack events of stacks only, and sends none to EventBridge.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-resource-status-change.html
"""

from typing import TYPE_CHECKING, Any

from moto.cloudformation.models import Event

from local.eventbridge import service as eventbridge

if TYPE_CHECKING:
    from local.cloudformation.stack import DeployedStack, StackResource


def stack_changed(stack: "DeployedStack") -> None:
    """Record and publish the stack's present status."""
    _record(
        stack,
        logical_id=stack.name,
        physical_id=stack.stack_id,
        resource_type="AWS::CloudFormation::Stack",
        status=stack.status,
        reason=stack.status_reason,
    )
    _publish(stack, "CloudFormation Stack Status Change", stack.status, stack.status_reason, {})


def resource_changed(stack: "DeployedStack", resource: "StackResource") -> None:
    """Record and publish the resource's present status."""
    _record(
        stack,
        logical_id=resource.logical_id,
        physical_id=resource.physical_id,
        resource_type=resource.resource_type,
        status=resource.status,
        reason=resource.status_reason,
    )
    identity = {
        "logical-resource-id": resource.logical_id,
        "physical-resource-id": resource.physical_id,
        "resource-type": resource.resource_type,
    }
    _publish(
        stack, "CloudFormation Resource Status Change", resource.status, resource.status_reason, identity
    )


def _record(
    stack: "DeployedStack",
    *,
    logical_id: str,
    physical_id: str,
    resource_type: str,
    status: str,
    reason: str | None,
) -> None:
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=logical_id,
        physical_resource_id=physical_id,
        resource_type=resource_type,
        resource_status=status,
        resource_status_reason=reason,
        resource_properties=None,
    )
    event.client_request_token = stack.client_request_token or None  # type: ignore[assignment]  # moto never sets it
    event.sendToSns(stack.account_id, stack.region_name, stack.notification_arns)
    stack.events.append(event)


def _publish(
    stack: "DeployedStack", detail_type: str, status: str, reason: str | None, identity: dict[str, Any]
) -> None:
    detail = {
        "stack-id": stack.stack_id,
        **identity,
        "status-details": {"status": status, "status-reason": reason or ""},
        "client-request-token": stack.client_request_token or "",
    }
    event = {
        "source": "aws.cloudformation",
        "detail-type": detail_type,
        "resources": [stack.stack_id],
        "detail": detail,
    }
    eventbridge.publish(event, account=stack.account_id, region=stack.region_name)
