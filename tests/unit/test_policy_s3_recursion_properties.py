"""What holds for every judgement of `s3-recursion`, whatever AWS, people and the workflow do meanwhile."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import Phase, find, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stackwarden.finding import Action, ActionKind, Attempt, Outcome
from stackwarden.policies.s3_recursion import (
    PATIENCE,
    TRIES,
    UNRESERVABLE,
    Cap,
    Case,
    FunctionState,
    Grade,
    Hazard,
    Judgement,
    Rules,
    WhenUnreservable,
    judge,
)
from stackwarden.policies.s3_reports import describe
from tests.s3_cases import allow, fixed_case, function, gone_case, loop_case, relay_loop, resize_loop, tried

NAMES = ("a", "b", "c")
LOOPS = {1: resize_loop(), 2: relay_loop("a", "b"), 3: relay_loop(*NAMES)}
POSSIBLE = resize_loop(allow("*"))
CAP = 10
FIRST_FOUND = hypothesis_settings(max_examples=4000, phases=[Phase.generate], database=None)
CHANCES = st.sampled_from([0.0, 0.0, 0.3, 1.0])
VALUES = (None, 0, CAP - 1, CAP, CAP + 1, 300)
CAPS = (ActionKind.CAP_CONCURRENCY,)
GIVEN_BACK = (ActionKind.RELEASE_CONCURRENCY, ActionKind.RESTORE_CONCURRENCY)

states = st.builds(
    FunctionState,
    arn=st.just(""),
    reserved=st.sampled_from(VALUES),
    allows_recursion=st.sampled_from([False, False, True]),
    peak=st.integers(0, 3),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A first judgement: a loop of one to three functions, or a capped function without one."""
    rules = Rules(CAP, draw(st.sampled_from(Grade)), draw(st.sampled_from(WhenUnreservable)))
    if draw(st.sampled_from([False, False, True])):
        cap = Cap(draw(st.sampled_from([None, 50])), CAP, "s3-recursion-0123456789abcdef")
        state = function(reserved=draw(st.sampled_from([CAP, CAP, None, 3])))
        return gone_case(state, cap, rules=rules)
    count = draw(st.integers(1, 3))
    names = NAMES[:count] if count > 1 else ("resize",)
    functions = [replace(draw(states), arn=function(name).arn) for name in names]
    loop = draw(st.sampled_from([LOOPS[1], LOOPS[1], POSSIBLE])) if count == 1 else LOOPS[count]
    exempt = draw(st.sampled_from(["", "", "", names[-1], "uploads"]))
    return loop_case(*functions, loop=loop, rules=rules, exempt=exempt)


@dataclass
class World:
    """What an account does while the workflow is at work on one finding. Chances are between 0 and 1.

    refuses: an action fails. full: a cap fails since nothing can be reserved. hides: a change does not show.
    is_late: it shows a round later. meddles: somebody sets a value. fixes: the loop goes. blinds: the walk is
    cut short.
    """

    case: Case
    random: Random
    refuses: float = 0.0
    full: bool = False
    hides: float = 0.0
    is_late: float = 0.0
    meddles: float = 0.0
    fixes: float = 0.0
    blinds: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    now: dict[str, FunctionState] = field(default_factory=dict)
    a_round_ago: dict[str, FunctionState] = field(default_factory=dict)

    def judgements(self) -> Iterator[tuple[Case, Judgement]]:
        """Yield each judgement with what was judged, until one is done."""
        self.now = {state.arn: state for state in self.case.situation.functions}
        while True:
            judged = replace(self.case, attempts=tuple(self.attempts))
            judgement = judge(judged)
            yield judged, judgement
            if judgement.next == "done":
                return
            self.a_round_ago = dict(self.now)
            for action in judgement.actions:
                self._try(action)
            self._go_on()

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _try(self, action: Action) -> None:
        state = self.now[action.target]
        taken = action.parameters.get("reserved", 0) - (state.reserved or 0)
        error = f"Lambda.X: decreases account's {UNRESERVABLE}" if self.full and taken > 0 else ""
        error = "Lambda.ResourceConflictException: busy" if self._chance(self.refuses) else error
        self.attempts.append(tried(action, error=error, in_round=self.case.round))
        if not error:
            self.now[action.target] = changed(state, action)

    def _go_on(self) -> None:
        for arn in self.now:
            if self._chance(self.meddles):
                other = self.random.choice(VALUES)
                self.now[arn] = replace(self.now[arn], reserved=other, peak=self.random.randrange(4))
            if self._chance(self.meddles):
                self.now[arn] = replace(self.now[arn], allows_recursion=self.random.random() < 0.5)
        situation = self.case.situation
        seen = [self._seen(state) for state in situation.functions]
        loop = None if self._chance(self.fixes) else situation.loop
        cut = ("the bound",) if self._chance(self.blinds) else ()
        situation = replace(situation, functions=tuple(seen), loop=loop, cut=cut)
        self.case = replace(self.case, situation=situation, round=self.case.round + 1)

    def _seen(self, known: FunctionState) -> FunctionState:
        if self._chance(self.hides):
            return known
        return (self.a_round_ago if self._chance(self.is_late) else self.now)[known.arn]


def changed(state: FunctionState, action: Action) -> FunctionState:
    """What an action makes of a function."""
    if action.kind is ActionKind.SET_RECURSIVE_LOOP:
        return replace(state, allows_recursion=action.parameters["recursive_loop"] == "Allow")
    return replace(state, reserved=action.parameters.get("reserved"))


worlds = st.builds(
    World,
    case=cases(),
    random=st.integers(0, 2**32).map(Random),
    refuses=CHANCES,
    full=st.booleans(),
    hides=CHANCES,
    is_late=CHANCES,
    meddles=CHANCES,
    fixes=st.sampled_from([0.0, 0.0, 0.2]),
    blinds=st.sampled_from([0.0, 0.0, 0.2]),
)


def seen(case: Case, action: Action) -> FunctionState:
    [state] = [state for state in case.situation.functions if state.arn == action.target]
    return state


def the_shape_is_what_the_workflow_expects(case: Case, judgement: Judgement) -> None:
    assert judgement.actions or judgement.next != "act"
    assert not judgement.actions or judgement.next == "act" or judgement.outcome is Outcome.FAILED
    assert (judgement.next == "done") == (judgement.outcome is not None)
    assert judgement.next != "wait" or 1 <= judgement.wait_seconds <= 120


def one_value_is_set_once_at_a_time(case: Case, judgement: Judgement) -> None:
    setting = [(a.target, a.kind is ActionKind.SET_RECURSIVE_LOOP) for a in judgement.actions]
    assert max(Counter(setting).values(), default=1) == 1
    assert sum(action.kind in CAPS for action in judgement.actions) <= 1


def a_cap_never_raises_a_value(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind in CAPS:
            now = seen(case, action).reserved
            assert now is None or action.parameters["reserved"] < now
            assert action.parameters["reserved"] in (CAP, 0)


def a_function_is_stopped_only_where_the_owner_said_so(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind in CAPS and action.parameters["reserved"] == 0:
            assert case.rules.when_unreservable is WhenUnreservable.STOP
            assert any(UNRESERVABLE in attempt.error for attempt in case.attempts)


def a_loop_that_is_held_is_not_capped_again(case: Case, judgement: Judgement) -> None:
    assert not (case.held and any(action.kind in CAPS for action in judgement.actions))


def values_before_are_those_that_were_judged(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind is ActionKind.SET_RECURSIVE_LOOP:
            assert seen(case, action).allows_recursion
            assert action.before == {"recursive_loop": "Allow"}
        else:
            assert action.before == {"reserved": seen(case, action).reserved}


def only_what_stackwarden_set_is_given_back(case: Case, judgement: Judgement) -> None:
    own = case.situation.cap
    known = {(a.target, a.parameters["reserved"]) for a in case.attempts if a.kind in CAPS}
    for action in judgement.actions:
        if action.kind in GIVEN_BACK:
            assert case.situation.loop is None
            assert not case.situation.cut
            now = seen(case, action).reserved
            assert (own and now == own.reserved) or (action.target, now) in known


def what_is_called_remediated_is_true(case: Case, judgement: Judgement) -> None:
    if judgement.outcome is not Outcome.REMEDIATED:
        return
    assert any(attempt.status == "done" for attempt in case.attempts)
    if case.situation.hazard is Hazard.GONE:
        assert case.situation.cap is not None
        assert case.situation.functions[0].reserved == case.situation.cap.before
    else:
        assert case.situation.loop is not None
        assert case.held
        assert not case.allows_recursion


def a_loop_that_stands_free_is_never_called_harmless(case: Case, judgement: Judgement) -> None:
    loop = case.situation.loop
    enforced = loop is not None and (loop.proven or case.rules.enforce is Grade.POSSIBLE)
    if case.situation.hazard is Hazard.LOOP and enforced and not case.held:
        assert judgement.outcome in (None, Outcome.FAILED, Outcome.EXEMPT)


def what_is_exempt_or_not_enforced_is_left_alone(case: Case, judgement: Judgement) -> None:
    assert (judgement.outcome is Outcome.EXEMPT) == (judgement.exemption is not None)
    assert judgement.exemption is None or not judgement.actions
    loop = case.situation.loop
    if loop and not loop.proven and case.rules.enforce is Grade.PROVEN:
        assert not judgement.actions


def it_can_be_put_into_words(case: Case, judgement: Judgement) -> None:
    prose = describe(case, judgement)

    assert prose.title
    assert prose.why.endswith(".")
    assert prose.fix
    assert judgement.outcome is not Outcome.REMEDIATED or prose.evidence["verified"]


PROPERTIES = [
    the_shape_is_what_the_workflow_expects,
    one_value_is_set_once_at_a_time,
    a_cap_never_raises_a_value,
    a_function_is_stopped_only_where_the_owner_said_so,
    a_loop_that_is_held_is_not_capped_again,
    values_before_are_those_that_were_judged,
    only_what_stackwarden_set_is_given_back,
    what_is_called_remediated_is_true,
    a_loop_that_stands_free_is_never_called_harmless,
    what_is_exempt_or_not_enforced_is_left_alone,
    it_can_be_put_into_words,
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda check: check.__name__)
def test_every_judgement_on_the_way_of_a_finding(holds: Callable[[Case, Judgement], None]) -> None:
    @given(worlds)
    @hypothesis_settings(max_examples=200, deadline=None)
    def check(world: World) -> None:
        for case, judgement in world.judgements():
            holds(case, judgement)

    check()


@given(worlds)
@hypothesis_settings(max_examples=400, deadline=None)
def test_every_finding_ends(world: World) -> None:
    """Waiting ends by patience; acting by the number of tries of each action that there is."""
    values = len(VALUES) - 1  # that may be restored; and one release
    actions = len(world.case.situation.functions) * (len(("terminate", "cap", "stop", "release")) + values)

    rounds = sum(1 for _ in world.judgements())

    assert rounds <= PATIENCE + TRIES * actions + 1


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_in_a_world_that_obeys_nothing_fails(world: World) -> None:
    world.refuses = world.meddles = world.hides = world.blinds = 0.0
    world.full = False

    *_, (_, last) = world.judgements()

    assert last.outcome is not Outcome.FAILED


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_of_a_loop_that_went_by_itself_no_cap_is_left(world: World) -> None:
    world.refuses = world.meddles = world.blinds = world.hides = 0.0
    before = {state.arn: state.reserved for state in world.case.situation.functions}

    *_, (case, last) = world.judgements()

    if last.outcome is Outcome.DISMISSED and case.situation.hazard is Hazard.LOOP:
        assert {arn: state.reserved for arn, state in world.now.items()} == before


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_undisturbed_one_function_of_a_loop_is_capped_and_no_other(world: World) -> None:
    world.refuses = world.meddles = world.fixes = world.blinds = 0.0
    world.full = False

    *_, (case, last) = world.judgements()

    if last.outcome is Outcome.REMEDIATED and case.situation.hazard is Hazard.LOOP:
        assert len({attempt.target for attempt in case.attempts if attempt.kind in CAPS}) <= 1


@pytest.mark.parametrize(
    "wanted",
    [
        *((Hazard.LOOP, outcome) for outcome in (Outcome.REMEDIATED, Outcome.FAILED, Outcome.OBSERVED)),
        *((Hazard.LOOP, outcome) for outcome in (Outcome.EXEMPT, Outcome.DISMISSED)),
        *((Hazard.GONE, outcome) for outcome in (Outcome.REMEDIATED, Outcome.FAILED, Outcome.DISMISSED)),
    ],
    ids=lambda wanted: "-".join(wanted),
)
def test_the_simulated_worlds_reach_every_end(wanted: tuple[Hazard, Outcome]) -> None:
    def ends_so(world: World) -> bool:
        *_, (case, last) = world.judgements()
        return (case.situation.hazard, last.outcome) == wanted

    find(worlds, ends_so, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


@pytest.mark.parametrize("kind", [*CAPS, *GIVEN_BACK, ActionKind.SET_RECURSIVE_LOOP])
def test_the_simulated_worlds_reach_every_action(kind: ActionKind) -> None:
    def acts_so(world: World) -> bool:
        return any(action.kind is kind for _, judgement in world.judgements() for action in judgement.actions)

    find(worlds, acts_so, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


def test_a_first_look_without_a_loop_is_no_finding() -> None:
    assert judge(fixed_case(function(reserved=CAP))).outcome is Outcome.DISMISSED
