"""One AWS API call as the service sees it: which operation, with which parameters, by which access key.

moto parses requests inside each service. CloudTrail and IAM need the same answer before the service runs, so
this uses moto's own routers and per-protocol parsers (`moto/core/routing.py`, `moto/core/parse.py`).
"""

import io
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.iam import models as iam_models
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import get_input_stream

logger = logging.getLogger(__name__)

type Environ = dict[str, Any]

# botocore's service name where it is not the name in the credential scope of the signature
SERVICES_BY_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
    "es": "opensearch",
    "elasticfilesystem": "efs",
    "eventbridge": "events",
    "elasticloadbalancing": "elbv2",
}
CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request"
)
CACHE_KEY = "local.cloudtrail.call"


@dataclass(frozen=True)
class Credential:
    """What SigV4 says about the caller: access key id, Region and signing name."""

    access_key_id: str
    region: str
    service: str


@dataclass(frozen=True)
class ApiCall:
    """One parsed API call. `parameters` are spelled as in the API; `body` is the unread request body."""

    operation: OperationModel
    protocol: str
    parameters: dict[str, Any]
    credential: Credential
    account: str
    environ: Environ
    body: bytes

    @property
    def service(self) -> str:
        """botocore's service name."""
        return str(self.operation.service_model.service_name)

    @property
    def name(self) -> str:
        """The operation's name, such as `CreateTable`."""
        return str(self.operation.name)

    @property
    def region(self) -> str:
        """The Region that the request is signed for."""
        return self.credential.region


def credential_of(environ: Environ) -> Credential | None:
    """The credential scope of a signed request or of a presigned URL, None for an unsigned request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
    """
    scope = environ.get("HTTP_AUTHORIZATION", "")
    if "X-Amz-Credential" in (query := environ.get("QUERY_STRING", "")):
        scope = f"Credential={parse_qs(query)['X-Amz-Credential'][0]}"
    match = CREDENTIAL.search(scope)
    return Credential(match["key"], match["region"], match["service"].lower()) if match else None


def request_body(environ: Environ) -> bytes:
    """The whole request body, left in place for whoever reads the request next."""
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = io.BytesIO(body)
    if environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = str(len(body))
    return body


def parse_call(environ: Environ) -> ApiCall | None:
    """The API call in this request; None if it is none, or one of an operation that moto has no model of."""
    if CACHE_KEY not in environ:
        environ[CACHE_KEY] = _parse(environ)
    call: ApiCall | None = environ[CACHE_KEY]
    return call


def _parse(environ: Environ) -> ApiCall | None:
    credential = credential_of(environ)
    if credential is None:
        return None
    body = request_body(environ)
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    service = service_name(credential.service, request.headers, request.path)
    try:
        model = get_service_model(service)
        operation, uri_parameters = get_service_router(service).match(request)
        protocol = determine_request_protocol(model, request.content_type)
    except (NotFound, FileNotFoundError, NotImplementedError, UnknownServiceError):
        logger.warning("no model of this call to %s: %s %s", service, request.method, request.full_path)
        return None
    parameters = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": uri_parameters,
        }
    )
    parameters = {key: value for key, value in parameters.items() if value is not None}
    account = account_of(credential.access_key_id, request.headers)
    return ApiCall(operation, protocol, parameters, credential, account, environ, body)


def service_name(signing_name: str, headers: Headers, path: str) -> str:
    """botocore's name of the service; two services share a signing name here and there."""
    if signing_name == "dynamodb" and headers.get("X-Amz-Target", "").startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    if signing_name == "s3" and path.startswith("/v20180820/"):
        return "s3control"
    if signing_name == "apigateway" and path.startswith("/v2/"):
        return "apigatewayv2"
    if signing_name == "ses" and path.startswith("/v2/"):
        return "sesv2"
    return SERVICES_BY_SIGNING_NAME.get(signing_name, signing_name)


def account_of(access_key_id: str, headers: Headers) -> str:
    """The account that moto runs the call in (`BaseResponse.get_current_account`)."""
    return headers.get("x-moto-account-id") or iam_models.get_account_id_from(access_key_id)
