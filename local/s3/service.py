"""Buckets whose events arrive.

Added to moto: functions that run, destinations that must let S3 in, delete markers, events on the default bus
in the documented shape, and no events of tags or ACLs that come with a new object.
AWS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import after_this_request, has_request_context, request
from moto.core.responses import ActionResult
from moto.s3 import models, notifications
from moto.s3.exceptions import InvalidArgumentError
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, Notification, S3Backend
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

from local.cloudtrail.call import parse_call
from local.cloudtrail.identity import identity_of
from local.eventbridge.service import publish
from local.extension import extend
from local.s3.configuration import check_overlaps, key_matches, parse, rules
from local.s3.delivery import Unreachable, deliver, require
from local.s3.events import EMPTY_ETAG, ObjectEvent, Requester
from local.s3.policy import permission

if TYPE_CHECKING:
    from local.account import LocalAccount

# What moto tells besides of a call that makes an object: its tags, its ACL, and that it was put.
BESIDES = {
    "PutObject": ("s3:ObjectTagging:", "s3:ObjectAcl:"),
    "CopyObject": ("s3:ObjectTagging:", "s3:ObjectAcl:"),
    "CompleteMultipartUpload": ("s3:ObjectTagging:", "s3:ObjectAcl:", "s3:ObjectCreated:Put"),
}
SKIP_VALIDATION = "x-amz-skip-destination-validation"

moto_delete_object = S3Backend.delete_object


def install(account: "LocalAccount") -> None:
    """Replace moto's delivery, and what it reads and tells of notifications."""

    def send_event(account_id: str, event_name: S3NotificationEvent, bucket: FakeBucket, key: Any) -> None:
        happened(account, str(event_name.value), bucket, key)

    def send_test_event(account_id: str, bucket: FakeBucket) -> None:
        greet(account, bucket)

    def delete_object(backend: S3Backend, *args: Any, **kwargs: Any) -> tuple[bool, dict[str, Any]]:
        return delete(account, backend, *args, **kwargs)

    extend(notifications, send_event=send_event, send_test_event=send_test_event)
    extend(models, events_send_notification=send_nothing)
    extend(Notification, _key_matches=key_matches)
    extend(FakeBucket, get_permission=permission)
    extend(S3Backend, delete_object=delete_object)
    extend(
        S3Response,
        _notification_config_from_body=notification_configuration,
        get_bucket_notification=get_bucket_notification,
    )


def send_nothing(**_: Any) -> None:
    """moto tells rules of a new bucket with an event that S3 does not have; CloudTrail's is enough."""


def happened(account: "LocalAccount", name: str, bucket: FakeBucket, key: FakeKey | FakeDeleteMarker) -> None:
    """Tell everybody whom the bucket's notifications name, once the request was served."""
    call = parse_call(request.environ) if has_request_context() else None
    if call and name.startswith(BESIDES.get(call.name, ())):
        return
    wanted = bucket.notification_configuration
    if wanted is None:
        return
    event = object_event(name, bucket, key)

    def tell() -> None:
        for notification in [*wanted.cloud_function, *wanted.queue, *wanted.topic]:
            if notification.matches(name, key.name):
                message = {"Records": [event.record(notification.id)]}
                account.background.spawn(deliver, account, bucket, notification.arn, message)
        if wanted.event_bridge is not None and (for_bus := event.event_bridge()):
            publish(for_bus, account=bucket.account_id, region=bucket.region_name)

    if not has_request_context():
        tell()
        return

    @after_this_request
    def tell_afterwards(response: Any) -> Any:
        tell()
        return response


def object_event(name: str, bucket: FakeBucket, key: FakeKey | FakeDeleteMarker) -> ObjectEvent:
    """What happened to a key, or by a delete marker."""
    is_removal = name.startswith("s3:ObjectRemoved:")
    return ObjectEvent(
        name=name,
        bucket=bucket.name,
        owner=bucket.account_id,
        region=bucket.region_name,
        key=key.name,
        size=key.size if isinstance(key, FakeKey) and not is_removal else None,
        etag=key.etag.strip('"') if isinstance(key, FakeKey) and not is_removal else EMPTY_ETAG,
        version_id=key.version_id if key.version_id != "null" else None,
        sequencer=f"{time.time_ns():016X}",
        time=datetime.now(UTC),
        requester=requester(bucket),
    )


def requester(bucket: FakeBucket) -> Requester:
    """Who asked for it over HTTP; else the owner of the bucket."""
    call = parse_call(request.environ) if has_request_context() else None
    request_id = uuid.uuid4().hex[:16].upper()
    if call is None:
        owner = bucket.account_id
        return Requester(
            principal_id=f"AWS:{owner}", account=owner, source_ip="127.0.0.1", request_id=request_id
        )
    identity = identity_of(call.credential.access_key_id, call.account)
    return Requester(
        principal_id=f"AWS:{identity['principalId']}",
        account=call.account,
        source_ip=call.environ.get("REMOTE_ADDR", "127.0.0.1"),
        request_id=request_id,
    )


def greet(account: "LocalAccount", bucket: FakeBucket) -> None:
    """The test event that queues and topics get with a new configuration."""
    message = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "Bucket": bucket.name,
        "RequestId": uuid.uuid4().hex[:16].upper(),
        "HostId": uuid.uuid4().hex,
    }
    wanted = bucket.notification_configuration
    if wanted is not None:
        for arn in dict.fromkeys(it.arn for it in [*wanted.queue, *wanted.topic]):
            account.background.spawn(deliver, account, bucket, arn, message)


def delete(
    account: "LocalAccount",
    backend: S3Backend,
    bucket_name: str,
    key_name: str,
    version_id: str | None = None,
    bypass: bool = False,
) -> tuple[bool, dict[str, Any]]:
    """moto tells only of the last version of a key: tell of delete markers and of any other version, too."""
    bucket = backend.get_bucket(bucket_name)
    before = list(bucket.keys.getlist(key_name, []))
    answer = moto_delete_object(backend, bucket_name, key_name, version_id, bypass)
    after = list(bucket.keys.getlist(key_name, []))
    if bucket.is_versioned and after:
        gone = [version for version in before if version not in after]
        new = [version for version in after if version not in before]
        for version in gone:
            happened(account, S3NotificationEvent.OBJECT_REMOVED_DELETE_EVENT.value, bucket, version)
        for marker in new:
            created = S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT.value
            happened(account, created, bucket, marker)
    return answer


def notification_configuration(response: S3Response) -> dict[str, Any]:
    """What PutBucketNotificationConfiguration is given, checked.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    bucket = response.backend.get_bucket(response.bucket_name)
    wanted = parse(response.body)
    check_overlaps(wanted)
    if str(response.headers.get(SKIP_VALIDATION)).lower() != "true":
        check_destinations(bucket, wanted)
    return wanted


def check_destinations(bucket: FakeBucket, wanted: dict[str, Any]) -> None:
    """Raises InvalidArgument unless every destination lets S3 in."""
    for rule in rules(wanted):
        try:
            require(bucket, rule.arn)
        except Unreachable as reason:
            message = "Unable to validate the following destination configurations"
            raise InvalidArgumentError(message, rule.arn, str(reason)) from None


def get_bucket_notification(response: S3Response) -> Any:
    """moto leaves EventBridge out. Filter names come back capitalized."""
    wanted = response.backend.get_bucket_notification_configuration(response.bucket_name)
    response.data["Action"] = "GetBucketNotificationConfiguration"
    if wanted is None:
        return response.serialized(ActionResult({}))
    kinds = {
        "TopicConfigurations": (wanted.topic, "TopicArn"),
        "QueueConfigurations": (wanted.queue, "QueueArn"),
        "LambdaFunctionConfigurations": (wanted.cloud_function, "LambdaFunctionArn"),
    }
    result: dict[str, Any] = {
        name: [description(it, target) for it in entries] for name, (entries, target) in kinds.items()
    }
    if wanted.event_bridge is not None:
        result["EventBridgeConfiguration"] = {}
    return response.serialized(ActionResult(result))


def description(notification: Notification, target: str) -> dict[str, Any]:
    """One configuration as the API tells it."""
    told: dict[str, Any] = {"Id": notification.id, target: notification.arn, "Events": notification.events}
    if rules := notification.filters.get("S3Key", {}).get("FilterRule"):
        told["Filter"] = {
            "Key": {"FilterRules": [{**rule, "Name": rule["Name"].capitalize()} for rule in rules]}
        }
    return told
