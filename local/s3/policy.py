"""What the policy of a bucket says to a call, with its conditions; moto leaves them out.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
"""

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local.authorization.policy import Request, applying
from local.resource_policy import document

CONTEXT = {"aws:securetransport": ["true"]}
"""Every call counts as one over TLS; other keys are not known here."""


def permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Whether the policy denies or allows an action to everybody; its Principal is not asked, as in moto."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy, request = document(bucket.policy), Request(action, resource, CONTEXT)
    if applying(policy, "Deny", request):
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if applying(policy, "Allow", request) else PermissionResult.NEUTRAL
