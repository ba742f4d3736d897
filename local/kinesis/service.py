"""Kinesis: streams that take a moment, refuse what AWS refuses meanwhile, and count calls.

moto creates, updates and deletes streams at once. Added: the states CREATING, UPDATING and DELETING with what
they refuse, tags by CreateStream and by ARN, pages of ListStreams, limits of calls, and channels.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StreamDescriptionSummary.html
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.kinesis.exceptions import InvalidArgumentError, ResourceInUseError, StreamNotFoundError
from moto.kinesis.models import KinesisBackend, Stream
from moto.kinesis.responses import KinesisResponse

from local.account import current
from local.extension import extend
from local.kinesis import channels, shards, states
from local.kinesis.states import begin, is_over, refuse_unless_active, status
from local.throttling import limited

if TYPE_CHECKING:
    from local.account import LocalAccount

POLL_SECONDS = 0.02
STREAMS_OF_A_PAGE = 100
MOST_CREATING = 5
# Calls a second: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
LIMITS = {
    "create_stream": 5,
    "delete_stream": 5,
    "list_streams": 5,
    "describe_stream": 10,
    "describe_stream_summary": 20,
    "add_tags_to_stream": 5,
    "remove_tags_from_stream": 5,
    "list_tags_for_stream": 5,
    "list_tags_for_resource": 5,
    "list_channels": 5,
}
# What makes a stream UPDATING, and what an update forbids: all but the tags need an ACTIVE stream.
UPDATES = (
    "update_shard_count",
    "split_shard",
    "merge_shards",
    "increase_stream_retention_period",
    "decrease_stream_retention_period",
    "start_stream_encryption",
    "stop_stream_encryption",
)
TAGGING = ("add_tags_to_stream", "remove_tags_from_stream")
WRITES = ("put_record", "put_records")

_moto = {name: getattr(KinesisBackend, name) for name in (*UPDATES, *TAGGING, *WRITES)}
_moto_create_stream = KinesisBackend.create_stream
_moto_update_stream_mode = KinesisBackend.update_stream_mode
_moto_get_shard_iterator = KinesisBackend.get_shard_iterator
_moto_operations = {
    name: getattr(KinesisResponse, name)
    for name in (*LIMITS, "update_stream_mode")
    if hasattr(KinesisResponse, name)
}


def install(account: "LocalAccount") -> None:
    """Extend moto's Kinesis."""
    shards.install()
    states.install()
    extend(
        KinesisBackend,
        create_stream=_create_stream,
        delete_stream=_delete_stream,
        describe_stream=_describe_stream,
        get_shard_iterator=_get_shard_iterator,
        update_stream_mode=_update_stream_mode,
        **{name: _updating(_moto[name]) for name in UPDATES},
        **{name: _when_active(_moto[name]) for name in TAGGING},
        **{name: _when_created(_moto[name]) for name in WRITES},
    )
    operations = {**_moto_operations, **_OPERATIONS, **channels.OPERATIONS}
    extend(KinesisResponse, **operations)
    extend(KinesisResponse, **limited(operations, LIMITS, _rate_exceeded))


def _create_stream(backend: KinesisBackend, stream_name: str, *args: Any, **kwargs: Any) -> Stream:
    if stream_name in backend.streams:
        raise ResourceInUseError(f"Stream {stream_name} under account {backend.account_id} already exists.")
    stream = _moto_create_stream(backend, stream_name, *args, **kwargs)
    begin(stream, "CREATING")
    return stream


def _describe_stream(backend: KinesisBackend, stream_arn: str | None, stream_name: str | None) -> Stream:
    """moto walks through all streams to find an ARN, which fails where another call creates one."""
    name = stream_name or (stream_arn or "").split("/")[-1]
    if (stream := backend.streams.get(name)) is None:
        raise StreamNotFoundError(name, backend.account_id)
    return stream


def _get_shard_iterator(
    backend: KinesisBackend, stream_arn: str | None, stream_name: str | None, *args: Any
) -> str:
    """moto's iterator of a stream that is given by its ARN alone leads nowhere."""
    stream = backend.describe_stream(stream_arn, stream_name)
    return _moto_get_shard_iterator(backend, stream.arn, stream.stream_name, *args)


def _delete_stream(backend: KinesisBackend, stream_arn: str | None, stream_name: str | None) -> Stream:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteStream.html"""
    stream = backend.describe_stream(stream_arn, stream_name)
    refuse_unless_active(stream)
    begin(stream, "DELETING")
    current().background.spawn(_remove, backend, stream)
    return stream


def _remove(backend: KinesisBackend, stream: Stream) -> None:
    while not is_over(stream):
        current().background.pause(POLL_SECONDS)
    backend.streams.pop(stream.stream_name, None)


type Method = Callable[..., Any]


def _updating(method: Method) -> Method:
    def call(backend: KinesisBackend, stream_arn: str, stream_name: str, *args: Any, **kwargs: Any) -> Any:
        stream = backend.describe_stream(stream_arn, stream_name)
        refuse_unless_active(stream)
        answer = method(backend, stream_arn, stream_name, *args, **kwargs)
        begin(stream, "UPDATING")
        return answer

    return call


def _when_active(method: Method) -> Method:
    def call(
        backend: KinesisBackend, stream_arn: str | None, stream_name: str | None, *args: Any, **kw: Any
    ) -> Any:
        refuse_unless_active(backend.describe_stream(stream_arn, stream_name))
        return method(backend, stream_arn, stream_name, *args, **kw)

    return call


def _when_created(method: Method) -> Method:
    """A stream that is CREATING takes no records; one that is DELETING may."""

    def call(backend: KinesisBackend, stream_arn: str, stream_name: str, *args: Any) -> Any:
        stream = backend.describe_stream(stream_arn, stream_name)
        if status(stream) == "CREATING":
            raise StreamNotFoundError(stream.stream_name, backend.account_id)
        return method(backend, stream_arn, stream_name, *args)

    return call


def _update_stream_mode(backend: KinesisBackend, stream_arn: str, stream_mode: dict[str, str]) -> None:
    stream = backend.describe_stream(stream_arn, None)
    refuse_unless_active(stream)
    _moto_update_stream_mode(backend, stream_arn, stream_mode)
    begin(stream, "UPDATING")


def _rate_exceeded(response: BaseResponse) -> Exception:
    name = response._get_param("StreamName") or (response._get_param("StreamARN") or "").split("/")[-1]
    account = response.get_current_account()
    where = f"stream {name} under account" if name else "account"
    return JsonRESTError("LimitExceededException", f"Rate exceeded for {where} {account}.")


def _create_stream_operation(response: KinesisResponse) -> ActionResult:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"""
    backend = response.kinesis_backend
    creating = [it for it in list(backend.streams.values()) if status(it) == "CREATING"]
    if len(creating) >= MOST_CREATING and current().rate_seconds > 0:
        raise JsonRESTError(
            "LimitExceededException",
            f"This request would exceed the limit of {MOST_CREATING} streams in the state CREATING "
            f"of the account {backend.account_id}.",
        )
    mode = (response._get_param("StreamModeDetails") or {}).get("StreamMode")
    if mode != "ON_DEMAND" and not response._get_param("ShardCount"):
        raise InvalidArgumentError("ShardCount is required for a stream in the mode PROVISIONED.")
    answer: ActionResult = _moto_operations["create_stream"](response)
    backend.streams[response._get_param("StreamName")].tags.update(response._get_param("Tags") or {})
    return answer


def _list_streams(response: KinesisResponse) -> ActionResult:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html"""
    after = response._get_param("NextToken") or response._get_param("ExclusiveStartStreamName") or ""
    streams = sorted(response.kinesis_backend.streams.values(), key=lambda stream: stream.stream_name)
    rest = [stream for stream in streams if stream.stream_name > after]
    page = rest[: response._get_param("Limit") or STREAMS_OF_A_PAGE]
    result: dict[str, Any] = {
        "HasMoreStreams": len(rest) > len(page),
        "StreamNames": [stream.stream_name for stream in page],
        "StreamSummaries": [stream.to_json_summary()["StreamDescriptionSummary"] for stream in page],
    }
    if result["HasMoreStreams"]:
        result["NextToken"] = page[-1].stream_name
    return ActionResult(result)


def _tag_resource(response: KinesisResponse) -> EmptyResult:
    arn, tags = response._get_param("ResourceARN"), response._get_param("Tags")
    response.kinesis_backend.add_tags_to_stream(arn, None, tags)
    return EmptyResult()


def _untag_resource(response: KinesisResponse) -> EmptyResult:
    arn, keys = response._get_param("ResourceARN"), response._get_param("TagKeys")
    response.kinesis_backend.remove_tags_from_stream(arn, None, keys)
    return EmptyResult()


def _list_tags_for_resource(response: KinesisResponse) -> ActionResult:
    stream = response.kinesis_backend.describe_stream(response._get_param("ResourceARN"), None)
    return ActionResult({"Tags": [{"Key": key, "Value": value} for key, value in stream.tags.items()]})


_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "create_stream": _create_stream_operation,
    "list_streams": _list_streams,
    "tag_resource": _tag_resource,
    "untag_resource": _untag_resource,
    "list_tags_for_resource": _list_tags_for_resource,
}
