"""The judgement of the guard `unbacked-stream`: every Kinesis stream has a copy in S3.

Pure. The guard reads, asks `judge`, the workflow does what the judgement says, then the guard reads and asks
again until the judgement is `done`.

Rules that AWS imposes:
- A delivery stream reads a stream from LATEST: what was there before is not in the copy:
  https://docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html
- It can be made only once the stream is ACTIVE, and its type and source never change.
- Creating, describing and deleting delivery streams: five calls a second for an account and Region:
  https://docs.aws.amazon.com/firehose/latest/dev/limits.html
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Exemption, Mode, Outcome
from stackwarden.policies.stream_actions import create_delivery_stream, delete_delivery_stream
from stackwarden.policies.stream_cost import Prices, Volume
from stackwarden.policies.stream_state import (
    OPT_OUT,
    OPT_OUT_REASON,
    Backup,
    Destination,
    Stream,
    backup_name,
)

TRIES = 3
PATIENCE = 60  # rounds, besides those of the search
LONGEST_SEARCH = 300  # rounds
SETTLING = 40  # rounds (20 minutes) that a stack may take to bring a copy of its own
PAUSE, LONGEST_PAUSE = 10, 60  # seconds
NEXT_PAGE = 5  # seconds: so long a judgement's describing calls count
LONGEST_BUFFER = 900  # seconds that Firehose may keep records before it writes them
FLUSHED = LONGEST_BUFFER + 60  # seconds
_NAME_TAKEN = "ResourceInUseException"


class Hazard(StrEnum):
    """What a finding of this guard is about."""

    UNBACKED = "unbacked"
    ORPHANED = "orphaned-backup"


@dataclass(frozen=True)
class Case:
    """A stream with what copies it, and all that its judgement depends on.

    arn: the stream's. stream: None if there is none (any more). named: what has the name that Stackwarden
    would take. ended: what copied it until somebody deleted or changed that. orphan: its delivery stream
    whose stream is gone. volume: what was put into the stream lately. unsettled: whether the stack that made
    it is still at work, and may bring a copy. searching: whether delivery streams of others are still to be
    looked through; searched: in how many rounds that was done. throttled: whether AWS answers no more for
    now.
    """

    hazard: Hazard
    destination: Destination
    arn: str
    stream: Stream | None = None
    backups: tuple[Backup, ...] = ()
    named: Backup | None = None
    orphan: Backup | None = None
    ended: str = ""
    prices: Prices = field(default_factory=Prices)
    volume: Volume | None = None
    unsettled: bool = False
    searching: bool = False
    searched: int = 0
    throttled: bool = False
    mode: Mode = Mode.ENFORCE
    exemptions: Exemptions = field(default_factory=Exemptions)
    stack_name: str = ""
    attempts: Sequence[Attempt] = ()
    round: int = 0

    @property
    def working(self) -> tuple[Backup, ...]:
        """The copies of the stream that work."""
        return tuple(backup for backup in self.backups if backup.works)

    @property
    def coming(self) -> tuple[Backup, ...]:
        """The copies that are being made."""
        return tuple(backup for backup in self.backups if backup.status == "CREATING" and backup.buckets)

    @property
    def exemption(self) -> Exemption | None:
        """What exempts the stream: an exemption of it or of its stack."""
        return self.exemptions.for_any(names(self.stream, self.stack_name))

    @property
    def opted_out(self) -> bool:
        """Whether the stream's owner wants no copy, and says why."""
        tags = self.stream.tags if self.stream else {}
        return tags.get(OPT_OUT) == "none" and bool(tags.get(OPT_OUT_REASON, "").strip())

    @property
    def acted(self) -> bool:
        """Whether something was changed. Where the answer got lost, the next try finds the name taken."""
        taken = (_NAME_TAKEN in each.error for each in self.tried(ActionKind.CREATE_DELIVERY_STREAM))
        return any(each.status == "done" for each in self.attempts) or any(taken)

    def tried(self, kind: ActionKind) -> list[Attempt]:
        """Return the attempts of a kind, oldest first."""
        return [attempt for attempt in self.attempts if attempt.kind is kind]


@dataclass(frozen=True)
class Judgement:
    """What the workflow is told next. reason: why nothing, or nothing more, is done."""

    next: Literal["act", "wait", "done"]
    actions: tuple[Action, ...] = ()
    wait_seconds: int = 0
    outcome: Outcome | None = None
    exemption: Exemption | None = None
    reason: str = ""


def names(stream: Stream | None, stack_name: str = "") -> tuple[str, ...]:
    """Return what an exemption may name: the stream and its stack."""
    return tuple(name for name in (stream.name if stream else "", stack_name) if name)


def judge(case: Case) -> Judgement:
    """Judge one stream. Total, and it ends: waiting by PATIENCE and LONGEST_SEARCH, acting by TRIES."""
    if case.hazard is Hazard.ORPHANED:
        return _orphaned(case)
    if case.throttled:
        return _throttled(case)
    if case.stream is None or not case.stream.stands:
        return _done(Outcome.DISMISSED, "the stream is gone")
    if case.working:
        return _done(Outcome.REMEDIATED if case.acted else Outcome.DISMISSED)
    if case.exemption:
        return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
    if case.opted_out:
        return _done(Outcome.EXEMPT, f"its owner wants none: {case.stream.tags[OPT_OUT_REASON].strip()}")
    return _pending(case, case.stream) or _back_up(case, case.stream)


def _pending(case: Case, stream: Stream) -> Judgement | None:
    """Wait for what may come without Stackwarden, and for what it needs."""
    if case.coming:
        return _wait(case, "its backup is being made")
    if stream.status == "CREATING":
        return _wait(case, "the stream is still being created")
    if case.unsettled:
        return _wait(case, "its stack is still at work")
    if not case.searching:
        return None
    if case.searched < LONGEST_SEARCH:
        return Judgement(next="wait", wait_seconds=NEXT_PAGE)
    return _done(Outcome.FAILED, "there are too many delivery streams to look through")


def _throttled(case: Case) -> Judgement:
    """Streams that were throttled together come back at different times."""
    digest = hashlib.sha256(f"{case.arn} {case.round}".encode()).digest()
    return _wait(case, "AWS answers no describing calls", PAUSE + digest[0] % 60)


def _done(outcome: Outcome, reason: str = "") -> Judgement:
    return Judgement(next="done", outcome=outcome, reason=reason)


def _wait(case: Case, what: str, seconds: int = 0) -> Judgement:
    if case.round - case.searched < PATIENCE:
        return Judgement(next="wait", wait_seconds=seconds or min(PAUSE + case.round, LONGEST_PAUSE))
    return _done(Outcome.FAILED, f"{what}, for too long")


def _back_up(case: Case, stream: Stream) -> Judgement:
    if case.named and case.named.status == "DELETING":
        return _wait(case, f"the delivery stream {case.named.name} is still being deleted")
    if case.named and (obstacle := _obstacle(case.named, stream)):
        return _done(Outcome.FAILED, obstacle)
    tried = case.tried(ActionKind.CREATE_DELIVERY_STREAM)
    taken = any(_NAME_TAKEN in attempt.error for attempt in tried)
    if tried and (taken or tried[-1].status == "done") and case.round - tried[-1].round <= 1:
        return _wait(case, "its backup does not show")
    action = create_delivery_stream(stream, case.destination)
    if len(tried) < TRIES and not taken:
        return Judgement(next="act", actions=(action,))
    error = tried[-1].error or "what was made does not show"
    return Judgement(next="done", outcome=Outcome.FAILED, actions=(action,), reason=error)


def _obstacle(named: Backup, stream: Stream) -> str:
    """Say why what has the name is no backup, and no other one can be made."""
    what = f"the delivery stream {named.name}"
    if named.source != stream.arn:
        return f"{what} exists, and copies {named.source or 'another source'}"
    if named.status.endswith("FAILED"):
        return f"{what} is {named.status}: {named.reason or 'AWS gives no reason'}"
    return "" if named.buckets else f"{what} exists, and its destination is not S3"


def _orphaned(case: Case) -> Judgement:
    """Remove Stackwarden's own delivery stream once it has written all that it holds."""
    orphan = case.orphan
    if case.throttled and case.round:
        return _throttled(case)
    if orphan is None and not case.throttled:
        return _done(Outcome.REMEDIATED if case.acted else Outcome.DISMISSED)
    own = case.stream if case.stream and orphan and backup_name(case.stream) == orphan.name else None
    if orphan and (not orphan.owned or (own and own.stands)):
        return _done(Outcome.DISMISSED, "its stream stands" if own else "it is not Stackwarden's")
    if case.round == 0 or orphan is None:
        return Judgement(next="wait", wait_seconds=FLUSHED)
    if own:
        return _wait(case, "its stream is being deleted", FLUSHED)
    return _remove(case, orphan)


def _remove(case: Case, orphan: Backup) -> Judgement:
    tried = case.tried(ActionKind.DELETE_DELIVERY_STREAM)
    if orphan.status == "CREATING":
        return _wait(case, "it is still being made")
    if orphan.status == "DELETING" or (tried and tried[-1].status == "done"):
        return _wait(case, "it is still being deleted")
    action = delete_delivery_stream(orphan)
    if len(tried) < TRIES:
        return Judgement(next="act", actions=(action,))
    return Judgement(next="done", outcome=Outcome.FAILED, actions=(action,), reason=tried[-1].error)
