"""SDK integrations speak as the AWS SDK for Java does, which Step Functions uses.

moto takes and gives botocore's names (`DBInstanceIdentifier`), and names few errors as Step Functions does.
Added: `DbInstanceIdentifier`, `Rds.DbInstanceNotFoundException`, timestamps as text, and a failure for a
parameter that the operation does not have.
AWS: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.response import StreamingBody
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local.extension import extend

BOTO_NAMES = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "applicationautoscaling": "application-autoscaling",
    "elasticloadbalancingv2": "elbv2",
    "eventbridge": "events",
    "sfn": "stepfunctions",
}
"""Step Functions' names of services, where botocore has another one."""

RENAMED = {"NULL": "Nul"}
"""Members that have another name in the SDK for Java: DynamoDB's attribute value NULL."""


class UnsupportedDefinition(Exception):
    """CreateStateMachine would refuse the definition on AWS; here the state fails with States.Runtime."""


def install() -> None:
    """Replace moto's naming."""
    extend(
        StateTaskServiceAwsSdk,
        _get_boto_service_name=lambda task, name=None: boto_name(name or task.resource.api_name),
        _get_boto_service_action=lambda task, name=None: xform_name(operation_of(task).name),
        _normalise_parameters=normalise_parameters,
        _normalise_response=normalise_response,
        _from_error=from_error,
    )


def boto_name(service: str) -> str:
    """What botocore calls a service of an SDK integration."""
    return BOTO_NAMES.get(service.lower(), service.lower())


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's description of a service, by Step Functions' name."""
    return botocore.session.get_session().get_service_model(boto_name(service))


def operation(service: str, action: str) -> OperationModel:
    """An operation by the two names in a resource, as in aws-sdk:rds:describeDBInstances."""
    model = service_model(service)
    wanted = action.replace("_", "").lower()
    name = next((operation for operation in model.operation_names if operation.lower() == wanted), None)
    if name is None:
        raise UnsupportedDefinition(
            f"The resource aws-sdk:{service}:{action} is not supported by Step Functions"
        )
    return model.operation_model(name)


def operation_of(task: StateTaskServiceAwsSdk) -> OperationModel:
    """The operation that the task's resource names."""
    return operation(task.resource.api_name, task.resource.api_action)


def member_name(name: str) -> str:
    """A member as the SDK for Java writes it, begun with a capital: UUID becomes Uuid, RoleARN stays.

    Only capitals at the beginning are lowered, up to the one that begins the next word.
    """
    if name in RENAMED:
        return RENAMED[name]
    leading = re.match(r"[A-Z]+(?![a-z])|.", name)
    end = leading.end() if leading else 0
    return name[:1].upper() + name[1:end].lower() + name[end:]


def java_name(name: str) -> str:
    """A class as the SDK for Java names it: DBInstanceNotFound becomes DbInstanceNotFound."""
    spaced = re.sub(r"[^A-Za-z0-9]+", " ", name)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", spaced)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    spaced = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", spaced)
    return "".join(word.capitalize() for word in spaced.split())


def java_exception_name(shape_name: str) -> str:
    """The exception class for an error shape: DBInstanceNotFoundFault becomes DbInstanceNotFoundException."""
    return java_name(shape_name.removesuffix("Fault").removesuffix("Exception")) + "Exception"


def normalise_parameters(
    task: StateTaskServiceAwsSdk, parameters: dict[str, Any], *_: Any, **__: Any
) -> None:
    """From the names in a definition to those of botocore, in place."""
    operation = operation_of(task)
    named = to_boto(parameters, operation.input_shape, f"{task.resource.api_name}:{task.resource.api_action}")
    parameters.clear()
    parameters.update(named)


def to_boto(value: Any, shape: Shape | None, where: str) -> Any:
    """A request value with botocore's names of members."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {member_name(name): name for name in shape.members}
        if shape.name == "AttributeValue":
            members |= {name: name for name in shape.members}
        unknown = sorted(set(value) - set(members))
        if unknown:
            raise UnsupportedDefinition(
                f"The field {unknown[0]!r} is not supported by Step Functions ({where})"
            )
        return {
            members[name]: to_boto(item, shape.members[members[name]], where) for name, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_boto(item, shape.member, where) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: to_boto(item, shape.value, where) for name, item in value.items()}
    return to_boto_scalar(value, shape, where)


def to_boto_scalar(value: Any, shape: Shape | None, where: str) -> Any:
    """A blob may be given as any JSON, a string may not."""
    kind = shape.type_name if shape else ""
    if kind == "blob":
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    if kind == "string" and isinstance(value, Mapping | list):
        raise UnsupportedDefinition(f"A string is expected instead of {json.dumps(value)} ({where})")
    return value


def normalise_response(task: StateTaskServiceAwsSdk, response: Any, *_: Any, **__: Any) -> None:
    """From the names of botocore to those that a definition reads, in place."""
    named = from_boto(response, operation_of(task).output_shape)
    response.clear()
    response.update(named)


def from_boto(value: Any, shape: Shape | None) -> Any:
    """A response value as JSON with the SDK for Java's names of members."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            member_name(name): from_boto(item, shape.members[name])
            for name, item in value.items()
            if name in shape.members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_boto(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: from_boto(item, shape.value) for name, item in value.items()}
    if isinstance(value, datetime):
        return iso_8601(value)
    if isinstance(value, StreamingBody):
        return value.read().decode()
    return value.decode() if isinstance(value, bytes) else value


def iso_8601(moment: datetime) -> str:
    """A time as Step Functions writes it: UTC, with milliseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def from_error(task: StateTaskServiceAwsSdk, env: Environment, ex: Exception) -> FailureEvent:
    """The error name and cause that Retry, Catch and the history see."""
    if isinstance(ex, UnsupportedDefinition):
        return task._get_task_failure_event(env=env, error="States.Runtime", cause=str(ex))
    if not isinstance(ex, ClientError):
        return state_task_service_callback.StateTaskServiceCallback._from_error(task, env=env, ex=ex)
    model = service_model(task.resource.api_name)
    service = java_name(model.service_id)
    metadata = ex.response["ResponseMetadata"]
    failure = ex.response["Error"]
    cause = (
        f"{failure.get('Message')} (Service: {service}, Status Code: {metadata['HTTPStatusCode']}, "
        f"Request ID: {metadata.get('RequestId')})"
    )
    return task._get_task_failure_event(env=env, error=error_name(model, failure["Code"]), cause=cause)


def error_name(model: ServiceModel, code: str) -> str:
    """`Ssm.ParameterNotFoundException`; an error that is not in the model is `Ssm.SsmException`."""
    service = java_name(model.service_id)
    for shape in model.error_shapes:
        if isinstance(shape, StructureShape) and code in (shape.error_code, shape.name):
            return f"{service}.{java_exception_name(shape.name)}"
    return f"{service}.{service}Exception"
