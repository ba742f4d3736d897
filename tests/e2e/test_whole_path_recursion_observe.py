"""Observe: a loop is proven and told, and nothing is changed."""

from local.demo_loop import template as gallery
from tests.e2e.guarded import Guarded
from tests.e2e.loops import loop, notify, recursive_loop, reserved, tags, with_table
from tests.e2e.test_whole_path_observe import role_calls

MODE = "observe"
PARAMETERS = {"MissingAliasMode": "off"}
LOOP = "recursive-loop"
WRITES = {
    "PutFunctionConcurrency20171031",
    "DeleteFunctionConcurrency20171031",
    "PutFunctionRecursionConfig",
    "TagResource20170331v2",
    "UntagResource20170331v2",
}


def test_a_loop_stays_as_it_is_and_the_report_says_what_would_be_done(guarded: Guarded) -> None:
    arn = loop(guarded, "thumbnails", "photos")
    report = guarded.report("thumbnails", LOOP)

    assert report.outcome == "observed"
    assert report.attributes["severity"] == "HIGH"
    assert report.attributes["mode"] == "observe"
    assert report.deeds() == set()
    assert report.deeds("planned") == {("cap-concurrency", arn)}
    assert "would have: reserved concurrency of function thumbnails: none -> 10" in report.mail.body
    assert reserved(guarded, "thumbnails") is None
    assert tags(guarded, "thumbnails") == {}
    assert not role_calls(guarded) & WRITES
    # Once a day is enough.
    notify(guarded, "photos", arn)
    guarded.rest()


def test_a_function_that_allows_recursion_goes_on_to_allow_it(guarded: Guarded) -> None:
    arn = loop(guarded, "spiral", "curves", prefix="in/")
    guarded.report("spiral", LOOP)

    guarded.client("lambda").put_function_recursion_config(FunctionName="spiral", RecursiveLoop="Allow")
    guarded.rest()

    assert recursive_loop(guarded, "spiral") == "Allow"
    assert len(guarded.ledger_of(arn)) == 1


def test_a_stack_is_watched_by_both_guards(guarded: Guarded) -> None:
    guarded.create_stack("gallery", with_table(gallery("frames", "pictures"), "orders"))

    assert guarded.report("frames", LOOP).outcome == "observed"
    assert guarded.report("gallery", "unprotected").outcome == "observed"
    assert reserved(guarded, "frames") is None
    assert guarded.protection("orders") == (False, False)
