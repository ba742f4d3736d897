"""The delivery of one event to one target, with retries and, in the end, the dead-letter queue.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.events.models import Rule
from moto.sqs.models import sqs_backends

from local.eventbridge.input import target_input
from local.eventbridge.targets import SENDERS, DeliveryFailed, events_may
from local.resource_policy import document

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

MAX_RETRIES = 3
"""On AWS 185 by default."""


@dataclass(frozen=True)
class Delivery:
    """An event on its way to a target of a rule."""

    account: "LocalAccount"
    rule: Rule
    target: dict[str, Any]
    event: dict[str, Any]

    @property
    def arn(self) -> str:
        """The target's ARN."""
        return str(self.target["Arn"])

    def text(self) -> str:
        """What the target gets to see."""
        return target_input(self.target, self.event, self.rule.name, self.rule.arn)

    def deliver(self) -> None:
        """Send until it works, the error is of no use to retry, or the retries are used up."""
        policy = self.target.get("RetryPolicy", {})
        retries = min(int(policy.get("MaximumRetryAttempts", MAX_RETRIES)), MAX_RETRIES)
        attempt = 0
        while True:
            try:
                self._send()
                return
            except DeliveryFailed as failure:
                if not failure.retriable or attempt >= retries:
                    self._give_up(failure, attempt)
                    return
            attempt += 1
            self.account.background.pause(self.account.retry_delay)

    def _send(self) -> None:
        service = self.arn.split(":")[2]
        if service not in SENDERS:
            raise DeliveryFailed("INVALID_PARAMETER", f"no target of this kind is known here: {self.arn}")
        SENDERS[service](self)

    def _give_up(self, failure: "DeliveryFailed", retries: int) -> None:
        queue_arn = self.target.get("DeadLetterConfig", {}).get("Arn")
        logger.warning(
            "rule %s could not deliver to %s: %s: %s (%s)",
            self.rule.name,
            self.arn,
            failure.code,
            failure,
            f"event goes to {queue_arn}" if queue_arn else "event is dropped",
        )
        if not queue_arn:
            return
        *_, region, queue_account, name = queue_arn.split(":")
        queues = sqs_backends[queue_account][region]
        queue = queues.queues.get(name)
        if queue is None or not events_may("sqs:SendMessage", queue_arn, document(queue.policy), self.rule):
            logger.error(
                "rule %s may not send to its dead-letter queue %s: event is lost", self.rule.name, queue_arn
            )
            return
        values = {
            "RULE_ARN": self.rule.arn,
            "TARGET_ARN": self.arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": str(retries),
        }
        if failure.retriable:
            values["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts"
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
        queues.send_message(name, json.dumps(self.event), message_attributes=attributes)
