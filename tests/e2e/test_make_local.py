"""`make local`: a guarded account for somebody else's client, and an end that leaves nothing behind."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from local.__main__ import InvalidSetting, Wanted, wanted
from local.deploy import ROOT
from local.server import HOST
from tests.e2e.developer import DEADLINE, until
from tests.e2e.guarded import alone

STARTING = 180.0
"""Seconds for `sam build` and `sam deploy`, on a busy machine."""
STRANGER = """
import json, time
import boto3

cloudformation = boto3.client("cloudformation")
table = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps({"Resources": {"Orders": table}}))
cloudformation.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
deadline = time.monotonic() + 60
while not cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["EnableTerminationProtection"]:
    assert time.monotonic() < deadline, "no termination protection"
    time.sleep(0.1)
while not boto3.client("dynamodb").describe_table(TableName="orders")["Table"]["DeletionProtectionEnabled"]:
    assert time.monotonic() < deadline, "no deletion protection"
    time.sleep(0.1)
outputs = cloudformation.describe_stacks(StackName="stackwarden")["Stacks"][0]["Outputs"]
print(sorted(output["OutputKey"] for output in outputs))
try:
    cloudformation.delete_stack(StackName="shop")
except cloudformation.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
"""


def variables(**given: str) -> dict[str, str]:
    """The environment of somebody without any AWS configuration."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    for name in ("PORT", "MODE", "ENVIRONMENT"):
        inherited.pop(name, None)
    return {**inherited, **given}


@dataclass
class Local:
    """A running `make local`, and what it has printed."""

    process: subprocess.Popen[str]
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def line(self, beginning: str, deadline: float = DEADLINE) -> str:
        """Wait for a line that begins so. AssertionError: it ended, or the line never came."""
        end = time.monotonic() + deadline
        while True:
            with suppress(queue.Empty):
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
                assert line is not None, f"it ended before {beginning!r}: {''.join(self.printed)}"
                self.printed.append(line)
                if line.startswith(beginning):
                    return line
                continue
            raise AssertionError(f"not within {deadline:.0f} s: {beginning!r}: {''.join(self.printed)}")

    def rest(self) -> str:
        """All that it has printed, once it has ended."""
        self.reader.join()
        while line := self._lines.get():
            self.printed.append(line)
        return "".join(self.printed)


def start(**given: str) -> subprocess.Popen[str]:
    """Start what `make local` starts."""
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env=variables(**given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(**given: str) -> Iterator[Local]:
    """Run it until the test ends, however that is."""
    process = start(**given)
    local = Local(process)
    try:
        yield local
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(DEADLINE)
        process.kill()
        process.wait()
        local.reader.join()
        assert process.stdout is not None
        process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="],  # noqa: S607  # wherever it is
        capture_output=True,
        text=True,
        check=True,
    )
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.stdout.splitlines())}
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        found |= fresh
    return found


def alive(pids: set[int]) -> set[int]:
    """Those processes that still run."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="],  # noqa: S607  # wherever it is
        capture_output=True,
        text=True,
        check=True,
    )
    states = dict(line.split(maxsplit=1) for line in listed.stdout.splitlines())
    return {pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")}


def test_a_stranger_finds_a_guarded_account_and_ctrl_c_ends_it_all() -> None:
    port = free_port()
    with ExitStack() as ending:
        with alone():  # it builds
            local = ending.enter_context(running(PORT=str(port), MODE="enforce", ENVIRONMENT="test"))
            local.line("Ready", STARTING)
        exports = [local.line("export "), local.line("export ")]
        settings = dict(word.split("=", 1) for line in exports for word in line.split()[1:])
        assert settings["AWS_ENDPOINT_URL"] == f"http://{HOST}:{port}"

        stranger = subprocess.run(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", STRANGER],
            env=variables(**settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert stranger.stdout.splitlines() == [
            "['BackupBucketArn', 'LedgerTableName', 'RemediationStateMachineArn', 'ReportsTopicArn']",
            "ValidationError",
        ], stranger.stderr
        local.line("--- [Stackwarden] PROTECTED test: Data of the stack shop")

        children = descendants(local.process.pid)
        assert children
        local.process.send_signal(signal.SIGINT)
        assert local.process.wait(DEADLINE) == 0
        until(lambda: not alive(children), "the end of every process that it started")
        assert "Traceback" not in local.rest()


@pytest.mark.parametrize(("name", "value"), [("PORT", "none"), ("MODE", "on"), ("ENVIRONMENT", "a b")])
def test_nonsense_in_a_setting_gets_one_line_that_names_it(name: str, value: str) -> None:
    process = start(**{name: value})
    printed, _ = process.communicate(timeout=DEADLINE)

    assert process.returncode == 2
    (line,) = printed.splitlines()
    assert line.startswith(f"make local: {name}: ")
    assert value in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٤٥٦٦"),
        ("MODE", "Enforce"),
        ("ENVIRONMENT", "x" * 33),
        ("ENVIRONMENT", "prod\n"),
    ],
)
def test_what_is_nearly_right_is_nonsense_too(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        wanted({name: value})


def test_a_setting_that_is_not_given_has_its_default() -> None:
    default = Wanted(port=4566, environment="prod", mode="enforce")
    assert wanted({}) == wanted({"PORT": "", "ENVIRONMENT": "", "MODE": ""}) == default


def test_a_port_that_is_taken_gets_one_line_that_names_it() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        process = start(PORT=str(port))
        printed, _ = process.communicate(timeout=DEADLINE)

    assert process.returncode == 2
    (line,) = printed.splitlines()
    assert line.startswith("make local: ")
    assert line.endswith(f"port {port} is in use by another program")
