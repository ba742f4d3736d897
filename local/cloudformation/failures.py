"""Why an operation failed, in CloudFormation's words."""

import logging

from botocore.exceptions import ClientError, ParamValidationError
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from local.cloudformation.calls import error_code, error_message
from local.cloudformation.resources import ResourceRefused

logger = logging.getLogger(__name__)


class OperationFailed(Exception):
    """The stack cannot become what its template says, and rolls back. The message is the status reason."""


class ResourceFailed(OperationFailed):
    """A resource could not be created or changed."""

    def __init__(self, logical_id: str, verb: str = "create") -> None:
        super().__init__(f"The following resource(s) failed to {verb}: [{logical_id}]. ")


def reason_of(failure: Exception) -> str:
    """A status reason, worded as CloudFormation passes a service's answer on."""
    if isinstance(failure, ClientError):
        status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return (
            f'Resource handler returned message: "{error_message(failure)} '
            f'(Service: {failure.operation_name}, Status Code: {status}, Error Code: {error_code(failure)})"'
        )
    if isinstance(failure, ServiceException | HTTPException):
        return str(getattr(failure, "message", failure))
    if isinstance(failure, ParamValidationError):
        return f"Properties validation failed for resource: {failure}"
    if not isinstance(failure, ResourceRefused):
        logger.error("unexpected failure of a resource", exc_info=failure)
    return str(failure) if str(failure) else type(failure).__name__
