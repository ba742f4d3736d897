"""How often the operations of a service may be called; moto counts no calls.

Each account and Region has as many calls of each operation in a second as the service's quotas say; a further
one is refused. Calls that CloudFormation makes are not counted: it retries them until they pass.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from moto.core.responses import BaseResponse

from local.account import current

CLOUDFORMATION = "cloudformation"
"""The access key of CloudFormation's own calls."""

type Operation = Callable[[Any], Any]


class Calls:
    """The calls of the last second, by account, Region and operation."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, ...], deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, key: tuple[str, ...], *, limit: int, seconds: float) -> bool:
        """Count a call, or return False where `limit` calls were made within `seconds`."""
        now = monotonic()
        with self._lock:
            times = self._times.setdefault(key, deque())
            while times and times[0] <= now - seconds:
                times.popleft()
            if len(times) >= limit:
                return False
            times.append(now)
            return True


def limited(
    operations: Mapping[str, Operation],
    limits: Mapping[str, int],
    refusal: Callable[[BaseResponse], Exception],
) -> dict[str, Operation]:
    """The methods of a moto response class that `limits` names, raising `refusal` beyond so many a second."""
    calls = Calls()
    return {name: _limited(operations[name], name, limit, calls, refusal) for name, limit in limits.items()}


def _limited(
    operation: Operation, name: str, limit: int, calls: Calls, refusal: Callable[[BaseResponse], Exception]
) -> Operation:
    def call(response: BaseResponse) -> Any:
        key = (response.get_current_account(), response.region, name)
        counted = current().rate_seconds > 0 and response.get_access_key() != CLOUDFORMATION
        if counted and not calls.take(key, limit=limit, seconds=current().rate_seconds):
            raise refusal(response)
        return operation(response)

    return call
