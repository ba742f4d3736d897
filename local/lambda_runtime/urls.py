"""Function URLs: one for the function, one for each alias. Nobody answers at them here.

moto has one a function and overlooks the Qualifier.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import GenericResourcNotFound, ValidationException
from moto.awslambda.models import FunctionUrlConfig, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from local.extension import extend
from local.lambda_runtime.errors import ResourceConflict
from local.lambda_runtime.pages import page
from local.lambda_runtime.runtime import qualifier_in, unqualified_arn

if TYPE_CHECKING:
    from local.account import LocalAccount

type Answer = tuple[int, dict[str, Any], str]

LIST_PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/urls/?$"
QUALIFIER = r"(?!^\d+$)^[0-9a-zA-Z-_]+$"
URLS_A_PAGE = 50


def install(account: "LocalAccount") -> None:
    """Replace what moto does with URLs."""
    urls.url_paths[LIST_PATH] = LambdaResponse.dispatch
    extend(
        LambdaResponse,
        create_function_url_config=create,
        get_function_url_config=get,
        update_function_url_config=update,
        delete_function_url_config=delete,
        list_function_url_configs=list_configs,
    )


def create(request: LambdaResponse) -> Answer:
    """Of the alias, or of the function where there is no qualifier."""
    function, qualifier = named(request)
    if qualifier in configs(function):
        raise ResourceConflict(
            f"FunctionUrlConfig exists for this Lambda function: {arn(function, qualifier)}"
        )
    config = FunctionUrlConfig(function, request.json_body)
    config.url += "/"
    configs(function)[qualifier] = config
    return HTTPStatus.CREATED, {"status": HTTPStatus.CREATED}, json.dumps(described(function, qualifier))


def get(request: LambdaResponse) -> Answer:
    """ResourceNotFoundException where there is none."""
    return HTTPStatus.OK, {}, json.dumps(described(*named(request)))


def update(request: LambdaResponse) -> Answer:
    """What is not given stays."""
    function, qualifier = named(request)
    described(function, qualifier)
    configs(function)[qualifier].update(request.json_body)
    return HTTPStatus.OK, {}, json.dumps(described(function, qualifier))


def delete(request: LambdaResponse) -> Answer:
    """ResourceNotFoundException where there is none."""
    function, qualifier = named(request)
    described(function, qualifier)
    del configs(function)[qualifier]
    return HTTPStatus.NO_CONTENT, {"status": HTTPStatus.NO_CONTENT}, ""


def list_configs(request: LambdaResponse) -> str:
    """Those of the function and of its aliases."""
    function = request.backend.get_function(unquote(request.path.rstrip("/").split("/")[-2]))
    found = [described(function, qualifier) for qualifier in configs(function)]
    return json.dumps(page(request, "FunctionUrlConfigs", found, URLS_A_PAGE))


def named(request: LambdaResponse) -> tuple[LambdaFunction, str | None]:
    """The function ($LATEST, which keeps the URLs) and the alias, which must exist."""
    name = unquote(request.path.rstrip("/").split("/")[-2])
    qualifier = qualifier_in(name) or request.querystring.get("Qualifier", [None])[0]
    if qualifier and not re.fullmatch(QUALIFIER, qualifier):
        raise ValidationException(qualifier, "qualifier", f"Member must satisfy pattern: {QUALIFIER}")
    function = request.backend.get_function(name, qualifier)
    return request.backend.get_function(function.function_name), qualifier


def configs(function: LambdaFunction) -> dict[str | None, FunctionUrlConfig]:
    """The URLs of a function by alias."""
    found: dict[str | None, FunctionUrlConfig] = vars(function).setdefault("url_configs", {})
    return found


def described(function: LambdaFunction, qualifier: str | None) -> dict[str, Any]:
    """As the API answers. Raises GenericResourcNotFound."""
    config = configs(function).get(qualifier)
    if config is None:
        raise GenericResourcNotFound
    answer = config.to_dict() | {"FunctionArn": arn(function, qualifier)}
    answer["InvokeMode"] = config.config.get("InvokeMode") or "BUFFERED"
    return {key: value for key, value in answer.items() if value is not None}


def arn(function: LambdaFunction, qualifier: str | None) -> str:
    """With the alias, if there is one."""
    unqualified = unqualified_arn(function)
    return f"{unqualified}:{qualifier}" if qualifier else unqualified
