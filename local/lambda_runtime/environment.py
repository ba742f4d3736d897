"""One execution environment of a Lambda function: a process of AWS's Runtime Interface Emulator.

moto runs functions in Docker only. AWS: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import contextlib
import http.client
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from local.lambda_runtime import bootstrap as lambda_bootstrap

ERROR_KEYS = {"errorMessage", "errorType", "requestId", "stackTrace"}
REAP_PATIENCE_IN_SECONDS = 0.5
START_PATIENCE_IN_SECONDS = 10
TIMED_OUT = re.compile(rb"Task timed out after [\d.]+ seconds")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What an execution environment is started with."""

    task_root: Path
    python_path: str
    handler: str
    variables: Mapping[str, str]
    version: str
    timeout: int
    log_group: str
    log_stream: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one invocation."""

    payload: bytes
    request_id: str
    logs: list[str]
    log_group: str
    log_stream: str
    failed: bool
    environment_lost: bool
    version: str


class ExecutionEnvironment:
    """Serves one invocation at a time; the emulator must not be asked twice at once."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._folder = Path(tempfile.mkdtemp(prefix="environment-", dir=launch.folder))
        self._port, runtime_api_port = free_port(), free_port()
        self._output = self._folder / "output"
        self._invoked_arn = self._folder / "invoked-function-arn"
        self._read_until = 0
        self._settings_file = self._folder / "settings.json"
        self._settings_file.write_text(json.dumps(self._settings()))
        with self._output.open("wb") as output, (self._folder / "emulator.log").open("wb") as emulator_log:
            self._process = subprocess.Popen(  # noqa: S603  # AWS's emulator and this Python
                [
                    emulator(),
                    "--log-level=error",
                    f"--runtime-interface-emulator-address=127.0.0.1:{self._port}",
                    f"--runtime-api-address=127.0.0.1:{runtime_api_port}",
                    sys.executable,
                    "-P",
                    lambda_bootstrap.__file__,
                    str(self._settings_file),
                ],
                cwd=launch.task_root,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=emulator_log,
            )

    def _settings(self) -> dict[str, Any]:
        return {
            "handler": self._launch.handler,
            "invoked_function_arn_file": str(self._invoked_arn),
            "timeout": self._launch.timeout,
            "pid_file": str(self._folder / "pid"),
            "timed_out_file": str(self._folder / "timed-out"),
            "environment": {
                "AWS_LAMBDA_LOG_GROUP_NAME": self._launch.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": self._launch.log_stream,
            },
        }

    def _variables(self) -> dict[str, str]:
        return {
            **self._launch.variables,
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "PYTHONPATH": self._launch.python_path,
            # The emulator counts the initialization, AWS does not: the bootstrap keeps the real timeout.
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._launch.timeout + START_PATIENCE_IN_SECONDS),
        }

    def invoke(self, invoked_arn: str, payload: bytes) -> Outcome:
        """Run the handler once. A crash or a timeout is an outcome, too; the environment is lost then."""
        self._invoked_arn.write_text(invoked_arn)
        status, body = self._post(payload)
        logs, request_id = self._new_output()
        timed_out = (self._folder / "timed-out").exists() or bool(TIMED_OUT.fullmatch(body))
        if timed_out:
            what = f"Task timed out after {self._launch.timeout:.2f} seconds"
            error = {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"RequestId: {request_id} Error: {what}",
            }
            body = json.dumps(error).encode()
            logs.append(f"{request_id} {what}")
        crashed = status != http.HTTPStatus.OK
        return Outcome(
            payload=body,
            request_id=request_id,
            logs=logs,
            log_group=self._launch.log_group,
            log_stream=self._launch.log_stream,
            failed=timed_out or crashed or is_error(body),
            environment_lost=timed_out or crashed,
            version=self._launch.version,
        )

    def _post(self, payload: bytes) -> tuple[int, bytes]:
        connection = self._connect()
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", body=payload)
            response = connection.getresponse()
            return response.status, response.read()
        except (ConnectionError, http.client.HTTPException):
            return http.HTTPStatus.BAD_GATEWAY, json.dumps(
                {"errorType": "Runtime.ExitError", "errorMessage": "Error: the execution environment ended"}
            ).encode()
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        deadline = time.monotonic() + START_PATIENCE_IN_SECONDS
        while True:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=self._launch.timeout + 2 * START_PATIENCE_IN_SECONDS
            )
            try:
                connection.connect()
                return connection
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    complaint = (self._folder / "emulator.log").read_text()
                    raise RuntimeError(f"the Runtime Interface Emulator did not start: {complaint}") from None
                time.sleep(0.005)

    def _new_output(self) -> tuple[list[str], str]:
        with self._output.open("rb") as output:
            output.seek(self._read_until)
            new = output.read()
        self._read_until += len(new)
        lines = [line.replace("\r", "\n") for line in new.decode(errors="replace").split("\n") if line]
        request_id = next(
            (
                line.split()[2]
                for line in reversed(lines)
                if line.startswith(("END RequestId:", "START RequestId:"))
            ),
            "",
        )
        start = f"START RequestId: {request_id} Version: {self._launch.version}"
        return [start if line.startswith("START RequestId:") else line for line in lines], request_id

    def stop(self) -> None:
        """End the function's own process, then the emulator, which is its parent and must see it end."""
        pid_file = self._folder / "pid"
        if self._process.poll() is None and pid_file.exists():
            with contextlib.suppress(ProcessLookupError):
                pid = int(pid_file.read_text())
                os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + REAP_PATIENCE_IN_SECONDS
                while time.monotonic() < deadline:
                    time.sleep(0.002)
                    os.kill(pid, 0)
        self._process.kill()
        self._process.wait()


def emulator() -> str:
    """AWS's Runtime Interface Emulator for this computer, out of the AWS SAM CLI's package."""
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return str(files("samcli.local.rapid").joinpath(f"aws-lambda-rie-{machine}"))


def is_error(payload: bytes) -> bool:
    """Whether a handler's answer is the report of an exception, as the runtime interface client writes it."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.keys() == ERROR_KEYS


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
