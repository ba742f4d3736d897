"""What an account does while the workflow is at work on one finding of `unbacked-stream`."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from hypothesis import strategies as st

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, Backup, Stream, backup_name
from stackwarden.policies.unbacked_stream import SETTLING, Case, Hazard, Judgement, judge
from tests.stream_cases import (
    BUCKET_ARN,
    DESTINATION,
    TAKEN,
    backup,
    exemption,
    own_backup,
    stream,
    tried,
)

CHANCES = st.sampled_from([0.0, 0.0, 0.3, 1.0])
SMALL = st.sampled_from([0.0, 0.0, 0.1, 0.4])


@dataclass
class World:
    """An account with at most one stream of a name. Chances are between 0 and 1, for each round.

    refuses: an action fails. loses: it is done, but its answer is lost, and the next one finds the name
    taken. hides: a delivery stream does not show. throttles: AWS answers nothing. breaks: what is being made
    fails. ends: the stream is deleted. renews: it is made again. meddles: somebody makes, or deletes, a
    delivery stream. pages: rounds that the search takes. settles: the round in which the stack is settled.
    """

    hazard: Hazard
    random: Random
    stream: Stream | None
    hoses: dict[str, Backup] = field(default_factory=dict)
    orphan: str = ""
    refuses: float = 0.0
    loses: float = 0.0
    hides: float = 0.0
    throttles: float = 0.0
    breaks: float = 0.0
    ends: float = 0.0
    renews: float = 0.0
    meddles: float = 0.0
    pages: int = 0
    settles: int = 0
    exempt: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    made: list[tuple[Stream, str]] = field(default_factory=list)
    deleted: list[tuple[Backup, Stream | None, int]] = field(default_factory=list)
    waited: int = 0
    searched: int = 0

    def judgements(self) -> Iterator[tuple[Case, Judgement]]:
        """Yield each judgement with what was judged, until one is done."""
        number = 0
        while True:
            case = self._read(number)
            judgement = judge(case)
            yield case, judgement
            if judgement.next == "done":
                return
            self.waited += judgement.wait_seconds
            for action in judgement.actions:
                self._try(action, number)
            self._go_on()
            number += 1

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _seen(self, name: str) -> Backup | None:
        return None if self._chance(self.hides) else self.hoses.get(name)

    def _read(self, number: int) -> Case:
        """What stackwarden.stream_case reads."""
        case = Case(
            hazard=self.hazard,
            destination=DESTINATION,
            arn=stream().arn,
            stream=self.stream,
            attempts=tuple(self.attempts),
            exemptions=Exemptions({"orders": exemption("orders")} if self.exempt else {}),
            searched=self.searched,
            round=number,
        )
        if self._chance(self.throttles):
            return replace(case, throttled=True)
        if self.hazard is Hazard.ORPHANED:
            return replace(case, orphan=self._seen(self.orphan))
        if self.stream is None or self.stream.status in {"CREATING", "DELETING"}:
            return case
        named = self._seen(backup_name(self.stream))
        case = replace(case, unsettled=number < min(self.settles, SETTLING), named=named)
        case = replace(case, backups=(named,) if named and named.source == case.arn else ())
        if case.working or case.coming or case.unsettled:
            return case
        if self.searched < self.pages:
            self.searched += 1
            return replace(case, searching=True, searched=self.searched)
        others = tuple(hose for hose in self.hoses.values() if not hose.owned and hose.source == case.arn)
        return replace(case, backups=(*case.backups, *others))

    def _try(self, action: Action, number: int) -> None:
        error = "Firehose.X: y" if self._chance(self.refuses) else ""
        if action.kind is ActionKind.CREATE_DELIVERY_STREAM:
            error = error or self._create(action)
        else:
            error = error or self._delete(action)
        self.attempts.append(tried(action, error=error, in_round=number))

    def _create(self, action: Action) -> str:
        """https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html"""
        if action.target in self.hoses:
            return TAKEN
        if self.stream is None or not self.stream.stands:
            return "Firehose.InvalidArgumentException: no such stream"
        self.made.append((self.stream, action.target))
        self.hoses[action.target] = own_backup(self.stream, name=action.target, status="CREATING")
        return TAKEN if self._chance(self.loses) else ""

    def _delete(self, action: Action) -> str:
        hose = self.hoses.get(action.target)
        if hose is None:
            return "Firehose.ResourceNotFoundException: gone"
        if hose.status == "CREATING":
            return "Firehose.ResourceInUseException: CREATING"
        self.deleted.append((hose, self.stream, self.waited))
        self.hoses[action.target] = replace(hose, status="DELETING")
        return ""

    def _go_on(self) -> None:
        for name, hose in list(self.hoses.items()):
            if hose.status == "DELETING" and self._chance(0.5):
                del self.hoses[name]
            elif hose.status == "CREATING" and self._chance(0.5):
                status = "CREATING_FAILED" if self._chance(self.breaks) else "ACTIVE"
                self.hoses[name] = replace(hose, status=status)
            elif hose.status == "ACTIVE" and self._chance(self.meddles / 4):
                self.hoses[name] = replace(hose, status="DELETING")
        if self._chance(self.meddles / 4):
            self.hoses["by-somebody-else"] = backup(status="CREATING")
        self._stream_goes_on()

    def _stream_goes_on(self) -> None:
        before = self.stream
        if before is None:
            if self._chance(self.renews):
                self.stream = stream(created_at=stream().created_at + timedelta(hours=1), status="CREATING")
        elif before.status == "DELETING":
            self.stream = None if self._chance(0.5) else before
        elif self._chance(self.ends):
            self.stream = replace(before, status="DELETING")
        elif before.status == "CREATING" and self._chance(0.5):
            self.stream = replace(before, status="ACTIVE")


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """A stream at the first look."""
    tags = {OPT_OUT: "none", OPT_OUT_REASON: "no need"}
    return stream(
        status=draw(st.sampled_from(["CREATING", "ACTIVE", "UPDATING"])),
        on_demand=draw(st.booleans()),
        tags=draw(st.sampled_from([{}, {}, {}, tags, {OPT_OUT: "none"}])),
    )


TAKEN_BY = st.sampled_from(
    [
        own_backup(),
        own_backup(status="DELETING"),
        own_backup(status="CREATING_FAILED"),
        own_backup(source=f"{stream().arn}-of-others"),
        own_backup(buckets=()),
    ]
)
OTHERS = st.sampled_from([backup(), backup(status="CREATING"), backup(buckets=()), backup(status="DELETING")])


@st.composite
def worlds(draw: st.DrawFn, hazard: Hazard | None = None) -> World:
    """An account at the first look at one of its streams, or at one of its delivery streams."""
    of = hazard or draw(st.sampled_from([Hazard.UNBACKED, Hazard.UNBACKED, Hazard.ORPHANED]))
    world = World(of, Random(draw(st.integers(0, 2**32))), None)  # noqa: S311
    for name in ("refuses", "loses", "hides", "throttles", "breaks"):
        setattr(world, name, draw(CHANCES))
    for name in ("ends", "renews", "meddles"):
        setattr(world, name, draw(SMALL))
    if of is Hazard.ORPHANED:
        _orphan(draw, world)
        return world
    world.stream = draw(streams())
    world.pages = draw(st.sampled_from([0, 0, 1, 7, 400]))
    world.settles = draw(st.sampled_from([0, 0, 3, 100]))
    world.exempt = draw(st.sampled_from([False, False, False, True]))
    if draw(st.sampled_from([False, False, True])):
        taken = draw(TAKEN_BY)
        world.hoses[taken.name] = taken
    if draw(st.sampled_from([False, False, True])):
        other = draw(OTHERS)
        world.hoses[other.name] = other
    return world


def _orphan(draw: st.DrawFn, world: World) -> None:
    going = draw(st.sampled_from(["", "DELETING", "ACTIVE"]))
    world.stream = stream(status=going) if going else None
    left = own_backup(
        owned=draw(st.sampled_from([True, True, True, False])),
        status=draw(st.sampled_from(["ACTIVE", "ACTIVE", "CREATING", "DELETING"])),
        buckets=(BUCKET_ARN,),
    )
    world.orphan = left.name
    world.hoses[left.name] = left
