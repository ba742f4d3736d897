"""ListBuckets by pages, with the Region of each bucket, which moto leaves out.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
"""

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.s3.responses import S3Response

from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount

MOST_BUCKETS = 10_000
PARAMETERS = ("prefix", "bucket-region", "max-buckets", "continuation-token")


def install(account: "LocalAccount") -> None:
    """Replace moto's listing."""
    extend(S3Response, all_buckets=all_buckets)


def all_buckets(response: S3Response) -> Any:
    """The buckets of the account, by name; Regions only where a parameter was given."""
    given = {name: response._get_param(name) for name in PARAMETERS}
    after = given["continuation-token"] or ""
    found = response.backend.list_buckets(
        prefix=given["prefix"], bucket_region=given["bucket-region"], max_buckets=None
    )
    rest = sorted((it for it in found if it.name > after), key=lambda it: it.name)
    page = rest[: int(given["max-buckets"] or MOST_BUCKETS)]
    buckets = [{"Name": it.name, "CreationDate": it.creation_date_ISO8601} for it in page]
    result: dict[str, Any] = {"Owner": {"ID": response.current_account}, "Buckets": buckets}
    if any(given.values()):
        for told, bucket in zip(buckets, page, strict=True):
            told["BucketRegion"] = bucket.region_name
    if given["prefix"]:
        result["Prefix"] = given["prefix"]
    if len(page) < len(rest):
        result["ContinuationToken"] = page[-1].name
    response.data["Action"] = "ListBuckets"
    return response.serialized(ActionResult(result))
