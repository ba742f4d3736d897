"""What `missing-alias` says of an alias: one that Stackwarden made, one that it moved, or its owner's."""

from dataclasses import replace

import pytest

from stackwarden.finding import Outcome, Severity
from stackwarden.policies.alias_changes import ALIAS_TAG, MOVED_TAG
from stackwarden.policies.alias_notes import made_alias, moved_alias
from stackwarden.policies.alias_state import Alias, StackPlace
from stackwarden.policies.missing_alias import Case, judge
from tests.alias_cases import case, function, mapping, notification, ready, version
from tests.alias_report_cases import ALIAS_MOVED, ALIAS_MOVED_PARTLY, MOVED, SAM, finished, told


def tagged(tag: str) -> Case:
    """An alias that was made or moved before, and something else that runs `$LATEST` now."""
    return case(ready(mapping("live"), notification(), tags={tag: "live"}, stack=SAM))


def of_stack(state: Case, stack: StackPlace | None) -> Case:
    """The same function in another stack, or in none."""
    return replace(state, function=replace(state.function, stack=stack))


@pytest.mark.parametrize(
    ("state", "made", "moved"),
    [
        (MOVED, True, False),
        (ALIAS_MOVED, False, True),
        (tagged(ALIAS_TAG), True, False),
        (tagged(MOVED_TAG), False, True),
        (tagged("stackwarden:other"), False, False),
        (replace(ALIAS_MOVED, function=replace(ALIAS_MOVED.function, tags={ALIAS_TAG: "live"})), True, False),
    ],
    ids=["made now", "moved now", "made before", "moved before", "the owner's", "made before, moved now"],
)
def test_an_alias_is_made_or_moved_or_none_of_it(state: Case, made: bool, moved: bool) -> None:
    assert (made_alias(state), moved_alias(state)) == (made, moved)


def test_a_moved_alias_is_told_with_its_version_and_what_is_different_now() -> None:
    prose = told(ALIAS_MOVED)

    assert judge(ALIAS_MOVED).outcome is Outcome.REMEDIATED
    assert prose.title == "orders: alias live moved from $LATEST to version 1"
    assert "The alias live, which SQS queue orders names, pointed at $LATEST" in prose.why
    assert "It was moved to version 1." in prose.why
    assert "Deployments that only update the code are not live through it from now on." in prose.why
    assert prose.severity is Severity.MEDIUM


def test_a_moved_alias_with_something_left_is_not_only_prepared() -> None:
    prose = told(ALIAS_MOVED_PARTLY)

    assert prose.title == "orders: alias live moved to version 1, 1 trigger still runs $LATEST"
    assert prose.evidence["headline"] == (
        "Partly remediated: the alias moved to version 1, 1 trigger left to the owner"
    )


@pytest.mark.parametrize("state", [ALIAS_MOVED, tagged(MOVED_TAG)], ids=["now", "before"])
def test_the_owners_alias_stays_the_owners(state: Case) -> None:
    fix = told(state).fix

    assert "Another name" not in fix
    assert "delete-alias" not in fix
    assert "does not know the alias" not in fix
    assert "Set the version of your alias live to a published version, where it is declared" in fix
    assert "the next deployment that changes it points it back" in fix


@pytest.mark.parametrize("tool", ["SAM", "Serverless Framework", "CloudFormation"])
def test_no_tool_is_told_to_make_the_alias_that_its_owner_declares(tool: str) -> None:
    fix = told(of_stack(ALIAS_MOVED, replace(SAM, tool=tool))).fix

    assert "In the template of stack shop (CloudFormation):" in fix
    assert "AutoPublishAlias: live" not in fix
    assert "serverless-plugin" not in fix


def test_terraform_has_a_configuration() -> None:
    fix = told(of_stack(ALIAS_MOVED, None)).fix

    assert "(function_version). As long as its configuration says $LATEST" in fix


def test_what_names_an_alias_that_was_moved_is_not_pointed_back() -> None:
    assert "points it back to $LATEST." not in told(ALIAS_MOVED).fix


@pytest.mark.parametrize("tag", [ALIAS_TAG, MOVED_TAG])
def test_new_code_that_is_not_live_is_told_whenever_the_alias_was_set_by_stackwarden(tag: str) -> None:
    fix = told(tagged(tag)).fix

    assert "NOT live for what goes through the alias live" in fix
    assert "As long as no deployment moves the alias live, after each one:" in fix


def test_what_was_moved_to_the_owners_alias_may_be_pointed_back_and_the_alias_is_known() -> None:
    before = function(mapping(), live="$LATEST", published=[version("1")], stack=SAM)

    fix = told(finished(before, ready(mapping("live"), stack=SAM))).fix

    assert "a deployment that changes the trigger (SQS queue orders) points it back to $LATEST." in fix
    assert "does not know the alias" not in fix


def test_an_alias_that_shares_its_traffic_is_not_moved_by_hand() -> None:
    shared = {"live": Alias("live", "1", {"2": 0.1})}
    state = ready(mapping(), aliases=shared, tags={ALIAS_TAG: "live"})

    assert "after each one:" not in told(case(state, relapses=3)).fix
