"""Reading which functions an API of API Gateway invokes, whether it is a REST, an HTTP or a WebSocket API."""

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.alias_invokers import (
    Reference,
    of_http_authorizers,
    of_http_integrations,
    of_rest_authorizers,
    of_rest_resources,
)
from stackwarden.settings import Place


def of_api(api: str, place: Place) -> tuple[Reference, ...]:
    """Read the integrations and authorizers of an API, by its id; none if there is no such API.

    A permission does not say which kind of API it is for. What is read is the API as it stands, which a
    stage of a REST API may run only after its next deployment. Raises ClientError.
    """
    found = _http(api, place)
    return _rest(api, place) if found is None else found


def _http(api: str, place: Place) -> tuple[Reference, ...] | None:
    client = aws.client("apigatewayv2")
    arn = f"arn:{place.partition}:apigateway:{place.region}::/apis/{api}"
    try:
        integrations = list(aws.pages(client, "get_integrations", "Items", ApiId=api))
        authorizers = list(aws.pages(client, "get_authorizers", "Items", ApiId=api))
    except ClientError as error:
        if aws.code(error) == "NotFoundException":
            return None
        raise
    return (*of_http_integrations(arn, integrations), *of_http_authorizers(arn, authorizers))


def _rest(api: str, place: Place) -> tuple[Reference, ...]:
    client = aws.client("apigateway")
    arn = f"arn:{place.partition}:apigateway:{place.region}::/restapis/{api}"
    try:
        resources = list(aws.pages(client, "get_resources", "items", restApiId=api, embed=["methods"]))
        authorizers = list(aws.pages(client, "get_authorizers", "items", restApiId=api))
    except ClientError as error:
        if aws.code(error) == "NotFoundException":
            return ()
        raise
    return (*of_rest_resources(arn, resources), *of_rest_authorizers(arn, authorizers))
