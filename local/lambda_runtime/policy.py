"""Each version and alias of a function has a resource policy of its own.

In moto they share the one of the function, and RemovePermission overlooks its qualifier.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.policy import Policy
from moto.awslambda.responses import LambdaResponse

from local.extension import extend
from local.lambda_runtime.runtime import qualifier_in, unpublished

if TYPE_CHECKING:
    from local.account import LocalAccount

moto_delete_alias = LambdaBackend.delete_alias


class ResourceConflictException(LambdaClientError):
    """The statement id is taken."""

    code = HTTPStatus.CONFLICT

    def __init__(self, statement_id: str) -> None:
        message = (
            f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
        super().__init__("ResourceConflictException", message)


def install(account: "LocalAccount") -> None:
    """Replace what moto does with permissions."""
    extend(
        LambdaBackend,
        add_permission=add_permission,
        remove_permission=remove_permission,
        get_policy=get_policy,
        delete_alias=delete_alias,
    )
    extend(LambdaResponse, remove_permission=answer_remove_permission)


def policy_of(function: LambdaFunction, qualifier: str | None) -> Policy:
    """The policy of a version or alias, or of the function where there is no qualifier."""
    latest = unpublished(function)
    if not qualifier or qualifier == "$LATEST":
        return latest.policy
    policies: dict[str, Policy] = vars(latest).setdefault("qualified_policies", {})
    return policies.setdefault(qualifier, Policy(latest))


def add_permission(backend: LambdaBackend, function_name: str, qualifier: str | None, raw: str) -> Any:
    """AddPermission; the qualifier may be part of the name."""
    qualifier = qualifier_in(function_name) or qualifier
    policy = policy_of(backend.get_function(function_name, qualifier), qualifier)
    wanted = json.loads(raw).get("StatementId")
    if any(statement.get("Sid") == wanted for statement in policy.statements):
        raise ResourceConflictException(wanted)
    statement, _ = policy.add_statement(raw, None if qualifier == "$LATEST" else qualifier)
    return statement


def remove_permission(
    backend: LambdaBackend, function_name: str, sid: str, revision: str = "", qualifier: str | None = None
) -> None:
    """RemovePermission from the policy of the qualifier."""
    qualifier = qualifier_in(function_name) or qualifier
    policy_of(backend.get_function(function_name, qualifier), qualifier).del_statement(sid, revision)


def get_policy(backend: LambdaBackend, function_name: str, qualifier: str | None = None) -> str:
    """GetPolicy of the qualifier; ResourceNotFoundException where there is none."""
    qualifier = qualifier_in(function_name) or qualifier
    return policy_of(backend.get_function(function_name, qualifier), qualifier).wire_format()


def delete_alias(backend: LambdaBackend, name: str, function_name: str) -> None:
    """An alias takes its policy with it."""
    moto_delete_alias(backend, name, function_name)
    vars(backend.get_function(function_name)).get("qualified_policies", {}).pop(name, None)


def answer_remove_permission(request: LambdaResponse) -> tuple[int, dict[str, Any], str]:
    """RemovePermission with its Qualifier and RevisionId."""
    *_, function_name, _, statement_id = unquote(request.path).split("/")
    qualifier = request.querystring.get("Qualifier", [None])[0]
    revision = request.querystring.get("RevisionId", [""])[0]
    remove_permission(request.backend, function_name, statement_id.split("?")[0], revision, qualifier)
    return HTTPStatus.NO_CONTENT, {"status": HTTPStatus.NO_CONTENT}, "{}"
