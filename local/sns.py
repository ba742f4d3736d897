"""Topics that deliver as on AWS, in the background, and a mailbox for e-mail.

Added to moto: e-mail; functions that get a real record; permission of the queue or function for the topic;
queues of other accounts; the checks of Publish. AWS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sqs.models import sqs_backends

from local.extension import extend
from local.lambda_runtime.asynchronous import AsynchronousInvocation
from local.lambda_runtime.policy import policy_of
from local.resource_policy import allows, document

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

DEFAULT_SUBJECT = "AWS Notification Message"
HTTP_TIMEOUT_IN_SECONDS = 15
PRINCIPAL = "sns.amazonaws.com"
SUBJECT = re.compile(r"[!-~][ -~]{0,99}")
"""ASCII without control characters, at most 100, not beginning with a space."""

moto_publish = SNSBackend.publish


@dataclass(frozen=True, kw_only=True)
class Email:
    """A message to a subscription of the protocol email or email-json."""

    topic_arn: str
    to: str
    subject: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One message on its way to one subscription."""

    account: "LocalAccount"
    subscription: Subscription
    text: str
    message_id: str
    subject: str | None
    attributes: dict[str, Any]
    group_id: str | None
    deduplication_id: str | None

    def deliver(self) -> None:
        """Hand the message to the subscriber; a refusal is logged."""
        send = SENDERS.get(self.subscription.protocol)
        if send is None:
            logger.warning("no delivery to %s subscriptions here", self.subscription.protocol)
            return
        try:
            send(self)
        except (NotAllowed, UnknownFunctionException, requests.RequestException) as failure:
            logger.warning("%s: not delivered to %s: %s", self.topic_arn, self.endpoint, failure)

    @property
    def topic_arn(self) -> str:
        """The topic's ARN."""
        return self.subscription.topic.arn

    @property
    def endpoint(self) -> str:
        """Whom the subscription is for."""
        return self.subscription.endpoint

    def envelope(self) -> dict[str, Any]:
        """The JSON around a message: type, ids, signature, attributes."""
        return self.subscription.get_post_data(
            self.text, self.message_id, self.subject, message_attributes=self.attributes
        )

    def require(self, action: str, policy: dict[str, Any]) -> None:
        """Raise NotAllowed unless the endpoint's resource policy lets the topic in."""
        context = {"aws:SourceArn": self.topic_arn, "aws:SourceAccount": self.subscription.topic.account_id}
        if not allows(policy, principal=PRINCIPAL, action=action, resource=self.endpoint, context=context):
            raise NotAllowed(f"the resource policy of {self.endpoint} does not allow it")


class NotAllowed(Exception):
    """A queue or function does not let the topic in."""


def install(account: "LocalAccount") -> None:
    """Replace moto's delivery."""

    def notify(
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        matcher = subscription._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        notification = Notification(
            account=account,
            subscription=subscription,
            text=body_for(subscription.protocol, message) if message_structure == "json" else message,
            message_id=message_id,
            subject=subject,
            attributes=message_attributes or {},
            group_id=group_id,
            deduplication_id=deduplication_id,
        )
        account.background.spawn(notification.deliver)

    extend(Subscription, publish=notify)
    extend(SNSBackend, publish=publish)


def publish(
    backend: SNSBackend,
    message: str,
    arn: str | None,
    phone_number: str | None = None,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> str:
    """Publish what is valid."""
    if subject is not None and not SUBJECT.fullmatch(subject):
        raise SNSInvalidParameter("Invalid parameter: Subject")
    if not message:
        raise SNSInvalidParameter("Invalid parameter: Empty message")
    if message_structure == "json":
        bodies = parsed(message)
        if "default" not in bodies:
            raise SNSInvalidParameter(
                "Invalid parameter: Message Structure - No default entry in JSON message body"
            )
    return moto_publish(
        backend,
        message,
        arn,
        phone_number,
        subject,
        message_attributes,
        group_id,
        deduplication_id,
        message_structure,
    )


def parsed(message: str) -> dict[str, str]:
    """The bodies by protocol of a message with MessageStructure=json."""
    try:
        bodies = json.loads(message)
    except ValueError:
        bodies = None
    if not isinstance(bodies, dict):
        raise SNSInvalidParameter("Invalid parameter: Message Structure - JSON message body failed to parse")
    return bodies


def body_for(protocol: str, message: str) -> str:
    """The body for a protocol, or the default."""
    bodies = parsed(message)
    return bodies.get(protocol, bodies["default"])


def to_queue(notification: Notification) -> None:
    """Raw, with the message attributes as SQS has them, or in an envelope."""
    _, _, _, region, account_id, name = notification.endpoint.split(":")
    queues = sqs_backends[account_id][region]
    queue = queues.queues.get(name)
    if queue is None:
        raise NotAllowed("the queue does not exist")
    notification.require("sqs:SendMessage", document(queue.policy))
    raw = str(notification.subscription.attributes.get("RawMessageDelivery")).lower() == "true"
    queues.send_message(
        name,
        notification.text if raw else json.dumps(notification.envelope(), indent=2),
        message_attributes=sqs_attributes(notification.attributes) if raw else None,
        group_id=notification.group_id,
        deduplication_id=notification.deduplication_id,
        validate_group_id=False,
    )


def sqs_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Message attributes of SNS as SQS names them."""
    return {
        name: {
            "DataType": attribute["Type"],
            "BinaryValue" if attribute["Type"].startswith("Binary") else "StringValue": attribute["Value"],
        }
        for name, attribute in attributes.items()
    }


def to_function(notification: Notification) -> None:
    """Invoke asynchronously. AWS: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html"""
    arn = notification.endpoint
    _, _, _, region, account_id, _, name, *qualifier = arn.split(":")
    function = lambda_backends[account_id][region].get_function(name, *qualifier)
    statements = policy_of(function, qualifier[0] if qualifier else None).statements
    notification.require("lambda:InvokeFunction", {"Statement": statements})
    envelope = notification.envelope()
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": notification.subscription.arn,
        "Sns": {
            **envelope,
            "Subject": notification.subject,
            "SigningCertUrl": envelope["SigningCertURL"],
            "UnsubscribeUrl": envelope["UnsubscribeURL"],
            "MessageAttributes": notification.attributes,
        },
    }
    payload = json.dumps({"Records": [record]}).encode()
    invocation = AsynchronousInvocation(notification.account, function, arn, payload)
    notification.account.background.spawn(invocation.process)


def to_web(notification: Notification) -> None:
    """POST the envelope."""
    requests.post(
        notification.endpoint,
        data=json.dumps(notification.envelope()),
        headers={
            "Content-Type": "text/plain; charset=UTF-8",
            "x-amz-sns-message-type": "Notification",
            "x-amz-sns-topic-arn": notification.topic_arn,
        },
        timeout=HTTP_TIMEOUT_IN_SECONDS,
    ).raise_for_status()


def to_mailbox(notification: Notification) -> None:
    """Put it where whoever runs the account can read it."""
    as_json = notification.subscription.protocol == "email-json"
    notification.account.mailbox.append(
        Email(
            topic_arn=notification.topic_arn,
            to=notification.endpoint,
            subject=notification.subject or DEFAULT_SUBJECT,
            body=json.dumps(notification.envelope()) if as_json else notification.text,
        )
    )


SENDERS: dict[str, Callable[[Notification], None]] = {
    "sqs": to_queue,
    "lambda": to_function,
    "http": to_web,
    "https": to_web,
    "email": to_mailbox,
    "email-json": to_mailbox,
}
