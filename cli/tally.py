"""What was restored, in three numbers that can be compared with another side."""

import hashlib
from dataclasses import dataclass

_MODULUS = 2**128


@dataclass(frozen=True, slots=True)
class Tally:
    """`size` in bytes of data; `checksum` does not depend on the order of the records: a stream has none."""

    records: int = 0
    size: int = 0
    checksum: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        checksum = (self.checksum + other.checksum) % _MODULUS
        return Tally(self.records + other.records, self.size + other.size, checksum)

    def __str__(self) -> str:
        return f"{self.records:,} records, {self.size:,} bytes, checksum {self.checksum:032x}"


def of(data: bytes) -> Tally:
    """One record: the first half of its SHA-256 as a number; those of many are added up."""
    return Tally(1, len(data), int.from_bytes(hashlib.sha256(data).digest()[:16]))
