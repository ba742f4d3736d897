"""What authorization asks of calls to S3 alone: whose bucket it is, and the request's condition keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from urllib.parse import parse_qsl

from moto.s3.models import s3_backends
from moto.sts.models import AssumedRole

from local.authorization.policy import Request, applying, statements
from local.cloudtrail.call import ApiCall
from local.resource_policy import document, names

OBJECT_ARN = "arn:aws:s3:::"
REQUEST_HEADER = "HTTP_X_AMZ_"


def is_bucket_of_another(call: ApiCall) -> bool:
    """Whether the caller expects another owner: S3 answers 403 AccessDenied, whoever asks.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    expectations = {"ExpectedBucketOwner": call.parameters.get("Bucket")}
    if source := call.parameters.get("CopySource"):
        expectations["ExpectedSourceBucketOwner"] = source.lstrip("/").split("/")[0]
    return call.service == "s3" and any(
        call.parameters.get(parameter) not in (None, owner(bucket))
        for parameter, bucket in expectations.items()
        if owner(bucket)
    )


def bucket_lets_in(session: AssumedRole, request: Request) -> bool:
    """Whether a bucket of another account allows the request; one's own is not asked."""
    bucket = request.resource.removeprefix(OBJECT_ARN).split("/")[0]
    account = owner(bucket) if request.resource.startswith(OBJECT_ARN) else None
    if account in (None, session.account_id):
        return True
    policy = document(s3_backends[account]["aws"].buckets[bucket].policy)
    found = list(statements(policy)) if policy else []

    def speaks(effect: str) -> bool:
        return any(
            names(found[number].get("Principal"), who)
            for number in (applying(policy, effect, request) if policy else [])
            for who in (session.role_arn, session.arn)
        )

    return speaks("Allow") and not speaks("Deny")


def owner(bucket: str | None) -> str | None:
    """The account of a bucket; None if there is no such bucket."""
    return s3_backends.bucket_accounts.get(bucket or "", (None, None))[1]


def s3_keys(call: ApiCall) -> dict[str, list[str]]:
    """Condition keys in lower case: `s3:prefix`, `s3:x-amz-…` by header, `s3:RequestObjectTag/…`."""
    keys = {
        f"s3:x-amz-{name.removeprefix(REQUEST_HEADER).replace('_', '-').lower()}": [str(value)]
        for name, value in call.environ.items()
        if name.startswith(REQUEST_HEADER)
    }
    if "Prefix" in call.parameters:
        keys["s3:prefix"] = [call.parameters["Prefix"]]
    if tags := request_tags(call):
        keys["s3:requestobjecttagkeys"] = list(tags)
        keys |= {f"s3:requestobjecttag/{key}".lower(): [value] for key, value in tags.items()}
    return keys


def request_tags(call: ApiCall) -> dict[str, str]:
    """The tags that a call puts on an object: in a header, or as the body of PutObjectTagging."""
    given = call.parameters.get("Tagging") or {}
    if isinstance(given, str):
        return dict(parse_qsl(given, keep_blank_values=True))
    return {tag["Key"]: tag["Value"] for tag in given.get("TagSet", [])}
