"""Each version and alias of a function has a resource policy of its own.

In moto they share the one of the function, RemovePermission overlooks its qualifier, and statements lack most
principals and conditions that AddPermission can give.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException, PreconditionFailedException
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.policy import Policy
from moto.awslambda.responses import LambdaResponse

from local.extension import extend
from local.lambda_runtime.errors import ResourceConflict
from local.lambda_runtime.runtime import qualifier_in, unpublished, unqualified_arn

if TYPE_CHECKING:
    from local.account import LocalAccount

moto_delete_alias = LambdaBackend.delete_alias


CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}
SERVICE = re.compile(r"[a-z0-9.-]+\.amazon(aws)?\.com(\.cn)?")


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
    if qualifier == "$LATEST":
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    function = backend.get_function(function_name, qualifier)
    policy, wanted = policy_of(function, qualifier), json.loads(raw)
    if wanted.get("RevisionId") not in (None, "", policy.revision):
        raise PreconditionFailedException("The RevisionId provided does not match the latest RevisionId.")
    if any(statement.get("Sid") == wanted["StatementId"] for statement in policy.statements):
        raise ResourceConflict(
            f"The statement id ({wanted['StatementId']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    arn = unqualified_arn(function)
    policy.statements.append(statement(wanted, f"{arn}:{qualifier}" if qualifier else arn))
    policy.revision = str(uuid.uuid4())
    return policy.statements[-1]


def statement(wanted: dict[str, Any], resource: str) -> dict[str, Any]:
    """What AddPermission writes into the policy."""
    conditions: dict[str, dict[str, Any]] = {}
    for parameter, (operator, key) in CONDITIONS.items():
        if parameter in wanted:
            value = wanted[parameter]
            conditions.setdefault(operator, {})[key] = str(value).lower() if operator == "Bool" else value
    return {
        "Sid": wanted["StatementId"],
        "Effect": "Allow",
        "Principal": principal(wanted["Principal"]),
        "Action": wanted["Action"],
        "Resource": resource,
        **({"Condition": conditions} if conditions else {}),
    }


def principal(given: str) -> str | dict[str, str]:
    """A service, an account, a user or role in one, or everybody."""
    if SERVICE.fullmatch(given):
        return {"Service": given}
    if given.isdigit():
        return {"AWS": f"arn:aws:iam::{given}:root"}
    return given if given == "*" else {"AWS": given}


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
    """An alias takes its policy and its URL with it."""
    moto_delete_alias(backend, name, function_name)
    for belongings in ("qualified_policies", "url_configs"):
        vars(backend.get_function(function_name)).get(belongings, {}).pop(name, None)


def answer_remove_permission(request: LambdaResponse) -> tuple[int, dict[str, Any], str]:
    """RemovePermission with its Qualifier and RevisionId."""
    *_, function_name, _, statement_id = unquote(request.path).split("/")
    qualifier = request.querystring.get("Qualifier", [None])[0]
    revision = request.querystring.get("RevisionId", [""])[0]
    remove_permission(request.backend, function_name, statement_id.split("?")[0], revision, qualifier)
    return HTTPStatus.NO_CONTENT, {"status": HTTPStatus.NO_CONTENT}, "{}"
