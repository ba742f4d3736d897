"""Caps: set again when somebody lifts them, released when the loop is gone; what the owner lowers stays."""

import json

from local.demo_loop import template as gallery
from local.deploy import STACK
from tests.e2e.guarded import Guarded
from tests.e2e.loops import (
    allow,
    concurrency_limit,
    keys,
    loop,
    notify,
    permit,
    recursive_loop,
    reserve,
    reserved,
    tags,
    was_throttled,
)
from tests.e2e.security_team import Report

PARAMETERS = {"S3RecursionWhenUnreservable": "stop", "MissingAliasMode": "off"}
DEVELOPER = "arn:aws:iam::123456789012:user/developer"
LOOP, GONE = "recursive-loop", "loop-gone"


def capped(guarded: Guarded, name: str, bucket: str) -> str:
    """A function with a loop that Stackwarden has capped; its ARN.

    Photos below in/ trigger it, and it may write everywhere in the bucket.
    """
    arn = loop(guarded, name, bucket, prefix="in/")
    assert guarded.report(name, LOOP).outcome == "remediated"
    guarded.rest()
    assert reserved(guarded, name) == 10
    return arn


def before(report: Report) -> list[int | None]:
    """The reserved concurrency before each cap of a report, from the ledger."""
    attempts = json.loads(report.ledger["attempts"])
    return [attempt["before"]["reserved"] for attempt in attempts if attempt["kind"] == "cap-concurrency"]


def test_a_cap_that_somebody_lifts_is_set_again_and_the_report_says_who_it_was(guarded: Guarded) -> None:
    arn = capped(guarded, "thumbnails", "photos")

    guarded.client("lambda").delete_function_concurrency(FunctionName="thumbnails")
    report = guarded.report("thumbnails", LOOP)

    assert report.outcome == "remediated"
    assert reserved(guarded, "thumbnails") == 10
    assert report.actor == DEVELOPER
    assert f"Who:\n  {DEVELOPER}, from 127.0.0.1, DeleteFunctionConcurrency20171031 at" in report.mail.body
    assert report.deeds() == {("cap-concurrency", arn)}
    assert len(guarded.ledger_of(arn)) == 2


def test_a_cap_that_somebody_raises_is_set_again_and_what_was_raised_comes_back_in_the_end(
    guarded: Guarded,
) -> None:
    arn = capped(guarded, "mirror", "scenes")

    reserve(guarded, "mirror", 50)
    report = guarded.report("mirror", LOOP)
    assert report.outcome == "remediated"
    assert reserved(guarded, "mirror") == 10
    assert "PutFunctionConcurrency20171031 at" in report.mail.body
    assert before(report) == [50]
    assert tags(guarded, "mirror")["concurrency-before"] == "50"

    permit(guarded, "mirror", allow("scenes/out/*"))
    released = guarded.report("mirror", GONE)
    assert released.outcome == "remediated"
    assert released.deeds() == {("restore-concurrency", arn)}
    assert reserved(guarded, "mirror") == 50


def test_a_lower_value_of_the_owner_is_left_alone_with_the_loop_and_without(guarded: Guarded) -> None:
    arn = capped(guarded, "echo", "sounds")

    reserve(guarded, "echo", 3)
    guarded.rest()
    assert reserved(guarded, "echo") == 3

    permit(guarded, "echo", allow("sounds/out/*"))
    guarded.rest()
    assert reserved(guarded, "echo") == 3
    assert [entry["hazard"] for entry in guarded.ledger_of(arn)].count(LOOP) == 1


def test_a_loop_that_is_gone_takes_no_value_away_that_somebody_set_meanwhile(guarded: Guarded) -> None:
    arn = capped(guarded, "blur", "backdrops")

    with guarded.unseen(f"{STACK}-S3Recursion"):
        reserve(guarded, "blur", 50)
        permit(guarded, "blur", allow("backdrops/out/*"))
    guarded.deliver(guarded.call("PutRolePolicy", roleName="blur-role"))
    guarded.rest()

    assert reserved(guarded, "blur") == 50
    assert [entry["hazard"] for entry in guarded.ledger_of(arn)] == [LOOP]


def test_recursion_that_somebody_allows_is_ended_again(guarded: Guarded) -> None:
    arn = capped(guarded, "spiral", "curves")

    guarded.client("lambda").put_function_recursion_config(FunctionName="spiral", RecursiveLoop="Allow")
    report = guarded.report("spiral", LOOP)

    assert report.outcome == "remediated"
    assert report.deeds() == {("set-recursive-loop", arn)}
    assert report.actor == DEVELOPER
    assert recursive_loop(guarded, "spiral") == "Terminate"
    assert reserved(guarded, "spiral") == 10


def test_a_narrower_role_releases_the_cap(guarded: Guarded) -> None:
    arn = capped(guarded, "crop", "portraits")

    permit(guarded, "crop", allow("portraits/out/*"))
    report = guarded.report("crop", GONE)

    assert report.outcome == "remediated"
    assert report.deeds() == {("release-concurrency", arn)}
    assert "function crop " in report.finding["title"]
    assert "released" in report.finding["title"]
    assert reserved(guarded, "crop") is None
    assert tags(guarded, "crop") == {}
    assert report.actor == DEVELOPER
    assert "PutRolePolicy at" in report.mail.body


def test_a_filter_on_the_trigger_releases_the_cap(guarded: Guarded) -> None:
    arn = loop(guarded, "sepia", "landscapes", statement=allow("landscapes/out/*"))
    guarded.report("sepia", LOOP)
    guarded.rest()

    notify(guarded, "landscapes", arn, prefix="in/")
    report = guarded.report("sepia", GONE)

    assert report.outcome == "remediated"
    assert reserved(guarded, "sepia") is None
    assert tags(guarded, "sepia") == {}
    assert "PutBucketNotification at" in report.mail.body
    # And a loop once more is one finding more.
    notify(guarded, "landscapes", arn)
    assert guarded.report("sepia", LOOP).outcome == "remediated"
    assert reserved(guarded, "sepia") == 10


def test_a_stack_update_that_ends_the_loop_releases_the_cap(guarded: Guarded) -> None:
    guarded.create_stack("gallery", gallery("frames", "pictures"))
    guarded.report("frames", LOOP)
    guarded.rest()

    guarded.update_stack("gallery", gallery("frames", "pictures", reads="in/", writes="out/"))
    report = guarded.report("frames", GONE)

    assert report.outcome == "remediated"
    assert reserved(guarded, "frames") is None
    assert tags(guarded, "frames") == {}


def test_where_nothing_can_be_reserved_the_loop_is_stopped_if_that_is_wanted(guarded: Guarded) -> None:
    with concurrency_limit(guarded, 100):
        loop(guarded, "runaway", "treadmill")
        report = guarded.report("runaway", LOOP)

    assert report.outcome == "remediated"
    assert reserved(guarded, "runaway") == 0
    assert "stopped" in report.finding["title"]
    assert "so the function is stopped with a reserved concurrency of 0" in report.mail.body
    guarded.rest()
    guarded.client("s3").put_object(Bucket="treadmill", Key="photo", Body=b"photo")
    guarded.rest()
    assert keys(guarded, "treadmill") == ["photo"]
    assert was_throttled(guarded, "runaway")
