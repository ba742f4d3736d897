"""GetAuthorizers of HTTP APIs, which moto does not know.

AWS: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount


def install(account: "LocalAccount") -> None:
    """Add the operation."""
    extend(ApiGatewayV2Response, get_authorizers=get_authorizers)


def get_authorizers(request: ApiGatewayV2Response) -> tuple[int, dict[str, Any], str]:
    """All of them on one page; NotFoundException where there is no such API."""
    api = request.apigatewayv2_backend.get_api(request.path.rstrip("/").split("/")[-2])
    found = [authorizer.to_json() for authorizer in api.authorizers.values()]
    return HTTPStatus.OK, {}, json.dumps({"items": found})
