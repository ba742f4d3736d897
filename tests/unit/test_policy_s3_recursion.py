"""The judgement of `s3-recursion`: what is capped, what is released, and when that is given up."""

from dataclasses import replace

import pytest

from stackwarden.finding import Action, ActionKind, Mode, Outcome
from stackwarden.policies.s3_recursion import (
    PATIENCE,
    STALE_ROUNDS,
    TRIES,
    Cap,
    Case,
    Grade,
    Rules,
    WhenUnreservable,
    cap_concurrency,
    judge,
    set_recursive_loop,
    uncap_concurrency,
)
from tests.s3_cases import (
    allow,
    fixed_case,
    function,
    function_arn,
    gone_case,
    loop_case,
    resize_loop,
    tried,
)

CAP, RELEASE = ActionKind.CAP_CONCURRENCY, ActionKind.RELEASE_CONCURRENCY
RESTORE, TERMINATE = ActionKind.RESTORE_CONCURRENCY, ActionKind.SET_RECURSIVE_LOOP
UNRESERVABLE = (
    "Lambda.InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases "
    "account's UnreservedConcurrentExecution below its minimum value of [100]."
)
BUSY = "Lambda.ResourceConflictException: an update is in progress"
POSSIBLE = resize_loop(allow("*"))
STOP = Rules(when_unreservable=WhenUnreservable.STOP)
CAPPED = Cap(before=None, reserved=10, finding="s3-recursion-0123456789abcdef")


def planned(case: Case) -> list[tuple[ActionKind, str, object]]:
    """What the workflow is told to do: kind, function, and the value."""
    judgement = judge(case)
    assert judgement.next == "act"
    assert judgement.outcome is None
    return [
        (action.kind, action.target.split(":")[6], next(iter(action.parameters.values()), None))
        for action in judgement.actions
    ]


def ended(case: Case) -> Outcome | None:
    judgement = judge(case)
    assert judgement.next == "done"
    return judgement.outcome


def cap(name: str = "resize", reserved: int = 10, *, before: int | None = None) -> Action:
    return cap_concurrency(function(name, reserved=before), reserved)


class TestALoopIsCapped:
    def test_at_first(self) -> None:
        assert planned(loop_case()) == [(CAP, "resize", 10)]

    def test_to_what_the_accounts_owner_decided(self) -> None:
        assert planned(loop_case(rules=Rules(cap=3))) == [(CAP, "resize", 3)]

    @pytest.mark.parametrize("before", [None, 11, 500])
    def test_and_the_value_before_is_kept(self, before: int | None) -> None:
        [action] = judge(loop_case(function(reserved=before))).actions

        assert action.before == {"reserved": before}
        assert action.target == function_arn("resize")

    def test_on_the_function_that_needs_the_least(self) -> None:
        case = loop_case(function("a", peak=40), function("b", peak=3), function("c", peak=4))

        assert planned(case) == [(CAP, "b", 10)]

    def test_on_the_same_function_whatever_the_order_where_all_need_the_same(self) -> None:
        b, a = function("b"), function("a")

        assert planned(loop_case(b, a)) == planned(loop_case(a, b)) == [(CAP, "a", 10)]

    @pytest.mark.parametrize("reserved", [0, 1, 10])
    def test_unless_a_function_has_a_lower_value_or_the_same(self, reserved: int) -> None:
        assert ended(loop_case(function("a", peak=9, reserved=reserved), function("b"))) is Outcome.OBSERVED

    def test_in_mode_observe_it_says_what_it_would_do(self) -> None:
        assert planned(loop_case(mode=Mode.OBSERVE)) == [(CAP, "resize", 10)]

    def test_and_is_remediated_when_the_cap_shows(self) -> None:
        case = loop_case(function(reserved=10), attempts=[tried(cap())], round=1)

        assert ended(case) is Outcome.REMEDIATED


class TestRecursionThatIsAllowed:
    def test_is_terminated_with_the_cap(self) -> None:
        assert planned(loop_case(function(allows_recursion=True))) == [
            (TERMINATE, "resize", "Terminate"),
            (CAP, "resize", 10),
        ]

    def test_is_terminated_on_each_function_while_one_is_capped(self) -> None:
        case = loop_case(function("a", allows_recursion=True), function("b", allows_recursion=True))

        assert planned(case) == [
            (TERMINATE, "a", "Terminate"),
            (TERMINATE, "b", "Terminate"),
            (CAP, "a", 10),
        ]

    def test_is_terminated_where_the_loop_is_held_already(self) -> None:
        case = loop_case(function(reserved=5, allows_recursion=True))

        assert planned(case) == [(TERMINATE, "resize", "Terminate")]
        [action] = judge(case).actions
        assert action.before == {"recursive_loop": "Allow"}

    def test_and_only_that_was_needed(self) -> None:
        attempts = [tried(set_recursive_loop(function()))]

        assert ended(loop_case(function(reserved=5), attempts=attempts, round=1)) is Outcome.REMEDIATED

    def test_that_cannot_be_terminated_is_a_failure_although_the_cap_holds(self) -> None:
        state = function(allows_recursion=True)
        refused = [tried(set_recursive_loop(state), error=BUSY, in_round=n) for n in range(TRIES)]
        case = loop_case(replace(state, reserved=10), attempts=[tried(cap()), *refused], round=TRIES)

        judgement = judge(case)

        assert judgement.outcome is Outcome.FAILED
        assert [action.kind for action in judgement.actions] == [TERMINATE]


class TestAPossibleLoop:
    def test_is_only_told_while_proven_ones_are_enforced(self) -> None:
        assert not POSSIBLE.proven
        assert ended(loop_case(loop=POSSIBLE)) is Outcome.OBSERVED

    def test_is_capped_where_the_owner_extended_it(self) -> None:
        case = loop_case(loop=POSSIBLE, rules=Rules(enforce=Grade.POSSIBLE))

        assert planned(case) == [(CAP, "resize", 10)]

    def test_a_proven_loop_is_capped_there_too(self) -> None:
        assert planned(loop_case(rules=Rules(enforce=Grade.POSSIBLE))) == [(CAP, "resize", 10)]


class TestAnExemption:
    @pytest.mark.parametrize("name", ["a", "b", "for-a", "for-b", "shop"])
    def test_may_name_a_function_a_bucket_or_a_stack(self, name: str) -> None:
        case = loop_case(function("a"), function("b", stack_name="shop"), exempt=name)

        judgement = judge(case)

        assert (judgement.next, judgement.outcome) == ("done", Outcome.EXEMPT)
        assert judgement.exemption is not None
        assert judgement.exemption.name.endswith(f"/{name}")

    def test_of_something_else_does_not_count(self) -> None:
        assert planned(loop_case(exempt="another shop")) == [(CAP, "resize", 10)]

    def test_of_a_possible_loop_is_told_as_exempt(self) -> None:
        assert ended(loop_case(loop=POSSIBLE, exempt="resize")) is Outcome.EXEMPT


class TestWhereNothingCanBeReserved:
    REFUSED = (tried(cap(), error=UNRESERVABLE),)

    def test_it_is_a_failure(self) -> None:
        assert ended(loop_case(attempts=self.REFUSED, round=1)) is Outcome.FAILED

    def test_other_functions_of_the_loop_are_not_tried(self) -> None:
        refused = [tried(cap("a"), error=UNRESERVABLE)]

        assert ended(loop_case(function("a"), function("b"), attempts=refused, round=1)) is Outcome.FAILED

    def test_a_function_that_has_a_higher_reservation_is_lowered(self) -> None:
        """That takes nothing from what is unreserved."""
        case = loop_case(
            function("a"), function("b", reserved=50), attempts=[tried(cap("a"), error=UNRESERVABLE)], round=1
        )

        assert planned(case) == [(CAP, "b", 10)]

    def test_the_function_is_stopped_if_the_owner_said_so(self) -> None:
        assert planned(loop_case(attempts=self.REFUSED, round=1, rules=STOP)) == [(CAP, "resize", 0)]

    def test_a_stopped_function_is_remediated(self) -> None:
        attempts = [*self.REFUSED, tried(cap(reserved=0), in_round=1)]

        case = loop_case(function(reserved=0), attempts=attempts, round=2, rules=STOP)

        assert ended(case) is Outcome.REMEDIATED

    def test_stopping_is_given_up_too(self) -> None:
        stops = [tried(cap(reserved=0), error=BUSY, in_round=n + 1) for n in range(TRIES)]
        case = loop_case(attempts=[*self.REFUSED, *stops], round=TRIES + 1, rules=STOP)

        assert planned(replace(case, attempts=case.attempts[:-1])) == [(CAP, "resize", 0)]
        assert ended(case) is Outcome.FAILED

    def test_recursion_is_terminated_nevertheless(self) -> None:
        case = loop_case(function(allows_recursion=True), attempts=self.REFUSED, round=1)

        assert planned(case) == [(TERMINATE, "resize", "Terminate")]


class TestACapThatIsRefused:
    def test_falls_on_the_next_function(self) -> None:
        refused = [tried(cap("a"), error=BUSY)]

        assert planned(loop_case(function("a"), function("b"), attempts=refused, round=1)) == [(CAP, "b", 10)]

    def test_is_a_failure_when_no_function_is_left(self) -> None:
        refused = [tried(cap("a"), error=BUSY), tried(cap("b"), error=BUSY, in_round=1)]
        case = loop_case(function("a"), function("b"), attempts=refused, round=2)

        assert ended(case) is Outcome.FAILED


class TestACapThatDoesNotShow:
    @pytest.mark.parametrize("round_", range(1, STALE_ROUNDS + 1))
    def test_is_waited_for(self, round_: int) -> None:
        judgement = judge(loop_case(attempts=[tried(cap())], round=round_))

        assert judgement.next == "wait"
        assert judgement.wait_seconds > 0
        assert judgement.actions == ()

    def test_is_set_again(self) -> None:
        case = loop_case(attempts=[tried(cap())], round=STALE_ROUNDS + 1)

        assert planned(case) == [(CAP, "resize", 10)]

    def test_is_given_up(self) -> None:
        attempts = [tried(cap(), in_round=2 * n) for n in range(TRIES)]

        assert ended(loop_case(attempts=attempts, round=2 * TRIES)) is Outcome.FAILED

    def test_stays_on_its_function_when_another_one_needs_less_meanwhile(self) -> None:
        case = loop_case(function("a", peak=9), function("b", peak=1), attempts=[tried(cap("a"))], round=1)

        assert judge(case).next == "wait"

    def test_is_waited_for_the_last_time_too(self) -> None:
        attempts = [tried(cap("a"), in_round=2 * n) for n in range(TRIES)]
        round_ = attempts[-1].round + STALE_ROUNDS
        assert round_ < PATIENCE

        judgement = judge(loop_case(function("a"), function("b"), attempts=attempts, round=round_))

        assert judgement.next == "wait"

    def test_what_was_lifted_at_once_is_set_again(self) -> None:
        case = loop_case(function(reserved=300), attempts=[tried(cap())], round=STALE_ROUNDS + 1)

        [action] = judge(case).actions

        assert action.before == {"reserved": 300}


class TestALoopThatIsFixedMeanwhile:
    def test_leaves_nothing_to_do(self) -> None:
        assert ended(fixed_case()) is Outcome.DISMISSED

    def test_gives_back_the_cap(self) -> None:
        case = fixed_case(function(reserved=10), attempts=[tried(cap())], round=1)

        assert planned(case) == [(RELEASE, "resize", None)]

    def test_restores_what_was_reserved_before(self) -> None:
        case = fixed_case(function(reserved=10), attempts=[tried(cap(before=50))], round=1)

        assert planned(case) == [(RESTORE, "resize", 50)]

    def test_restores_the_newest_value_before_where_the_cap_was_set_twice(self) -> None:
        attempts = [tried(cap()), tried(cap(before=50), in_round=2)]

        assert planned(fixed_case(function(reserved=10), attempts=attempts, round=3)) == [
            (RESTORE, "resize", 50)
        ]

    def test_gives_back_once_where_the_cap_was_set_twice(self) -> None:
        attempts = [tried(cap()), tried(cap(), in_round=2)]

        assert planned(fixed_case(function(reserved=10), attempts=attempts, round=3)) == [
            (RELEASE, "resize", None)
        ]

    def test_leaves_a_value_that_somebody_else_set(self) -> None:
        case = fixed_case(function(reserved=7), attempts=[tried(cap())], round=1)

        assert ended(case) is Outcome.DISMISSED

    def test_waits_for_a_cap_that_does_not_show_yet(self) -> None:
        assert judge(fixed_case(attempts=[tried(cap())], round=STALE_ROUNDS)).next == "wait"

    def test_has_nothing_to_give_back_where_the_cap_was_refused(self) -> None:
        case = fixed_case(function(reserved=10), attempts=[tried(cap(), error=BUSY)], round=1)

        assert ended(case) is Outcome.DISMISSED

    def test_is_dismissed_when_the_cap_is_given_back(self) -> None:
        attempts = [tried(cap()), tried(uncap_concurrency(function(reserved=10), None), in_round=1)]

        assert ended(fixed_case(attempts=attempts, round=2)) is Outcome.DISMISSED

    def test_fails_if_the_cap_cannot_be_given_back(self) -> None:
        release = uncap_concurrency(function(reserved=10), None)
        refused = [tried(release, error=BUSY, in_round=n + 1) for n in range(TRIES)]
        case = fixed_case(function(reserved=10), attempts=[tried(cap()), *refused], round=TRIES + 1)

        assert ended(case) is Outcome.FAILED

    def test_is_not_believed_when_the_walk_was_cut_short_after_something_was_done(self) -> None:
        case = fixed_case(function(reserved=10), attempts=[tried(cap())], cut=("the bound",), round=1)

        assert ended(case) is Outcome.FAILED

    def test_is_no_hazard_when_the_walk_was_cut_short_before(self) -> None:
        assert ended(fixed_case(cut=("the bound",))) is Outcome.DISMISSED

    def test_a_function_that_is_gone_has_nothing_to_give_back(self) -> None:
        attempts = [tried(cap("gone"))]

        assert ended(fixed_case(function("left"), attempts=attempts, round=1)) is Outcome.DISMISSED


class TestALoopThatIsGone:
    def test_releases_the_cap(self) -> None:
        assert planned(gone_case(function(reserved=10), CAPPED)) == [(RELEASE, "resize", None)]

    def test_restores_the_value_before(self) -> None:
        case = gone_case(function(reserved=10), replace(CAPPED, before=50))

        assert planned(case) == [(RESTORE, "resize", 50)]
        [action] = judge(case).actions
        assert action.before == {"reserved": 10}

    def test_restores_a_value_before_of_zero_where_that_is_what_it_was(self) -> None:
        assert planned(gone_case(function(reserved=10), replace(CAPPED, before=0))) == [
            (RESTORE, "resize", 0)
        ]

    @pytest.mark.parametrize("now", [None, 0, 9, 11])
    def test_leaves_a_value_that_somebody_else_set(self, now: int | None) -> None:
        assert ended(gone_case(function(reserved=now), CAPPED)) is Outcome.DISMISSED

    def test_keeps_the_cap_while_the_walk_may_have_missed_something(self) -> None:
        assert ended(gone_case(function(reserved=10), CAPPED, cut=("the bound",))) is Outcome.DISMISSED

    def test_keeps_the_cap_while_there_is_another_loop(self) -> None:
        assert ended(gone_case(function(reserved=10), CAPPED, loop=resize_loop())) is Outcome.DISMISSED

    def test_leaves_a_cap_that_is_not_known(self) -> None:
        assert ended(gone_case(function(reserved=10), None)) is Outcome.DISMISSED

    def test_is_remediated_when_the_value_before_is_there(self) -> None:
        released = [tried(uncap_concurrency(function(reserved=10), None))]

        assert ended(gone_case(function(), CAPPED, attempts=released, round=1)) is Outcome.REMEDIATED

    def test_does_not_claim_the_value_before_where_somebody_set_another_one(self) -> None:
        released = [tried(uncap_concurrency(function(reserved=10), None))]

        assert ended(gone_case(function(reserved=3), CAPPED, attempts=released, round=1)) is Outcome.DISMISSED

    def test_waits_for_the_release_to_show(self) -> None:
        released = [tried(uncap_concurrency(function(reserved=10), None))]

        assert judge(gone_case(function(reserved=10), CAPPED, attempts=released, round=1)).next == "wait"

    def test_fails_if_the_release_is_refused(self) -> None:
        release = uncap_concurrency(function(reserved=10), None)
        refused = [tried(release, error=BUSY, in_round=n) for n in range(TRIES)]

        judgement = judge(gone_case(function(reserved=10), CAPPED, attempts=refused, round=TRIES))

        assert (judgement.outcome, judgement.actions) == (Outcome.FAILED, (release,))
