"""Changes of code in prod: who may make them, what to roll back to, and whether they reach live traffic."""

from dataclasses import replace
from typing import Any

import pytest

from stackwarden.finding import Outcome
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_changes import (
    ALIAS_TAG,
    BEHIND_PAUSE,
    BEHIND_ROUNDS,
    MOVED_TAG,
    Change,
    is_pipeline,
    judge_behind,
    judge_change,
    left_behind,
    version_before,
)
from stackwarden.policies.alias_state import Alias, Function
from stackwarden.policies.missing_alias import Rules
from tests.alias_cases import STACK, case, code, function, mapping, target, version

DEV = Rules(environment="dev")
ROLE = "arn:aws:iam::123456789012:role/ci/deploy"
SESSION = "arn:aws:sts::123456789012:assumed-role/deploy/run-17"


class TestThePipeline:
    @pytest.mark.parametrize(
        "pattern",
        [ROLE, "arn:aws:iam::*:role/ci/*", SESSION, "arn:aws:sts::123456789012:assumed-role/deploy/*", "*"],
    )
    def test_is_known_by_role_or_session(self, pattern: str) -> None:
        assert is_pipeline([SESSION, ROLE], ["arn:aws:iam::*:role/other", pattern])

    @pytest.mark.parametrize(
        "pattern",
        ["", "deploy", "arn:aws:iam::*:role/deploy", "arn:aws:sts::*:assumed-role/Deploy/*", ROLE[:-1]],
    )
    def test_is_nobody_else(self, pattern: str) -> None:
        assert not is_pipeline([SESSION, ROLE], [pattern])

    def test_is_nobody_where_there_are_no_patterns(self) -> None:
        assert not is_pipeline([SESSION, ROLE], [])

    def test_is_no_caller_without_a_name(self) -> None:
        assert not is_pipeline([], ["*"])


class TestAnUnverifiedChange:
    def test_is_told_in_prod(self) -> None:
        judgement = judge_change(case(function()))

        assert (judgement.next, judgement.outcome) == ("done", Outcome.OBSERVED)
        assert judgement.actions == ()

    def test_is_nothing_elsewhere(self) -> None:
        assert judge_change(case(function(), rules=DEV)).outcome is Outcome.DISMISSED

    def test_is_told_where_a_tag_makes_it_prod(self) -> None:
        state = function(tags={"environment": "prod"})

        assert judge_change(case(state, rules=DEV)).outcome is Outcome.OBSERVED

    def test_is_told_although_the_stack_is_changed_meanwhile(self) -> None:
        state = function(stack=replace(STACK, settled=False))

        assert judge_change(case(state)).outcome is Outcome.OBSERVED

    def test_may_be_exempt(self) -> None:
        judgement = judge_change(case(function(stack=STACK), exempt="shop"))

        assert judgement.outcome is Outcome.EXEMPT
        assert judgement.exemption is not None


class TestTheVersionBefore:
    def before(self, *published: Any, now: str = "C", known: str = "") -> str | None:
        state = function(code=code(*published, now=now))
        found = version_before(case(state), Change(now, before=known))
        return found.number if found else None

    @pytest.mark.parametrize("known", ["", "never published", "A", "C"])
    def test_is_the_newest_with_other_code(self, known: str) -> None:
        assert self.before(version("9", "A"), version("10", "B"), version("11", "C"), known=known) == "10"

    def test_is_none_where_nothing_else_is_published(self) -> None:
        assert self.before() is None
        assert self.before(version("1", "C"), known="A") is None

    def test_may_be_known_as_the_newest_only(self) -> None:
        state = function(code=replace(code(version("3", "A"), now="C"), versions={}))

        assert version_before(case(state), Change("C")) == version("3", "A")

    def test_is_no_version_without_a_number(self) -> None:
        unpublished = replace(version("1", "A"), number=LATEST)

        assert self.before(version("2", "B")) == "2"
        state = function(code=replace(code(now="C"), versions={LATEST: unpublished}))
        assert version_before(case(state), Change("C")) is None

    def test_is_none_where_the_code_could_not_be_read(self) -> None:
        assert version_before(case(function(code=None)), Change("C")) is None


def deployed(**changes: Any) -> Function:
    """The alias of Stackwarden's making is on version 1 with code A; code B was deployed."""
    state = function(
        mapping("live"),
        live="1",
        published=[version("1", "A")],
        tags={ALIAS_TAG: "live"},
        code=code(version("1", "A"), now="B"),
    )
    return replace(state, **changes)


class TestAnAliasThatIsLeftBehind:
    def test_is_told(self) -> None:
        judgement = judge_behind(case(deployed(), round=BEHIND_ROUNDS))

        assert (judgement.next, judgement.outcome) == ("done", Outcome.OBSERVED)
        assert left_behind(case(deployed())) == (Alias("live", "1"), version("1", "A"))

    def test_by_settings_is_told_too(self) -> None:
        other = code(version("1", "A"), now="A", settings="256 MB")

        assert judge_behind(case(deployed(code=other)), completed=True).outcome is Outcome.OBSERVED

    def test_is_waited_for_after_a_call_since_the_next_one_may_move_the_alias(self) -> None:
        for number in range(BEHIND_ROUNDS):
            judgement = judge_behind(case(deployed(), round=number))
            assert (judgement.next, judgement.wait_seconds) == ("wait", BEHIND_PAUSE)
        moved = deployed(code=code(version("1", "A"), now="A"))
        assert judge_behind(case(moved, round=BEHIND_ROUNDS)).outcome is Outcome.DISMISSED

    def test_of_a_stack_that_is_complete_is_told_at_once(self) -> None:
        assert judge_behind(case(deployed()), completed=True).outcome is Outcome.OBSERVED

    def test_is_told_where_it_was_only_moved(self) -> None:
        moved = case(deployed(tags={MOVED_TAG: "live"}))

        assert judge_behind(moved, completed=True).outcome is Outcome.OBSERVED

    def test_may_be_exempt(self) -> None:
        assert judge_behind(case(deployed(), exempt="orders"), completed=True).outcome is Outcome.EXEMPT

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"code": code(version("1", "A"), now="A")}, id="it runs the same"),
            pytest.param({"tags": {}}, id="somebody else made it"),
            pytest.param({"tags": {ALIAS_TAG: "stable"}}, id="Stackwarden made another one"),
            pytest.param({"aliases": {}}, id="it is deleted"),
            pytest.param({"aliases": {"live": Alias("live", LATEST)}}, id="it is on the unpublished code"),
            pytest.param({"aliases": {"live": Alias("live", "1", {"2": 0.1})}}, id="it is being moved"),
            pytest.param({"aliases": {"live": Alias("live", "2")}}, id="its version is not known"),
            pytest.param({"invokers": (mapping(), target("1"))}, id="nothing goes through it"),
            pytest.param({"code": None}, id="the code could not be read"),
            pytest.param({"stack": replace(STACK, settled=False)}, id="the stack is being changed"),
        ],
    )
    def test_is_none_where(self, changes: dict[str, Any]) -> None:
        assert judge_behind(case(deployed(**changes)), completed=True).outcome is Outcome.DISMISSED

    def test_elsewhere_than_in_prod_is_nothing(self) -> None:
        assert judge_behind(case(deployed(), rules=DEV)).outcome is Outcome.DISMISSED
