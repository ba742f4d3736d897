"""Reserved concurrency as the account has it, and GetAccountSettings, which moto does not know.

moto lets a function reserve everything, and takes 0 (which stops a function) for nothing.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from local.extension import extend
from local.lambda_runtime.runtime import unpublished
from local.lambda_runtime.versions import code_storage

if TYPE_CHECKING:
    from local.account import LocalAccount

MINIMUM_UNRESERVED = 100
ACCOUNT_SETTINGS = r"{0}/(?P<api_version>[^/]+)/account-settings/?$"
LIMITS_IN_BYTES = {
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
}

moto_get_code = LambdaFunction.get_code


def install(account: "LocalAccount") -> None:
    """Let the account's limit count."""

    def put_function_concurrency(backend: LambdaBackend, function_name: str, reserved: Any) -> int:
        return reserve(backend, function_name, int(reserved), account.concurrency_limit)

    def get_account_settings(response: LambdaResponse) -> str:
        settings = account_settings(response.backend, account.concurrency_limit)
        settings["AccountLimit"]["TotalCodeSize"] = account.code_storage_limit
        return json.dumps(settings)

    urls.url_paths[ACCOUNT_SETTINGS] = LambdaResponse.dispatch
    extend(LambdaBackend, put_function_concurrency=put_function_concurrency)
    extend(LambdaFunction, get_code=get_code)
    extend(
        LambdaResponse,
        get_account_settings=get_account_settings,
        get_function_concurrency=get_function_concurrency,
    )


def reserve(backend: LambdaBackend, function_name: str, reserved: int, limit: int) -> int:
    """Set a function's reserved concurrency; 0 can always be set.

    Raises InvalidParameterValueException where less would stay unreserved than the account must keep: 100,
    or all of it in an account with a lower limit.
    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
    """
    function = unpublished(backend.get_function(function_name))
    minimum = min(MINIMUM_UNRESERVED, limit)
    if reserved and unreserved(backend, limit, besides=function) - reserved < minimum:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{minimum}]."
        )
    function.reserved_concurrency = reserved
    return reserved


def unreserved(backend: LambdaBackend, limit: int, besides: LambdaFunction | None = None) -> int:
    """What functions have left of the account's concurrency in the Region."""
    functions = [it for it in backend.list_functions() if it is not besides]
    return limit - sum(int(it.reserved_concurrency or 0) for it in functions)


def account_settings(backend: LambdaBackend, limit: int) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html"""
    functions = list(backend.list_functions())
    return {
        "AccountLimit": {
            **LIMITS_IN_BYTES,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": unreserved(backend, limit),
        },
        "AccountUsage": {
            "TotalCodeSize": code_storage(backend._lambdas),
            "FunctionCount": len(functions),
        },
    }


def get_function_concurrency(response: LambdaResponse) -> tuple[int, dict[str, str], str]:
    """An empty answer where nothing is reserved."""
    function_name = unquote(response.path.rstrip("/").rsplit("/", 2)[-2])
    reserved = unpublished(response.backend.get_function(function_name)).reserved_concurrency
    answer = {} if reserved is None else {"ReservedConcurrentExecutions": int(reserved)}
    return HTTPStatus.OK, {}, json.dumps(answer)


def get_code(function: LambdaFunction) -> dict[str, Any]:
    """GetFunction: its Concurrency is that of the function as a whole, 0 too."""
    answer = {key: value for key, value in moto_get_code(function).items() if key != "Concurrency"}
    reserved = unpublished(function).reserved_concurrency
    if reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": int(reserved)}
    return answer
