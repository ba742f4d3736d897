"""Where an event of `unbacked-stream` points: to a stream, to what copies one, or to a stack."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from stackwarden.events import ApiCall, ResourceStatusChange, StackStatusChange


class Kind(StrEnum):
    """What an event may point at."""

    STREAM = "stream"  # a name or an ARN
    GONE = "stream that is deleted"  # a name or an ARN
    DELIVERY_STREAM = "delivery stream"  # a name
    CHANNEL = "channel"  # an ARN


class Start(NamedTuple):
    """One thing to begin at. stack_id: of the stack that made it, if that is known."""

    kind: Kind
    name: str
    stack_id: str | None = None


TYPE: Final = "AWS::Kinesis::Stream"
_STREAM_ARN: Final = re.compile(r"arn:[\w-]+:kinesis:[\w-]+:\d{12}:stream/[^/]+")  # a consumer's goes on

# The call, and the parameters that name what it is about, the first that is there. kinesisvideo has a
# CreateStream, too: the event source tells them apart.
_CALLS: Final[Mapping[str, Mapping[str, tuple[Kind, tuple[str, ...]]]]] = {
    "kinesis.amazonaws.com": {
        "CreateStream": (Kind.STREAM, ("streamname",)),
        "AddTagsToStream": (Kind.STREAM, ("streamarn", "streamname")),
        "RemoveTagsFromStream": (Kind.STREAM, ("streamarn", "streamname")),
        "TagResource": (Kind.STREAM, ("resourcearn",)),
        "UntagResource": (Kind.STREAM, ("resourcearn",)),
        "DeleteStream": (Kind.GONE, ("streamarn", "streamname")),
        "DeleteChannel": (Kind.CHANNEL, ("channelarn",)),
    },
    "firehose.amazonaws.com": {
        "DeleteDeliveryStream": (Kind.DELIVERY_STREAM, ("deliverystreamname",)),
        "UpdateDestination": (Kind.DELIVERY_STREAM, ("deliverystreamname",)),
    },
}


def start_of(event: ApiCall | StackStatusChange | ResourceStatusChange) -> Start | None:
    """Say where to begin; None: the event is about nothing that is, or has, a copy in S3."""
    if isinstance(event, ResourceStatusChange):
        is_stream = event.resource_type == TYPE and event.physical_id
        return Start(Kind.STREAM, event.physical_id, event.stack_id) if is_stream else None
    if isinstance(event, StackStatusChange):
        return None
    found = _CALLS.get(event.source, {}).get(event.name)
    if found is None or (event.name == "CreateStream" and event.by_cloudformation):
        return None  # CloudFormation's own events tell of a stack's streams, durably, and of which stack
    kind, parameters = found
    # By lower case: how CloudTrail spells a parameter that ends in an abbreviation is not documented.
    request = {key.lower(): value for key, value in (event.request or {}).items()}
    name = next((str(request[parameter]) for parameter in parameters if request.get(parameter)), "")
    if kind is Kind.STREAM and name.startswith("arn:") and not _STREAM_ARN.fullmatch(name):
        return None  # consumers and channels have tags, too
    return Start(kind, name) if name else None
