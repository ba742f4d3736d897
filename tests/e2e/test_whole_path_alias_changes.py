"""Code that changes in prod: by hand, by the pipeline, by a deployment; and a deployment under way."""

import json
from collections.abc import Callable
from typing import Any

from local.demo_alias import template
from local.deploy import STACK
from tests.e2e.aliases import (
    BLUE,
    GREEN,
    LATEST_INVOKED,
    aliases,
    as_role,
    invocations,
    map_queue,
    mapped_to,
    order,
    queues,
    seen,
    sha256,
    stack,
    update,
    upload_code,
    versions,
)
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.loops import tags
from tests.e2e.stacks import HOLD, slow

PARAMETERS = {"MissingAliasPipelinePrincipals": "arn:aws:sts::123456789012:assumed-role/release-*/build-*"}
DEVELOPER = "arn:aws:iam::123456789012:user/developer"
BEHIND, UNVERIFIED = "alias-behind", "unverified-change"


def test_code_changed_by_hand_is_told_and_not_live(guarded: Guarded) -> None:
    stack(guarded, "taxes")
    guarded.report("taxes", LATEST_INVOKED)
    before = sha256(guarded, "taxes")

    after = upload_code(guarded, "taxes", GREEN)
    report = guarded.report("taxes", UNVERIFIED)

    assert order(guarded, "taxes", "now") == (BLUE, "1", "live")
    assert report.outcome == "observed"
    assert report.attributes["severity"] == "MEDIUM"
    assert report.actor == DEVELOPER
    assert report.finding["title"] == "Code of taxes changed outside the known pipelines: not live"
    assert f"CodeSha256: {after}." in report.mail.body
    assert f"Version 1 (CodeSha256 {before}) is the newest published one" in report.mail.body
    assert "Nothing live changed for SQS queue taxes-incoming (by alias live)." in report.mail.body
    assert "aws lambda get-function --function-name taxes --qualifier 1 " in report.mail.body
    assert report.deeds() == report.deeds("planned") == set()


def test_code_changed_by_hand_under_live_traffic_is_urgent(guarded: Guarded) -> None:
    stack(guarded, "films", bucket=True)
    assert guarded.report("films", LATEST_INVOKED).outcome == "observed"

    upload_code(guarded, "films", GREEN)
    report = guarded.report("films", UNVERIFIED)
    guarded.client("s3").put_object(Bucket="films-uploads", Key="premiere", Body=b"")

    assert seen(guarded, "films", "premiere") == (GREEN, "$LATEST", "")
    assert report.attributes["severity"] == "HIGH"
    assert report.finding["title"].endswith("outside the known pipelines: live now")
    assert (aliases(guarded, "films"), versions(guarded, "films")) == ({"live": "1"}, ["1"])


def test_a_dry_run_of_a_change_is_none(guarded: Guarded) -> None:
    stack(guarded, "plans")
    guarded.report("plans", LATEST_INVOKED)
    before = guarded.executions()

    upload_code(guarded, "plans", GREEN, DryRun=True)
    guarded.rest()

    assert guarded.executions() == before


def test_a_change_by_the_pipeline_is_verified_and_told_only_if_it_is_not_live(guarded: Guarded) -> None:
    stack(guarded, "rates")
    guarded.report("rates", LATEST_INVOKED)
    pipeline = as_role(guarded, "release-shop", "build-7")

    guarded.account.workflow_seconds = 0.05  # it waits minutes for the pipeline to move the alias
    upload_code(guarded, "rates", GREEN, by=pipeline)
    report = guarded.report("rates", BEHIND)
    guarded.rest()
    guarded.account.workflow_seconds = 1.0
    version = pipeline.publish_version(FunctionName="rates")["Version"]
    pipeline.update_alias(FunctionName="rates", Name="live", FunctionVersion=version)
    guarded.rest()

    assert report.outcome == "observed"
    assert report.actor == "arn:aws:sts::123456789012:assumed-role/release-shop/build-7"
    assert order(guarded, "rates", "next") == (GREEN, "2", "live")
    assert {entry["hazard"] for entry in guarded.ledger_of(arn(guarded, "rates"))} == {LATEST_INVOKED, BEHIND}


def test_the_pipelines_role_in_another_session_is_not_the_pipeline(guarded: Guarded) -> None:
    stack(guarded, "fares")
    guarded.report("fares", LATEST_INVOKED)

    upload_code(guarded, "fares", GREEN, by=as_role(guarded, "release-fares", "somebody"))
    report = guarded.report("fares", UNVERIFIED)

    assert report.actor == "arn:aws:sts::123456789012:assumed-role/release-fares/somebody"


def test_a_deployment_that_only_changes_code_is_told_not_to_be_live(guarded: Guarded) -> None:
    stack(guarded, "carts")
    guarded.report("carts", LATEST_INVOKED)

    update(guarded, "carts", GREEN)
    report = guarded.report("carts", BEHIND)

    assert report.outcome == "observed"
    assert report.evidence["version"] == "1"
    assert report.finding["title"] == "New code of carts not live: alias live is on version 1"
    assert "aws lambda update-alias --function-name carts --name live" in report.mail.body
    assert order(guarded, "carts", "later") == (BLUE, "1", "live")


def test_the_template_that_the_report_asks_for_deploys_and_takes_the_traffic(guarded: Guarded) -> None:
    stack(guarded, "offers", bucket=True)
    report = guarded.report("offers", LATEST_INVOKED)
    declared = report.finding["fix"].partition("AutoPublishAlias: ")[2].split()[0]

    update(guarded, "offers", GREEN, bucket=True, AutoPublishAlias=declared)
    guarded.client("s3").put_object(Bucket="offers-uploads", Key="photo", Body=b"")
    guarded.rest()

    assert mapped_to(guarded, "offers") == [f"offers:{declared}"]
    assert order(guarded, "offers", "ordered") == (GREEN, "2", declared)
    assert seen(guarded, "offers", "photo") == (GREEN, "2", declared)


def test_a_template_with_the_alias_and_nothing_new_to_publish_fails_as_the_report_said(
    guarded: Guarded,
) -> None:
    stack(guarded, "gifts")
    report = guarded.report("gifts", LATEST_INVOKED)

    update(guarded, "gifts", ending="UPDATE_ROLLBACK_COMPLETE", AutoPublishAlias="current")
    guarded.rest()

    assert "A version for this Lambda function exists" in report.mail.body
    assert mapped_to(guarded, "gifts") == ["gifts:live"]
    assert order(guarded, "gifts", "wrapped") == (BLUE, "1", "live")


def test_a_stack_in_the_middle_of_an_update_is_left_alone_and_judged_on_completion(guarded: Guarded) -> None:
    queues(guarded, "ledgers")
    made = guarded.create_stack("ledgers", template("ledgers", BLUE, bucket=False, Events={}))
    guarded.settled(made, "CREATE_COMPLETE")
    guarded.rest()
    before, judged = guarded.executions(), invocations(guarded, the_guard(guarded))

    guarded.account.step_delay = HOLD
    guarded.update_stack("ledgers", with_slow(template("ledgers", BLUE, bucket=False, Events={})))
    guarded.settled(made, "UPDATE_IN_PROGRESS")
    map_queue(guarded, "ledgers")
    until(lambda: invocations(guarded, the_guard(guarded)) > judged, "the guard looking at the mapping")

    assert guarded.stack(made)["StackStatus"] == "UPDATE_IN_PROGRESS"
    assert guarded.executions() == before
    assert mapped_to(guarded, "ledgers") == ["ledgers"]

    guarded.account.step_delay = 0.0
    report = guarded.report("ledgers", LATEST_INVOKED)
    assert report.outcome == "remediated"
    assert mapped_to(guarded, "ledgers") == ["ledgers:live"]
    assert guarded.stack(made)["StackStatus"] == "UPDATE_COMPLETE"


def test_stackwardens_own_functions_are_not_touched(guarded: Guarded) -> None:
    own = {name: arn(guarded, name) for name in own_functions(guarded)}
    made = stack(guarded, "drafts")
    guarded.report("drafts", LATEST_INVOKED)
    completion = guarded.event(completed(made), "the completion of drafts")
    before = guarded.executions()

    own_stack = guarded.stack(STACK)["StackId"]
    guarded.deliver({**completion, "detail": {**completion["detail"], "stack-id": own_stack}}, id="own")
    guarded.client("lambda").tag_resource(Resource=own[the_guard(guarded)], Tags={"environment": "prod"})
    guarded.rest()

    assert guarded.executions() == before
    assert len(own) >= 3
    for name, function in own.items():
        assert (versions(guarded, name), aliases(guarded, name), tags(guarded, name)) == ([], {}, {})
        assert guarded.ledger_of(function) == []


def own_functions(guarded: Guarded) -> list[str]:
    """The names of Stackwarden's functions."""
    found = guarded.client("lambda").list_functions()["Functions"]
    return [each["FunctionName"] for each in found if each["FunctionName"].startswith(f"{STACK}-")]


def the_guard(guarded: Guarded) -> str:
    """The name of the function of the guard missing-alias."""
    (name,) = (name for name in own_functions(guarded) if "MissingAlias" in name)
    return name


def arn(guarded: Guarded, name: str) -> str:
    """A function's ARN."""
    return str(guarded.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])


def completed(stack_id: str) -> Callable[[dict[str, Any]], bool]:
    """Whether an event says that a stack was created."""

    def wanted(event: dict[str, Any]) -> bool:
        detail = event["detail"]
        status = detail.get("status-details", {}).get("status")
        return bool(status == "CREATE_COMPLETE" and detail.get("stack-id") == stack_id)

    return wanted


def with_slow(text: str) -> str:
    """A template whose update takes its time."""
    found = json.loads(text)
    found["Resources"] |= slow(after=["Function"])
    return json.dumps(found)
