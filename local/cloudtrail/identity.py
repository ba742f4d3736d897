"""Who called: CloudTrail's `userIdentity`, looked up by access key id in moto's STS and IAM.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import base64
import hashlib
import re
from typing import Any

from moto.iam.models import IAMBackend, Role, User, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from local.cloudtrail.spelling import iso_time

PARTITION = "aws"
USER_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")

type Identity = dict[str, Any]


def identity_of(access_key_id: str, account: str) -> Identity:
    """`userIdentity` of a role session or a user that moto knows; any other key is a developer."""
    session = role_session(access_key_id, account)
    if session is not None:
        return _session_identity(session)
    if access_key_id == "root":
        arn = f"arn:{PARTITION}:iam::{account}:root"
        return {
            "type": "Root",
            "principalId": account,
            "arn": arn,
            "accountId": account,
            "accessKeyId": access_key_id,
        }
    user: User | None = _iam(account).get_user_from_access_key_id(access_key_id)
    if user is not None:
        return _user_identity(user.id, user.arn, account, access_key_id, user.name)
    name = access_key_id if USER_NAME.fullmatch(access_key_id) else "developer"
    arn = f"arn:{PARTITION}:iam::{account}:user/{name}"
    return _user_identity(_principal_id("AIDA", arn), arn, account, access_key_id, name)


def role_session(access_key_id: str, account: str) -> AssumedRole | None:
    """The session that STS handed this access key to."""
    return sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key_id)


def role_of(session: AssumedRole) -> Role | None:
    """The role of a session; None when the role is gone, or never was (moto's STS does not ask)."""
    roles = list(_iam(session.account_id).roles.values())
    return next((role for role in roles if role.arn == session.role_arn), None)


def _iam(account: str) -> IAMBackend:
    return iam_backends[account][PARTITION]


def _user_identity(principal_id: str, arn: str, account: str, access_key_id: str, name: str) -> Identity:
    return {
        "type": "IAMUser",
        "principalId": principal_id,
        "arn": arn,
        "accountId": account,
        "accessKeyId": access_key_id,
        "userName": name,
    }


def _session_identity(session: AssumedRole) -> Identity:
    role = role_of(session)
    principal_id = role.id if role else _principal_id("AROA", session.role_arn)
    issuer = {
        "type": "Role",
        "principalId": principal_id,
        "arn": session.role_arn,
        "accountId": session.account_id,
        "userName": session.role_arn.rsplit("/", 1)[-1],
    }
    return {
        "type": "AssumedRole",
        "principalId": f"{principal_id}:{session.session_name}",
        "arn": session.arn,
        "accountId": session.account_id,
        "accessKeyId": session.access_key_id,
        "sessionContext": {
            "sessionIssuer": issuer,
            "webIdFederationData": {},
            "attributes": {"creationDate": _created(session), "mfaAuthenticated": "false"},
        },
    }


def _created(session: AssumedRole) -> str:
    return iso_time(session.access_key.create_date)


def _principal_id(prefix: str, arn: str) -> str:
    digest = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()
    return f"{prefix}{digest[:17]}"
