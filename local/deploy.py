"""Deploy Stackwarden into the local account the way it is deployed to AWS: `sam build`, then `sam deploy`."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.account import DEVELOPER, LocalAccount

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / ".local" / "build"
STACK: Final = "stackwarden"
ARTIFACTS: Final = "stackwarden-local-artifacts"
MODES: Final = ("off", "observe", "enforce")
GUARDS: Final = ("DataDeletion", "S3Recursion", "MissingAlias", "UnbackedStream")


class DeploymentFailed(RuntimeError):
    """`sam` failed; carries what it printed."""


def architecture() -> str:
    """Return this computer's instruction set as Lambda names it: functions run here, not on Graviton."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def build() -> None:
    """Build the real template for this computer's architecture. Raises DeploymentFailed."""
    _sam(
        "build",
        "--cached",
        "--cache-dir",
        str(ROOT / ".local" / "cache"),
        "--build-dir",
        str(BUILD),
        "--parameter-overrides",
        f"Architecture={architecture()}",
        environment={"ARCHITECTURE": architecture(), "PYTHON": sys.executable},
    )


def deploy(account: LocalAccount, *, mode: str, environment: str, **parameters: str) -> dict[str, str]:
    """Deploy what `build` built and return the stack's outputs. Raises DeploymentFailed."""
    account.client("s3").create_bucket(Bucket=ARTIFACTS)
    delay, account.step_delay = account.step_delay, 0.0  # nobody races against Stackwarden's own deployment
    try:
        _sam(
            "deploy",
            "--template-file",
            str(BUILD / "template.yaml"),
            "--stack-name",
            STACK,
            "--s3-bucket",
            ARTIFACTS,
            "--no-resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--region",
            account.region,
            "--parameter-overrides",
            f"Architecture={architecture()}",
            f"Environment={environment}",
            *(f"{guard}Mode={mode}" for guard in GUARDS),
            *(f"{name}={value}" for name, value in parameters.items()),
            environment={
                "AWS_ENDPOINT_URL": account.endpoint,
                "AWS_ACCESS_KEY_ID": DEVELOPER,
                "AWS_SECRET_ACCESS_KEY": "local",
                "SAM_CLI_POLL_DELAY": "0.5",
            },
        )
    finally:
        account.step_delay = delay
    stack = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _sam(*arguments: str, environment: dict[str, str]) -> None:
    folder = Path(sys.executable).parent
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(  # noqa: S603  # our own sam, with arguments from here
        [str(folder / "sam"), *arguments],
        cwd=ROOT,
        env={
            **inherited,
            "PATH": f"{folder}{os.pathsep}{inherited.get('PATH', '')}",
            "SAM_CLI_TELEMETRY": "0",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeploymentFailed(f"sam {arguments[0]} failed:\n{done.stdout}")
