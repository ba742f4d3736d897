"""What holds for every judgement of `data-deletion`, whatever AWS, people and the workflow do meanwhile."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import Phase, find, given
from hypothesis import settings as hypothesis_settings

from stackwarden.finding import Action, ActionKind, Outcome
from stackwarden.policies.data_deletion import MOST_ACTIONS, PATIENCE, TRIES, Case, Judgement, judge
from stackwarden.policies.data_reports import describe
from stackwarden.policies.data_resources import TYPES
from stackwarden.policies.data_state import Hazard, Presence, ResourceState, StackState
from tests.data_world import STATUSES, SWITCHES, World, cases, worlds

VOCABULARY = {*SWITCHES, ActionKind.SET_TERMINATION_PROTECTION, ActionKind.BACK_UP_TABLE}
FIRST_FOUND = hypothesis_settings(max_examples=2000, phases=[Phase.generate], database=None)


def on_resources(judgement: Judgement) -> list[Action]:
    return [a for a in judgement.actions if a.kind is not ActionKind.SET_TERMINATION_PROTECTION]


def target(case: Case, action: Action) -> ResourceState:
    [found] = [state for state in case.situation.resources if state.name == action.target]
    return found


def stack_of(case: Case) -> StackState:
    assert case.situation.stack is not None
    return case.situation.stack


def the_shape_is_what_the_workflow_expects(case: Case, judgement: Judgement) -> None:
    assert judgement.actions or judgement.next != "act"
    assert not judgement.actions or judgement.next == "act" or not_done(judgement)
    assert (judgement.next == "done") == (judgement.outcome is not None)
    assert judgement.next != "wait" or 1 <= judgement.wait_seconds <= 120
    assert len(judgement.actions) <= MOST_ACTIONS
    assert {action.kind for action in judgement.actions} <= VOCABULARY


def not_done(judgement: Judgement) -> bool:
    """Whether the actions are told as what is left to do by hand."""
    return judgement.outcome in (Outcome.FAILED, Outcome.LOST)


def only_what_holds_data_and_stands_is_acted_on(case: Case, judgement: Judgement) -> None:
    for action in on_resources(judgement):
        state = target(case, action)
        assert state.exists
        assert state.holds_data
        assert not state.retained
        assert case.exemption(state) is None
        assert action.kind is ActionKind.BACK_UP_TABLE or state.presence is Presence.STANDING


def termination_protection_is_set_on_the_stack_that_is_judged(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind is ActionKind.SET_TERMINATION_PROTECTION:
            assert action.target == stack_of(case).id
            assert not stack_of(case).deleting
            on = any(attempt.kind is action.kind for attempt in case.attempts)
            assert action.parameters["enabled"] or (on and stack_of(case).rolled_back)


def resources_of_an_unsettled_stack_are_left_alone(case: Case, judgement: Judgement) -> None:
    stack = case.situation.stack
    if stack and case.situation.hazard is not Hazard.STACK_DELETION and not stack.settled:
        assert on_resources(judgement) == []


def values_before_are_those_that_were_judged(case: Case, judgement: Judgement) -> None:
    for action in judgement.actions:
        if action.kind is ActionKind.SET_TERMINATION_PROTECTION:
            assert action.before == {"enabled": stack_of(case).termination_protection}
            assert action.parameters == {"enabled": not stack_of(case).termination_protection}
        elif action.kind is not ActionKind.BACK_UP_TABLE:
            key = SWITCHES[action.kind]
            assert action.before == {key: getattr(target(case, action), key)} == {key: False}


def what_is_called_saved_stands_protected(case: Case, judgement: Judgement) -> None:
    for state in judgement.saved:
        assert state.exists
        assert state.deletion_protection or (state.row.protection is None and stack_of(case))
    if judgement.outcome in (Outcome.RESCUED, Outcome.PROTECTED):
        assert judgement.saved == judgement.at_risk
        assert judgement.at_risk
    if judgement.outcome is Outcome.PROTECTED and case.situation.hazard is not Hazard.STACK_DELETION:
        assert all(state.protected for state in judgement.at_risk)
        stack = case.situation.stack
        going = stack is not None and (stack.status.startswith("DELETE_") or stack.creation_failed)
        assert stack is None or stack.termination_protection or going


def lost_is_said_exactly_when_something_is_gone(case: Case, judgement: Judgement) -> None:
    if judgement.next == "done":
        assert (judgement.outcome is Outcome.LOST) == bool(judgement.lost)
    if judgement.next == "done" and case.situation.hazard is Hazard.STACK_DELETION and judgement.at_risk:
        gone = [s for s in judgement.at_risk if not s.exists]
        assert list(judgement.lost) == gone or judgement.outcome is Outcome.EXEMPT
    for state in judgement.lost:
        assert not state.exists or state.created_at is not None


def an_exemption_is_named_and_nothing_is_done(case: Case, judgement: Judgement) -> None:
    assert (judgement.outcome is Outcome.EXEMPT) == (judgement.exemption is not None)
    assert judgement.exemption is None or not judgement.actions


def it_can_be_put_into_words(case: Case, judgement: Judgement) -> None:
    prose = describe(case, judgement)

    assert prose.title
    assert prose.why
    assert prose.fix
    told = prose.evidence.get("saved", prose.evidence.get("verified", []))
    assert len(told) == len(judgement.saved)
    assert len(prose.evidence.get("lost", [])) == len(judgement.lost)


PROPERTIES = [
    the_shape_is_what_the_workflow_expects,
    only_what_holds_data_and_stands_is_acted_on,
    termination_protection_is_set_on_the_stack_that_is_judged,
    resources_of_an_unsettled_stack_are_left_alone,
    values_before_are_those_that_were_judged,
    what_is_called_saved_stands_protected,
    lost_is_said_exactly_when_something_is_gone,
    an_exemption_is_named_and_nothing_is_done,
    it_can_be_put_into_words,
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda check: check.__name__)
def test_every_first_judgement(holds: Callable[[Case, Judgement], None]) -> None:
    @given(cases())
    def check(case: Case) -> None:
        holds(case, judge(case))

    check()


@given(worlds)
@hypothesis_settings(max_examples=300)
def test_every_judgement_on_the_way_of_a_finding(world: World) -> None:
    for case, judgement in world.judgements():
        for holds in PROPERTIES:
            holds(case, judgement)


@given(worlds)
@hypothesis_settings(max_examples=300)
def test_every_finding_ends(world: World) -> None:
    """Waiting ends by patience; acting by the number of tries of each action that there is."""
    hazard, resources = world.case.situation.hazard, len(world.case.situation.resources)
    actions = 3 * resources + 2  # deletion protection, recovery, backup; termination protection on and off

    rounds = sum(1 for _ in world.judgements())

    assert rounds <= PATIENCE[hazard] + TRIES * actions + 1


@given(worlds)
def test_in_a_world_that_obeys_only_what_no_action_reaches_can_fail(world: World) -> None:
    world.refuses = world.undoes = world.moves = 0.0

    *_, (_, last) = world.judgements()

    assert last.next == "act" or last.outcome is not Outcome.FAILED or not_reachable(world.case)


def not_reachable(case: Case) -> bool:
    """Whether something stays that no action can change: busy, unprotectable, or the stack never settles."""
    stack, states = case.situation.stack, case.situation.resources
    stuck = any(state.presence is Presence.BUSY or state.row.protection is None for state in states)
    return stuck or (stack is not None and not stack.settled)


def test_the_simulated_stack_knows_every_status_that_the_policy_names() -> None:
    named = {
        status
        for status in STATUSES
        if StackState(id="", name="", status=status, termination_protection=False).settled
    }

    assert named == {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "IMPORT_COMPLETE",
        "DELETE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
    assert any(row.protection is None and row.at_risk for row in TYPES.values())


@pytest.mark.parametrize(
    "wanted",
    [
        *[(Hazard.UNPROTECTED, outcome) for outcome in (Outcome.PROTECTED, Outcome.FAILED, Outcome.EXEMPT)],
        *[(Hazard.PROTECTION_REMOVED, outcome) for outcome in (Outcome.PROTECTED, Outcome.FAILED)],
        *[(Hazard.STACK_DELETION, outcome) for outcome in (Outcome.RESCUED, Outcome.LOST, Outcome.FAILED)],
        (Hazard.DELETED, Outcome.LOST),
    ],
    ids=lambda wanted: "-".join(wanted),
)
def test_the_simulated_worlds_reach_every_end(wanted: tuple[Hazard, Outcome]) -> None:
    def ends_so(world: World) -> bool:
        *_, (case, last) = world.judgements()
        return (case.situation.hazard, last.outcome) == wanted

    find(worlds, ends_so, settings=FIRST_FOUND, random=Random(1))  # noqa: S311
