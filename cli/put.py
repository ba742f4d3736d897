"""Puts one batch into a stream: all of it, or Stopped."""

import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.batches import Entry
from cli.problems import Stopped

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

ATTEMPTS = 12
FIRST_DELAY, LONGEST_DELAY = 0.25, 20.0
BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "KMSThrottlingException",
        "ThrottlingException",
        "LimitExceededException",
        "InternalFailureException",
    }
)

type Sleep = Callable[[float], None]


def put(kinesis: "KinesisClient", stream_arn: str, batch: Sequence[Entry], sleep: Sleep = time.sleep) -> None:
    """Put every record, those that the stream refused again and in order.

    Raises Stopped when ATTEMPTS calls in a row got no record in.
    """
    waiting, attempt = batch, 0
    while waiting:
        refused, reason = _put_once(kinesis, stream_arn, waiting)
        attempt = attempt + 1 if len(refused) == len(waiting) else 1
        if attempt == ATTEMPTS:
            raise Stopped(f"{stream_arn} took no record in {ATTEMPTS} attempts: {reason}")
        waiting = refused
        if waiting:
            sleep(delay(attempt))


def delay(attempt: int) -> float:
    """Seconds: exponential with full jitter, so that many writers do not come back at once."""
    return random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2**attempt))  # noqa: S311 - no secret


def _put_once(
    kinesis: "KinesisClient", stream_arn: str, batch: Sequence[Entry]
) -> tuple[Sequence[Entry], str]:
    """The records that were refused, and the reason of the last one."""
    records: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": entry.data, "PartitionKey": entry.partition_key} for entry in batch
    ]
    try:
        answer = kinesis.put_records(StreamARN=stream_arn, Records=records)
    except ClientError as error:
        if error.response["Error"]["Code"] not in BUSY:
            raise
        return batch, str(error)
    results = list(zip(batch, answer["Records"], strict=True))
    refused = [(entry, result) for entry, result in results if result.get("ErrorCode")]
    reason = f"{refused[-1][1]['ErrorCode']}: {refused[-1][1].get('ErrorMessage')}" if refused else ""
    return [entry for entry, _ in refused], reason
