"""`make local`: serve one AWS account with Stackwarden deployed in it, until Ctrl-C."""

import os
import re
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from local.account import DEVELOPER, LocalAccount
from local.deploy import MODES, DeploymentFailed, build, deploy
from local.server import PortInUse

_ENVIRONMENT = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class InvalidSetting(ValueError):
    """Names the variable that is nonsense, and what it may be."""


@dataclass(frozen=True)
class Wanted:
    """What `make local` was asked for."""

    port: int
    environment: str
    mode: str


def wanted(variables: Mapping[str, str]) -> Wanted:
    """Read PORT, ENVIRONMENT and MODE. Raises InvalidSetting."""
    port = variables.get("PORT") or "4566"
    environment = variables.get("ENVIRONMENT") or "prod"
    mode = variables.get("MODE") or "enforce"
    if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise InvalidSetting(f"PORT: {port!r} is no port (1 to 65535)")
    if not _ENVIRONMENT.fullmatch(environment):
        raise InvalidSetting(f"ENVIRONMENT: {environment!r} is not 1 to 32 letters, digits, dots, _ or -")
    if mode not in MODES:
        raise InvalidSetting(f"MODE: {mode!r} is none of {', '.join(MODES)}")
    return Wanted(int(port), environment, mode)


def serve(asked: Wanted, stop: threading.Event) -> None:
    """Serve until `stop` is set. Raises PortInUse, DeploymentFailed."""
    with LocalAccount(port=asked.port) as account:
        print("Deploying Stackwarden (sam build, sam deploy) …", flush=True)
        build()
        outputs = deploy(account, mode=asked.mode, environment=asked.environment)
        print(f"\nReady: account {account.account_id}, {account.region}, at {account.endpoint}")
        print(f"Stack stackwarden, environment {asked.environment}, data-deletion in mode {asked.mode}:")
        for name, value in outputs.items():
            print(f"  {name} = {value}")
        print("\nPaste these two lines; then any AWS client talks to it:\n")
        keys = f"AWS_ACCESS_KEY_ID={DEVELOPER} AWS_SECRET_ACCESS_KEY=local"
        print(f"export AWS_ENDPOINT_URL={account.endpoint} {keys}")
        region = account.region  # some clients read the one variable, some the other
        print(f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}")
        print("\nReports are printed here as they arrive. Ctrl-C ends it.", flush=True)
        account.client("sns").subscribe(
            TopicArn=outputs["ReportsTopicArn"], Protocol="email", Endpoint="security@example.com"
        )
        _print_reports(account, stop)


def _print_reports(account: LocalAccount, stop: threading.Event) -> None:
    printed = 0
    while not stop.wait(0.2):
        for mail in account.mailbox[printed:]:
            print(f"\n--- {mail.subject}\n{mail.body}", flush=True)
            printed += 1


def main() -> int:
    """Exit status 2: a setting is nonsense or the port is taken; 1: the deployment failed."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(wanted(os.environ), stop)
    except (InvalidSetting, PortInUse) as problem:
        print(f"make local: {problem}", file=sys.stderr)
        return 2
    except DeploymentFailed as problem:
        print(f"make local: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
