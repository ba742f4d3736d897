"""One AWS account on this computer, as an object: start it, get clients of it, stop it."""

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import boto3
from botocore.config import Config
from moto.moto_api._internal.models import moto_api_backend

from local.background import Background
from local.identity import RoleClients
from local.lambda_runtime.runtime import FunctionRuntime
from local.server import Server

if TYPE_CHECKING:
    from local.sns import Email

DEVELOPER = "developer"
STOP_PATIENCE_IN_SECONDS = 10.0
MODULES = (
    "identity",
    "cloudtrail.service",
    "iam.service",
    "dynamodb.service",
    "kinesis.service",
    "firehose.service",
    "cloudformation.service",
    "lambda_runtime.policy",
    "lambda_runtime.invoke",
    "lambda_runtime.recursion",
    "lambda_runtime.concurrency",
    "lambda_runtime.versions",
    "lambda_runtime.aliases",
    "lambda_runtime.urls",
    "lambda_runtime.mappings",
    "lambda_runtime.queues",
    "lambda_runtime.streams",
    "eventbridge.service",
    "s3.service",
    "s3.listing",
    "stepfunctions.service",
    "http_apis",
    "sns",
    "subscriptions",
)


class LocalAccount:
    """moto's server, extended by every module of this package.

    moto's state belongs to the process, so one LocalAccount runs at a time; further accounts (of an
    organization, say) live in the same one, see `client`.
    """

    running: ClassVar["LocalAccount | None"] = None

    def __init__(
        self,
        *,
        port: int = 0,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        step_delay: float = 0.5,
        concurrency_limit: int = 1000,
    ) -> None:
        self.account_id = account_id
        self.region = region
        self.step_delay = step_delay
        self.concurrency_limit = concurrency_limit
        """Concurrent executions of Lambda functions in a Region, of which functions may reserve some."""
        self.retry_delay = 0.2
        """Seconds between two attempts of an asynchronous invocation or a delivery (minutes on AWS)."""
        self.mapping_delay = 0.05
        """Seconds that an event source mapping is in a state like Creating (more on AWS)."""
        self.lists_mappings_of_aliases = False
        """Whether ListEventSourceMappings of an unqualified function name gives those of its aliases, too."""
        self.code_storage_limit = 80_530_636_800
        """Bytes of code that all versions of all functions in a Region may have together."""
        self.stream_seconds = 0.2
        """How long Kinesis and delivery streams are CREATING, UPDATING or DELETING (a minute on AWS)."""
        self.firehose_seconds = 0.005
        """How long a second of Firehose's buffering intervals takes here."""
        self.flush_on_delete = True
        """Whether a delivery stream that is deleted writes what it has read; AWS does not promise it."""
        self.rate_seconds = 1.0
        """How long the second takes in which Kinesis and Firehose limit calls; 0: they do not."""
        self.workflow_seconds = 1.0
        """How long a second takes that a workflow waits, between two tries of a state, too."""
        self.mailbox: list[Email] = []
        self.background = Background()
        self.on_stop: list[Callable[[], None]] = []
        """What modules want done when the account stops."""
        self.functions: FunctionRuntime
        self.roles = RoleClients(self)
        self._requested_port = port
        self._server: Server | None = None

    @property
    def endpoint(self) -> str:
        """The address of every service of the account; the account must have been started."""
        if self._server is None:
            raise RuntimeError("the account is not running")
        return self._server.endpoint

    def start(self) -> Self:
        """Serve; raises PortInUse, or RuntimeError if another account runs in this process."""
        if LocalAccount.running is not None:
            raise RuntimeError("another LocalAccount is running in this process")
        self._server = Server(self._requested_port)
        self.folder = Path(tempfile.mkdtemp(prefix="local-account-"))
        self.functions = FunctionRuntime(endpoint=self.endpoint, folder=self.folder)
        self._variables_before = replace_variables(isolated(self._server.port))
        LocalAccount.running = self
        atexit.register(self.stop)
        try:
            install_modules(self)
            self._server.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every process and thread of the account and forget everything that was in it."""
        if self._server is None:
            return
        atexit.unregister(self.stop)
        self.background.halt()
        for end in self.on_stop:
            end()
        self.functions.stop()
        self._server.stop()
        self.background.drain(STOP_PATIENCE_IN_SECONDS)
        self._server = None
        LocalAccount.running = None
        replace_variables(self._variables_before)
        moto_api_backend.reset()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def client(self, service_name: str, *, access_key_id: str = DEVELOPER, region: str | None = None) -> Any:
        """A boto3 client of the developer, who may do everything.

        An access key id of twelve digits is the developer of that other account.
        """
        return boto3.client(
            service_name,  # type: ignore[call-overload]  # any service
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=access_key_id,
            aws_secret_access_key="local",  # noqa: S106  # nobody checks the signature
            config=Config(retries={"total_max_attempts": 1}, read_timeout=900),
        )

    def drain(self, timeout: float = 30.0) -> None:
        """Wait until no delivery, asynchronous invocation or execution is under way."""
        self.background.drain(timeout)


def isolated(port: int) -> dict[str, str | None]:
    """Variables that tell moto its port, and keep the developer's profiles and credentials out."""
    return {
        "MOTO_PORT": str(port),
        "AWS_PROFILE": None,
        "AWS_DEFAULT_PROFILE": None,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def replace_variables(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set or (None) unset environment variables of this process; returns what was there before."""
    before = {name: os.environ.get(name) for name in variables}
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return before


def current() -> LocalAccount:
    """The account that runs in this process."""
    if LocalAccount.running is None:
        raise RuntimeError("no LocalAccount is running in this process")
    return LocalAccount.running


def install_modules(account: LocalAccount) -> None:
    """Extend moto. Imported here, since the modules need `current`."""
    for name in MODULES:
        importlib.import_module(f"local.{name}").install(account)
