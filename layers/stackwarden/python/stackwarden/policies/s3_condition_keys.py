"""The condition keys of a function's requests to S3: which it has, which the code may choose. Data.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Mapping
from itertools import chain
from typing import Literal

type ContextType = Literal["string", "stringList", "boolean", "numeric", "date", "ip"]

VERSION_ID = "s3:versionid"
TAG_KEYS = "s3:RequestObjectTagKeys"
TAG = "s3:RequestObjectTag/"
EXISTING_TAG = "s3:ExistingObjectTag/"
ACL = "s3:x-amz-acl"
COPY_SOURCE = "s3:x-amz-copy-source"
LEGAL_HOLD = "s3:object-lock-legal-hold"
LOCK_MODE = "s3:object-lock-mode"
LOCK_DAYS = "s3:object-lock-remaining-retention-days"
LOCK_UNTIL = "s3:object-lock-retain-until-date"
SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
SSE_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
GRANTS = tuple(
    f"s3:x-amz-grant-{permission}"
    for permission in ("full-control", "read", "read-acp", "write", "write-acp")
)

# What the code may send, by action; a name that ends in "/" stands for all that begin so. A key of the one
# action is never present in the other. PutObject and DeleteObject do not see the tags that an object has:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html
ANY_ACTION = (
    "aws:UserAgent",
    "s3:authType",
    "s3:signatureAge",
    "s3:signatureversion",
    "s3:TlsVersion",
    "s3:x-amz-content-sha256",
)
_TAGGING = (EXISTING_TAG, TAG, TAG_KEYS)
_ACLS = (EXISTING_TAG, ACL, *GRANTS)
CHOSEN: Mapping[str, tuple[str, ...]] = {
    "s3:PutObject": (
        *(TAG, TAG_KEYS, ACL, *GRANTS, COPY_SOURCE, LEGAL_HOLD, LOCK_MODE, LOCK_DAYS, LOCK_UNTIL),
        *(SSE, SSE_KEY, SSE_CUSTOMER, "s3:if-match", "s3:if-none-match", "s3:x-amz-metadata-directive"),
        *("s3:x-amz-storage-class", "s3:x-amz-website-redirect-location"),
    ),
    "s3:DeleteObject": ("s3:if-match",),
    "s3:DeleteObjectVersion": (VERSION_ID,),
    "s3:PutObjectTagging": _TAGGING,
    "s3:PutObjectVersionTagging": (*_TAGGING, VERSION_ID),
    "s3:DeleteObjectTagging": (EXISTING_TAG,),
    "s3:DeleteObjectVersionTagging": (EXISTING_TAG, VERSION_ID),
    "s3:PutObjectAcl": _ACLS,
    "s3:PutObjectVersionAcl": (*_ACLS, VERSION_ID),
    "s3:PutObjectLegalHold": (LEGAL_HOLD,),
    "s3:PutObjectRetention": (LOCK_MODE, LOCK_DAYS, LOCK_UNTIL),
}
# Where S3 takes no other values; preferred ones first.
VALUES: Mapping[str, tuple[str, ...]] = {
    "s3:authType": ("REST-HEADER", "REST-QUERY-STRING", "POST"),
    "s3:signatureversion": ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    "s3:TlsVersion": ("1.3", "1.2"),
    "s3:x-amz-content-sha256": (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # of an empty object
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ),
    ACL: (
        *("private", "bucket-owner-full-control", "bucket-owner-read", "authenticated-read"),
        *("public-read", "public-read-write", "aws-exec-read"),
    ),
    LEGAL_HOLD: ("OFF", "ON"),
    LOCK_MODE: ("GOVERNANCE", "COMPLIANCE"),
    SSE: ("AES256", "aws:kms", "aws:kms:dsse"),
    SSE_CUSTOMER: ("AES256",),
    "s3:if-none-match": ("*",),
    "s3:x-amz-metadata-directive": ("COPY", "REPLACE"),
    "s3:x-amz-storage-class": (
        *("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER"),
        *("DEEP_ARCHIVE", "REDUCED_REDUNDANCY"),
    ),
}
NEVER_ABSENT = ("s3:authType", "s3:signatureversion", "s3:TlsVersion", "s3:x-amz-content-sha256")
UNTIL_CHOSEN = frozenset(name.lower() for name in NEVER_ABSENT)  # unknown
# Where any value does, but a word does not.
FRESH: Mapping[str, str] = {
    LOCK_DAYS: "1",
    LOCK_UNTIL: "2099-01-01T00:00:00Z",
    "s3:signatureAge": "1",
    COPY_SOURCE: "example-bucket/example",
    "s3:x-amz-website-redirect-location": "/example",
}
TYPES: Mapping[str, ContextType] = {
    TAG_KEYS: "stringList",
    LOCK_DAYS: "numeric",
    LOCK_UNTIL: "date",
    "s3:signatureAge": "numeric",
    "s3:TlsVersion": "numeric",
    "s3:ObjectCreationOperation": "boolean",
    "aws:SecureTransport": "boolean",
    "aws:PrincipalIsAWSService": "boolean",
    "aws:ViaAWSService": "boolean",
}
# Never there when a function asks S3 for an object of a bucket by itself.
ABSENT = frozenset(
    name.lower()
    for name in (
        *("aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"),
        *("aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:FederatedProvider"),
        *("aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalServiceName"),
        *("aws:PrincipalServiceNamesList", "aws:Referer", "aws:SourceAccount", "aws:SourceArn"),
        *("aws:SourceIdentity", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:username"),
        *("ec2:RoleDelivery", "ec2:SourceInstanceArn", "s3:AccessGrantsInstanceArn"),
        *("s3:AccessPointNetworkOrigin", "s3:DataAccessPointAccount", "s3:DataAccessPointArn"),
        *("s3:delimiter", "s3:locationconstraint", "s3:max-keys", "s3:ObjectCreationOperation"),
        *("s3:prefix", *VALUES, *chain.from_iterable(CHOSEN.values())),
    )
)
# Nobody knows whether the subnet's traffic goes through an endpoint; outside of a VPC they are absent.
OF_A_VPC = frozenset(
    {
        *("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpcsourceip"),
        *("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
    }
)
ABSENT_FAMILIES = tuple(
    name.lower()
    for name in ("aws:PrincipalTag/", *chain.from_iterable(CHOSEN.values()))
    if name.endswith("/")
)
# What must be so, if the code sends such a thing, or if it needs such an object.
MUST_BE: Mapping[str, str] = {
    EXISTING_TAG: "the object has the tag {tag}={value}",
    VERSION_ID: "the object has the version {value}",
    COPY_SOURCE: "it copies {value}, which it must be able to read",
    LEGAL_HOLD: "the bucket has Object Lock",
    LOCK_MODE: "the bucket has Object Lock",
    LOCK_DAYS: "the bucket has Object Lock",
    LOCK_UNTIL: "the bucket has Object Lock",
}
ALSO_NEEDS: Mapping[str, str] = {
    TAG: "s3:PutObjectTagging",
    ACL: "s3:PutObjectAcl",
    **dict.fromkeys(GRANTS, "s3:PutObjectAcl"),
    LEGAL_HOLD: "s3:PutObjectLegalHold",
    LOCK_MODE: "s3:PutObjectRetention",
    LOCK_DAYS: "s3:PutObjectRetention",
    LOCK_UNTIL: "s3:PutObjectRetention",
}
