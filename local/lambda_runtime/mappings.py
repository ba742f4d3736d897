"""Event source mappings: of a function, version or alias, which they keep to; and changing takes a moment.

moto forgets the qualifier, lets nothing but SQS be switched off, and invokes for deleted mappings, too.
AWS: https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import (
    GenericResourcNotFound,
    InvalidParameterValueException,
    UnknownFunctionException,
    ValidationException,
)
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from local.extension import extend
from local.lambda_runtime.errors import ResourceConflict, ResourceInUse
from local.lambda_runtime.feeds import Feed
from local.lambda_runtime.pages import page
from local.lambda_runtime.queues import QueueFeed
from local.lambda_runtime.runtime import qualifier_in, unqualified_arn
from local.lambda_runtime.streams import KinesisFeed, TableFeed

if TYPE_CHECKING:
    from local.account import LocalAccount

FEEDS: dict[str, type[Feed]] = {"sqs": QueueFeed, "kinesis": KinesisFeed, "dynamodb": TableFeed}
MAPPINGS_A_PAGE = 100

moto_get_configuration = EventSourceMapping.get_configuration
moto_update = LambdaBackend.update_event_source_mapping


def install(account: "LocalAccount") -> None:
    """Replace what moto does with mappings."""

    def create_event_source_mapping(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        return create(account, backend, spec)

    def update_event_source_mapping(
        backend: LambdaBackend, uuid: str, spec: dict[str, Any]
    ) -> EventSourceMapping:
        return update(account, backend, uuid, spec)

    def list_event_source_mappings(
        backend: LambdaBackend, source: str | None, function: str | None
    ) -> list[EventSourceMapping]:
        return listed(account, backend, source, function)

    extend(
        LambdaBackend,
        create_event_source_mapping=create_event_source_mapping,
        update_event_source_mapping=update_event_source_mapping,
        delete_event_source_mapping=delete,
        list_event_source_mappings=list_event_source_mappings,
    )
    extend(EventSourceMapping, get_configuration=get_configuration)
    extend(LambdaResponse, list_event_source_mappings=answer_list)


def create(account: "LocalAccount", backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    """CreateEventSourceMapping; it feeds the function once it is created."""
    source, arn = str(spec.get("EventSourceArn") or ""), function_arn(backend, spec["FunctionName"])
    require_source(backend, source)
    if not source.startswith("arn:aws:sqs:") and not spec.get("StartingPosition"):
        raise ValidationException("null", "startingPosition", "Member must not be null.")
    refuse_twin(backend, source, arn)
    place = {"RegionName": backend.region_name, "AccountId": backend.account_id, "FunctionArn": arn}
    mapping = EventSourceMapping({**spec, **place})  # type: ignore[abstract]  # moto does so, too
    vars(mapping)["feed"] = FEEDS[source.split(":")[2]](account, mapping)
    backend._event_source_mappings[mapping.uuid] = mapping
    begin(account, mapping, "Creating")
    return mapping


def update(
    account: "LocalAccount", backend: LambdaBackend, uuid: str, spec: dict[str, Any]
) -> EventSourceMapping:
    """UpdateEventSourceMapping; a new function gets the next batch."""
    mapping = idle(backend, uuid)
    arn, was_enabled = mapping.function_arn, mapping.enabled
    if name := spec.get("FunctionName"):
        arn = function_arn(backend, name)
        refuse_twin(backend, mapping.event_source_arn, arn, besides=uuid)
    moto_update(backend, uuid, {key: value for key, value in spec.items() if key != "FunctionName"})
    mapping.function_arn = arn
    switched = "Enabling" if mapping.enabled else "Disabling"
    begin(account, mapping, "Updating" if mapping.enabled == was_enabled else switched)
    return mapping


def delete(backend: LambdaBackend, uuid: str) -> EventSourceMapping:
    """DeleteEventSourceMapping; what was read already is still handed over."""
    mapping = idle(backend, uuid)
    del backend._event_source_mappings[uuid]
    return mapping


def listed(
    account: "LocalAccount", backend: LambdaBackend, source: str | None, function: str | None
) -> list[EventSourceMapping]:
    """Those of a source, and of a function as it is named: with its version or alias, or without.

    Whether an unqualified name also gives those of aliases, AWS does not say: `account` decides.
    """
    found = list(backend._event_source_mappings.values())
    if source:
        found = [it for it in found if it.event_source_arn == source]
    if not function:
        return found
    name, _, qualifier = function.split(":function:")[-1].partition(":")
    arn = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{name}"
    if not qualifier and account.lists_mappings_of_aliases:
        return [it for it in found if f"{it.function_arn}:".startswith(f"{arn}:")]
    return [it for it in found if it.function_arn == (f"{arn}:{qualifier}" if qualifier else arn)]


def function_arn(backend: LambdaBackend, name: str) -> str:
    """The ARN of what exists by this name, with its qualifier. Raises InvalidParameterValueException."""
    qualifier = qualifier_in(name)
    try:
        arn = unqualified_arn(backend.get_function(name.split(":function:")[-1], qualifier))
    except UnknownFunctionException:
        raise InvalidParameterValueException("Function does not exist") from None
    return f"{arn}:{qualifier}" if qualifier else arn


def require_source(backend: LambdaBackend, arn: str) -> None:
    """Raises InvalidParameterValueException unless the queue or stream exists."""
    account, region = backend.account_id, backend.region_name
    sources = {
        *(queue.queue_arn for queue in list(sqs_backends[account][region].queues.values())),
        *(stream.arn for stream in list(kinesis_backends[account][region].streams.values())),
        *(stream["StreamArn"] for stream in dynamodbstreams_backends[account][region].list_streams()),
    }
    if arn not in sources:
        raise InvalidParameterValueException(
            f"Error occurred while reading the event source: it does not exist: {arn}"
        )


def refuse_twin(backend: LambdaBackend, source: str, arn: str, besides: str = "") -> None:
    """A function, version or alias has one mapping a source."""
    for other in list(backend._event_source_mappings.values()):
        if (other.event_source_arn, other.function_arn) == (source, arn) and other.uuid != besides:
            raise ResourceConflict(
                f'The event source arn (" {source} ") and function (" {arn} ") provided mapping already '
                f"exists. Please update or delete the existing mapping with UUID {other.uuid}"
            )


def idle(backend: LambdaBackend, uuid: str) -> EventSourceMapping:
    """A mapping that nobody is changing. Raises ResourceNotFoundException, ResourceInUseException."""
    mapping = backend.get_event_source_mapping(uuid)
    if mapping is None:
        raise GenericResourcNotFound
    if mapping.get_configuration()["State"] not in ("Enabled", "Disabled"):
        raise ResourceInUse("Cannot change the event source mapping because it is in use.")
    return mapping


def begin(account: "LocalAccount", mapping: EventSourceMapping, state: str) -> None:
    """Be in a state for as long as changes of mappings take; then see whether there is work."""
    vars(mapping)["transition"] = (state, time.monotonic() + account.mapping_delay)
    vars(mapping)["feed"].wake_after(account.mapping_delay)


def get_configuration(mapping: EventSourceMapping) -> dict[str, Any]:
    """With its state, and without what only mappings of streams have."""
    state, until = vars(mapping).get("transition", ("", 0.0))
    if time.monotonic() >= until:
        state = "Enabled" if mapping.enabled else "Disabled"
    return {**moto_get_configuration(mapping), "State": state}


def answer_list(request: LambdaResponse) -> tuple[int, dict[str, Any], str]:
    """ListEventSourceMappings by pages."""
    source, function = (request.querystring.get(key, [""])[0] for key in ("EventSourceArn", "FunctionName"))
    found = request.backend.list_event_source_mappings(source, function)
    mappings = [mapping.get_configuration() for mapping in found]
    answer = page(request, "EventSourceMappings", mappings, MAPPINGS_A_PAGE)
    return HTTPStatus.OK, {}, json.dumps(answer)
