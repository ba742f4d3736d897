"""Parts of the Amazon States Language that moto's interpreter lacks in JSONPath definitions.

Added: timestamps with fractions of a second; the context object on the right side of a comparison; the
context object's own time format; States.NoChoiceMatched; `states:startExecution` with its parameters.
AWS: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import (
    ComparisonFuncValue,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations import (
    is_operator,
)
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    SfnFailedEntryCountException,
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.states import StateData

from local.extension import extend
from local.stepfunctions.sdk import from_boto, iso_8601, operation, to_boto

moto_eval_choice = StateChoice._eval_state
moto_eval_comparison = ComparisonFuncValue._eval_body
moto_normalise_sfn_parameters = StateTaskServiceSfn._normalise_parameters
moto_events_error = StateTaskServiceEvents._from_error


def install() -> None:
    """Replace what moto does by what is described above."""
    extend(StateChoice, _eval_state=eval_choice)
    extend(ComparisonFuncValue, _eval_body=eval_comparison)
    extend(is_operator.IsTimestamp, string_to_timestamp=staticmethod(to_timestamp))
    extend(
        StateTaskServiceSfn,
        _normalise_parameters=normalise_sfn_parameters,
        _normalise_response=normalise_sfn_response,
    )
    extend(StateTaskServiceEvents, _from_error=events_error)
    extend(state, StateData=state_data)


def eval_choice(choice: StateChoice, env: Environment) -> None:
    """A choice that fits nothing is an error of its own, not States.Runtime."""
    try:
        moto_eval_choice(choice, env)
    except RuntimeError as error:
        if not str(error.args[0]).startswith("No branching option"):
            raise
        name = StatesErrorNameType.StatesNoChoiceMatched
        details = TaskFailedEventDetails(error=name.to_name(), cause=f"No choice matched in {choice.name!r}")
        raise FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=name),
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item]  # one of many
            )
        ) from error


def eval_comparison(comparison: ComparisonFuncValue, env: Environment) -> None:
    """Let operators like NumericLessThanPath look into the context object, too."""
    value = comparison.value
    if not (
        isinstance(value, str) and value.startswith("$$.") and str(comparison.operator_type).endswith("Path")
    ):
        moto_eval_comparison(comparison, env)
        return
    variable = env.stack.pop()
    env.stack += [env.states.context_object.context_object_data, variable]
    moto_eval_comparison(ComparisonFuncValue(comparison.operator_type, value[1:]), env)
    result = env.stack.pop()
    env.stack[-1] = result


def to_timestamp(text: str) -> datetime | None:
    """RFC 3339 with an uppercase T, and Z or an offset."""
    if not re.match(r"\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def state_data(**data: Any) -> StateData:
    """The `State` part of the context object, its time as on AWS."""
    return StateData(EnteredTime=iso_8601(datetime.now(UTC)), Name=data["Name"], RetryCount=0)


def normalise_sfn_parameters(
    task: StateTaskServiceSfn,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    """StateMachineArn, Input and Name, where botocore has them in lower case."""
    moto_normalise_sfn_parameters(task, parameters, boto_service_name, service_action_name)
    action = service_action_name or task.resource.api_action
    parameters.pop("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", None)
    named = to_boto(parameters, operation("sfn", action).input_shape, f"states:{action}")
    parameters.clear()
    parameters.update(named)


def normalise_sfn_response(
    task: StateTaskServiceSfn,
    response: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    """ExecutionArn, Output and so on."""
    named = from_boto(
        response, operation("sfn", service_action_name or task.resource.api_action).output_shape
    )
    response.clear()
    response.update(named)


def events_error(task: StateTaskServiceEvents, env: Environment, ex: Exception) -> Any:
    """The cause of EventBridge.FailedEntry is text."""
    if isinstance(ex, SfnFailedEntryCountException) and not isinstance(ex.cause, str):
        ex = SfnFailedEntryCountException(json.dumps(ex.cause))  # type: ignore[arg-type]  # moto wants a dict
    return moto_events_error(task, env, ex)
