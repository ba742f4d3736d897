"""Aliases: their names, their versions and weights are checked, and lists have pages.

moto lets an alias point at an alias, takes any weights, tells the version's ARN for the alias's, and calls a
conflict ConflictException.
AWS: https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
"""

import json
import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException
from moto.awslambda.models import LambdaAlias, LambdaBackend
from moto.awslambda.responses import LambdaResponse

from local.extension import extend
from local.lambda_runtime.errors import ResourceConflict
from local.lambda_runtime.pages import page
from local.lambda_runtime.runtime import qualifier_in
from local.lambda_runtime.versions import runs

if TYPE_CHECKING:
    from local.account import LocalAccount

ALIASES_A_PAGE = 50
NAME = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
WITH_DOLLAR = r"[\w_:%\x24-]+"  # a plain one does not survive what moto makes of its paths
VERSION = r"(\$LATEST|[0-9]+)"

moto_create_alias = LambdaBackend.create_alias
moto_set_qualifier: Any = LambdaResponse._set_configuration_qualifier
moto_update_alias = LambdaBackend.update_alias


def install(account: "LocalAccount") -> None:
    """Replace what moto does with aliases, and let `f:$LATEST` be a name."""
    for path, answer in list(urls.url_paths.items()):
        urls.url_paths[path.replace(r"[\w_:%-]+", WITH_DOLLAR)] = answer
    extend(LambdaBackend, create_alias=create_alias, update_alias=update_alias)
    extend(
        LambdaResponse,
        list_aliases=answer_list_aliases,
        _set_configuration_qualifier=staticmethod(as_named),
    )


def create_alias(
    backend: LambdaBackend,
    name: str,
    function_name: str,
    function_version: str,
    description: str,
    routing_config: Any,
) -> LambdaAlias:
    """CreateAlias, where version and name are valid and the name is free."""
    require_pattern("name", name, NAME)
    function = backend.get_function(function_name)
    require_versions(backend, function_name, function_version, routing_config)
    if any(alias.name == name for alias in backend.list_aliases(function_name)):
        raise ResourceConflict(f"Alias already exists: {function.function_arn}:{name}")
    return moto_create_alias(
        backend, name, function_name, function_version, description, weighted(routing_config)
    )


def update_alias(
    backend: LambdaBackend,
    name: str,
    function_name: str,
    function_version: str | None,
    description: Any,
    routing_config: Any,
) -> LambdaAlias:
    """UpdateAlias: what is not given stays."""
    alias = backend.get_alias(name, function_name)
    version = function_version or alias.function_version
    weights: Any = alias.routing_config if routing_config is None else weighted(routing_config)
    require_versions(backend, function_name, version, weights)
    updated = moto_update_alias(backend, name, function_name, version, description, weights)
    updated.revision_id = str(uuid.uuid4())
    return updated


def weighted(routing_config: Any) -> Any:
    """A routing configuration, or {} where it has no weights."""
    return routing_config if (routing_config or {}).get("AdditionalVersionWeights") else {}


def require_versions(
    backend: LambdaBackend, function_name: str, version: str, routing_config: Mapping[str, Any] | None
) -> None:
    """Raises what Lambda does for versions that do not exist or cannot have weights."""
    require_pattern("functionVersion", version, VERSION)
    backend.get_function(function_name, version)
    weights = (routing_config or {}).get("AdditionalVersionWeights") or {}
    for other in weights:
        if "$LATEST" in (version, other):
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if other == version:
            raise InvalidParameterValueException(
                f"Invalid function version {other}. Function version {other} is already included in routing "
                "configuration."
            )
        backend.get_function(function_name, other)


def require_pattern(member: str, value: str | None, pattern: str) -> None:
    """Raises ValidationException as the API does before anything else."""
    if not re.fullmatch(pattern, value or ""):
        raise ValidationException(
            value or "null", member, f"Member must satisfy regular expression pattern: {pattern}"
        )


def as_named(configuration: dict[str, Any], function_name: str, qualifier: str | None) -> dict[str, Any]:
    """GetFunction and GetFunctionConfiguration tell the ARN of the alias that was asked for.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
    """
    answer: dict[str, Any] = moto_set_qualifier(configuration, function_name, qualifier)
    asked = qualifier_in(function_name) or qualifier
    if asked and asked != "$LATEST":
        answer["FunctionArn"] = ":".join([*answer["FunctionArn"].split(":")[:7], asked])
    return answer


def answer_list_aliases(request: LambdaResponse) -> str:
    """ListAliases, of one version if it is named, which may name the function by its ARN."""
    aliases = list(request.backend.list_aliases(unquote(request.path.split("/")[-2])))
    if version := request.querystring.get("FunctionVersion", [None])[0]:
        aliases = [alias for alias in aliases if runs(alias, version)]
    return json.dumps(page(request, "Aliases", [alias.to_json() for alias in aliases], ALIASES_A_PAGE))
