"""What a copy of a stream costs in a month, at the volume that the stream has had. Pure."""

import math
from dataclasses import dataclass

_ROUNDED = 5 * 1024  # bytes: Firehose charges each record of a stream as a multiple of it
_GB = 1024**3
_SECONDS_OF_A_MONTH = 30 * 24 * 3600
LEAST_MEASURED = 3600  # seconds: from less nothing is to be told about a month


@dataclass(frozen=True)
class Prices:
    """USD. firehose: for a GB that goes through; storage: for a GB that is kept for a month.

    https://aws.amazon.com/firehose/pricing/ and https://aws.amazon.com/s3/pricing/
    """

    firehose: float = 0.029  # us-east-1, the first 500 TB of a month
    storage: float = 0.023  # us-east-1, S3 Standard


@dataclass(frozen=True)
class Volume:
    """What was put into a stream during some seconds."""

    records: float
    size: float  # bytes
    seconds: float


@dataclass(frozen=True)
class Cost:
    """A month's: billed is GB as Firehose rounds them up, stored is GB before compression."""

    billed: float
    stored: float
    firehose: float
    storage: float

    @property
    def total(self) -> float:
        """USD."""
        return self.firehose + self.storage


def monthly(volume: Volume, prices: Prices) -> Cost | None:
    """Return the cost of a month of such volume; None: nothing was put into the stream, or it is too new.

    The size of each record is not known, only their sum. At their average size each is rounded up; where
    sizes differ, the truth may lie above or below it, by less than 5 KB for each record.
    """
    if volume.records <= 0 or volume.seconds < LEAST_MEASURED:
        return None
    average = volume.size / volume.records
    a_month = _SECONDS_OF_A_MONTH / volume.seconds
    billed = volume.records * max(1, math.ceil(average / _ROUNDED)) * _ROUNDED * a_month / _GB
    stored = volume.size * a_month / _GB
    return Cost(billed, stored, billed * prices.firehose, stored * prices.storage)
