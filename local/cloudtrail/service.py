"""CloudTrail: each API call becomes an event, as on AWS.

moto records nothing. Added: a WSGI middleware that turns each management call into the record that CloudTrail
would write, publishes the write calls on the default bus, and keeps all of them for LookupEvents.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
"""

import contextvars
import json
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser
from moto.core.utils import get_service_model

from local.cloudtrail import lookup as cloudtrail_lookup
from local.cloudtrail import s3 as cloudtrail_s3
from local.cloudtrail.call import ApiCall, Environ, parse_call
from local.cloudtrail.identity import Identity, identity_of
from local.cloudtrail.names import event_region, is_data_event, is_read_only
from local.cloudtrail.record import Facts, record
from local.cloudtrail.resources import resources
from local.cloudtrail.spelling import RECORDED_READS, request_parameters, response_elements
from local.eventbridge.service import publish

if TYPE_CHECKING:
    from local.account import LocalAccount

type StartResponse = Callable[..., Callable[[bytes], object]]
type WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

EVENT_SIZE_LIMIT = 256 * 1024
"""Bytes; EventBridge delivers no larger event."""

_identity: contextvars.ContextVar[Identity | None] = contextvars.ContextVar("identity", default=None)


def install(account: "LocalAccount") -> None:
    """Add LookupEvents to moto's CloudTrail; the events themselves hang on moto's backend and end with it."""
    cloudtrail_lookup.install()


def current_identity() -> Identity | None:
    """`userIdentity` of the caller of the request that this thread serves; None outside of a request."""
    return _identity.get()


class CloudTrailMiddleware:
    """Records what passes through; goes outside of authorization, so that denied calls are recorded, too."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request; data events and what is no API call pass untouched."""
        call = parse_call(environ)
        if call is None:
            return self._app(environ, start_response)
        identity = identity_of(call.credential.access_key_id, call.account)
        token = _identity.set(identity)
        try:
            if is_data_event(call.operation):
                return self._app(environ, start_response)
            return self._record(call, identity, start_response)
        finally:
            _identity.reset(token)

    def _record(self, call: ApiCall, identity: Identity, start_response: StartResponse) -> Iterable[bytes]:
        began = datetime.now(UTC)
        # Asked before the call: a bucket that it deletes has no Region afterwards.
        region = (
            cloudtrail_s3.region(call) if call.service == "s3" else event_region(call.service, call.region)
        )
        answer = _Answer.of(self._app, call.environ)
        keep(record(_facts_of_request(call, identity, region, began, answer)))
        start_response(answer.status, answer.headers)
        return [answer.body]


class _Answer:
    """A whole WSGI response."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    @classmethod
    def of(cls, app: WsgiApp, environ: Environ) -> "_Answer":
        answer = cls()
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[[bytes], object]:
            answer.status, answer.headers = status, headers
            return written.append

        chunks = app(environ, start_response)
        try:
            written.extend(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        answer.body = b"".join(written)
        return answer

    def parsed(self, call: ApiCall) -> dict[str, Any]:
        """The response as boto3 would return it, with `Error` if the call failed."""
        parser = create_parser(call.protocol)
        headers = HTTPHeaders()
        for name, value in self.headers:
            headers[name] = value
        response = {"status_code": int(self.status.split()[0]), "headers": headers, "body": self.body}
        # The stubs know no operation without output; the parsers do.
        parsed: dict[str, Any] = parser.parse(response, call.operation.output_shape)  # type: ignore[arg-type]
        return parsed


def _facts_of_request(
    call: ApiCall, identity: Identity, region: str, began: datetime, answer: _Answer
) -> Facts:
    parsed = answer.parsed(call)
    metadata = parsed.get("ResponseMetadata", {})
    failure = parsed.get("Error")
    is_s3 = call.service == "s3"
    shows_response = not is_s3 and (not is_read_only(call.service, call.name) or call.name in RECORDED_READS)
    request_id = metadata.get("RequestId") or str(uuid.uuid4())
    return Facts(
        operation=call.operation,
        identity=identity,
        account=call.account,
        region=region,
        time=began,
        source_ip=call.environ.get("REMOTE_ADDR", "127.0.0.1"),
        user_agent=call.environ.get("HTTP_USER_AGENT", ""),
        request_id=request_id,
        event_id=str(uuid.uuid4()),
        host=call.environ.get("HTTP_HOST", ""),
        parameters=(
            cloudtrail_s3.BucketRequest.of_call(call).parameters()
            if is_s3
            else request_parameters(call.operation, call.parameters)
        ),
        response=response_elements(call.operation, parsed) if shows_response and not failure else None,
        error=(failure["Code"], failure["Message"]) if failure else None,
        resources=resources(call.operation, call.parameters, call.account, region),
        additional=cloudtrail_s3.additional_event_data(call, len(answer.body), request_id) if is_s3 else None,
    )


def record_service_call(
    *,
    service: str,
    operation: str,
    parameters: dict[str, Any],
    response: dict[str, Any] | None,
    account: str,
    region: str,
    invoked_by: str = "cloudformation.amazonaws.com",
    error: tuple[str, str] | None = None,
    identity: Identity | None = None,
) -> None:
    """Record a call that a service makes on somebody's behalf inside moto, where there is no HTTP request.

    `service` is botocore's name; parameters and response are spelt as in the API (`TableName`). `identity` is
    the `userIdentity` of who caused it (see `current_identity`), by default the developer.
    """
    model = get_service_model(service).operation_model(operation)
    if is_data_event(model):
        return
    caller = {**(identity or identity_of("developer", account)), "invokedBy": invoked_by}
    event_in = event_region(service, region)
    facts = Facts(
        operation=model,
        identity=caller,
        account=account,
        region=event_in,
        time=datetime.now(UTC),
        source_ip=invoked_by,
        user_agent=invoked_by,
        request_id=str(uuid.uuid4()),
        event_id=str(uuid.uuid4()),
        host=None,
        parameters=(
            cloudtrail_s3.BucketRequest.of_parameters(model, parameters, region).parameters()
            if service == "s3"
            else request_parameters(model, parameters)
        ),
        response=response_elements(model, response) if response and service != "s3" else None,
        error=error,
        resources=resources(model, parameters, account, event_in),
    )
    keep(record(facts))


def keep(event: dict[str, Any]) -> None:
    """Keep a record for LookupEvents; publish it if it is of a write (ENABLED rules see no reads)."""
    account, region = event["recipientAccountId"], event["awsRegion"]
    cloudtrail_lookup.remember(event, account=account, region=region)
    if event["readOnly"] or len(json.dumps(event)) > EVENT_SIZE_LIMIT:
        return
    source = "aws." + event["eventSource"].removesuffix(".amazonaws.com")
    envelope = {
        "source": source,
        "detail-type": "AWS API Call via CloudTrail",
        "time": event["eventTime"],
        "detail": event,
    }
    publish(envelope, account=account, region=region)
