"""State machines that really run, under their own role.

moto can execute JSONPath definitions. Added: it does so, with the credentials of the state machine's role or
of the role that a state names; executions belong to the account's background work; names are required to be
unique as on AWS. AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

import functools
import logging
import re
import threading
import uuid
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.stepfunctions import models
from moto.stepfunctions.exceptions import InvalidName
from moto.stepfunctions.parser import api
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from local.extension import extend, extend_everywhere
from local.stepfunctions import language as stepfunctions_language
from local.stepfunctions import paths as stepfunctions_paths
from local.stepfunctions import sdk as stepfunctions_sdk
from local.stepfunctions.sdk import iso_8601

if TYPE_CHECKING:
    from local.account import LocalAccount

NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
PRINCIPAL = "states.amazonaws.com"

moto_get_start_execution_details = Execution.get_start_execution_details
moto_describe_execution = StepFunctionResponse.describe_execution
moto_start_execution = StepFunctionsParserBackend.start_execution
starting = threading.RLock()


def install(account: "LocalAccount") -> None:
    """Switch execution on, and make it the account's."""

    def boto_client_for(region: str, service: str, state_credentials: Any) -> Any:
        return account.roles.client(
            service,
            role_arn=state_credentials.role_arn,
            session_name="stepfunctions",
            region=region,
            principal=PRINCIPAL,
        )

    def start_worker(worker: ExecutionWorker) -> None:
        account.background.spawn(worker._execution_logic)

    def pause_between_tries(seconds: float) -> None:
        account.background.pause(seconds * account.workflow_seconds)

    def wait(_: WaitFunction, env: Environment, wait_seconds: float) -> None:
        end = monotonic() + wait_seconds * account.workflow_seconds
        while env.is_running() and (rest := end - monotonic()) > 0:
            env.program_state_event.wait(rest)

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # CloudFormation creates state machines in this backend, the API in the other one.
    extend(models, stepfunctions_backends=stepfunctions_parser_backends)
    extend_everywhere("moto.stepfunctions.parser", boto_client_for=boto_client_for)
    extend(ExecutionWorker, start=start_worker, _get_evaluation_entrypoint=entrypoint)
    extend(Execution, get_start_execution_details=execution_details)
    extend(StepFunctionResponse, describe_execution=describe_execution)
    # moto finds the code of an error under this name only.
    for error in AWSError.__subclasses__():
        if error.__module__ == api.__name__:
            extend(error, TYPE=vars(error)["code"])
    extend(StepFunctionsParserBackend, start_execution=start_execution)
    # Both modules sleep; an account that is stopped must not wait for them.
    extend(retrier_decl, time=SimpleNamespace(sleep=pause_between_tries))
    extend(state_task_service_callback, time=SimpleNamespace(sleep=account.background.pause))
    extend(WaitFunction, _wait_interval=wait)
    stepfunctions_sdk.install()
    stepfunctions_language.install()
    stepfunctions_paths.install()
    # It reports every error of a state, also those that are caught, retried or asked for.
    logging.getLogger("moto.stepfunctions.parser").setLevel(logging.CRITICAL)
    account.on_stop.append(stop_executions)


@functools.lru_cache(maxsize=16)
def syntax_tree(definition: str) -> Any:
    """Parsing takes longer than many an execution, which on AWS costs them nothing."""
    return AmazonStateLanguageParser.parse(definition)[1]


def entrypoint(worker: ExecutionWorker) -> Any:
    """The states, made anew for each execution."""
    definition = worker._evaluation_details.state_machine_details.definition
    return Preprocessor().visit(syntax_tree(definition))


def execution_details(execution: Execution) -> ExecutionDetails:
    """What the context object says of the execution, with the start time as text."""
    details = moto_get_start_execution_details(execution)
    return ExecutionDetails(
        arn=details.arn,
        name=details.name,
        role_arn=details.role_arn,
        inpt=details.inpt,
        start_time=iso_8601(execution.start_date),
    )


def describe_execution(request: StepFunctionResponse) -> ActionResult:
    """The output is JSON also where it is a string."""
    answer = moto_describe_execution(request)
    execution: Any = request.stepfunction_backend.describe_execution(request._get_param("executionArn"))
    described: Any = answer.result
    if "output" in described:
        described["output"] = to_json_str(execution.output, separators=(",", ":"))
    if execution.stop_date is not None:
        described["stopDate"] = execution.stop_date
    return answer


def start_execution(
    backend: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Any:
    """Start under a name that is valid and, of two calls at the same time, given to one only."""
    if name is not None and not NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: '{name}'")
    with starting:
        return moto_start_execution(
            backend,
            state_machine_arn,
            name or str(uuid.uuid4()),
            "{}" if execution_input is None else execution_input,
            trace_header or "",
        )


def stop_executions() -> None:
    """Abort whatever still runs."""
    for regions in list(stepfunctions_parser_backends.values()):
        for backend in list(regions.values()):
            for execution in backend._get_executions(ExecutionStatus.RUNNING):
                if execution.exec_worker.env is not None:
                    execution.stop(stop_date=utcnow(), error=None, cause=None)
