"""What Firehose may do under the role of a delivery stream.

https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from moto.iam.models import iam_backends
from moto.kinesis.models import Stream
from moto.kms.models import kms_backends
from moto.sts.models import AssumedRole

from local.authorization.policy import Request, decide
from local.authorization.service import policies_of
from local.resource_policy import allows

PRINCIPAL = "firehose.amazonaws.com"
MANAGED_KEY = "alias/aws/kinesis"
"""The key that AWS manages for Kinesis: https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html"""
READS = ("kinesis:DescribeStream", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords")


def is_assumable(role_arn: str, account_id: str) -> bool:
    """Whether the role's trust policy lets Firehose in; it gives the account's id as sts:ExternalId."""
    roles = list(iam_backends[role_arn.split(":")[4]]["aws"].roles.values())
    documents = [it.assume_role_policy_document for it in roles if it.arn == role_arn]
    return any(
        allows(
            json.loads(text) if isinstance(text, str) else text,
            principal=PRINCIPAL,
            action="sts:AssumeRole",
            resource="*",
            context={"sts:ExternalId": account_id},
        )
        for text in documents
    )


def may(
    session: AssumedRole, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Whether the policies of the session's role allow an action; keys of `context` are in lower case."""
    _, _, _, region, account, _ = resource.split(":", 5)
    known = {
        "aws:principalarn": session.role_arn,
        "aws:principalaccount": session.account_id,
        "aws:requestedregion": region,
        "aws:resourceaccount": account,
        "aws:securetransport": "true",
        **context,
    }
    request = Request(action, resource, {key: [value] for key, value in known.items()})
    return decide(policies_of(session), request).allowed


def may_read(session: AssumedRole, stream: Stream) -> bool:
    """Whether the role may read the stream, and decrypt its records if they are encrypted by an own key."""
    return all(may(session, action, stream.arn) for action in READS) and _may_decrypt(session, stream)


def _may_decrypt(session: AssumedRole, stream: Stream) -> bool:
    if not stream.key_id or stream.key_id.endswith(MANAGED_KEY):
        return True
    context = {
        "kms:viaservice": f"kinesis.{stream.region}.amazonaws.com",
        "kms:encryptioncontext:aws:kinesis:arn": stream.arn,
    }
    return may(session, "kms:Decrypt", key_arn(stream.key_id, stream.account_id, stream.region), context)


def may_encrypt(session: AssumedRole, key: str, *, bucket: str, object_key: str) -> bool:
    """Whether the role may write an object under a KMS key."""
    region = key.split(":")[3]
    context = {
        "kms:viaservice": f"s3.{region}.amazonaws.com",
        "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{bucket}/{object_key}",
    }
    return may(session, "kms:GenerateDataKey", key, context)


def key_arn(key: str, account: str, region: str) -> str:
    """The ARN of a KMS key that is given by ARN, id, alias or the alias's ARN."""
    if ":key/" in key:
        return key
    name: Any = key.split(":")[-1]
    if name.startswith("alias/"):
        name = kms_backends[account][region].get_key_id_from_alias(name)
    return f"arn:aws:kms:{region}:{account}:key/{name}"
