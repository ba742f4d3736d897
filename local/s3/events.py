"""What S3 says happened to an object: to functions, queues and topics, and to EventBridge. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

EVENT_VERSION = "2.5"
SEQUENCED = ("s3:ObjectCreated:", "s3:ObjectRemoved:")
EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
# detail-type, then reason and deletion-type where EventBridge's event has them
TO_EVENT_BRIDGE: dict[str, tuple[str, ...]] = {
    "s3:ObjectCreated:Put": ("Object Created", "PutObject"),
    "s3:ObjectCreated:Post": ("Object Created", "POST Object"),
    "s3:ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "s3:ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "s3:ObjectRemoved:Delete": ("Object Deleted", "DeleteObject", "Permanently Deleted"),
    "s3:ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject", "Delete Marker Created"),
    "s3:ObjectTagging:Put": ("Object Tags Added",),
    "s3:ObjectTagging:Delete": ("Object Tags Deleted",),
    "s3:ObjectAcl:Put": ("Object ACL Updated",),
    "s3:ObjectRestore:Post": ("Object Restore Initiated",),
    "s3:ObjectRestore:Completed": ("Object Restore Completed",),
    "s3:ObjectRestore:Delete": ("Object Restore Expired",),
}


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who made the request that caused an event."""

    principal_id: str
    account: str
    source_ip: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """One thing that happened to one object; `name` as in a notification, `s3:ObjectCreated:Put`.

    size is in bytes, None of an object that is gone; version_id is None in a bucket without versioning.
    """

    name: str
    bucket: str
    owner: str
    region: str
    key: str
    size: int | None
    etag: str
    version_id: str | None
    sequencer: str
    time: datetime
    requester: Requester

    def record(self, configuration_id: str) -> dict[str, Any]:
        """The record in the message to a function, queue or topic."""
        return {
            "eventVersion": EVENT_VERSION,
            "eventSource": "aws:s3",
            "awsRegion": self.region,
            "eventTime": f"{self.time:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "eventName": self.name.removeprefix("s3:"),
            "userIdentity": {"principalId": self.requester.principal_id},
            "requestParameters": {"sourceIPAddress": self.requester.source_ip},
            "responseElements": {
                "x-amz-request-id": self.requester.request_id,
                "x-amz-id-2": self.requester.request_id,
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration_id,
                "bucket": {
                    "name": self.bucket,
                    "ownerIdentity": {"principalId": self.owner},
                    "arn": f"arn:aws:s3:::{self.bucket}",
                },
                "object": self._object(quote_plus(self.key, safe="/"), etag="eTag", version="versionId"),
            },
        }

    def event_bridge(self) -> dict[str, Any] | None:
        """The event for the default bus; None for what EventBridge is not told."""
        if self.name not in TO_EVENT_BRIDGE:
            return None
        detail_type, *reasons = TO_EVENT_BRIDGE[self.name]
        return {
            "source": "aws.s3",
            "detail-type": detail_type,
            "time": f"{self.time:%Y-%m-%dT%H:%M:%SZ}",
            "resources": [f"arn:aws:s3:::{self.bucket}"],
            "detail": {
                "version": "0",
                "event-version": "1.0",
                "bucket": {"name": self.bucket},
                "object": self._object(self.key, etag="etag", version="version-id"),
                "request-id": self.requester.request_id,
                "requester": self.requester.account,
                "source-ip-address": self.requester.source_ip,
                **dict(zip(("reason", "deletion-type"), reasons, strict=False)),
            },
        }

    def _object(self, key: str, *, etag: str, version: str) -> dict[str, Any]:
        is_permanent_deletion = self.name == "s3:ObjectRemoved:Delete"
        return {
            "key": key,
            **({"size": self.size} if self.size is not None else {}),
            **({} if is_permanent_deletion and etag == "eTag" else {etag: self.etag}),
            **({version: self.version_id} if self.version_id else {}),
            **({"sequencer": self.sequencer} if self.name.startswith(SEQUENCED) else {}),
        }
