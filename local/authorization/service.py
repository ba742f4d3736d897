"""IAM for role sessions: what a role's policies do not allow is refused, as on AWS.

moto can enforce IAM, but asks only about "*" and knows no conditions. Added: a WSGI middleware judging each
call of a role session (a Lambda function, a workflow, whoever assumed a role) by the role's policies, its
permissions boundary and the session policy. Everybody else may do everything. Resource-based policies are not
asked, but for that of another account's bucket.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.sts.models import AssumedRole

from local.authorization.actions import Permission, permissions
from local.authorization.answer import denial
from local.authorization.buckets import bucket_lets_in, is_bucket_of_another, s3_keys
from local.authorization.policy import Decision, Policies, Request, decide
from local.authorization.resources import function_arn
from local.cloudtrail.call import ApiCall, Environ, parse_call
from local.cloudtrail.identity import role_of, role_session
from local.cloudtrail.service import StartResponse, WsgiApp


class AuthorizationMiddleware:
    """Lets pass what is allowed; goes inside of the CloudTrail middleware, which records the refusals."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request, or answer with the service's own error."""
        call = parse_call(environ)
        if call and is_bucket_of_another(call):
            return denial(call, "Access Denied", start_response)
        session = role_session(call.credential.access_key_id, call.account) if call else None
        if call is None or session is None:
            return self._app(environ, start_response)
        for permission in permissions(call):
            decision = authorize(call, session, permission)
            if not decision.allowed:
                return denial(call, _message(session, permission, decision), start_response)
        return self._app(environ, start_response)


def authorize(call: ApiCall, session: AssumedRole, permission: Permission) -> Decision:
    """What the policies of the session's role say about one permission that the call needs."""
    context = {**_context(call, session, permission.resource), **permission.context}
    request = Request(permission.action, permission.resource, context)
    decision = decide(policies_of(session), request)
    if decision.allowed and not bucket_lets_in(session, request):
        return Decision(False, f"because no resource-based policy allows the {request.action} action")
    return decision


def policies_of(session: AssumedRole) -> Policies:
    """Inline and attached policies of the role, its boundary, and the session's own policy."""
    role = role_of(session)
    if role is None:
        return Policies(identity=[])
    attached = [_default_version(policy) for policy in role.managed_policies.values()]
    return Policies(
        identity=[_document(text) for text in [*role.policies.values(), *attached]],
        boundary=_boundary(role),
        session=_document(session.policy) if session.policy else None,
    )


def _boundary(role: Role) -> Mapping[str, Any] | None:
    if not role.permissions_boundary_arn:
        return None
    policy = iam_backends[role.account_id]["aws"].get_policy(role.permissions_boundary_arn)
    return _document(_default_version(policy))


def _default_version(policy: ManagedPolicy) -> str:
    return next(version.document for version in policy.versions if version.is_default)


def _document(text: str | Mapping[str, Any]) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(text) if isinstance(text, str) else text
    return document


def _context(call: ApiCall, session: AssumedRole, resource: str) -> dict[str, list[str]]:
    """The condition keys that can be known, in lower case.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    resource_account = resource.split(":")[4] if resource.startswith("arn:") else ""
    context = {
        "aws:requestedregion": [call.region],
        "aws:principalarn": [session.role_arn],
        "aws:principalaccount": [session.account_id],
        "aws:principaltype": ["AssumedRole"],
        "aws:userid": [session.user_id],
        "aws:resourceaccount": [resource_account or call.account],
        "aws:securetransport": ["true"],
        "aws:sourceip": [call.environ.get("REMOTE_ADDR", "127.0.0.1")],
        "aws:useragent": [call.environ.get("HTTP_USER_AGENT", "")],
    }
    return {**context, **_role_tags(session), **_tags(call.parameters), **_of_service(call)}


def _role_tags(session: AssumedRole) -> dict[str, list[str]]:
    """`aws:PrincipalTag/…`; moto forgets the tags of a session."""
    role = role_of(session)
    tags = role.tags if role and isinstance(role.tags, list) else []
    return {f"aws:principaltag/{tag['Key']}".lower(): [tag["Value"]] for tag in tags}


def _tags(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """`aws:TagKeys` and `aws:RequestTag/…` of a call that sets tags, in the three spellings of services."""
    given = parameters.get("Tags") or parameters.get("tags") or []
    if isinstance(given, dict):
        tags = given
    else:
        entries = [tag if isinstance(tag, dict) else {} for tag in given]
        tags = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value", "")) for tag in entries}
    if keys := parameters.get("TagKeys") or parameters.get("tagKeys"):
        return {"aws:tagkeys": list(keys)}
    if not tags:
        return {}
    return {
        "aws:tagkeys": list(tags),
        **{f"aws:requesttag/{key}".lower(): [value] for key, value in tags.items()},
    }


def _of_service(call: ApiCall) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    if call.service == "lambda" and (function := _function(call)):
        keys["lambda:functionarn"] = [function]
    if call.service == "lambda" and "Principal" in call.parameters:
        keys["lambda:principal"] = [call.parameters["Principal"]]
    if (call.service, call.name) == ("events", "PutTargets"):
        keys["events:targetarn"] = [target["Arn"] for target in call.parameters["Targets"]]
    if call.service == "sns" and call.name == "Subscribe":
        keys["sns:endpoint"] = [call.parameters.get("Endpoint", "")]
        keys["sns:protocol"] = [call.parameters["Protocol"]]
    if call.service == "s3":
        keys |= s3_keys(call)
    return keys


def _function(call: ApiCall) -> str | None:
    """`lambda:FunctionArn`: the function that is named, or that of the mapping that is."""
    if name := call.parameters.get("FunctionName"):
        return function_arn(call, name)
    mappings = lambda_backends[call.account][call.region]._event_source_mappings
    mapping = mappings.get(call.parameters.get("UUID", ""))
    return mapping.function_arn if mapping else None


def _message(session: AssumedRole, permission: Permission, decision: Decision) -> str:
    return (
        f"User: {session.arn} is not authorized to perform: {permission.action} "
        f"on resource: {permission.resource} {decision.reason}"
    )
