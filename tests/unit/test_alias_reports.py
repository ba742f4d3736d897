"""What `missing-alias` says: nothing that was not read, and first what its owner has to know."""

from dataclasses import replace

import pytest

from stackwarden.finding import (
    Severity,
)
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.policies.missing_alias import Case
from tests.alias_cases import (
    LIVE,
    REGION,
    aliases,
    case,
    function,
    mapping,
    notification,
    ready,
)
from tests.alias_report_cases import (
    ALL,
    DANGLING,
    EXEMPT,
    MAPPING_REFUSED,
    MOVED,
    NO_ROOM,
    NOT_PROD,
    OBSERVED,
    ONLY_PEOPLE,
    PARTLY,
    PREPARED,
    mail,
    told,
)


@pytest.mark.parametrize("state", ALL.values(), ids=ALL)
def test_every_report_says_what_is_and_what_to_do(state: Case) -> None:
    prose = told(state)

    assert "orders" in prose.title
    assert prose.why
    assert prose.fix
    assert mail(state).isascii()


@pytest.mark.parametrize("state", ALL.values(), ids=ALL)
def test_no_line_that_is_to_be_pasted_is_cut(state: Case) -> None:
    printed = {line.strip() for line in mail(state).splitlines()}

    assert {line.strip() for line in told(state).fix.splitlines()} <= printed


def test_after_a_move_its_owner_learns_that_new_code_is_not_live() -> None:
    prose = told(MOVED)

    assert prose.title == "orders: 1 trigger moved from $LATEST to the alias live"
    assert prose.fix.splitlines()[0] == (
        "From now on a deployment that only updates the code is NOT live for what goes through "
        "the alias live, until the alias moves."
    )
    assert prose.evidence["verified"] == [
        "alias live points at version 1, which runs the code and settings of $LATEST",
        "SQS queue orders names the alias live",
    ]
    assert "headline" not in prose.evidence


def test_what_is_left_to_its_owner_is_named_in_the_headline() -> None:
    prose = told(PARTLY)

    assert prose.evidence["headline"] == (
        "Partly remediated: 1 trigger moved to the alias, 1 trigger left to the owner"
    )
    assert prose.title == "orders: 1 trigger still runs $LATEST, not a version"
    assert prose.fix.startswith(f"Let bucket uploads name {LIVE} instead of $LATEST.")
    assert "s3.amazonaws.com may invoke the alias for arn:aws:s3:::uploads" in " ".join(
        prose.evidence["verified"]
    )


def test_a_permission_that_does_not_show_is_not_verified() -> None:
    hidden = replace(PARTLY, function=replace(PARTLY.function, granted=()))

    assert "may invoke" not in " ".join(told(hidden).evidence["verified"])


def test_an_alias_that_only_waits_for_its_owner_is_prepared() -> None:
    prose = told(PREPARED)

    assert prose.evidence["headline"] == "Prepared: 1 trigger left for the owner to switch"


def test_a_deployment_between_the_alias_and_the_switch_to_it_is_warned_of() -> None:
    fix = told(PREPARED).fix

    assert (
        "NOT live for what goes through the alias live, until the alias moves. A trigger that is switched to "
        "it after such a deployment runs the code from before it." in fix
    )
    assert 'update-alias --function-name orders --name live --function-version "$version"' in fix


def test_an_alias_that_is_somebody_elses_to_move_is_not_warned_of() -> None:
    assert "NOT live" not in told(case(ready(notification()))).fix


def test_a_permission_of_whoever_cannot_be_asked_only_may_invoke() -> None:
    allowed = Invoker(Kind.PERMISSION, "arn:aws:s3:::theirs", "s-1")

    alone, beside = told(case(function(allowed))), told(case(function(mapping(), allowed)))

    assert alone.title == "orders: 1 trigger may run $LATEST, not a version"
    assert "$LATEST may be invoked by arn:aws:s3:::theirs, let in by statement s-1" in alone.why
    assert "is invoked" not in alone.why
    assert "invoked by SQS queue orders (without a qualifier), and may be invoked by arn:aws" in beside.why


def test_a_permission_that_nothing_was_done_about_may_still_be_used() -> None:
    allowed = Invoker(Kind.PERMISSION, "arn:aws:s3:::theirs", "s-1")
    refused = replace(NO_ROOM, function=replace(NO_ROOM.function, invokers=(allowed,)))

    headline = told(refused).evidence["headline"]

    assert headline == "FAILED: nothing was changed, and $LATEST may still be invoked"


def test_observing_tells_what_would_have_been_done() -> None:
    text = mail(OBSERVED)

    assert "would have: event source mapping m-1: orders -> orders:live" in text
    assert "Nothing is done, since the mode is observe." in text
    assert "2 triggers run $LATEST" in told(OBSERVED).title


def test_a_full_code_storage_is_told_with_the_way_out_and_that_nothing_was_changed() -> None:
    prose = told(NO_ROOM)

    assert prose.severity is Severity.HIGH
    assert prose.evidence["headline"] == "FAILED: nothing was changed, and $LATEST is still invoked"
    assert "Nothing was changed." in prose.why
    assert prose.fix.startswith("Free code storage of Lambda in eu-central-1")
    assert "undo" not in prose.evidence


def test_a_step_that_fails_after_others_says_that_those_stand() -> None:
    prose = told(MAPPING_REFUSED)

    assert prose.evidence["headline"].startswith("FAILED in part: what was done stands")
    assert "The commands that undo it are above." in prose.fix
    assert len(prose.evidence["undo"]) == 2
    assert "SQS queue orders names" not in " ".join(prose.evidence["verified"])


def test_an_alias_that_does_not_exist_is_urgent() -> None:
    prose = told(DANGLING)

    assert prose.severity is Severity.HIGH
    assert prose.title == "orders is invoked by an alias that does not exist: green"
    command = (
        f"aws lambda create-alias --function-name orders --name green --function-version 3 --region {REGION}"
    )
    assert command in prose.fix


def test_people_are_only_told() -> None:
    prose = told(ONLY_PEOPLE)

    assert prose.severity is Severity.LOW
    assert "No service is known to invoke the function." in prose.why


def test_elsewhere_than_in_prod_nothing_has_to_be_done() -> None:
    prose = told(NOT_PROD)

    assert prose.severity is Severity.LOW
    assert prose.evidence["reason"] == "the environment dev is not prod"
    assert prose.fix.startswith("Nothing has to be done here.")


def test_an_exemption_ends_by_itself() -> None:
    assert told(EXEMPT).severity is Severity.LOW
    assert told(EXEMPT).fix == "Nothing, as long as the exemption is right. It ends by itself."


def test_a_mapping_that_is_switched_off_is_told_as_that() -> None:
    prose = told(case(function(mapping(state="Disabled"))))

    assert prose.severity is Severity.LOW
    assert "SQS queue orders (without a qualifier; disabled)" in prose.why


def test_the_reference_of_each_trigger_is_told() -> None:
    state = function(mapping("$LATEST"), notification("dev"), aliases=aliases(dev="$LATEST"))

    why = told(case(state)).why

    assert "SQS queue orders (as $LATEST)" in why
    assert "bucket uploads (by alias dev, which points at $LATEST)" in why


def test_what_could_not_be_read_is_not_certain() -> None:
    state = replace(MOVED, function=replace(MOVED.function, unread=("Schedules were not read.",)))

    assert told(state).evidence["undecided"] == ["Schedules were not read."]


def test_a_qualifier_of_run_time_is_not_certain() -> None:
    api = Invoker(
        Kind.REST_API, "arn:aws:apigateway:eu-central-1::/restapis/abc", "GET /", "${stageVariables.alias}"
    )

    [doubt] = told(case(function(mapping(), api))).evidence["undecided"]

    assert doubt == "REST API abc (GET /) chooses at run time: ${stageVariables.alias}"


def test_the_ledger_has_all_snippets_and_who_invokes() -> None:
    evidence = told(OBSERVED).evidence

    assert evidence["code_sha256"] == "A"
    assert evidence["invokers"] == [mapping().key, notification().key]
    assert set(evidence["snippets"]) == {"SAM", "CloudFormation", "Serverless Framework", "CDK", "Terraform"}
