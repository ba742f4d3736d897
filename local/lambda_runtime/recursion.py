"""GetFunctionRecursionConfig and PutFunctionRecursionConfig, which moto does not know.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse

from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount

DEFAULT = "Terminate"
PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/recursion-config/?$"


def install(account: "LocalAccount") -> None:
    """Add the path and its two operations."""
    urls.url_paths[PATH] = LambdaResponse.dispatch
    extend(
        LambdaResponse,
        get_function_recursion_config=get_function_recursion_config,
        put_function_recursion_config=put_function_recursion_config,
    )


def get_function_recursion_config(request: LambdaResponse) -> str:
    """What was put, or Terminate."""
    return answer(function_of(request))


def put_function_recursion_config(request: LambdaResponse) -> str:
    """Allow or Terminate."""
    function = function_of(request)
    wanted = json.loads(request.body).get("RecursiveLoop")
    if wanted not in ("Allow", "Terminate"):
        raise InvalidParameterValueException(f"Unknown value for RecursiveLoop: {wanted}")
    vars(function)["recursive_loop"] = wanted
    return answer(function)


def function_of(request: LambdaResponse) -> LambdaFunction:
    """The function that the path names, without version or alias."""
    name = unquote(request.path).rstrip("/").split("/")[-2]
    return request.backend.get_function(name)


def answer(function: LambdaFunction) -> str:
    """The response of both operations."""
    loop: Any = vars(function).get("recursive_loop", DEFAULT)
    return json.dumps({"RecursiveLoop": loop})
