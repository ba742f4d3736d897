"""What CloudTrail records of S3's bucket calls: not the API's parameters but the HTTP request.

As recorded: `bucketName`, `Host`, each query argument ("policy": ""), each `x-amz-` header, and the body: an
XML document turned into an object with XML's names, in which a single entry is an object and not a list.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from botocore.serialize import create_serializer
from moto.core.model import OperationModel
from moto.s3.models import s3_backends

from local.cloudtrail.call import ApiCall

# Part of the signature or of the transport, not of the request.
SIGNING_HEADERS = re.compile(
    r"x-amz-(date|content-sha256|security-token|user-agent|decoded-content-length|trailer|te)"
)
SIGNING_ARGUMENTS = re.compile(r"X-Amz-.*")
NAMESPACED = re.compile(r"\{(?P<namespace>.*)\}(?P<name>.*)")


@dataclass(frozen=True)
class BucketRequest:
    """The parts of an HTTP request to a bucket that CloudTrail shows; header names are in lower case."""

    operation: str
    bucket: str | None
    host: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of_call(cls, call: ApiCall) -> "BucketRequest":
        """What came over HTTP."""
        environ = call.environ
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        host = environ.get("HTTP_HOST", "")
        return cls(call.name, call.parameters.get("Bucket"), host, query, headers, call.body)

    @classmethod
    def of_parameters(
        cls, operation: OperationModel, parameters: Mapping[str, Any], region: str
    ) -> "BucketRequest":
        """What would have come over HTTP, had the service that calls been an SDK."""
        request = create_serializer("rest-xml").serialize_to_request(dict(parameters), operation)
        query_string = request["url_path"].partition("?")[2]
        query = dict(parse_qsl(query_string, keep_blank_values=True)) | dict(request["query_string"])
        headers = {name.lower(): value for name, value in request["headers"].items()}
        bucket = parameters.get("Bucket")
        body = request["body"] or b""
        host = f"{bucket}.s3.{region}.amazonaws.com"
        return cls(
            str(operation.name),
            bucket,
            host,
            query,
            headers,
            body if isinstance(body, bytes) else body.encode(),
        )

    def parameters(self) -> dict[str, Any]:
        """`requestParameters`."""
        return {
            **({"bucketName": self.bucket} if self.bucket else {}),
            "Host": self.host,
            **{name: value for name, value in self.query.items() if not SIGNING_ARGUMENTS.fullmatch(name)},
            **{
                name: value
                for name, value in self.headers.items()
                if name.startswith("x-amz-") and not SIGNING_HEADERS.fullmatch(name)
            },
            **self._document(),
        }

    def _document(self) -> dict[str, Any]:
        if not self.body:
            return {}
        if self.operation == "PutBucketPolicy":
            return {"bucketPolicy": _json_or_text(self.body)}
        try:
            root = ElementTree.fromstring(self.body)  # noqa: S314  # the developer's own request, kept here
        except ElementTree.ParseError:
            return {}
        match = NAMESPACED.fullmatch(root.tag)
        namespace, name = (match["namespace"], match["name"]) if match else ("", root.tag)
        value = _element(root)
        if isinstance(value, dict) and namespace:
            value = {"xmlns": namespace, **value}
        return {name: value}


def _json_or_text(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _element(element: ElementTree.Element) -> Any:
    """An element with children is an object, repeated children are a list; a leaf is a scalar."""
    if not len(element):
        return _scalar(element.text or "")
    values: dict[str, list[Any]] = {}
    for child in element:
        values.setdefault(NAMESPACED.sub(r"\g<name>", child.tag), []).append(_element(child))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text) else text


def additional_event_data(call: ApiCall, response_size: int, request_id: str) -> dict[str, Any]:
    """`additionalEventData`, which S3 alone adds."""
    return {
        "SignatureVersion": "SigV4",
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": len(call.body),
        "AuthenticationMethod": "AuthHeader" if "HTTP_AUTHORIZATION" in call.environ else "QueryString",
        "x-amz-id-2": request_id,
        "bytesTransferredOut": response_size,
    }


def region(call: ApiCall) -> str:
    """The Region of the bucket: S3's events appear there, wherever the caller's client thinks it is."""
    bucket = s3_backends[call.account]["aws"].buckets.get(call.parameters.get("Bucket", ""))
    return bucket.region_name if bucket else call.region
