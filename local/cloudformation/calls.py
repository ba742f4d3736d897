"""The calls that CloudFormation makes to other services on its caller's behalf.

They are made with a boto3 client whose requests moto answers inside this process: the same validation and the
same state as over HTTP. CloudTrail gets each write call, with `invokedBy` cloudformation.amazonaws.com.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import threading
from functools import lru_cache
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from local.cloudformation.template import str_of

_READS = ("Get", "List", "Describe", "Head")
_client_lock = threading.Lock()


@lru_cache
def _new_client(service: str, account_id: str, region: str) -> BaseClient:
    moto = BotocoreStubber()

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        request.headers["x-moto-account-id"] = account_id
        response = moto.process_request(request)
        if response is None:
            raise NotImplementedError(f"moto does not serve {request.url}")
        status, headers, body = response
        return AWSResponse(request.url, status, headers, MockRawResponse(body))  # type: ignore[arg-type]  # as moto does

    session = boto3.Session("cloudformation", "cloudformation", region_name=region)  # moto checks none
    client: BaseClient = session.client(
        service,  # type: ignore[call-overload]  # its overloads want a literal
        config=Config(
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # newer than its stubs
            retries={"total_max_attempts": 1},
        ),
    )
    client.meta.events.register("before-send", answer)  # type: ignore[arg-type]  # botocore uses the answer
    return client


def _client(service: str, account_id: str, region: str) -> BaseClient:
    with _client_lock:
        return _new_client(service, account_id, region)


class Calls:
    """Calls in one account and Region, for the identity that asked CloudFormation to act."""

    def __init__(self, account_id: str, region: str, identity: dict[str, Any] | None = None) -> None:
        self.account_id = account_id
        self.region = region
        self._identity = identity

    def __call__(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Makes a call such as `("dynamodb", "CreateTable", TableName="orders")`.

        Of the parameters those that the operation knows are passed on, converted to its types (a template
        may say "true" or "5"), so that resource properties can be given as they are. Raises ClientError.
        """
        client = _client(service, self.account_id, self.region)
        shape = client.meta.service_model.operation_model(operation).input_shape
        accepted: dict[str, Any] = converted(shape, parameters) if shape else {}
        try:
            response: dict[str, Any] = client._make_api_call(operation, accepted)  # type: ignore[attr-defined]  # untyped
        except ClientError as refusal:
            self._record(service, operation, accepted, refusal=refusal)
            raise
        self._record(service, operation, accepted, response=response)
        return response

    def _record(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        response: dict[str, Any] | None = None,
        refusal: ClientError | None = None,
    ) -> None:
        from local.cloudtrail import service as cloudtrail  # it answers to this module's caller

        if operation.startswith(_READS):
            return
        error = (error_code(refusal), error_message(refusal)) if refusal else None
        answer = {key: value for key, value in (response or {}).items() if key != "ResponseMetadata"}
        cloudtrail.record_service_call(
            service=service,
            operation=operation,
            parameters=parameters,
            response=answer or None,
            account=self.account_id,
            region=self.region,
            error=error,
            identity=self._identity,
        )


def error_code(refusal: ClientError) -> str:
    return refusal.response.get("Error", {}).get("Code", "")


def error_message(refusal: ClientError) -> str:
    return refusal.response.get("Error", {}).get("Message", "")


def converted(shape: Shape, value: Any) -> Any:
    """The value in the types of an API shape, without the members that the shape does not have."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        known = shape.members
        return {name: converted(known[name], item) for name, item in value.items() if name in known}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [converted(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {str(name): converted(shape.value, item) for name, item in value.items()}
    match shape.type_name:
        case "boolean" if isinstance(value, str):
            return value.lower() == "true"
        case "integer" | "long" if isinstance(value, str):
            return int(value)
        case "float" | "double" if isinstance(value, str):
            return float(value)
        case "string" if isinstance(value, bool | int | float):
            return str_of(value)
    return value
