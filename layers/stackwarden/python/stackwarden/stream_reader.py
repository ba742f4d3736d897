"""Reading streams and what copies them to S3, with care: Firehose answers five describing calls a second."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.stream_state import OWNED, Backup, Stream, Way, backup_prefix, is_own_name
from stackwarden.settings import Place

# CloudWatch has a name of its own for it, and SSM; an older SDK raises what Firehose's model does not know.
_THROTTLED: Final = frozenset(
    {"LimitExceededException", "ThrottlingException", "Throttling", "TooManyRequestsException"}
)
MOST_DESCRIBED: Final = 20  # delivery streams in one judgement; the next one goes on from there
_PAGE: Final = 100
_SOURCE: Final = "KinesisStreamAsSource"
_UNKNOWN: Final = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction"})


@dataclass(frozen=True)
class Found:
    """The copies of a stream, as far as they were looked for.

    after: where to go on; None: that is all. throttled: whether AWS stopped the search.
    """

    backups: tuple[Backup, ...] = ()
    after: str | None = None
    throttled: bool = False


def is_throttled(error: ClientError) -> bool:
    """Whether AWS refused a call since there were too many."""
    return aws.code(error) in _THROTTLED


class StreamReader:
    """Reads streams. Every method raises ClientError; what does not exist is None."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def arn(self, name: str) -> str:
        """Return the ARN of a stream of this place, by name or ARN."""
        place = self._place
        here = f"arn:{place.partition}:kinesis:{place.region}:{place.account}:stream/"
        return name if name.startswith("arn:") else here + name

    def stream(self, name: str) -> Stream | None:
        """Read a stream, by name or ARN, without its tags."""
        client, arn = aws.client("kinesis"), self.arn(name)
        try:
            summary = client.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return Stream(
            arn=arn,
            status=summary["StreamStatus"],
            created_at=summary["StreamCreationTimestamp"],
            on_demand=summary.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND",
            key=summary.get("KeyId", "") if summary.get("EncryptionType") == "KMS" else "",
        )

    def tags(self, stream: Stream) -> dict[str, str]:
        """Read a stream's tags: five such calls a second, so only where they decide."""
        try:
            return dict(_tags(stream.arn))
        except aws.client("kinesis").exceptions.ResourceNotFoundException:
            return {}

    def delivery_stream(self, name: str) -> Backup | None:
        """Read a delivery stream, with the S3 destinations that it has; one without a stream as its source,
        too.
        """
        client = aws.client("firehose")
        try:
            found = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        except client.exceptions.ResourceNotFoundException:
            return None
        source = found.get("Source", {}).get("KinesisStreamSourceDescription", {})
        buckets = (_bucket(destination) for destination in found["Destinations"])
        return Backup(
            way=Way.FIREHOSE,
            name=name,
            arn=found["DeliveryStreamARN"],
            status=found["DeliveryStreamStatus"],
            source=source.get("KinesisStreamARN", ""),
            buckets=tuple(bucket for bucket in buckets if bucket),
            since=source.get("DeliveryStartTimestamp"),
            owned=is_own_name(name),
            reason=found.get("FailureDescription", {}).get("Details", ""),
        )

    def orphan(self, name: str) -> Backup | None:
        """Read a delivery stream that may be removed: only its tag says whose it is, not its name."""
        client, backup = aws.client("firehose"), self.delivery_stream(name)
        if backup is None or not backup.owned:
            return backup
        try:
            tags = client.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
        except client.exceptions.ResourceNotFoundException:
            return None
        mine = any(tag["Key"] == OWNED and tag.get("Value") == backup.source for tag in tags)
        return replace(backup, owned=mine)

    def channels(self, stream: Stream) -> tuple[Backup, ...]:
        """Return Kinesis' own deliveries of a stream to S3.

        The SDK of Lambda's runtime may be older than the call, or the Region; then none is found, which costs
        a copy more.
        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListChannels.html
        """
        client: Any = aws.client("kinesis")
        if not hasattr(client, "list_channels"):
            return ()
        wanted = {"StreamARN": stream.arn, "StreamCreationTimestamp": stream.created_at}
        try:
            pages = client.get_paginator("list_channels").paginate(StreamFilter=[wanted])
            return tuple(_channel(each, stream) for page in pages for each in page["ChannelSummaries"])
        except ClientError as error:
            if aws.code(error) not in _UNKNOWN:
                raise
            return ()

    def channel_sources(self, arn: str) -> tuple[str, ...]:
        """Return the ARNs of the streams that a channel delivers, or delivered."""
        client = aws.client("kinesis")
        if not hasattr(client, "describe_channel"):
            return ()
        try:
            found = client.describe_channel(ChannelARN=arn)["ChannelDescription"]
        except client.exceptions.ResourceNotFoundException:
            return ()
        return tuple(stream["StreamARN"] for stream in found["StreamConfigurationList"])

    def by_others(self, stream: Stream, after: str = "") -> Found:
        """Look through the delivery streams that others made, by name, from `after` on.

        Those of Stackwarden's own names are known by their name alone. One that is still being made is found
        again the next time.
        """
        last = after
        try:
            for described, name in enumerate(self._names(after)):
                if described == MOST_DESCRIBED:
                    return Found(after=last)
                backup = self.delivery_stream(name)
                if backup and backup.source == stream.arn and backup.buckets:
                    if backup.works:
                        return Found((backup,))
                    if backup.status == "CREATING":
                        return Found((backup,), after=last)
                last = name
        except ClientError as error:
            if not is_throttled(error):
                raise
            return Found(after=last, throttled=True)
        return Found()

    def own(self, stream_name: str) -> Iterator[str]:
        """Yield the delivery streams that Stackwarden may have made for streams of a name."""
        prefix = backup_prefix(stream_name)
        for name in self._listed(prefix):
            if is_own_name(name, stream_name):
                yield name
            elif name > prefix and not name.startswith(prefix):
                return

    def _names(self, after: str) -> Iterator[str]:
        return (name for name in self._listed(after) if not is_own_name(name))

    def _listed(self, after: str) -> Iterator[str]:
        more = True
        while more:
            names, more = self._page(after)
            yield from names
            more, after = more and bool(names), names[-1] if names else after

    def _page(self, after: str) -> tuple[list[str], bool]:
        """Return the names that follow one, alphabetically, and whether there are more.

        https://docs.aws.amazon.com/firehose/latest/APIReference/API_ListDeliveryStreams.html
        """
        client = aws.client("firehose")
        start: Any = {"ExclusiveStartDeliveryStreamName": after} if after else {}
        answer = client.list_delivery_streams(DeliveryStreamType=_SOURCE, Limit=_PAGE, **start)
        return answer["DeliveryStreamNames"], answer["HasMoreDeliveryStreams"]


def _tags(arn: str) -> Iterator[tuple[str, str]]:
    client, start = aws.client("kinesis"), dict[str, Any]()
    while True:
        answer = client.list_tags_for_stream(StreamARN=arn, **start)
        yield from ((tag["Key"], tag.get("Value", "")) for tag in answer["Tags"])
        if not answer["HasMoreTags"]:
            return
        start = {"ExclusiveStartTagKey": answer["Tags"][-1]["Key"]}


def _channel(summary: Any, stream: Stream) -> Backup:
    kind = summary["ChannelDestinationType"]
    return Backup(
        way=Way.CHANNEL,
        name=summary["ChannelName"],
        arn=summary["ChannelARN"],
        status=summary["ChannelStatus"],
        source=stream.arn,
        buckets=(kind,) if kind == "S3" else (),
        since=summary["ChannelCreationTimestamp"],
        reason=summary.get("ChannelStatusReason", ""),
    )


def _bucket(destination: Any) -> str:
    """The bucket of a destination that is S3: those of other kinds use one only for what failed."""
    s3 = destination.get("ExtendedS3DestinationDescription") or destination.get("S3DestinationDescription")
    others = [key for key in destination if key.endswith("DestinationDescription") and "S3Dest" not in key]
    return str(s3["BucketARN"]) if s3 and not others else ""
