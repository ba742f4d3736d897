"""In prod, what runs `$LATEST` goes through an alias, without a change of what runs; the rest is told."""

import json

from tests.e2e.aliases import (
    ARN,
    BLUE,
    GUARD,
    LATEST_INVOKED,
    aliases,
    allowed,
    function,
    keep_changing,
    map_queue,
    mapped_to,
    order,
    seen,
    sha256,
    stack,
    versions,
)
from tests.e2e.developer import exemption, until
from tests.e2e.guarded import Guarded
from tests.e2e.loops import tags
from tests.e2e.security_team import Report

DEVELOPER = "arn:aws:iam::123456789012:user/developer"


def attempts(report: Report) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """What the ledger says was tried: kind, parameters, values before."""
    return [
        (each["kind"], each["parameters"], each["before"]) for each in json.loads(report.ledger["attempts"])
    ]


def test_a_stack_with_a_queue_is_moved_to_an_alias_and_runs_what_it_ran(guarded: Guarded) -> None:
    made = stack(guarded, "orders", waiting="first")
    before = seen(guarded, "orders", "first")

    report = guarded.report("orders", LATEST_INVOKED)
    after = order(guarded, "orders", "second")

    assert report.outcome == "remediated"
    assert before == (BLUE, "$LATEST", "")
    assert after == (BLUE, "1", "live")
    assert aliases(guarded, "orders") == {"live": "1"}
    assert mapped_to(guarded, "orders") == ["orders:live"]
    assert report.finding["resource"]["stack_id"] == made
    assert tags(guarded, "orders") == {
        "finding": report.finding["id"],
        "outcome": "remediated",
        "alias": "live",
    }
    (publish, alias, (moved, parameters, was)) = attempts(report)
    assert publish == ("publish-version", {"code_sha256": sha256(guarded, "orders")}, {"version": None})
    assert alias == ("create-alias", {"name": "live", "version": "1"}, {"version": None})
    assert (moved, parameters, was) == (
        "repoint-mapping",
        {"function": f"{ARN}orders:live"},
        {"function": f"{ARN}orders"},
    )
    assert "SQS queue orders-incoming names the alias live" in report.mail.body
    assert "AutoPublishAlias: " in report.mail.body
    assert guarded.execution_status(report) == "SUCCEEDED"


def test_a_bucket_is_left_to_its_owner_who_can_switch_at_once(guarded: Guarded) -> None:
    stack(guarded, "photos", bucket=True)
    report = guarded.report("photos", LATEST_INVOKED)

    assert report.outcome == "observed"
    assert report.mail.body.startswith("Partly remediated: 1 trigger moved to the alias, 1 trigger left")
    assert "bucket photos-uploads" in report.mail.body
    assert {kind for kind, _ in report.deeds()} == {
        "publish-version",
        "create-alias",
        "repoint-mapping",
        "add-permission",
    }
    (statement,) = allowed(guarded, "photos", "live")
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "123456789012"}}
    s3 = guarded.client("s3")
    s3.put_object(Bucket="photos-uploads", Key="before", Body=b"")
    assert seen(guarded, "photos", "before") == (BLUE, "$LATEST", "")

    notification = {"LambdaFunctionArn": f"{ARN}photos:live", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="photos-uploads", NotificationConfiguration={"LambdaFunctionConfigurations": [notification]}
    )
    s3.put_object(Bucket="photos-uploads", Key="after", Body=b"")
    assert seen(guarded, "photos", "after") == (BLUE, "1", "live")
    guarded.rest()


def test_code_that_is_published_already_is_not_published_again(guarded: Guarded) -> None:
    arn = function(guarded, "stock")
    guarded.client("lambda").publish_version(FunctionName="stock")

    uuid = map_queue(guarded, "stock")
    report = guarded.report("stock", LATEST_INVOKED)

    assert report.outcome == "remediated"
    assert report.deeds() == {("create-alias", arn), ("repoint-mapping", uuid)}
    assert versions(guarded, "stock") == ["1"]
    assert report.actor == DEVELOPER


def test_where_lambda_publishes_no_more_nothing_is_half_done(guarded: Guarded) -> None:
    arn = function(guarded, "prices")
    guarded.account.code_storage_limit, before = 1, guarded.account.code_storage_limit
    try:
        map_queue(guarded, "prices")
        report = guarded.report("prices", LATEST_INVOKED)
    finally:
        guarded.account.code_storage_limit = before

    assert report.outcome == "failed"
    assert report.attributes["severity"] == "HIGH"
    assert report.deeds("failed") == {("publish-version", arn)}
    assert report.deeds() == set()
    assert "CodeStorageExceededException" in report.mail.body
    assert "nothing was changed" in report.mail.body.lower()
    assert (versions(guarded, "prices"), aliases(guarded, "prices")) == ([], {})
    assert mapped_to(guarded, "prices") == ["prices"]
    assert tags(guarded, "prices") == {}
    assert guarded.execution_status(report) == "FAILED"
    assert order(guarded, "prices", "still") == (BLUE, "$LATEST", "")


def test_a_function_that_is_deleted_before_it_is_judged_is_nothing(guarded: Guarded) -> None:
    arn = function(guarded, "brief")
    before = guarded.executions()
    with guarded.unseen():
        uuid = map_queue(guarded, "brief")
        event = guarded.call("CreateEventSourceMapping20150331", functionName="brief")
    delete(guarded, "brief", uuid)

    guarded.deliver(event, id="late")
    guarded.rest()

    assert guarded.executions() == before
    assert guarded.ledger_of(arn) == []


def test_a_function_that_is_deleted_between_two_steps_is_let_go(guarded: Guarded) -> None:
    arn = function(guarded, "fleeting")
    keep_changing(guarded, map_queue(guarded, "fleeting"))  # all is done but the last step
    until(lambda: aliases(guarded, "fleeting"), "the alias")

    guarded.client("lambda").delete_function(FunctionName="fleeting")
    guarded.rest()

    (entry,) = guarded.ledger_of(arn)
    assert entry["outcome"] == "dismissed"


def delete(guarded: Guarded, name: str, uuid: str) -> None:
    """Delete a function with its mapping."""
    functions = guarded.client("lambda")
    until(
        lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled", f"the mapping of {name}"
    )
    functions.delete_event_source_mapping(UUID=uuid)
    functions.delete_function(FunctionName=name)


def test_a_function_that_nobody_invokes_is_compliant(guarded: Guarded) -> None:
    before = guarded.executions()
    function(guarded, "idle")
    guarded.client("lambda").create_alias(FunctionName="idle", Name="test", FunctionVersion="$LATEST")
    guarded.rest()

    assert guarded.executions() == before
    assert versions(guarded, "idle") == []


def test_an_exempt_function_is_told_and_left_as_it_is(guarded: Guarded) -> None:
    guarded.exempt("trial", exemption(), guard=GUARD)
    function(guarded, "trial")

    map_queue(guarded, "trial")
    report = guarded.report("trial", LATEST_INVOKED)

    assert report.outcome == "exempt"
    assert mapped_to(guarded, "trial") == ["trial"]
    assert (versions(guarded, "trial"), tags(guarded, "trial")) == ([], {})
