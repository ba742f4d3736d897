"""The stream that records are put into."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, ParamValidationError

from cli.batches import MAX_BYTES
from cli.problems import BadInput

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_kinesis import KinesisClient

OPTION = "--to-stream"
KIB = 1024
DEFAULT_RECORD_KIB = 1024  # https://docs.aws.amazon.com/streams/latest/dev/large-records.html
SHARD_BYTES_PER_SECOND = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Target:
    """`record_bytes` counts data and partition key; `batch_bytes` is what the shards take in a second."""

    arn: str
    name: str
    record_bytes: int
    batch_bytes: int


def describe(kinesis: "KinesisClient", stream: str) -> Target:
    """Look a stream up by its name. Raises BadInput when it is not there, not ready or not ours to see."""
    try:
        found = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except ParamValidationError as error:
        raise BadInput(OPTION, f"{stream!r} is no name of a stream") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ResourceNotFoundException", "ValidationException"):
            raise BadInput(OPTION, f"there is no stream {stream!r} in this account and Region") from error
        if code == "AccessDeniedException":
            raise BadInput(OPTION, f"{stream!r}: kinesis:DescribeStreamSummary is needed") from error
        raise
    if found["StreamStatus"] not in ("ACTIVE", "UPDATING"):
        raise BadInput(OPTION, f"{stream!r} is {found['StreamStatus']}, not ACTIVE")
    record_kib = int(cast(dict[str, Any], found).get("MaxRecordSizeInKiB") or DEFAULT_RECORD_KIB)
    batch_bytes = min(MAX_BYTES, max(found["OpenShardCount"], 1) * SHARD_BYTES_PER_SECOND)
    return Target(found["StreamARN"], found["StreamName"], record_kib * KIB, batch_bytes)


def is_source(firehose: "FirehoseClient", names: Iterable[str], prefix: str, target: Target) -> bool:
    """Whether what is put into the target comes back into this backup.

    Where a Firehose is gone or may not be seen, a prefix with the stream's name in it counts as yes.
    """
    return any(_backs_up(firehose, name, prefix, target) for name in sorted(names))


def _backs_up(firehose: "FirehoseClient", name: str, prefix: str, target: Target) -> bool:
    try:
        found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    except (ClientError, ParamValidationError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] not in (
            "ResourceNotFoundException",
            "AccessDeniedException",
        ):
            raise
        return target.name in prefix.split("/")
    source = found.get("Source", {}).get("KinesisStreamSourceDescription", {})
    return source.get("KinesisStreamARN") == target.arn
