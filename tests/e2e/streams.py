"""Streams of a careless developer, what copies them, and what really arrives in the bucket."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from local.demo_stream import delivered, objects, put, records
from local.deploy import STACK
from tests.e2e.developer import Developer, until
from tests.e2e.guarded import Guarded
from tests.e2e.security_team import Report
from tests.e2e.stacks import Json

GUARD: Final = "unbacked-stream"
UNBACKED: Final = "unbacked"
ORPHANED: Final = "orphaned-backup"
ONLY: Final = {"S3RecursionMode": "off", "MissingAliasMode": "off"}
ARN: Final = "arn:aws:kinesis:us-east-1:123456789012:stream/"
FIREHOSE: Final = {"Service": "firehose.amazonaws.com"}
ASSUME: Final = "sts:AssumeRole"
ROLE: Final = "arn:aws:iam::123456789012:role/copier"
QUICK: Final = 0.01
"""How long a second of a waiting workflow takes."""


@contextmanager
def alone(guarded: Guarded) -> Iterator[None]:
    """Let workflows wait less, and AWS refuse no call for being too many; no other guard hears of streams."""
    account = guarded.account
    before = (account.workflow_seconds, account.rate_seconds)
    account.workflow_seconds, account.rate_seconds = QUICK, 0.0
    try:
        with guarded.unseen(f"{STACK}-DataDeletion"):
            yield
    finally:
        account.workflow_seconds, account.rate_seconds = before


def unheard(guarded: Guarded) -> contextlib.AbstractContextManager[None]:
    """What happens meanwhile does not reach this guard: it is older than it, or its events come late."""
    return guarded.unseen(f"{STACK}-UnbackedStream")


def create(developer: Developer, name: str, **more: Any) -> str:
    """Create a stream, of one shard unless something else is wanted; its ARN."""
    mode = {} if "StreamModeDetails" in more else {"ShardCount": 1}
    developer.client("kinesis").create_stream(StreamName=name, **mode, **more)
    return ARN + name


def ready(developer: Developer, name: str) -> None:
    """Wait until a stream takes records."""
    until(lambda: status(developer, name) == "ACTIVE", f"the stream {name}")


def status(developer: Developer, name: str) -> str:
    """The status of a stream; "" if there is none."""
    kinesis = developer.client("kinesis")
    try:
        found = kinesis.describe_stream_summary(StreamName=name)
    except kinesis.exceptions.ResourceNotFoundException:
        return ""
    return str(found["StreamDescriptionSummary"]["StreamStatus"])


def old(guarded: Guarded, name: str, **more: Any) -> str:
    """Create a stream that is older than Stackwarden, which so knows nothing of it; its ARN."""
    with unheard(guarded):
        arn = create(guarded, name, **more)
        ready(guarded, name)
    return arn


def tag(developer: Developer, name: str, **tags: str) -> None:
    """Tag a stream: then the guard looks at it."""
    developer.client("kinesis").add_tags_to_stream(StreamName=name, Tags=tags or {"team": "web"})


def tags(developer: Developer, name: str) -> dict[str, str]:
    """What Stackwarden wrote on a stream."""
    found = developer.client("kinesis").list_tags_for_stream(StreamName=name)["Tags"]
    prefix = "stackwarden:"
    return {it["Key"].removeprefix(prefix): it["Value"] for it in found if it["Key"].startswith(prefix)}


def firehoses(developer: Developer) -> list[str]:
    """The names of all delivery streams."""
    firehose, names = developer.client("firehose"), list[str]()
    while True:
        after = {"ExclusiveStartDeliveryStreamName": names[-1]} if names else {}
        page = firehose.list_delivery_streams(Limit=100, **after)
        names += page["DeliveryStreamNames"]
        if not page["HasMoreDeliveryStreams"]:
            return names


def firehose(developer: Developer, name: str) -> Json:
    """Describe a delivery stream; what is not there is empty."""
    client = developer.client("firehose")
    try:
        found: Json = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    except client.exceptions.ResourceNotFoundException:
        return {}
    return found


def source(description: Json) -> str:
    """The ARN of what a delivery stream reads."""
    return str(
        description.get("Source", {}).get("KinesisStreamSourceDescription", {}).get("KinesisStreamARN")
    )


def copies(developer: Developer, arn: str) -> list[Json]:
    """The delivery streams that read a stream."""
    described = (firehose(developer, name) for name in firehoses(developer))
    return [each for each in described if source(each) == arn]


def the_copy(developer: Developer, arn: str) -> Json:
    """The one active delivery stream that reads a stream, as somebody sees it."""
    (found,) = copies(developer, arn)
    assert found["DeliveryStreamStatus"] == "ACTIVE"
    return found


def destination(description: Json) -> Json:
    """What a delivery stream does with what it reads."""
    ((found,),) = (description["Destinations"],)
    settings: Json = found["ExtendedS3DestinationDescription"]
    return settings


def copy(guarded: Guarded, name: str, arn: str) -> None:
    """Let the developer copy a stream to the bucket `copies`."""
    copier(guarded)
    copying(guarded, name, arn)
    until(lambda: firehose(guarded, name)["DeliveryStreamStatus"] == "ACTIVE", f"the Firehose {name}")


def copier(guarded: Guarded) -> None:
    """The developer's role of Firehose, which may do everything, and the bucket."""
    guarded.client("s3").create_bucket(Bucket="copies")
    iam = guarded.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(
            RoleName="copier", AssumeRolePolicyDocument=_document(Principal=FIREHOSE, Action=ASSUME)
        )
    everything = _document(Action="*", Resource="*")
    iam.put_role_policy(RoleName="copier", PolicyName="inline", PolicyDocument=everything)


def copying(guarded: Guarded, name: str, arn: str) -> None:
    """Begin to copy a stream."""
    guarded.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::copies"},
    )


def _document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def bucket(guarded: Guarded) -> str:
    """The name of the bucket of all backups."""
    return guarded.outputs["BackupBucketArn"].split(":")[-1]


def prefix(name: str) -> str:
    """Where a stream's records are in it."""
    return f"kinesis/123456789012/us-east-1/{name}/"


def arrives(guarded: Guarded, name: str, mark: str, count: int = 100) -> list[str]:
    """Put records into a stream and wait until they are in the bucket, too; the keys of its objects."""
    data = records(count, mark)
    put(guarded.client("kinesis"), name, data)
    arrived(guarded, name, data)
    return keys(guarded, name)


def arrived(guarded: Guarded, name: str, data: list[bytes]) -> None:
    """Wait until a stream's copy holds these records."""
    s3 = guarded.client("s3")
    until(
        lambda: set(data) <= set(delivered(s3, bucket(guarded), prefix(name))), f"the records of {name} in S3"
    )


def keys(guarded: Guarded, name: str) -> list[str]:
    """The keys of the objects of a stream's backup."""
    return objects(guarded.client("s3"), bucket(guarded), prefix(name))


def copied(guarded: Guarded, name: str, **more: Any) -> tuple[str, Report]:
    """A stream with Stackwarden's backup: the name of that, and the report."""
    arn = create(guarded, name, **more)
    report = guarded.report(name, UNBACKED)
    assert report.outcome == "remediated"
    return str(the_copy(guarded, arn)["DeliveryStreamName"]), report
