"""What `unbacked-stream` knows about a Kinesis stream, and about what copies it to S3. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

ACTIVE = "ACTIVE"
OPT_OUT = "stackwarden:backup"  # with the value `none`, on a stream
OPT_OUT_REASON = "stackwarden:backup-reason"
OWNED = "stackwarden:stream"  # on a delivery stream of Stackwarden's: the ARN of the stream
OWN_NAMES = "stackwarden-"  # what the names of Stackwarden's delivery streams begin with
_LONGEST_NAME = 64  # https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
_DIGEST = 12


@dataclass(frozen=True)
class Stream:
    """A Kinesis stream. created_at tells it from one that had its name before. key: its KMS key, or ""."""

    arn: str
    status: str
    created_at: datetime
    on_demand: bool = False
    key: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.arn.split("/", 1)[1]

    @property
    def stands(self) -> bool:
        """Whether it is there to stay."""
        return self.status != "DELETING"

    @property
    def has_own_key(self) -> bool:
        """Whether the key is the customer's, so that the copy is to be encrypted with it, too.

        Only Kinesis itself can use the key that AWS manages for it.
        """
        return bool(self.key) and not self.key.endswith("alias/aws/kinesis")

    @property
    def key_arn(self) -> str:
        """The key's ARN, the one spelling that Firehose takes; Kinesis answers what it was told.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html
        """
        if not self.key or self.key.startswith("arn:"):
            return self.key
        _, partition, _, region, account, _ = self.arn.split(":", 5)
        resource = self.key if self.key.startswith("alias/") else f"key/{self.key}"
        return f"arn:{partition}:kms:{region}:{account}:{resource}"


class Way(StrEnum):
    """How records get from a stream to S3."""

    FIREHOSE = "Firehose"
    CHANNEL = "Kinesis delivery to S3"


@dataclass(frozen=True)
class Backup:
    """Something that copies a stream to S3.

    source: the ARN of the stream. buckets: of its destinations. since: from when it reads. owned: whether
    Stackwarden made it. reason: why it failed.
    """

    way: Way
    name: str
    arn: str
    status: str
    source: str
    buckets: tuple[str, ...]
    since: datetime | None = None
    owned: bool = False
    reason: str = ""

    @property
    def works_or_did(self) -> bool:
        """Whether there may be something of it in S3."""
        return bool(self.buckets) and not self.status.startswith("CREATING")

    @property
    def works(self) -> bool:
        """Whether it copies now; while its own settings are updated it goes on."""
        return self.status in {ACTIVE, "UPDATING"} and bool(self.buckets)


@dataclass(frozen=True)
class Destination:
    """Where Stackwarden's backups go. interval: seconds, size: MiB of buffering."""

    bucket_arn: str
    role_arn: str
    interval: int = 300
    size: int = 64


def backup_name(stream: Stream) -> str:
    """Return the name of Stackwarden's delivery stream: the same for one stream, and for no other one.

    A stream that is made again under its name is another one: the delivery stream of the one before is kept
    until its buffer is flushed.
    """
    identity = f"{stream.arn}\n{int(stream.created_at.timestamp())}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:_DIGEST]
    prefix = backup_prefix(stream.name)
    return f"{prefix}{digest}"


def backup_prefix(stream_name: str) -> str:
    """Return what the names of Stackwarden's delivery streams for streams of this name begin with."""
    room = _LONGEST_NAME - len(f"{OWN_NAMES}-") - _DIGEST
    return f"{OWN_NAMES}{re.sub(r'[^A-Za-z0-9_.-]', '-', stream_name)[:room]}-"


def is_own_name(name: str, stream_name: str = "") -> bool:
    """Whether a name is one that Stackwarden would take, for a stream of this name or for any.

    Of two streams with long names that begin alike it is true for both.
    """
    prefix = re.escape(backup_prefix(stream_name)) if stream_name else f"{OWN_NAMES}.+-"
    return bool(re.fullmatch(f"{prefix}[0-9a-f]{{{_DIGEST}}}", name))
