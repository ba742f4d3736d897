"""What feeds a function by an event source mapping: woken by whatever may have given it work.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import json
import logging
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import EventSourceMapping, LambdaFunction, lambda_backends

from local.lambda_runtime.asynchronous import THROTTLED_DELAYS
from local.lambda_runtime.runtime import TooManyRequestsException, qualifier_in

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

ATTEMPTS_WITHOUT_LIMIT = 3
"""Where AWS tries until the records expire, the account rests after so many until the feed is woken."""


class Feed(ABC):
    """Hands over what the source of one mapping holds; rests when there is nothing more."""

    def __init__(self, account: "LocalAccount", mapping: EventSourceMapping) -> None:
        self.account = account
        self.mapping = mapping
        self._lock = threading.Lock()
        self._running = False
        self._woken = False

    @abstractmethod
    def pull(self) -> None:
        """Hand over everything that is there, as long as the mapping is active."""

    def wake(self) -> None:
        """There may be something to hand over."""
        with self._lock:
            self._woken = True
            if self._running:
                return
            self._running = True
        self.account.background.spawn(self._run)

    def wake_after(self, seconds: float) -> None:
        """Wake when so much time has passed."""

        def wait() -> None:
            self.account.background.pause(seconds)
            self.wake()

        self.account.background.spawn(wait)

    def _run(self) -> None:
        try:
            while self._has_been_woken():
                self.pull()
        except BaseException:
            with self._lock:
                self._running = False
            raise

    def _has_been_woken(self) -> bool:
        with self._lock:
            self._running, self._woken = self._woken, False
            return self._running

    @property
    def active(self) -> bool:
        """Whether the mapping exists, is enabled, and is not just being created."""
        mappings = lambda_backends[self.mapping.account_id][self.mapping.region]._event_source_mappings
        state = self.mapping.get_configuration()["State"]
        return self.mapping.uuid in mappings and state not in ("Creating", "Disabling", "Disabled")

    def function(self) -> LambdaFunction:
        """What the mapping names at this moment. Raises UnknownFunctionException."""
        backend = lambda_backends[self.mapping.account_id][self.mapping.region]
        arn = self.mapping.function_arn
        return backend.get_function(arn, qualifier_in(arn))

    def hand_over(self, records: list[dict[str, Any]]) -> bool:
        """Invoke what the mapping names now; whether it succeeded. A throttled batch waits."""
        payload = json.dumps({"Records": records}).encode()
        for delay in (*THROTTLED_DELAYS, 0):
            try:
                function = self.function()
                return not self.account.functions.run(function, self.mapping.function_arn, payload).failed
            except UnknownFunctionException:
                return False
            except TooManyRequestsException:
                self.account.background.pause(self.account.retry_delay * delay)
        return False


def feeds_of(source_arn: str) -> list[Feed]:
    """The feeds of all mappings of a queue or stream."""
    _, _, _, region, account_id, *_ = source_arn.split(":")
    mappings = list(lambda_backends[account_id][region]._event_source_mappings.values())
    return [vars(it)["feed"] for it in mappings if it.event_source_arn == source_arn]
