"""Lambda functions that really run, in AWS's Runtime Interface Emulator instead of Docker.

Added to moto: running functions per version and alias, under the credentials of their own role, with
reserved concurrency, logs in CloudWatch Logs and metrics in CloudWatch; `invoke` puts it behind the API.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.core.utils import unix_time_millis
from moto.logs.models import logs_backends

from local.lambda_runtime import metrics
from local.lambda_runtime.environment import Launch, Outcome
from local.lambda_runtime.launch import fingerprint, launch
from local.lambda_runtime.pools import ExecutionEnvironments, Version


class TooManyRequestsException(LambdaClientError):
    """Reserved concurrency is used up."""

    code = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class FunctionRuntime:
    """Runs the functions of everybody whom one server serves."""

    def __init__(self, *, endpoint: str, folder: Path) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._environments = ExecutionEnvironments()
        self._lock = threading.Lock()
        self._in_flight: Counter[str] = Counter()

    def run(self, named: LambdaFunction, invoked_arn: str, payload: bytes) -> Outcome:
        """Invoke what the ARN stands for now, and wait.

        Raises TooManyRequestsException beyond the reserved concurrency, UnknownFunctionException.
        """
        function = routed(named, invoked_arn)

        def start() -> Launch:
            return launch(function, endpoint=self._endpoint, folder=self._folder)

        version = Version(f"{unqualified_arn(function)}:{function.version}", fingerprint(function))
        with self._reserved_concurrency(function) as in_flight:
            began = time.monotonic()
            outcome = self._environments.invoke(version, start, invoked_arn, payload)
        write_logs(function, outcome)
        metrics.put(
            function,
            Invocations=1,
            Errors=int(outcome.failed),
            Duration=(time.monotonic() - began) * 1000,
            ConcurrentExecutions=in_flight,
        )
        return outcome

    @contextmanager
    def _reserved_concurrency(self, function: LambdaFunction) -> Iterator[int]:
        """Counts versions and aliases together; yields how many invocations are under way, with this one."""
        name = unqualified_arn(function)
        with self._lock:
            reserved = unpublished(function).reserved_concurrency
            if reserved is not None and self._in_flight[name] >= int(reserved):
                metrics.put(function, Throttles=1)
                raise TooManyRequestsException
            self._in_flight[name] += 1
            in_flight = self._in_flight[name]
        try:
            yield in_flight
        finally:
            with self._lock:
                self._in_flight[name] -= 1

    def forget(self, function_arn: str) -> None:
        """A function was deleted: end its environments."""
        self._environments.forget(function_arn)

    def stop(self) -> None:
        """End every environment, idle or not."""
        self._environments.stop()


def unqualified_arn(function: LambdaFunction) -> str:
    """The ARN without version or alias."""
    return ":".join(function.function_arn.split(":")[:7])


def qualifier_in(name_or_arn: str) -> str | None:
    """The version or alias in `name:alias` or in an ARN."""
    _, _, named = name_or_arn.rpartition(":function:")
    _, _, qualifier = named.partition(":")
    return qualifier or None


def unpublished(function: LambdaFunction) -> LambdaFunction:
    """$LATEST, which holds what is configured for a function as a whole."""
    return lambda_backends[function.account_id][function.region].get_function(function.function_name)


def routed(function: LambdaFunction, invoked_arn: str) -> LambdaFunction:
    """The version that an ARN runs at this moment; an alias with weights draws one each time.

    Raises UnknownFunctionException. https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    backend = lambda_backends[function.account_id][function.region]
    qualifier = qualifier_in(invoked_arn)
    if qualifier is None:
        return backend.get_function(function.function_name)
    aliases = {alias.name: alias for alias in backend.list_aliases(function.function_name)}
    if alias := aliases.get(qualifier):
        routing: Any = alias.routing_config or {}
        weights = {version: float(it) for version, it in routing.get("AdditionalVersionWeights", {}).items()}
        weights[alias.function_version] = max(0.0, 1 - sum(weights.values()))
        [qualifier] = random.choices(list(weights), list(weights.values()))  # noqa: S311  # no secret
    return backend.get_function(function.function_name, qualifier)


def write_logs(function: LambdaFunction, outcome: Outcome) -> None:
    """Put what the function printed into its log group, which Lambda creates where it is missing."""
    logs = logs_backends[function.account_id][function.region]
    logs.ensure_log_group(outcome.log_group)
    group = logs.groups[outcome.log_group]
    if outcome.log_stream not in group.streams:
        group.create_log_stream(outcome.log_stream)
    now = unix_time_millis()
    logs.put_log_events(
        outcome.log_group,
        outcome.log_stream,
        [{"timestamp": now, "message": line} for line in outcome.logs],
    )
