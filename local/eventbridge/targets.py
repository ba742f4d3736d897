"""How each kind of target gets an event, and what EventBridge must be allowed for it.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core.utils import unix_time_millis
from moto.events.models import Archive, EventBus, Rule, events_backends
from moto.logs.models import logs_backends
from moto.organizations.models import organizations_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.authorization.policy import Request, decide
from local.identity import role_session
from local.lambda_runtime.asynchronous import AsynchronousInvocation
from local.lambda_runtime.policy import policy_of
from local.resource_policy import allows, document

if TYPE_CHECKING:
    from local.eventbridge.delivery import Delivery

EVENTS = "events.amazonaws.com"


class DeliveryFailed(Exception):
    """A target did not take an event; `code` as EventBridge writes it to a dead-letter queue."""

    def __init__(self, code: str, message: str, *, retriable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retriable = retriable


def events_may(action: str, resource: str, policy: dict[str, Any] | None, rule: Rule) -> bool:
    """Whether a resource policy lets EventBridge act for this rule."""
    context = {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}
    return allows(policy, principal=EVENTS, action=action, resource=resource, context=context)


def require(action: str, resource: str, policy: dict[str, Any] | None, rule: Rule) -> None:
    """Raise DeliveryFailed where the resource policy does not let EventBridge in."""
    if not events_may(action, resource, policy, rule):
        message = (
            f"{EVENTS} may not {action} on {resource} for {rule.arn}: its resource policy does not allow it"
        )
        raise DeliveryFailed("NO_PERMISSIONS", message)


def no_resource(arn: str) -> DeliveryFailed:
    """The target does not exist (any more)."""
    return DeliveryFailed("NO_RESOURCE", f"the target does not exist: {arn}")


def to_function(delivery: "Delivery") -> None:
    """Invoke a function asynchronously."""
    arn = delivery.arn
    _, _, _, region, account_id, _, name, *qualifier = arn.split(":")
    try:
        function = lambda_backends[account_id][region].get_function(name, *qualifier)
    except UnknownFunctionException:
        raise no_resource(arn) from None
    policy = {"Statement": policy_of(function, qualifier[0] if qualifier else None).statements}
    require("lambda:InvokeFunction", arn, policy, delivery.rule)
    payload = delivery.text().encode()
    try:
        json.loads(payload)
    except ValueError:
        raise DeliveryFailed("INVALID_JSON", f"the input is no JSON: {payload!r}") from None
    invocation = AsynchronousInvocation(delivery.account, function, arn, payload)
    delivery.account.background.spawn(invocation.process)


def to_state_machine(delivery: "Delivery") -> None:
    """Start an execution under the target's role."""
    as_target_role(
        delivery,
        "stepfunctions",
        lambda client: client.start_execution(
            stateMachineArn=delivery.arn,
            name=f"{delivery.event['id']}_{uuid.uuid4()}",
            input=delivery.text(),
        ),
    )


def as_target_role(delivery: "Delivery", service: str, call: Callable[[Any], object]) -> None:
    """Call with the credentials of the target's RoleArn."""
    role_arn = delivery.target.get("RoleArn") or delivery.rule.role_arn
    if not role_arn:
        raise DeliveryFailed("NO_PERMISSIONS", f"the target {delivery.arn} has no RoleArn")
    client = delivery.account.roles.client(
        service,
        role_arn=role_arn,
        session_name=delivery.event["id"].replace("-", ""),
        region=delivery.arn.split(":")[3],
        principal=EVENTS,
    )
    try:
        call(client)
    except ClientError as error:
        raise from_client_error(error) from error


def from_client_error(error: ClientError) -> DeliveryFailed:
    """What a target's refusal means for the delivery."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code.startswith("AccessDenied"):
        return DeliveryFailed("NO_PERMISSIONS", message)
    if code.endswith(("DoesNotExist", "NotFound", "NotFoundException")):
        return DeliveryFailed("NO_RESOURCE", message)
    return DeliveryFailed("ERROR_FROM_TARGET", f"{code}: {message}", retriable=True)


def to_topic(delivery: "Delivery") -> None:
    """Publish to a topic."""
    _, _, _, region, account_id, _ = delivery.arn.split(":")
    topics = sns_backends[account_id][region]
    topic = topics.topics.get(delivery.arn)
    if topic is None:
        raise no_resource(delivery.arn)
    require("sns:Publish", delivery.arn, document(topic.policy), delivery.rule)
    topics.publish(message=delivery.text(), arn=delivery.arn)


def to_queue(delivery: "Delivery") -> None:
    """Send to a queue."""
    _, _, _, region, account_id, name = delivery.arn.split(":")
    queues = sqs_backends[account_id][region]
    queue = queues.queues.get(name)
    if queue is None:
        raise no_resource(delivery.arn)
    require("sqs:SendMessage", delivery.arn, document(queue.policy), delivery.rule)
    queues.send_message(
        queue_name=name,
        message_body=delivery.text(),
        group_id=delivery.target.get("SqsParameters", {}).get("MessageGroupId"),
    )


def to_log_group(delivery: "Delivery") -> None:
    """Write to a log group, each event to a stream of its own. Its resource policy is not asked."""
    _, _, _, region, account_id, _, name, *_ = delivery.arn.split(":")
    logs = logs_backends[account_id][region]
    if name not in logs.groups:
        raise no_resource(delivery.arn)
    stream = str(uuid.uuid4())
    logs.create_log_stream(name, stream)
    logs.put_log_events(name, stream, [{"timestamp": unix_time_millis(), "message": delivery.text()}])


def to_bus(delivery: "Delivery") -> None:
    """Pass the event on to another bus, its envelope untouched; or keep it in an archive of this one.

    AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    from local.eventbridge.service import publish

    _, _, _, region, account_id, resource = delivery.arn.split(":", 5)
    if not resource.startswith("event-bus/"):
        to_archive(delivery)
        return
    rule, event = delivery.rule, delivery.event
    require_role_permission(delivery)
    bus = events_backends[account_id][region].event_buses.get(resource.removeprefix("event-bus/"))
    if bus is None:
        raise no_resource(delivery.arn)
    if account_id != rule.account_id:
        if event["account"] != rule.account_id:
            raise DeliveryFailed(
                "THIRD_ACCOUNT_HOP_DETECTED", f"event {event['id']} came from another account"
            )
        require_bus_policy(bus, delivery)
    publish(event, account=account_id, region=region, bus=bus.name)


def require_role_permission(delivery: "Delivery") -> None:
    """The target's role must be allowed to put events on the bus; another account's bus needs a role."""
    from local.authorization.service import policies_of  # it needs CloudTrail, which publishes events

    role_arn = delivery.target.get("RoleArn")
    account_id = delivery.arn.split(":")[4]
    if not role_arn:
        if account_id != delivery.rule.account_id:
            raise DeliveryFailed("NO_PERMISSIONS", f"the target {delivery.arn} has no RoleArn")
        return
    session = role_session(role_arn, delivery.event["id"], delivery.rule.region_name)
    decision = decide(policies_of(session), Request("events:PutEvents", delivery.arn))
    if not decision.allowed:
        message = f"{role_arn} may not events:PutEvents on {delivery.arn}: {decision.reason}"
        raise DeliveryFailed("NO_PERMISSIONS", message)


def require_bus_policy(bus: EventBus, delivery: "Delivery") -> None:
    """The receiving bus must let the sending account put events."""
    if not lets_in(bus, delivery.rule.account_id, role_arn=delivery.target["RoleArn"]):
        message = f"the policy of {bus.arn} does not let {delivery.target['RoleArn']} put events"
        raise DeliveryFailed("NO_PERMISSIONS", message)


def lets_in(bus: EventBus, sender: str, *, role_arn: str | None = None) -> bool:
    """Whether the policy of a bus lets somebody of another account put events."""
    context = {"aws:PrincipalAccount": sender, **organization_of(sender)}
    if role_arn:
        context["aws:PrincipalArn"] = role_arn
    return allows(
        document(bus.policy),
        principal=role_arn or sender,
        action="events:PutEvents",
        resource=bus.arn,
        context=context,
    )


def organization_of(account_id: str) -> dict[str, str]:
    """`aws:PrincipalOrgID` of an account, if it is a member of an organization."""
    for partitions in list(organizations_backends.values()):
        backend = partitions["aws"]
        if backend.org and any(member.id == account_id for member in backend.accounts):
            return {"aws:PrincipalOrgID": backend.org.id}
    return {}


def to_archive(delivery: "Delivery") -> None:
    """moto's rule of an archive has this target."""
    backend = events_backends[delivery.rule.account_id][delivery.rule.region_name]
    archives: list[Archive] = [
        a for a in backend.archives.values() if a.rule and a.rule.name == delivery.rule.name
    ]
    for archive in archives:
        archive.events.append(delivery.event)  # type: ignore[arg-type]  # moto's own kind of dict


SENDERS: dict[str, Callable[["Delivery"], None]] = {
    "lambda": to_function,
    "states": to_state_machine,
    "sns": to_topic,
    "sqs": to_queue,
    "logs": to_log_group,
    "events": to_bus,
}
