"""Queues that feed functions: batches are handed over in the background, and again where that fails.

moto invokes the function inside of SendMessage: its sender waits for it and gets its errors. Left out:
filters, partial batch responses, batching windows, order in FIFO queues, and that the role may receive.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import json
import logging
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend
from moto.sqs.models import Message, sqs_backends

from local.extension import extend
from local.lambda_runtime.asynchronous import THROTTLED_DELAYS
from local.lambda_runtime.runtime import TooManyRequestsException, qualifier_in

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

RECEIVES_WITHOUT_REDRIVE = 3
"""Without a redrive policy AWS tries until the messages expire, after four days by default."""


def install(account: "LocalAccount") -> None:
    """Replace moto's invocation."""

    def send_sqs_batch(
        backend: LambdaBackend, function_arn: str, messages: list[Message], queue_arn: str
    ) -> bool:
        if messages:
            account.background.spawn(hand_over, account, backend, function_arn, messages, queue_arn)
        return True

    extend(LambdaBackend, send_sqs_batch=send_sqs_batch)


def hand_over(
    account: "LocalAccount",
    backend: LambdaBackend,
    function_arn: str,
    messages: list[Message],
    queue_arn: str,
) -> None:
    """Invoke with a batch until it succeeds or was received too often; then it is a dead letter."""
    redrive = redrive_policy(queue_arn)
    payload = json.dumps({"Records": [record(message, queue_arn) for message in messages]}).encode()
    receives = int(redrive.get("maxReceiveCount", RECEIVES_WITHOUT_REDRIVE))
    for _ in range(receives):
        try:
            if was_taken(account, backend, function_arn, payload):
                return
        except UnknownFunctionException:
            break
        account.background.pause(account.retry_delay)
    logger.warning("%s: a batch of %s failed %d times", function_arn, queue_arn, receives)
    if target := redrive.get("deadLetterTargetArn"):
        _, _, _, region, account_id, name = target.split(":")
        for message in messages:
            sqs_backends[account_id][region].send_message(name, message.body)


def was_taken(account: "LocalAccount", backend: LambdaBackend, function_arn: str, payload: bytes) -> bool:
    """Whether the function succeeded; a throttled batch waits."""
    function = backend.get_function(function_arn, qualifier_in(function_arn))
    for delay in (*THROTTLED_DELAYS, 0):
        try:
            return not account.functions.run(function, function_arn, payload).failed
        except TooManyRequestsException:
            account.background.pause(account.retry_delay * delay)
    return False


def redrive_policy(queue_arn: str) -> dict[str, Any]:
    """The queue's redrive policy, or {}."""
    _, _, _, region, account_id, name = queue_arn.split(":")
    queue = sqs_backends[account_id][region].queues.get(name)
    return dict(queue.redrive_policy or {}) if queue else {}


def record(message: Message, queue_arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event"""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
