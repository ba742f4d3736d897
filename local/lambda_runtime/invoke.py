"""Lambda's Invoke: functions run, synchronously or not, instead of being handed to Docker.

Added to moto besides: `DeadLetterConfig` and `LoggingConfig`, which it forgets.
AWS: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import base64
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda.models import LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse
from moto.core.utils import iso_8601_datetime_with_nanoseconds
from moto.utilities.aws_headers import amz_crc32

from local.extension import extend
from local.lambda_runtime.asynchronous import AsynchronousInvocation
from local.lambda_runtime.runtime import qualifier_in, unqualified_arn

if TYPE_CHECKING:
    from local.account import LocalAccount

MAX_RESPONSE_IN_BYTES = 6_291_556
TOO_LARGE = json.dumps(
    {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
).encode()
TAIL_IN_BYTES = 4096
KEPT = {"DeadLetterConfig": "dead_letter_config", "LoggingConfig": "logging_config"}

moto_init = LambdaFunction.__init__
moto_update_configuration = LambdaFunction.update_configuration
moto_get_configuration = LambdaFunction.get_configuration
moto_del_function = LambdaStorage.del_function


def install(account: "LocalAccount") -> None:
    """Replace what moto does with Docker, and keep the settings that it forgets."""

    def invoke_by_name(
        backend: LambdaBackend,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: dict[str, Any],
    ) -> bytes:
        function = backend.get_function(function_name, qualifier)
        invoked_arn = invoked_function_arn(function, function_name, qualifier)
        return invoke(account, function, invoked_arn, body, headers, response_headers)

    def invoke_function(
        function: LambdaFunction, body: str | bytes, headers: Any, response_headers: dict[str, Any]
    ) -> bytes:
        return invoke(account, function, function.function_arn, body, headers, response_headers)

    def del_function(storage: LambdaStorage, name_or_arn: str, qualifier: str | None = None) -> None:
        function = storage.get_function_by_name_or_arn_with_qualifier(name_or_arn, qualifier)
        moto_del_function(storage, name_or_arn, qualifier)
        account.functions.forget(function.function_arn)

    extend(LambdaResponse, invoke=answer_invoke)
    extend(LambdaBackend, invoke=invoke_by_name)
    extend(LambdaStorage, del_function=del_function)
    extend(
        LambdaFunction,
        __init__=init,
        invoke=invoke_function,
        update_configuration=update_configuration,
        get_configuration=get_configuration,
    )


@amz_crc32
def answer_invoke(request: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
    """moto overlooks the Qualifier of the request."""
    function_name = unquote(request.path.rsplit("/", 2)[-2])
    qualifier = request.querystring.get("Qualifier", [None])[0]
    headers: dict[str, str] = {}
    payload: Any = request.backend.invoke(function_name, qualifier, request.body, request.headers, headers)
    kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    status = {"Event": HTTPStatus.ACCEPTED, "DryRun": HTTPStatus.NO_CONTENT}.get(kind, HTTPStatus.OK)
    if request.headers.get("X-Amz-Log-Type") != "Tail":
        headers.pop("x-amz-log-result", None)
    if len(payload) > MAX_RESPONSE_IN_BYTES:
        headers["x-amz-function-error"] = "Unhandled"
        payload = TOO_LARGE
    return status, {**headers, "status": str(int(status)), "content-type": "application/json"}, payload


def invoke(
    account: "LocalAccount",
    function: LambdaFunction,
    invoked_arn: str,
    body: str | bytes,
    headers: Any,
    response_headers: dict[str, Any],
) -> bytes:
    """Answer one Invoke call; the invocation type and the wish for logs are in the headers."""
    payload = (body.encode() if isinstance(body, str) else body) or b"{}"
    json.loads(payload)
    match headers.get("X-Amz-Invocation-Type", "RequestResponse"):
        case "DryRun":
            return b""
        case "Event":
            invocation = AsynchronousInvocation(account, function, invoked_arn, payload)
            account.background.spawn(invocation.process)
            return b""
    outcome = account.functions.run(function, invoked_arn, payload)
    response_headers["x-amz-executed-version"] = outcome.version
    if outcome.failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    tail = "\n".join(outcome.logs).encode()[-TAIL_IN_BYTES:]
    response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
    return outcome.payload


def invoked_function_arn(function: LambdaFunction, function_name: str, qualifier: str | None) -> str:
    """The ARN as the caller named the function: with its version or alias only where the caller gave one."""
    qualifier = qualifier_in(function_name) or qualifier
    arn = unqualified_arn(function)
    return f"{arn}:{qualifier}" if qualifier else arn


def init(function: LambdaFunction, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
    """Remember what moto forgets of CreateFunction."""
    for key, attribute in KEPT.items():
        setattr(function, attribute, spec.get(key))
    moto_init(function, account_id, spec, *args, **kwargs)


def update_configuration(function: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    """Remember what moto forgets of UpdateFunctionConfiguration."""
    for key, attribute in KEPT.items():
        if key in config_updates:
            setattr(function, attribute, config_updates[key])
    function.last_modified = iso_8601_datetime_with_nanoseconds()
    return moto_update_configuration(function, config_updates)


def get_configuration(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    """Tell what moto forgets."""
    kept = {key: getattr(function, attribute) for key, attribute in KEPT.items()}
    return {
        **moto_get_configuration(function, on_create),
        **{key: value for key, value in kept.items() if value},
    }
