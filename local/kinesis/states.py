"""The states of a Kinesis stream: CREATING, UPDATING, DELETING, ACTIVE.

moto's streams are always ACTIVE. How long a state lasts is asked when somebody looks.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StreamDescriptionSummary.html
"""

from time import monotonic

from moto.kinesis.exceptions import ResourceInUseError
from moto.kinesis.models import Stream

from local.account import current
from local.extension import extend

_ATTRIBUTE = "transition"


def install() -> None:
    """Let `stream.status` follow the clock."""
    extend(Stream, status=property(status, _set_status))


def _set_status(stream: Stream, value: str) -> None:
    """moto sets ACTIVE once, when it makes a stream."""


def begin(stream: Stream, state: str) -> None:
    """Put a stream into a state for `LocalAccount.stream_seconds`; one that is DELETING stays so."""
    if state == "DELETING" or current().stream_seconds > 0:
        stream.__dict__[_ATTRIBUTE] = (state, monotonic())


def is_over(stream: Stream) -> bool:
    """Whether the time of the stream's state is over."""
    since: float = stream.__dict__[_ATTRIBUTE][1]
    return monotonic() >= since + current().stream_seconds


def status(stream: Stream) -> str:
    """CREATING, UPDATING, DELETING or ACTIVE."""
    state: str = stream.__dict__.get(_ATTRIBUTE, ("ACTIVE", 0.0))[0]
    if state in ("ACTIVE", "DELETING") or not is_over(stream):
        return state
    stream.__dict__.pop(_ATTRIBUTE, None)
    return "ACTIVE"


def refuse_unless_active(stream: Stream) -> None:
    """Raises ResourceInUseError in every other state."""
    if (state := status(stream)) != "ACTIVE":
        raise ResourceInUseError(
            f"Stream {stream.stream_name} under account {stream.account_id} not ACTIVE, "
            f"instead in state {state}"
        )
