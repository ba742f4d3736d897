"""Channels: Kinesis' own delivery of a stream to S3, which moto does not know. Here they deliver nothing.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateChannel.html
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.kinesis.exceptions import InvalidArgumentError, ResourceInUseError, ResourceNotFoundError
from moto.kinesis.models import KinesisBackend
from moto.kinesis.responses import KinesisResponse

from local.account import current

CHANNELS_OF_A_PAGE = 100
KEPT_PARAMETERS = (
    "ChannelName",
    "ServiceExecutionRoleARN",
    "S3DestinationConfiguration",
    "S3TablesDestinationConfiguration",
    "EncryptionConfiguration",
)


def _channels(backend: KinesisBackend) -> dict[str, dict[str, Any]]:
    """The descriptions of a backend's channels by ARN."""
    kept: dict[str, dict[str, Any]] = backend.__dict__.setdefault("channels", {})
    return kept


def _create_channel(response: KinesisResponse) -> ActionResult:
    backend = response.kinesis_backend
    name = response._get_param("ChannelName")
    arn = f"arn:aws:kinesis:{backend.region_name}:{backend.account_id}:channel/{name}"
    if arn in _channels(backend):
        raise ResourceInUseError(f"Channel {name} under account {backend.account_id} already exists.")
    channel = {
        **{key: value for key in KEPT_PARAMETERS if (value := response._get_param(key)) is not None},
        "ChannelARN": arn,
        "ChannelId": str(uuid.uuid4()),
        "ChannelCreationTimestamp": datetime.now(UTC),
        "StreamConfigurationList": [
            _source(backend, it) for it in response._get_param("StreamConfigurationList")
        ],
        "LoggingConfiguration": response._get_param("LoggingConfiguration")
        or {"CloudWatchLogs": {"Enabled": False}},
        "active_at": monotonic() + current().stream_seconds,
    }
    _channels(backend)[arn] = channel
    return ActionResult({"ChannelDescription": _described(channel)})


def _source(backend: KinesisBackend, configuration: dict[str, Any]) -> dict[str, Any]:
    stream = backend.describe_stream(configuration["StreamARN"], None)
    if stream.stream_mode.get("StreamMode") != "ON_DEMAND":
        raise InvalidArgumentError(f"Stream {stream.arn} is not in the on-demand capacity mode.")
    return {**configuration, "StreamCreationTimestamp": stream.creation_datetime}


def _described(channel: dict[str, Any]) -> dict[str, Any]:
    state = "CREATING" if monotonic() < channel["active_at"] else "ACTIVE"
    return {"ChannelStatus": state, **{key: value for key, value in channel.items() if key != "active_at"}}


def _summary(channel: dict[str, Any]) -> dict[str, Any]:
    described = _described(channel)
    streams = [
        {key: it[key] for key in ("StreamARN", "StreamCreationTimestamp")}
        for it in channel["StreamConfigurationList"]
    ]
    destination = "S3" if "S3DestinationConfiguration" in channel else "S3_TABLES"
    names = ("ChannelName", "ChannelARN", "ChannelId", "ChannelStatus", "ChannelCreationTimestamp")
    return {
        **{name: described[name] for name in names},
        "ChannelDestinationType": destination,
        "Streams": streams,
    }


def _of(response: KinesisResponse) -> dict[str, Any]:
    arn = response._get_param("ChannelARN")
    if (channel := _channels(response.kinesis_backend).get(arn)) is None:
        raise ResourceNotFoundError(f"Channel {arn} not found.")
    return channel


def _describe_channel(response: KinesisResponse) -> ActionResult:
    return ActionResult({"ChannelDescription": _described(_of(response))})


def _delete_channel(response: KinesisResponse) -> EmptyResult:
    del _channels(response.kinesis_backend)[_of(response)["ChannelARN"]]
    return EmptyResult()


def _list_channels(response: KinesisResponse) -> ActionResult:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListChannels.html"""
    wanted = {it["StreamARN"] for it in response._get_param("StreamFilter") or []}
    summaries = [_summary(channel) for _, channel in sorted(_channels(response.kinesis_backend).items())]
    found = [it for it in summaries if not wanted or wanted & {each["StreamARN"] for each in it["Streams"]}]
    token = response._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise JsonRESTError("ExpiredNextTokenException", "A token of an earlier call is expected.")
    first = int(token)
    end = first + (response._get_param("MaxResults") or CHANNELS_OF_A_PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return ActionResult({"ChannelSummaries": found[first:end], **more})


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "create_channel": _create_channel,
    "delete_channel": _delete_channel,
    "describe_channel": _describe_channel,
    "list_channels": _list_channels,
}
