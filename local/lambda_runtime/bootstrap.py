"""Started by the Runtime Interface Emulator in a function's process, as /var/runtime/bootstrap.py is on AWS.

The emulator fixes the log group, the log stream and the account in the invoked function's ARN, and its clock
runs while the function initializes; this puts the real ones in place and hands over to AWS's runtime
interface client.
"""

import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Any

from awslambdaric import __main__ as runtime_interface_client  # type: ignore[import-untyped]
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # type: ignore[import-untyped]


def main(settings_file: str) -> None:
    """Run the handler named in the settings until the emulator ends this process."""
    settings: dict[str, Any] = json.loads(Path(settings_file).read_text())
    Path(settings["pid_file"]).write_text(str(os.getpid()))
    os.environ.update(settings["environment"])
    os.environ.pop("AWS_LAMBDA_FUNCTION_TIMEOUT")
    wait_for_emulator = LambdaRuntimeClient.wait_next_invocation
    clocks: list[threading.Timer] = []

    def time_out() -> None:
        Path(settings["timed_out_file"]).touch()
        os._exit(1)

    def wait_next_invocation(client: Any) -> Any:
        while clocks:
            clocks.pop().cancel()
        invocation = wait_for_emulator(client)
        invocation.invoked_function_arn = Path(settings["invoked_function_arn_file"]).read_text()
        invocation.x_amzn_trace_id = invocation.x_amzn_trace_id or trace_id()
        invocation.deadline_time_in_ms = str(int((time.time() + settings["timeout"]) * 1000))
        clock = threading.Timer(settings["timeout"], time_out)
        clock.daemon = True
        clock.start()
        clocks.append(clock)
        return invocation

    LambdaRuntimeClient.wait_next_invocation = wait_next_invocation
    runtime_interface_client.main(["bootstrap", settings["handler"]])


def trace_id() -> str:
    """A sampled trace, which the emulator leaves out; nobody listens, but the function's tracer wants one.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=1"


if __name__ == "__main__":
    main(sys.argv[1])
