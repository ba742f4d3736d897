"""Firehose: delivery streams that take a moment, read from Kinesis, and deliver.

moto's delivery streams are ACTIVE and gone at once, ask for no role, and read no Kinesis stream. Added:
states, refusals, defaults, delivery from a Kinesis stream to S3, and limits of calls. Left out: buffers of
what is put directly, and what other destinations than S3 get from a Kinesis stream.
https://docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html
"""

from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse
from moto.firehose.exceptions import (
    InvalidArgumentException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.firehose.models import DeliveryStream, FirehoseBackend
from moto.firehose.models import create_s3_destination_config as plain_settings
from moto.firehose.responses import FirehoseResponse

from local.account import current
from local.extension import extend
from local.firehose.carrier import Carrier
from local.firehose.delivery import Delivery
from local.firehose.settings import (
    check_destination,
    check_name,
    check_source,
    s3_destination,
    with_defaults,
)
from local.throttling import limited

if TYPE_CHECKING:
    from local.account import LocalAccount

STREAMS_OF_A_REGION = 5000
STREAMS_OF_A_PAGE = 10
MOST_CALLS = 5
"""A second, of each operation: https://docs.aws.amazon.com/firehose/latest/dev/limits.html"""
OPERATIONS = (
    "create_delivery_stream",
    "delete_delivery_stream",
    "describe_delivery_stream",
    "list_delivery_streams",
    "update_destination",
    "tag_delivery_stream",
    "untag_delivery_stream",
    "list_tags_for_delivery_stream",
    "start_delivery_stream_encryption",
    "stop_delivery_stream_encryption",
)

_moto_create = FirehoseBackend.create_delivery_stream
_moto_describe = FirehoseBackend.describe_delivery_stream
_moto_update = FirehoseBackend.update_destination
_moto_put = FirehoseBackend.put_record_batch
_moto_operations = {name: getattr(FirehoseResponse, name) for name in OPERATIONS}


def install(account: "LocalAccount") -> None:
    """Extend moto's Firehose."""
    carrier = Carrier(account)
    account.on_stop.append(carrier.stop)

    def create_delivery_stream(backend: FirehoseBackend, *args: Any) -> str:
        arn = _create(backend, *args)
        carrier.start()
        return arn

    extend(DeliveryStream, MAX_STREAMS_PER_REGION=STREAMS_OF_A_REGION)
    extend(
        FirehoseBackend,
        create_delivery_stream=create_delivery_stream,
        delete_delivery_stream=_delete,
        describe_delivery_stream=_describe,
        list_delivery_streams=_list,
        update_destination=_update,
        put_record_batch=_put_record_batch,
    )
    limits = dict.fromkeys(OPERATIONS, MOST_CALLS)
    extend(FirehoseResponse, **limited(_moto_operations, limits, _rate_exceeded))


def _rate_exceeded(response: BaseResponse) -> Exception:
    """Not in Firehose's model: SDKs take it for throttling, Step Functions for FirehoseException."""
    return JsonRESTError("ThrottlingException", "Rate exceeded")


def _stream(backend: FirehoseBackend, name: str) -> DeliveryStream:
    """The delivery stream, with the state of this moment."""
    if (stream := backend.delivery_streams.get(name)) is None:
        raise ResourceNotFoundException(f"Firehose {name} under account {backend.account_id} not found.")
    if (delivery := _delivery(stream)) is not None:
        delivery.settle()
    return stream


def _delivery(stream: DeliveryStream) -> Delivery | None:
    delivery: Delivery | None = vars(stream).get("delivery")
    return delivery


def _create(
    backend: FirehoseBackend,
    region: str,
    name: str,
    type_: str,
    source: dict[str, Any] | None,
    encryption: dict[str, Any] | None,
    s3: dict[str, Any] | None,
    extended_s3: dict[str, Any] | None,
    *others: Any,
) -> str:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html"""
    check_name(name)
    if name in backend.delivery_streams:
        raise ResourceInUseException(f"Firehose {name} under accountId {backend.account_id} already exists")
    if type_ == "KinesisStreamAsSource" and not source:
        raise InvalidArgumentException(
            "KinesisStreamSourceConfiguration is required for KinesisStreamAsSource"
        )
    s3 = with_defaults(s3, extended=False) if s3 else None
    extended_s3 = with_defaults(extended_s3, extended=True) if extended_s3 else None
    if destination := extended_s3 or s3:
        check_destination(destination, backend.account_id)
    if source:
        check_source(source, backend.account_id)
    arn = _moto_create(
        backend, region, name, type_, source or {}, encryption or {}, s3 or {}, extended_s3 or {}, *others
    )
    stream = backend.delivery_streams[name]
    stream.delivery_stream_status = "CREATING"
    vars(stream)["delivery"] = Delivery(current(), stream)
    return arn


def _delete(backend: FirehoseBackend, delivery_stream_name: str) -> None:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_DeleteDeliveryStream.html"""
    stream = _stream(backend, delivery_stream_name)
    _refuse_while_creating(stream, backend.account_id)
    if (delivery := _delivery(stream)) is not None:
        delivery.delete()


def _refuse_while_creating(stream: DeliveryStream, account_id: str) -> None:
    if stream.delivery_stream_status == "CREATING":
        raise ResourceInUseException(
            f"Firehose {stream.delivery_stream_name} under accountId {account_id} is not ACTIVE, "
            f"instead in state {stream.delivery_stream_status}"
        )


def _describe(backend: FirehoseBackend, delivery_stream_name: str) -> dict[str, Any]:
    stream = _stream(backend, delivery_stream_name)
    result = _moto_describe(backend, delivery_stream_name)
    description = result["DeliveryStreamDescription"]
    delivery = description.pop("Delivery", None)
    if delivery is not None and delivery.started_at and delivery.source_arn:
        started = {"DeliveryStartTimestamp": delivery.started_at}
        description["Source"] = {"KinesisStreamSourceDescription": {**stream.source, **started}}
    return result


def _list(
    backend: FirehoseBackend, limit: int | None, delivery_stream_type: str | None, after: str | None
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_ListDeliveryStreams.html"""
    names = sorted(
        name
        for name, stream in list(backend.delivery_streams.items())
        if name > (after or "") and delivery_stream_type in (None, stream.delivery_stream_type)
    )
    page = names[: limit or STREAMS_OF_A_PAGE]
    return {"DeliveryStreamNames": page, "HasMoreDeliveryStreams": len(names) > len(page)}


def _update(
    backend: FirehoseBackend,
    name: str,
    version: str,
    destination_id: str,
    s3: dict[str, Any] | None,
    extended_s3: dict[str, Any] | None,
    *others: Any,
) -> None:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_UpdateDestination.html"""
    stream = _stream(backend, name)
    _refuse_while_creating(stream, backend.account_id)
    if change := extended_s3 or s3:
        merged = with_defaults({**s3_destination(stream), **change}, extended=bool(extended_s3))
        check_destination(merged, backend.account_id)
        extended_s3, s3 = (merged, None) if extended_s3 else (None, merged)
    _moto_update(backend, name, version, destination_id, s3 or {}, extended_s3 or {}, *others)
    (destination,) = stream.destinations
    if s3 and "ExtendedS3" in destination:
        destination["ExtendedS3"] = {**destination["ExtendedS3"], **s3}
    if "ExtendedS3" in destination:
        destination["S3"] = plain_settings(destination["ExtendedS3"])


def _put_record_batch(
    backend: FirehoseBackend, delivery_stream_name: str, records: list[Any]
) -> dict[str, Any]:
    stream = _stream(backend, delivery_stream_name)
    if stream.delivery_stream_type == "KinesisStreamAsSource":
        raise InvalidArgumentException(
            "This operation is not permitted on KinesisStreamAsSource delivery stream type."
        )
    _refuse_while_creating(stream, backend.account_id)
    return _moto_put(backend, delivery_stream_name, records)
