"""Versions of functions: published once for each code and configuration, and never under an old number.

moto publishes what a flag says was changed, overlooks CodeSha256, gives the numbers of deleted versions again
and deletes what an alias points at. Added besides: pages, and a limit of code storage.
AWS: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
"""

import copy
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from local.extension import extend
from local.lambda_runtime.errors import CodeStorageExceeded, ResourceConflict
from local.lambda_runtime.launch import fingerprint
from local.lambda_runtime.pages import page
from local.lambda_runtime.runtime import qualifier_in

if TYPE_CHECKING:
    from local.account import LocalAccount

VERSIONS_A_PAGE = 50

moto_delete_function = LambdaBackend.delete_function
moto_put_function = LambdaStorage.put_function


def install(account: "LocalAccount") -> None:
    """Replace what moto does with versions."""

    def put_function(storage: LambdaStorage, function: LambdaFunction) -> None:
        require_storage(storage, function.code_size, account.code_storage_limit)
        moto_put_function(storage, function)

    def publish_version(backend: LambdaBackend, name: str, description: str = "") -> LambdaFunction:
        return publish(backend, backend.get_function(name), description, account.code_storage_limit)

    def update_function_code(
        backend: LambdaBackend, name: str, qualifier: str | None, body: dict[str, Any]
    ) -> dict[str, Any]:
        return update_code(backend, backend.get_function(name), body, account.code_storage_limit)

    extend(LambdaStorage, put_function=put_function)
    extend(
        LambdaBackend,
        publish_version=publish_version,
        update_function_code=update_function_code,
        delete_function=delete_function,
    )
    extend(
        LambdaResponse,
        publish_version=answer_publish_version,
        list_versions_by_function=answer_list_versions,
    )


def publish(backend: LambdaBackend, latest: LambdaFunction, description: str, limit: int) -> LambdaFunction:
    """The newest version if it is what $LATEST is now, or a new one. Raises CodeStorageExceeded."""
    group = backend._lambdas._functions[latest.function_name]
    number, versions = vars(latest).get("versions_published", 0), group["versions"]
    newest: LambdaFunction | None = versions[-1] if versions else None
    if newest and newest.version == number and vars(newest)["content"] == content(latest):
        return newest
    require_storage(backend._lambdas, latest.code_size, limit)
    version = copy.copy(latest)
    version.code = dict(latest.code)
    vars(version)["content"] = content(latest)
    version.set_version(number + 1)
    version.description = description or latest.description
    versions.append(version)
    backend._lambdas._arns[version.function_arn] = version
    vars(latest)["versions_published"] = number + 1
    return version


def content(function: LambdaFunction) -> str:
    """What must have changed since the last version for a new one to be published."""
    answer = function.get_configuration()
    for key in ("FunctionArn", "LastModified", "Version"):
        answer.pop(key)
    return fingerprint(function) + json.dumps(answer, sort_keys=True, default=str)


def update_code(
    backend: LambdaBackend, function: LambdaFunction, body: dict[str, Any], limit: int
) -> dict[str, Any]:
    """New code for $LATEST, unless it is a dry run or does not fit. Raises CodeStorageExceeded."""
    changed = copy.copy(function)
    changed.code = dict(function.code)
    changed._set_function_code({key: value for key, value in body.items() if key != "DryRun"})
    require_storage(backend._lambdas, changed.code_size - function.code_size, limit)
    if body.get("DryRun"):
        return function.get_configuration()
    function.last_modified = iso_8601_datetime_with_nanoseconds()
    answer = function.update_function_code(body)
    if body.get("Publish"):
        answer = publish(backend, function, "", limit).get_configuration()
    return answer


def code_storage(storage: LambdaStorage) -> int:
    """Bytes of code of all versions of all functions in the Region."""
    groups = list(storage._functions.values())
    return sum(int(it.code_size) for group in groups for it in (group["latest"], *group["versions"]))


def require_storage(storage: LambdaStorage, more: int, limit: int) -> None:
    """Raises CodeStorageExceeded unless so many bytes more fit."""
    if code_storage(storage) + more > limit:
        raise CodeStorageExceeded


def delete_function(backend: LambdaBackend, name: str, qualifier: str | None = None) -> None:
    """Refuse to delete $LATEST alone, and a version that an alias points at.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
    """
    version = qualifier_in(name) or qualifier
    if version == "$LATEST":
        raise InvalidParameterValueException(
            "$LATEST version cannot be deleted without deleting the function."
        )
    if version:
        function = backend.get_function(name, version)
        referring = [it.name for it in backend.list_aliases(function.function_name) if runs(it, version)]
        if referring:
            raise ResourceConflict(
                f"Unable to delete version because the following aliases reference it: {referring}"
            )
    moto_delete_function(backend, name, qualifier)


def runs(alias: Any, version: str) -> bool:
    """Whether an alias sends anything to the version."""
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights", {})
    return alias.function_version == version or version in weights


def answer_publish_version(request: LambdaResponse) -> tuple[int, dict[str, Any], str]:
    """PublishVersion with its CodeSha256."""
    function_name = unquote(request.path.split("/")[-2])
    wanted = json.loads(request.body or "{}")
    if qualifier_in(function_name) not in (None, "$LATEST"):
        raise InvalidParameterValueException("Cannot publish a version of a version")
    current = request.backend.get_function(function_name).code_sha_256
    if wanted.get("CodeSha256") not in (None, "", current):
        raise InvalidParameterValueException(
            f"CodeSHA256 ({wanted['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
            f"({current}). Please try again with the CodeSHA256 in $LATEST."
        )
    version: Any = request.backend.publish_version(function_name, wanted.get("Description", ""))
    return HTTPStatus.CREATED, {"status": HTTPStatus.CREATED}, json.dumps(version.get_configuration())


def answer_list_versions(request: LambdaResponse) -> str:
    """ListVersionsByFunction, which may name the function by its ARN."""
    name = request.backend.get_function(unquote(request.path.split("/")[-2])).function_name
    versions = [it.get_configuration() for it in request.backend.list_versions_by_function(name)]
    return json.dumps(page(request, "Versions", versions, VERSIONS_A_PAGE))
