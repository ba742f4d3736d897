"""The execution environments of all functions: reused when warm, added on demand, ended when outdated.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from local.background import Stopped
from local.lambda_runtime.environment import ExecutionEnvironment, Launch, Outcome

ENVIRONMENTS_PER_VERSION = 8


class Version(NamedTuple):
    """A version of a function, $LATEST included; aliases share the environments of what they point at."""

    arn: str
    fingerprint: str
    """Changes with whatever an environment is started with."""


@dataclass(frozen=True, eq=False)
class Pool:
    """The environments of one version of a function, all started alike; further invocations wait."""

    fingerprint: str
    idle: list[ExecutionEnvironment] = field(default_factory=list)
    busy: set[ExecutionEnvironment] = field(default_factory=set)
    places: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(ENVIRONMENTS_PER_VERSION)
    )


class ExecutionEnvironments:
    """Runs invocations, each in an environment of its function's pool."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[str, Pool] = {}
        self._stopped = False

    def invoke(
        self, version: Version, launch: Callable[[], Launch], invoked_arn: str, payload: bytes
    ) -> Outcome:
        """Run one invocation, under the ARN by which the caller named the version."""
        pool = self._pool(version)
        with pool.places:
            environment = self._take(pool, launch)
            keep = False
            try:
                outcome = environment.invoke(invoked_arn, payload)
                keep = not outcome.environment_lost
                return outcome
            finally:
                self._give_back(pool, environment, keep=keep)

    def _pool(self, version: Version) -> Pool:
        with self._lock:
            pool = self._pools.get(version.arn)
            if pool is None or pool.fingerprint != version.fingerprint:
                outdated, pool = pool, Pool(version.fingerprint)
                self._pools[version.arn] = pool
                if outdated:
                    end(outdated.idle)
            return pool

    def _take(self, pool: Pool, launch: Callable[[], Launch]) -> ExecutionEnvironment:
        with self._lock:
            if self._stopped:
                raise Stopped
            environment = pool.idle.pop() if pool.idle else ExecutionEnvironment(launch())
            pool.busy.add(environment)
            return environment

    def _give_back(self, pool: Pool, environment: ExecutionEnvironment, *, keep: bool) -> None:
        with self._lock:
            pool.busy.discard(environment)
            if keep and not self._stopped and pool in self._pools.values():
                pool.idle.append(environment)
                return
        environment.stop()

    def forget(self, function_arn: str) -> None:
        """End the idle environments of a deleted function; busy ones finish first."""
        with self._lock:
            for arn in list(self._pools):
                if arn == function_arn or arn.startswith(f"{function_arn}:"):
                    end(self._pools.pop(arn).idle)

    def stop(self) -> None:
        """End every environment, idle or not."""
        with self._lock:
            self._stopped = True
            for pool in self._pools.values():
                end([*pool.idle, *pool.busy])


def end(environments: list[ExecutionEnvironment]) -> None:
    """Stop environments and leave none in the list."""
    for environment in environments:
        environment.stop()
    environments.clear()
