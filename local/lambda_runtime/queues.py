"""Queues that feed functions: batches are handed over in the background, and again where that fails.

moto invokes the function inside of SendMessage: its sender waits for it and gets its errors. Left out:
filters, partial batch responses, batching windows, and that the role may receive.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
import logging
import threading
from typing import TYPE_CHECKING, Any

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, sqs_backends

from local.extension import extend
from local.lambda_runtime.feeds import ATTEMPTS_WITHOUT_LIMIT, Feed, feeds_of

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

receiving = threading.Lock()
"""moto would give one message to two who receive at the same time."""

moto_add_message = Queue.add_message


def install(account: "LocalAccount") -> None:
    """Let a new message wake the mappings of its queue."""
    extend(Queue, add_message=add_message)


def add_message(queue: Queue, message: Message) -> None:
    """A delayed message wakes them when its time has come."""
    moto_add_message(queue, message)
    delay = max(0.0, message.delayed_until - unix_time_millis() + 1) / 1000
    for feed in feeds_of(queue.queue_arn):
        feed.wake_after(delay)


class QueueFeed(Feed):
    """Receives batches; those of a standard queue are handed over side by side."""

    def pull(self) -> None:
        """One batch after another until the queue is empty or holds only what has failed."""
        while self.active and (batch := self._receive()):
            if self._queue is None or not self._queue.fifo_queue:
                self.account.background.spawn(self._process, batch)
            elif not self._process(batch):
                return

    @property
    def _queue(self) -> Queue | None:
        _, _, _, region, account_id, name = self.mapping.event_source_arn.split(":")
        return sqs_backends[account_id][region].queues.get(name)

    def _receive(self) -> list[Message]:
        queue = self._queue
        if queue is None:
            return []
        with receiving:
            return sqs_backends[queue.account_id][queue.region].receive_message(
                queue.name,
                self.mapping.batch_size,
                wait_seconds_timeout=0,
                visibility_timeout=max(1, int(vars(queue)["visibility_timeout"])),
                message_attribute_names=["All"],
            )

    def _process(self, batch: list[Message]) -> bool:
        """Whether the batch was taken, and is deleted; or it is shown again, for the next attempt."""
        arn = self.mapping.event_source_arn
        if self.hand_over([record(message, arn) for message in batch]):
            self._settle(batch, done=True)
            return True
        logger.warning("%s: a batch of %s failed", self.mapping.function_arn, arn)
        self.account.background.pause(self.account.retry_delay)
        self._settle(batch, done=False)
        has_redrive = self._queue is not None and self._queue.dead_letter_queue is not None
        attempts = max(message.approximate_receive_count for message in batch)
        if has_redrive or attempts < ATTEMPTS_WITHOUT_LIMIT:
            self.wake_after(self.account.retry_delay)
        return False

    def _settle(self, batch: list[Message], *, done: bool) -> None:
        queue = self._queue
        if queue is None:
            return
        backend = sqs_backends[queue.account_id][queue.region]
        for message in batch:
            try:
                if done:
                    backend.delete_message(queue.name, str(message.receipt_handle))
                else:
                    backend.change_message_visibility(queue.name, str(message.receipt_handle), 0)
            except ReceiptHandleIsInvalid:
                logger.debug("%s: message %s is gone", queue.name, message.id)


def record(message: Message, queue_arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event"""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    if message.group_id:
        attributes["MessageGroupId"] = message.group_id
    if message.deduplication_id:
        attributes["MessageDeduplicationId"] = message.deduplication_id
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {name: attribute(it) for name, it in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def attribute(given: dict[str, Any]) -> dict[str, Any]:
    """A message attribute as functions get it."""
    value: dict[str, Any] = {}
    if (text := given.get("StringValue")) is not None:
        value["stringValue"] = text
    if (binary := given.get("BinaryValue")) is not None:
        value["binaryValue"] = binary if isinstance(binary, str) else base64.b64encode(binary).decode()
    return {**value, "stringListValues": [], "binaryListValues": [], "dataType": given["DataType"]}
