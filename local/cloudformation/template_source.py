"""Templates that are given as the URL of an S3 object.

moto reads them from a bucket named in the host, or in the path where the host is localhost; a client with an
endpoint of its own (`AWS_ENDPOINT_URL`) writes http://127.0.0.1:4566/bucket/key.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

import re
from urllib.parse import parse_qs, unquote, urlparse

from moto.cloudformation.exceptions import ValidationError
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

PATH_STYLE_HOST = re.compile(r"(s3([.-][a-z0-9-]+)?\.amazonaws\.com|localhost|127\.0\.0\.1|\[?::1\]?)(:\d+)?")


def bucket_and_key(url: str) -> tuple[str, str]:
    """In either style. Raises ValidationError for what is no address of an S3 object."""
    parts = urlparse(url)
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        bucket, key = parts.netloc, path
    elif PATH_STYLE_HOST.fullmatch(parts.netloc):
        bucket, _, key = path.partition("/")
    else:
        bucket, key = re.split(r"\.s3[.-]", parts.netloc)[0], path
    if not bucket or not key:
        raise ValidationError(message="TemplateURL must be a supported URL.")
    return bucket, key


def template_at(url: str, *, account_id: str, region: str) -> str:
    """The text of the template. Raises ValidationError if there is none."""
    bucket, key = bucket_and_key(url)
    version = parse_qs(urlparse(url).query).get("versionId", [None])[0]
    backend = s3_backends[account_id][get_partition(region)]
    try:
        found = backend.get_object(bucket, key, version_id=version)
    except S3ClientError as refusal:
        raise ValidationError(message=f"S3 error: {refusal.message}") from refusal
    if found is None:
        raise ValidationError(message="S3 error: The specified key does not exist.")
    text: str = found.value.decode()
    return text
