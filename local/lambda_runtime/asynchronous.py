"""Asynchronous invocations: queued, tried again on errors, and handed to a destination in the end.

moto answers them like synchronous ones. AWS:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction

from local.lambda_runtime.environment import Outcome
from local.lambda_runtime.runtime import TooManyRequestsException, unpublished, unqualified_arn

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

DEFAULT_RETRIES = 2
THROTTLED_DELAYS = (1, 2, 4, 8, 8, 8, 8, 8)
"""A throttled event waits longer each time: on AWS for up to six hours in all, here for 47 retry delays."""


@dataclass(frozen=True)
class AsynchronousInvocation:
    """One event in a function's queue."""

    account: "LocalAccount"
    function: LambdaFunction
    invoked_arn: str
    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def process(self) -> None:
        """Run the function until it succeeds or the retries are used up; then tell the destinations.

        Events of a function that is deleted meanwhile are lost.
        """
        try:
            self._process()
        except UnknownFunctionException:
            logger.warning("%s: the function is gone, its event is lost", self.invoked_arn)

    def _process(self) -> None:
        settings = event_invoke_config(self.function)
        outcome, attempts = self._run_with_retries(int(settings.get("MaximumRetryAttempts", DEFAULT_RETRIES)))
        destinations = settings.get("DestinationConfig", {})
        if outcome is not None and not outcome.failed:
            self._hand_over("Success", destinations.get("OnSuccess", {}), attempts, outcome)
            return
        condition = "EventAgeExceeded" if outcome is None else "RetriesExhausted"
        answer = outcome.payload.decode() if outcome else "throttled"
        logger.warning("%s: asynchronous invocation failed (%s): %s", self.invoked_arn, condition, answer)
        self._hand_over(condition, destinations.get("OnFailure", {}), attempts, outcome)
        self._to_dead_letter_queue(outcome)

    def _run_with_retries(self, retries: int) -> tuple[Outcome | None, int]:
        attempts = 1
        while (outcome := self._run()) and outcome.failed and attempts <= retries:
            self.account.background.pause(self.account.retry_delay * attempts)
            attempts += 1
        return outcome, attempts

    def _run(self) -> Outcome | None:
        """One attempt; None if reserved concurrency left no room for it."""
        for delay in (*THROTTLED_DELAYS, 0):
            try:
                return self.account.functions.run(self.function, self.invoked_arn, self.payload)
            except TooManyRequestsException:
                self.account.background.pause(self.account.retry_delay * delay)
        return None

    def _hand_over(
        self, condition: str, destination: dict[str, str], attempts: int, outcome: Outcome | None
    ) -> None:
        arn = destination.get("Destination")
        if not arn:
            return
        record = json.dumps(self._record(condition, attempts, outcome))
        service = arn.split(":")[2]
        client = self._client(service, arn)
        match service:
            case "sqs":
                client.send_message(QueueUrl=queue_url(self.account.endpoint, arn), MessageBody=record)
            case "sns":
                client.publish(TopicArn=arn, Message=record)
            case "lambda":
                client.invoke(FunctionName=arn, InvocationType="Event", Payload=record)
            case _:
                raise NotImplementedError(f"a destination of the service {service}: {arn}")

    def _record(self, condition: str, attempts: int, outcome: Outcome | None) -> dict[str, Any]:
        version = outcome.version if outcome else str(self.function.version)
        record = {
            "version": "1.0",
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": f"{unqualified_arn(self.function)}:{version}",
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(self.payload or b"null"),
        }
        if outcome is not None:
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": version,
                **({"functionError": "Unhandled"} if outcome.failed else {}),
            }
            record["responsePayload"] = json.loads(outcome.payload or b"null")
        return record

    def _to_dead_letter_queue(self, outcome: Outcome | None) -> None:
        """`DeadLetterConfig`: the event itself, with attributes that say what happened."""
        config = getattr(unpublished(self.function), "dead_letter_config", None) or {}
        arn = config.get("TargetArn")
        if not arn:
            return
        error = json.loads(outcome.payload) if outcome else {"errorMessage": "Rate Exceeded."}
        values = {
            "RequestID": self.request_id,
            "ErrorCode": "200" if outcome else "429",
            "ErrorMessage": str(error.get("errorMessage", ""))[:1024],
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
        client = self._client(arn.split(":")[2], arn)
        if arn.split(":")[2] == "sqs":
            client.send_message(
                QueueUrl=queue_url(self.account.endpoint, arn),
                MessageBody=self.payload.decode(),
                MessageAttributes=attributes,
            )
        else:
            client.publish(TopicArn=arn, Message=self.payload.decode(), MessageAttributes=attributes)

    def _client(self, service: str, arn: str) -> Any:
        return self.account.roles.client(
            service,
            role_arn=self.function.role,
            session_name=self.function.function_name,
            region=arn.split(":")[3],
            principal="lambda.amazonaws.com",
        )


def event_invoke_config(function: LambdaFunction) -> dict[str, Any]:
    """What PutFunctionEventInvokeConfig said last; moto keeps it for the function as a whole."""
    configs = unpublished(function).event_invoke_config
    return dict(configs[-1].config) if configs else {}


def queue_url(endpoint: str, queue_arn: str) -> str:
    """The URL of a queue in this account."""
    *_, account, name = queue_arn.split(":")
    return f"{endpoint}/{account}/{name}"
