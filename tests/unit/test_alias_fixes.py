"""What `missing-alias` advises: what the owner of a function would stumble over."""

import re
from dataclasses import replace
from typing import Any

import pytest

from stackwarden.policies.alias_state import Invoker, Kind
from tests.alias_cases import (
    ACCOUNT,
    LIVE,
    ORDERS,
    PUSHING,
    REGION,
    STACK,
    case,
    code,
    function,
    mapping,
    notification,
    permission,
    ready,
    target,
    tried,
    version,
)
from tests.alias_report_cases import (
    CHANGED_MEANWHILE,
    DEPLOYING,
    OTHER_CODE,
    RELAPSED,
    SAM,
    SCHEDULE,
    UNVERIFIED,
    URL,
    WEIGHTED,
    steps,
    told,
)


def test_what_takes_too_long_is_told() -> None:
    slow = case(function(mapping(), code=code(updating=True)), round=99)

    assert "the function is still being updated, and that takes too long" in told(slow).fix


def test_a_change_that_does_not_stay_is_told() -> None:
    state = ready(mapping())
    attempts = [tried(steps(state)[0], in_round=number) for number in range(3)]

    assert "Find out what sets it back" in told(case(state, attempts=attempts, round=70)).fix


def test_an_alias_on_other_code_is_moved_by_its_owner() -> None:
    prose = told(OTHER_CODE)

    assert "the alias live runs version 1, other code than $LATEST" in prose.why
    assert (
        'aws lambda update-alias --function-name orders --name live --function-version "$version"'
        in prose.fix
    )


def test_an_alias_that_shifts_traffic_is_waited_for() -> None:
    prose = told(WEIGHTED)

    assert "the alias live shares its traffic among versions" in prose.why
    assert prose.fix.startswith("Wait until the deployment behind the alias live is over.")
    assert f"meant to stay shared (a canary), point the triggers at it yourself: {LIVE}" in prose.fix


def test_unverified_code_is_looked_at_and_deployed_by_the_pipeline() -> None:
    prose = told(UNVERIFIED)

    assert "Nothing is done: its code was changed outside the known pipelines, and is not made" in prose.why
    assert prose.fix.startswith("Look at the change first")
    assert "deploy it through the pipeline" in prose.fix
    assert "MissingAliasPipelinePrincipals" in prose.fix


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name ROOT_STACK"),
        ("CREATE_FAILED", "update it, roll it back or delete it. Its completion is judged."),
    ],
)
def test_a_stack_that_stopped_half_way_goes_on_first(status: str, words: str) -> None:
    prose = told(case(function(mapping(), stack=replace(STACK, halted=status))))

    assert f"Nothing is done: its stack stopped half way ({status})" in prose.why
    assert prose.fix.startswith("Finish what stopped half way (stack shop,")
    assert words in prose.fix


def test_who_sets_it_back_again_and_again_is_to_be_found() -> None:
    prose = told(RELAPSED)

    assert "somebody sets it back again and again: 3 times in a day" in prose.why
    assert prose.fix.startswith("Find what sets it back, Terraform or ACK")
    assert "get an exemption" in prose.fix


def test_code_that_changed_meanwhile_is_judged_by_itself() -> None:
    prose = told(CHANGED_MEANWHILE)

    assert prose.evidence["headline"] == (
        "Stopped half way: what was done stands (see below), and $LATEST is still invoked"
    )
    assert prose.title == "orders: 1 trigger runs $LATEST, not a version"
    assert "Nothing more is done: its code changed meanwhile." in prose.why
    assert prose.fix.startswith("The new code is judged by itself")
    assert "As long as no deployment moves the alias live, after each one:" in prose.fix
    assert "The commands that undo it are above." in prose.fix


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (code(unpublishable="SnapStart would take a snapshot"), "Publish by a deployment of your own"),
        (code(version("1", state="Inactive")), "Have a version that can be invoked"),
        (None, "the state of its code could not be read"),
    ],
)
def test_what_cannot_be_published_is_told(state: Any, words: str) -> None:
    assert words in told(case(function(mapping(), code=state))).fix


def test_another_account_has_to_switch_its_own() -> None:
    foreign = Invoker(Kind.TOPIC, f"arn:aws:sns:{REGION}:210987654321:news", "s-1")

    fix = told(case(function(foreign))).fix

    assert f"Account 210987654321 has to switch topic news. What its owner is to name: {LIVE}" in fix


def test_the_account_of_a_bucket_is_that_of_its_permission() -> None:
    allowed = permission("s3", "arn:aws:s3:::theirs", sid="theirs", source_account="210987654321")
    foreign = Invoker(Kind.PERMISSION, "arn:aws:s3:::theirs", "theirs")

    assert "Account 210987654321 has to switch" in told(case(function(foreign, permissions=(allowed,)))).fix


def test_a_permission_that_cannot_be_copied_is_the_owners() -> None:
    inexact = permission("s3", "arn:aws:s3:::uploads", sid="odd", exact=False)

    assert (
        "Statement odd (s3.amazonaws.com) cannot be copied"
        in told(case(function(notification(), permissions=(inexact,)))).fix
    )


def test_a_role_has_to_allow_the_alias() -> None:
    by_role = target(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/rule")

    fix = told(case(function(SCHEDULE, by_role))).fix

    assert "The role of schedule default/nightly, rule nightly has to allow lambda:InvokeFunction" in fix
    assert f"{ORDERS}:*" in fix


def test_clients_of_a_url_have_to_change() -> None:
    assert "A URL cannot move" in told(case(function(URL))).fix
    assert "A URL cannot move" not in told(case(function(mapping()))).fix


def test_settings_of_asynchronous_invocations_are_moved_before_the_trigger() -> None:
    state = function(notification(), async_settings_missing=True)

    assert "Retries and destinations" in told(case(state)).fix
    assert "So Stackwarden did not repoint them." in told(case(state, rules=PUSHING)).fix
    assert "Retries and destinations" not in told(case(function(mapping(), async_settings_missing=True))).fix


def test_an_alias_of_the_owner_keeps_its_name_in_the_template() -> None:
    state = function(mapping(), live="1", published=[version("1")], stack=SAM)

    assert "AutoPublishAlias: live" in told(case(state)).fix


def test_what_is_published_already_needs_a_change_to_be_published_by_cloudformation() -> None:
    published = case(ready(notification(), stack=SAM))
    unpublished = case(function(notification(), code=code(), stack=SAM))

    assert "CloudFormation fails to publish what is published already" in told(published).fix
    assert "published already" not in told(unpublished).fix


def test_nothing_is_advised_while_the_stack_changes() -> None:
    assert told(DEPLOYING).fix == "Nothing now. When stack shop is settled, the function is judged again."


def test_each_tool_but_the_own_one_is_a_line() -> None:
    fix = told(case(function(mapping(), stack=SAM))).fix

    assert "Not SAM?" in fix
    assert re.findall(r"^  (SAM|CloudFormation|Serverless Framework|CDK|Terraform): ", fix, re.MULTILINE) == [
        "CloudFormation",
        "Serverless Framework",
        "CDK",
        "Terraform",
    ]


def test_a_name_cannot_write_a_line_of_a_report() -> None:
    evil, plain = mapping(queue="x\nrun: rm -rf /\u2028y"), mapping(queue="x")

    lines = [told(case(function(each))).fix.splitlines() for each in (evil, plain)]

    assert len(lines[0]) == len(lines[1])
