"""One CloudTrail record, from the facts of one call. No clock, no network, no moto state.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.model import OperationModel, StructureShape

from local.cloudtrail.names import event_name, event_source, is_read_only
from local.cloudtrail.spelling import iso_time

EVENT_VERSION = "1.08"
PARAMETERS_LIMIT = 100 * 1024
"""Bytes; larger `requestParameters` are left out."""

# Services that name the version of their API in each record.
API_VERSIONS = {"logs": "20140328", "dynamodb": "2012-08-10"}
# Codes of errors that no operation's model lists, and how CloudTrail records them.
ERROR_CODES = {
    ("cloudformation", "ValidationError"): "ValidationException",
    ("rds", "InvalidParameterCombination"): "InvalidParameterCombinationException",
}
ACCESS_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an answered call; parameters and response are spelt as CloudTrail does."""

    operation: OperationModel
    identity: dict[str, Any]
    account: str
    region: str
    time: datetime
    source_ip: str
    user_agent: str
    request_id: str
    event_id: str
    host: str | None
    parameters: dict[str, Any] | None
    response: dict[str, Any] | None
    error: tuple[str, str] | None = None
    resources: list[dict[str, str]] = field(default_factory=list)
    additional: dict[str, Any] | None = None


def record(facts: Facts) -> dict[str, Any]:
    """The record, with its keys in the order that CloudTrail writes."""
    service = str(facts.operation.service_model.service_name)
    name = str(facts.operation.name)
    version = API_VERSIONS.get(service)
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": facts.identity,
        "eventTime": iso_time(facts.time),
        "eventSource": event_source(facts.operation),
        "eventName": event_name(service, name),
        "awsRegion": facts.region,
        "sourceIPAddress": facts.source_ip,
        "userAgent": f"[{facts.user_agent}]" if service == "s3" and facts.host else facts.user_agent,
        **_error(facts.operation, facts.error),
        "requestParameters": _parameters(service, facts),
        "responseElements": None if facts.error else facts.response,
        **({"additionalEventData": facts.additional} if facts.additional else {}),
        "requestID": facts.request_id,
        "eventID": facts.event_id,
        "readOnly": is_read_only(service, name),
        **({"resources": facts.resources} if facts.resources else {}),
        "eventType": "AwsApiCall",
        **({"apiVersion": version} if version else {}),
        "managementEvent": True,
        "recipientAccountId": facts.account,
        "eventCategory": "Management",
        **({"tlsDetails": _tls_details(facts.host)} if facts.host else {}),
    }


def _parameters(service: str, facts: Facts) -> dict[str, Any] | None:
    """Most services record no parameters of a call that they refuse to authorize; S3 and EC2 do."""
    if facts.error and facts.error[0] in ACCESS_DENIED and service not in ("s3", "ec2"):
        return None
    size = len(json.dumps(facts.parameters, default=str))
    if size > PARAMETERS_LIMIT:
        return {"omitted": True, "originalSize": size, "reason": "requestParameters too large"}
    return facts.parameters


def _error(operation: OperationModel, error: tuple[str, str] | None) -> dict[str, str]:
    if error is None:
        return {}
    return {"errorCode": error_code(operation, error[0]), "errorMessage": error[1]}


def error_code(operation: OperationModel, code: str) -> str:
    """CloudTrail names the exception's shape: `NoSuchEntityException` for `NoSuchEntity` on the wire."""
    service = str(operation.service_model.service_name)
    if code in ACCESS_DENIED:
        return "AccessDenied" if service != "ec2" else f"Client.{code}"
    if service == "ec2":
        return f"Client.{code}"
    for shape in operation.error_shapes:
        if isinstance(shape, StructureShape) and shape.error_code == code:
            return str(shape.name)
    return ERROR_CODES.get((service, code), code)


def _tls_details(host: str) -> dict[str, str]:
    return {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": host,
    }
