"""How events of S3 reach their destinations, and whether a destination lets S3 in.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
"""

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.s3.models import FakeBucket
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.lambda_runtime.asynchronous import AsynchronousInvocation
from local.lambda_runtime.policy import policy_of
from local.resource_policy import allows, document

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

PRINCIPAL = "s3.amazonaws.com"
SUBJECT = "Amazon S3 Notification"


class Unreachable(Exception):
    """A destination does not exist, or does not let S3 in for this bucket."""


def deliver(account: "LocalAccount", bucket: FakeBucket, arn: str, message: dict[str, Any]) -> None:
    """Hand over a message; what cannot be delivered is dropped, as on AWS, and logged."""
    try:
        require(bucket, arn)
        SENDERS[arn.split(":")[2]](account, arn, json.dumps(message))
    except Unreachable as failure:
        logger.warning("%s: event not delivered: %s", bucket.name, failure)


def require(bucket: FakeBucket, arn: str) -> None:
    """Raises Unreachable unless the destination exists and its policy lets S3 in for the bucket."""
    action, policy = POLICIES[arn.split(":")[2]](arn)
    context = {"aws:SourceArn": f"arn:aws:s3:::{bucket.name}", "aws:SourceAccount": bucket.account_id}
    if not allows(policy, principal=PRINCIPAL, action=action, resource=arn, context=context):
        raise Unreachable(f"the resource policy of {arn} does not let {PRINCIPAL} {action} for {bucket.name}")


def _function_policy(arn: str) -> tuple[str, dict[str, Any]]:
    _, _, _, region, account_id, _, name, *qualifier = arn.split(":")
    try:
        function = lambda_backends[account_id][region].get_function(name, *qualifier)
    except UnknownFunctionException:
        raise Unreachable(f"no function {arn}") from None
    statements = policy_of(function, qualifier[0] if qualifier else None).statements
    return "lambda:InvokeFunction", {"Statement": statements}


def _queue_policy(arn: str) -> tuple[str, dict[str, Any]]:
    _, _, _, region, account_id, name = arn.split(":")
    queue = sqs_backends[account_id][region].queues.get(name)
    if queue is None:
        raise Unreachable(f"no queue {arn}")
    return "sqs:SendMessage", document(queue.policy)


def _topic_policy(arn: str) -> tuple[str, dict[str, Any]]:
    _, _, _, region, account_id, _ = arn.split(":")
    topic = sns_backends[account_id][region].topics.get(arn)
    if topic is None:
        raise Unreachable(f"no topic {arn}")
    return "sns:Publish", document(topic.policy)


def _to_function(account: "LocalAccount", arn: str, message: str) -> None:
    """Invoke asynchronously. AWS: https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html"""
    _, _, _, region, account_id, _, name, *qualifier = arn.split(":")
    function = lambda_backends[account_id][region].get_function(name, *qualifier)
    AsynchronousInvocation(account, function, arn, message.encode()).process()


def _to_queue(account: "LocalAccount", arn: str, message: str) -> None:
    _, _, _, region, account_id, name = arn.split(":")
    sqs_backends[account_id][region].send_message(queue_name=name, message_body=message)


def _to_topic(account: "LocalAccount", arn: str, message: str) -> None:
    _, _, _, region, account_id, _ = arn.split(":")
    sns_backends[account_id][region].publish(message=message, arn=arn, subject=SUBJECT)


POLICIES: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "lambda": _function_policy,
    "sqs": _queue_policy,
    "sns": _topic_policy,
}
SENDERS: dict[str, Callable[["LocalAccount", str, str], None]] = {
    "lambda": _to_function,
    "sqs": _to_queue,
    "sns": _to_topic,
}
