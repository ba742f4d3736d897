"""Commands that reports of `unbacked-stream` give to be pasted. Pure."""

import json
import shlex
from collections.abc import Iterator
from typing import Final

from stackwarden.finding import Action
from stackwarden.policies.stream_actions import object_prefix
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, Destination, Stream

RESTORE: Final = "python -m cli restore-stream"


def restore(stream_arn: str, destination: Destination, begin: str) -> str:
    """Return what puts a window of a copy back into a stream (docs/restore.md)."""
    bucket, prefix = destination.bucket_arn.split(":")[-1], shlex.quote(object_prefix(stream_arn))
    return (
        f"{RESTORE} --bucket {bucket} --prefix {prefix} --from {begin} --to END"
        f" --to-stream STREAM --region {_region(stream_arn)}"
    )


def create(stream_arn: str, action: Action) -> Iterator[str]:
    """Yield what makes a delivery stream, its request line by line: one long line would be cut."""
    call = f"aws firehose create-delivery-stream --region {_region(stream_arn)} --cli-input-json"
    first, *others, last = json.dumps(action.parameters["request"], indent=1).splitlines()
    yield f"{call} '{first}"
    yield from others
    yield f"{last}'"


def delete(stream_arn: str, name: str) -> str:
    """Return what removes a delivery stream."""
    call = f"aws firehose delete-delivery-stream --region {_region(stream_arn)}"
    return f"{call} --delivery-stream-name {shlex.quote(name)}"


def opt_out(stream: Stream) -> str:
    """Return what says that a stream is to have no copy."""
    tags = shlex.quote(json.dumps({OPT_OUT: "none", OPT_OUT_REASON: "WHY"}))
    return f"aws kinesis add-tags-to-stream {_of(stream)} --tags {tags}"


def opt_in(stream: Stream) -> str:
    """Return what takes that back."""
    return f"aws kinesis remove-tags-from-stream {_of(stream)} --tag-keys {OPT_OUT}"


def _of(stream: Stream) -> str:
    return f"--region {_region(stream.arn)} --stream-name {shlex.quote(stream.name)}"


def _region(arn: str) -> str:
    return arn.split(":")[3]
