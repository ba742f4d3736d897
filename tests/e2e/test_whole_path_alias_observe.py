"""Observe: what runs `$LATEST` is told with all that would be done, and nothing is changed."""

from tests.e2e.aliases import (
    BLUE,
    GREEN,
    LATEST_INVOKED,
    aliases,
    map_queue,
    mapped_to,
    order,
    queues,
    stack,
    upload_code,
    versions,
)
from tests.e2e.guarded import Guarded
from tests.e2e.loops import tags
from tests.e2e.test_whole_path_observe import role_calls

MODE = "observe"
WRITES = {
    "PublishVersion20150331",
    "CreateAlias20150331",
    "UpdateAlias20150331",
    "AddPermission20150331v2",
    "UpdateEventSourceMapping20150331",
    "PutBucketNotification",
    "TagResource20170331v2",
}


def test_a_stack_stays_as_it_is_and_the_report_says_what_would_be_done(guarded: Guarded) -> None:
    stack(guarded, "orders", bucket=True)
    report = guarded.report("orders", LATEST_INVOKED)

    assert report.outcome == "observed"
    assert report.attributes["severity"] == "MEDIUM"
    assert report.attributes["mode"] == "observe"
    assert report.deeds() == set()
    assert {kind for kind, _ in report.deeds("planned")} == {
        "publish-version",
        "create-alias",
        "repoint-mapping",
        "add-permission",
    }
    assert "would have: version of function orders, published from $LATEST" in report.mail.body
    assert "would have: alias live of function orders: version none -> the new one" in report.mail.body
    assert "orders -> orders:live" in report.mail.body
    assert "AutoPublishAlias: live" in report.mail.body
    assert mapped_to(guarded, "orders") == ["orders"]
    assert (versions(guarded, "orders"), aliases(guarded, "orders")) == ([], {})
    assert tags(guarded, "orders") == {}
    assert not role_calls(guarded) & WRITES
    assert order(guarded, "orders", "as before") == (BLUE, "$LATEST", "")


def test_it_is_told_once_a_day(guarded: Guarded) -> None:
    stack(guarded, "lists")
    guarded.report("lists", LATEST_INVOKED)

    tagged = f"{guarded.account.account_id}:function:lists"
    guarded.client("lambda").tag_resource(Resource=f"arn:aws:lambda:us-east-1:{tagged}", Tags={"team": "a"})
    guarded.rest()

    # Another trigger is another matter.
    queues(guarded, "more")
    map_queue(guarded, "more", "lists")
    assert len(guarded.report("lists", LATEST_INVOKED).evidence["invokers"]) == 2


def test_code_changed_by_hand_is_told_with_what_it_changes_live(guarded: Guarded) -> None:
    stack(guarded, "wishes")
    guarded.report("wishes", LATEST_INVOKED)

    upload_code(guarded, "wishes", GREEN)
    report = guarded.report("wishes", "unverified-change")

    assert report.outcome == "observed"
    assert report.attributes["severity"] == "HIGH"
    assert "No published version with other code is known." in report.mail.body
    assert order(guarded, "wishes", "a pony") == (GREEN, "$LATEST", "")
