"""Which S3 events, on which object keys, match an EventBridge rule? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwarden.policies.s3_event_patterns import Field, Fields, evaluate
from stackwarden.policies.s3_state import Bucket, Event, KeyFilter, Rule, Trigger


@dataclass(frozen=True)
class Match:
    """What matches. filters: alternatives. doubt: the parts of the pattern that are not evaluated."""

    events: tuple[Event, ...]
    filters: tuple[KeyFilter, ...]
    doubt: str = ""


def triggers(
    rule: Rule, bucket: Bucket, *, account: str, region: str, partition: str = "aws"
) -> tuple[Trigger, ...]:
    """Return what a rule makes of a bucket's events, for each of its targets; () if nothing.

    A target has more than one trigger if the filters depend on the event, or if only some are in doubt.
    A rule without a pattern is a schedule.
    """
    if not (bucket.to_eventbridge and rule.pattern):
        return ()
    found = matches(rule.pattern, bucket=bucket.name, account=account, region=region, partition=partition)
    return tuple(
        Trigger(
            bucket=bucket.name,
            kind="rule",
            name=rule.name,
            target=target,
            events=part.events,
            source_arn=rule.arn,
            by_role=target in rule.by_role,
            filters=part.filters,
            doubt=part.doubt,
        )
        for target in dict.fromkeys(rule.targets)
        for part in found
    )


def matches(
    pattern: Mapping[str, Any], *, bucket: str, account: str, region: str, partition: str = "aws"
) -> list[Match]:
    """Return a Match for each set of filters and doubt; within it, every event goes with every filter.

    The list is empty if nothing of the bucket matches. `{}` matches everything.
    """
    events: dict[tuple[tuple[KeyFilter, ...], str], list[Event]] = {}
    for event in Event:
        filters: dict[str, list[KeyFilter]] = {}
        for alternative in evaluate(pattern, _fields(event, bucket, account, region, partition)):
            filters.setdefault("; ".join(alternative.doubts), []).append(alternative.key_filter)
        for doubt, alternatives in filters.items():
            events.setdefault((tuple(alternatives), doubt), []).append(event)
    return [Match(tuple(kinds), filters, doubt) for (filters, doubt), kinds in events.items()]


_EVERY_EVENT: Fields = {
    "version": "0",
    "id": Field.PRESENT,
    "time": Field.PRESENT,
    "source": "aws.s3",
    "detail.version": "0",
    "detail.event-version": Field.OPTIONAL,
    "detail.object.key": Field.KEY,
    "detail.object.version-id": Field.OPTIONAL,
    "detail.object.etag": Field.PRESENT,
    "detail.request-id": Field.PRESENT,
}
_SIZE: Fields = {"detail.object.size": Field.PRESENT}
_SEQUENCER: Fields = {"detail.object.sequencer": Field.PRESENT}
_CALLED: Fields = {"detail.source-ip-address": Field.PRESENT}
_BY_S3_ITSELF: Fields = {"detail.requester": "s3.amazonaws.com"}
_STORAGE_CLASS: Fields = {"detail.source-storage-class": Field.PRESENT}
_EXPIRY: Fields = {"detail.restore-expiry-time": Field.PRESENT}


def _created(reason: str) -> Fields:
    return {"detail-type": "Object Created", "detail.reason": reason, **_SIZE, **_SEQUENCER, **_CALLED}


def _deleted(deletion_type: str) -> Fields:
    """Describe a deletion by DeleteObject; what S3 Lifecycle deletes, no function does."""
    kind = {"detail-type": "Object Deleted", "detail.reason": "DeleteObject"}
    without_etag = {"detail.object.etag": Field.OPTIONAL}  # if the bucket has no versions
    return {**kind, "detail.deletion-type": deletion_type, **without_etag, **_SEQUENCER, **_CALLED}


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
_EVENTS: Mapping[Event, Fields] = {
    Event.PUT: _created("PutObject"),
    Event.POST: _created("POST Object"),
    Event.COPY: _created("CopyObject"),
    Event.COMPLETE_MULTIPART_UPLOAD: _created("CompleteMultipartUpload"),
    Event.DELETE: _deleted("Permanently Deleted"),
    Event.DELETE_MARKER_CREATED: _deleted("Delete Marker Created"),
    Event.TAGGING_PUT: {"detail-type": "Object Tags Added", **_CALLED},
    Event.TAGGING_DELETE: {"detail-type": "Object Tags Deleted", **_CALLED},
    Event.ACL_PUT: {"detail-type": "Object ACL Updated", **_CALLED},
    Event.RESTORE_POST: {"detail-type": "Object Restore Initiated", **_SIZE, **_STORAGE_CLASS, **_CALLED},
    Event.RESTORE_COMPLETED: {
        "detail-type": "Object Restore Completed",
        **_SIZE,
        **_STORAGE_CLASS,
        **_EXPIRY,
        **_BY_S3_ITSELF,
    },
    Event.RESTORE_DELETE: {"detail-type": "Object Restore Expired", **_BY_S3_ITSELF},
}


def _fields(event: Event, bucket: str, account: str, region: str, partition: str) -> Fields:
    """Return the fields of an event that a function of the bucket's own account raises."""
    return {
        **_EVERY_EVENT,
        "account": account,
        "region": region,
        "resources": f"arn:{partition}:s3:::{bucket}",  # in the event, a list of one
        "detail.bucket.name": bucket,
        "detail.requester": account,
        **_EVENTS[event],
    }
