"""What holds for every judgement of `unbacked-stream`, whatever AWS, people and the workflow do meanwhile."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import Phase, find, given
from hypothesis import settings as hypothesis_settings

from stackwarden.episodes import STUCK
from stackwarden.finding import Action, ActionKind, Outcome
from stackwarden.policies.stream_reports import describe
from stackwarden.policies.stream_state import Stream, backup_name
from stackwarden.policies.unbacked_stream import (
    FLUSHED,
    LONGEST_BUFFER,
    LONGEST_SEARCH,
    PATIENCE,
    TRIES,
    Case,
    Hazard,
    Judgement,
    judge,
)
from tests.stream_cases import case as case_of
from tests.stream_cases import own_backup, stream, tried
from tests.stream_world import World, worlds

CREATE, DELETE = ActionKind.CREATE_DELIVERY_STREAM, ActionKind.DELETE_DELIVERY_STREAM
FIRST_FOUND = hypothesis_settings(max_examples=4000, phases=[Phase.generate], database=None)
type Tries = tuple[tuple[Action, int], ...]


def the_shape_is_what_the_workflow_expects(case: Case, judgement: Judgement) -> None:
    assert judgement.actions or judgement.next != "act"
    assert not judgement.actions or judgement.next == "act" or judgement.outcome is Outcome.FAILED
    assert (judgement.next == "done") == (judgement.outcome is not None)
    assert judgement.next != "wait" or 1 <= judgement.wait_seconds <= FLUSHED
    assert len(judgement.actions) <= 1


def a_copy_is_made_only_where_none_works_or_comes(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind is CREATE:
            assert case.hazard is Hazard.UNBACKED
            assert case.stream is not None
            assert case.stream.status in {"ACTIVE", "UPDATING"}
            assert not case.working
            assert not case.coming
            assert not any((case.searching, case.unsettled, case.throttled))
            assert action.target == backup_name(case.stream)


def only_stackwardens_own_is_removed_and_only_without_its_stream(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind is DELETE:
            assert case.hazard is Hazard.ORPHANED
            assert case.orphan is not None
            assert case.orphan.owned
            assert action.target == case.orphan.name
            assert case.stream is None or backup_name(case.stream) != action.target


def what_is_exempt_is_left_alone(case: Case, judgement: Judgement) -> None:
    wanted = case.exemption is None and not case.opted_out
    assert judgement.actions == () or case.hazard is Hazard.ORPHANED or wanted
    assert judgement.outcome is not Outcome.EXEMPT or not wanted
    assert judgement.exemption is None or judgement.outcome is Outcome.EXEMPT


def what_is_called_remediated_is_true(case: Case, judgement: Judgement) -> None:
    if judgement.outcome is Outcome.REMEDIATED:
        assert case.acted
        assert case.orphan is None if case.hazard is Hazard.ORPHANED else case.working


def a_stream_without_a_copy_is_never_called_harmless(case: Case, judgement: Judgement) -> None:
    if case.hazard is Hazard.UNBACKED and case.stream and case.stream.stands and not case.working:
        assert judgement.outcome in (None, Outcome.FAILED, Outcome.EXEMPT)


def a_failure_says_why(case: Case, judgement: Judgement) -> None:
    assert judgement.outcome is not Outcome.FAILED or judgement.reason


def it_can_be_put_into_words(case: Case, judgement: Judgement) -> None:
    prose = describe(case, judgement)

    assert "orders" in prose.title
    assert prose.why.endswith(".")
    assert prose.fix
    assert judgement.outcome is not Outcome.REMEDIATED or prose.evidence["verified"]
    assert judgement.outcome is not Outcome.FAILED or prose.evidence["error"]


PROPERTIES = [
    the_shape_is_what_the_workflow_expects,
    a_copy_is_made_only_where_none_works_or_comes,
    only_stackwardens_own_is_removed_and_only_without_its_stream,
    what_is_exempt_is_left_alone,
    what_is_called_remediated_is_true,
    a_stream_without_a_copy_is_never_called_harmless,
    a_failure_says_why,
    it_can_be_put_into_words,
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda check: check.__name__)
def test_every_judgement_on_the_way_of_a_finding(holds: Callable[[Case, Judgement], None]) -> None:
    @given(worlds())
    @hypothesis_settings(max_examples=150)
    def check(world: World) -> None:
        for case, judgement in world.judgements():
            holds(case, judgement)

    check()


@given(worlds())
@hypothesis_settings(max_examples=400)
def test_every_finding_ends(world: World) -> None:
    """Waiting ends by patience and the longest search, acting by its tries."""
    rounds = sum(1 for _ in world.judgements())

    assert rounds <= PATIENCE + LONGEST_SEARCH + TRIES + 1


@given(worlds(Hazard.UNBACKED))
@hypothesis_settings(max_examples=300)
def test_every_finding_of_a_stream_ends_before_its_workflow_is_taken_for_dead(world: World) -> None:
    for _ in world.judgements():
        pass

    assert world.waited < STUCK.total_seconds()


@given(worlds())
@hypothesis_settings(max_examples=400)
def test_a_stream_never_gets_two_copies_of_stackwardens(world: World) -> None:
    for _ in world.judgements():
        assert all(name == backup_name(of) for of, name in world.made)
        copies = [hose for hose in world.hoses.values() if hose.owned and hose.works]
        assert len(copies) <= 1


@given(worlds(Hazard.ORPHANED))
@hypothesis_settings(max_examples=400)
def test_what_is_removed_was_stackwardens_its_stream_gone_its_buffer_written(world: World) -> None:
    for _ in world.judgements():
        pass

    for hose, of, waited in world.deleted:
        assert hose.owned
        assert of is None or backup_name(of) != hose.name
        assert waited >= LONGEST_BUFFER


@given(worlds(Hazard.UNBACKED))
@hypothesis_settings(max_examples=300)
def test_the_judgement_of_a_stream_never_removes_anything(world: World) -> None:
    for _ in world.judgements():
        pass

    assert world.deleted == []


@given(worlds(Hazard.UNBACKED))
@hypothesis_settings(max_examples=300)
def test_in_a_world_that_obeys_a_stream_ends_with_a_copy_or_a_reason(world: World) -> None:
    world.refuses = world.hides = world.throttles = world.breaks = 0.0
    world.ends = world.meddles = 0.0
    world.pages = min(world.pages, LONGEST_SEARCH - 1)

    *_, (case, last) = world.judgements()

    if last.outcome in (Outcome.REMEDIATED, Outcome.DISMISSED):
        assert any(hose.works and hose.source == case.arn for hose in world.hoses.values())
    elif last.outcome is Outcome.FAILED:
        assert case.named is not None
        assert case.named.name in last.reason
    else:
        assert last.outcome is Outcome.EXEMPT


@given(worlds(Hazard.ORPHANED))
@hypothesis_settings(max_examples=300)
def test_in_a_world_that_obeys_what_is_left_of_a_stream_goes(world: World) -> None:
    world.refuses = world.hides = world.throttles = world.breaks = 0.0
    world.renews = world.meddles = 0.0
    theirs = not world.hoses[world.orphan].owned
    stood = world.stream is not None and world.stream.stands

    *_, (_, last) = world.judgements()

    assert (world.orphan in world.hoses) == (theirs or stood)
    assert last.outcome in (Outcome.REMEDIATED, Outcome.DISMISSED)


@pytest.mark.parametrize(
    "wanted",
    [
        *((Hazard.UNBACKED, each) for each in (Outcome.REMEDIATED, Outcome.FAILED)),
        *((Hazard.UNBACKED, each) for each in (Outcome.EXEMPT, Outcome.DISMISSED)),
        *((Hazard.ORPHANED, each) for each in (Outcome.REMEDIATED, Outcome.FAILED, Outcome.DISMISSED)),
    ],
    ids=lambda wanted: "-".join(wanted),
)
def test_the_simulated_worlds_reach_every_end(wanted: tuple[Hazard, Outcome]) -> None:
    def ends_so(world: World) -> bool:
        *_, (case, last) = world.judgements()
        return (case.hazard, last.outcome) == wanted

    find(worlds(), ends_so, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


class Firehose:
    """Answers five describing calls in any second; a new delivery stream takes a minute."""

    def __init__(self) -> None:
        self.answered: list[float] = []
        self.ready: dict[str, float] = {}

    def answers(self, now: float) -> bool:
        """Whether a call at this time is answered, and not throttled."""
        if len(self.answered) >= 5 and now - self.answered[-5] < 1:
            return False
        self.answered.append(now)
        return True

    def read(self, of: Stream, now: float) -> Case:
        """What is judged; a search takes one more call, as if one of others were there."""
        if not (self.answers(now) and self.answers(now)):
            return case_of(of, throttled=True)
        ready = self.ready.get(of.name)
        if ready is None:
            return case_of(of)
        named = own_backup(of, status="ACTIVE" if now >= ready else "CREATING")
        return case_of(of, named, named=named)


def test_of_two_hundred_streams_at_once_none_is_lost() -> None:
    firehose, ends = Firehose(), dict[str, Outcome | None]()
    todo: list[tuple[float, int, int, Tries]] = [(0.001 * number, number, 0, ()) for number in range(200)]
    while todo:
        now, number, round_, attempts = heapq.heappop(todo)
        of = stream(f"orders-{number}")
        seen = firehose.read(of, now)
        judgement = judge(_at(seen, round_, attempts))
        if judgement.next == "done":
            ends[of.name] = judgement.outcome
            continue
        for action in judgement.actions:
            firehose.ready.setdefault(of.name, now + 60)
            attempts = (*attempts, (action, round_))
        later = now + max(judgement.wait_seconds, 1)
        heapq.heappush(todo, (later, number, round_ + 1, attempts))

    assert len(ends) == 200
    assert set(ends.values()) == {Outcome.REMEDIATED}


def _at(case: Case, round_: int, attempts: Tries) -> Case:
    made = tuple(tried(action, in_round=number) for action, number in attempts)
    return replace(case, round=round_, attempts=made)
