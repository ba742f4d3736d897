"""Building blocks of what `unbacked-stream` judges, with the values that matter least filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, Attempt, Exemption
from stackwarden.policies.stream_actions import create_delivery_stream, delete_delivery_stream
from stackwarden.policies.stream_state import Backup, Destination, Stream, Way, backup_name
from stackwarden.policies.unbacked_stream import Case, Hazard

ACCOUNT, REGION = "123456789012", "us-east-1"
CREATED = datetime(2026, 1, 15, 10, tzinfo=UTC)
BUCKET = "stackwarden-backups"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/stackwarden-firehose"
DESTINATION = Destination(BUCKET_ARN, ROLE)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
TAKEN = "Firehose.ResourceInUseException: Firehose already exists"


def stream_arn(name: str = "orders") -> str:
    """The ARN of a stream."""
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def stream(name: str = "orders", **changes: Any) -> Stream:
    """An ACTIVE stream."""
    known: dict[str, Any] = {"arn": stream_arn(name), "status": "ACTIVE", "created_at": CREATED}
    return Stream(**known | changes)


def own_backup(of: Stream | None = None, **changes: Any) -> Backup:
    """Stackwarden's delivery stream of a stream; it began 30 seconds after that."""
    copied = of or stream()
    since = copied.created_at + timedelta(seconds=30)
    known: dict[str, Any] = {"name": backup_name(copied), "source": copied.arn, "owned": True, "since": since}
    return backup(**known | changes)


def backup(name: str = "by-somebody-else", **changes: Any) -> Backup:
    """A delivery stream that copies `orders` to S3, made by somebody else."""
    known: dict[str, Any] = {
        "way": Way.FIREHOSE,
        "name": name,
        "arn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{name}",
        "status": "ACTIVE",
        "source": stream_arn(),
        "buckets": (BUCKET_ARN,),
    }
    return Backup(**known | changes)


def case(of: Stream | None = None, *backups: Backup, exempt: str = "", **changes: Any) -> Case:
    """What is judged about a stream; `exempt` names what has an exemption."""
    known: dict[str, Any] = {
        "hazard": Hazard.UNBACKED,
        "destination": DESTINATION,
        "arn": of.arn if of else stream_arn(),
        "stream": of,
        "backups": backups,
        "exemptions": Exemptions({name: exemption(name) for name in exempt.split()}),
    }
    return Case(**known | changes)


def orphan_case(orphan: Backup | None, of: Stream | None = None, **changes: Any) -> Case:
    """What is judged about a delivery stream whose stream was deleted."""
    return case(of, hazard=Hazard.ORPHANED, orphan=orphan, **changes)


def exemption(name: str) -> Exemption:
    """An exemption in force."""
    return Exemption(
        name=f"/stackwarden/exemptions/unbacked-stream/{name}",
        requested_by="developer",
        approved_by="security",
        reason="a throw-away stream",
        until="2026-02-01T00:00:00+00:00",
    )


def made(of: Stream | None = None, *, error: str = "", in_round: int = 0) -> Attempt:
    """What came of making the delivery stream."""
    return tried(create_delivery_stream(of or stream(), DESTINATION), error=error, in_round=in_round)


def removed(orphan: Backup, *, error: str = "", in_round: int = 1) -> Attempt:
    """What came of removing it."""
    return tried(delete_delivery_stream(orphan), error=error, in_round=in_round)


def tried(action: Action, *, error: str = "", in_round: int = 0) -> Attempt:
    """What the workflow made of an action."""
    status = {"status": "failed", "error": error} if error else {"status": "done"}
    return Attempt.model_validate({**action.model_dump(), **status, "round": in_round})
