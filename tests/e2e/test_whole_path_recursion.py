"""Loops through S3: proven, capped before the first object comes, and told once; all else is let be."""

import json

import pytest

from local.demo_loop import template as gallery
from local.deploy import STACK
from tests.e2e.developer import exemption
from tests.e2e.guarded import Guarded
from tests.e2e.loops import (
    allow,
    concurrency_limit,
    function,
    let_in,
    loop,
    notify,
    permit,
    reserved,
    tags,
    was_busy,
    with_table,
)
from tests.e2e.security_team import Report

PARAMETERS = {"MissingAliasMode": "off"}
DEVELOPER = "arn:aws:iam::123456789012:user/developer"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
LOOP = "recursive-loop"
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Posters:
    Type: AWS::S3::Bucket
    Properties: {BucketName: posters}
  Print:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: print
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return event"
      Events:
        Uploaded:
          Type: S3
          Properties: {Bucket: !Ref Posters, Events: "s3:ObjectCreated:*"}
      Policies:
        - S3CrudPolicy: {BucketName: posters}
"""


def executions_of(guarded: Guarded, report: Report) -> list[str]:
    """The names of the executions about a report's finding, duplicates included."""
    return [name for name in guarded.executions() if name.startswith(report.finding["id"])]


def test_a_loop_made_by_single_calls_is_capped_and_told(guarded: Guarded) -> None:
    arn = loop(guarded, "thumbnails", "photos")

    report = guarded.report("thumbnails", LOOP)

    assert report.outcome == "remediated"
    assert report.attributes["severity"] == "MEDIUM"
    assert reserved(guarded, "thumbnails") == 10
    assert report.deeds() == {("cap-concurrency", arn)}
    assert report.actor == DEVELOPER
    assert f"{DEVELOPER}, from 127.0.0.1, " in report.mail.body
    assert "reserved concurrency of function thumbnails: none -> 10" in report.mail.body
    assert "thumbnails may s3:PutObject on photos/" in report.mail.body
    assert "by statement Write of inline policy inline" in report.mail.body
    assert "capped at 10" in report.finding["title"]
    assert "function thumbnails " in report.finding["title"]
    assert report.finding["title"].endswith(" bucket photos")
    assert tags(guarded, "thumbnails") == {
        "finding": report.finding["id"],
        "outcome": "remediated",
        "concurrency-cap": "10",
        "concurrency-before": "none",
    }
    (attempt,) = json.loads(report.ledger["attempts"])
    assert (attempt["before"], attempt["parameters"]) == ({"reserved": None}, {"reserved": 10})
    assert guarded.execution_status(report) == "SUCCEEDED"


def test_a_loop_is_one_finding_through_whatever_event_it_is_seen(guarded: Guarded) -> None:
    functions = guarded.client("lambda")
    arn = loop(guarded, "mirror", "scenes")
    # These come while the first event is judged, or while the workflow acts on it.
    let_in(guarded, arn, "any")
    functions.update_function_configuration(FunctionName="mirror", Timeout=20)
    permit(guarded, "mirror", allow("scenes/*"))

    report = guarded.report("mirror", LOOP)
    guarded.rest()
    executions = executions_of(guarded, report)
    # And these when it is held.
    notify(guarded, "scenes", arn)
    functions.update_function_configuration(FunctionName="mirror", Timeout=10)
    guarded.deliver(guarded.call("UpdateFunctionConfiguration20150331v2", functionName="mirror", timeout=20))
    guarded.rest()

    assert report.outcome == "remediated"
    assert len(guarded.ledger_of(arn)) == 1
    assert executions_of(guarded, report) == executions


def test_what_stackwarden_does_itself_starts_nothing(guarded: Guarded) -> None:
    arn = loop(guarded, "echo", "sounds")
    guarded.report("echo", LOOP)
    guarded.rest()

    cap = guarded.call("PutFunctionConcurrency20171031", functionName=arn)
    tag = guarded.call("TagResource20170331v2", resource=arn)

    for event in (cap, tag):
        assert ":assumed-role/stackwarden-Remediation" in event["detail"]["userIdentity"]["arn"]
        assert guarded.logged(event["id"], guard="s3-recursion") == []
        assert not [name for name in guarded.executions() if event["id"] in name]


def test_a_stack_with_a_loop_is_capped_once_it_is_complete(guarded: Guarded) -> None:
    # As in every Region but the one where IAM's events appear: there the stack is what tells.
    with guarded.unseen(f"{STACK}-S3RecursionFunctionRoleChanged"):
        stack = guarded.create_stack("gallery", with_table(gallery("frames", "pictures"), "orders"))
        guarded.settled(stack, "CREATE_COMPLETE")

    report = guarded.report("frames", LOOP)

    assert report.outcome == "remediated"
    assert reserved(guarded, "frames") == 10
    assert report.finding["resource"]["stack_id"] == stack
    assert "by statement WriteThumbnails of inline policy Thumbnails" in report.mail.body
    assert "Not known yet: CloudFormation's own event" in report.mail.body
    assert guarded.stack(stack)["StackStatus"] == "CREATE_COMPLETE"
    # The other guard does its own work in the same stack.
    assert guarded.report("gallery", "unprotected").outcome == "protected"
    assert guarded.protection("orders") == (True, True)


def test_a_sam_template_with_an_s3_event_and_s3_crud_policy_is_a_loop(guarded: Guarded) -> None:
    guarded.create_stack("press", SAM)

    report = guarded.report("print", LOOP)

    assert report.outcome == "remediated"
    assert reserved(guarded, "print") == 10
    assert report.evidence["grade"] == "proven"


def test_a_stack_whose_prefixes_do_not_overlap_is_left_alone(guarded: Guarded) -> None:
    before = guarded.executions()
    stack = guarded.create_stack("studio", gallery("crop", "portraits", reads="in/", writes="out/"))
    guarded.settled(stack, "CREATE_COMPLETE")
    guarded.rest()

    assert guarded.executions() == before
    assert reserved(guarded, "crop") is None
    assert tags(guarded, "crop") == {}


def test_a_possible_loop_is_told_and_not_capped(guarded: Guarded) -> None:
    arn = loop(guarded, "archiver", "attic", statement=allow("*", "s3:*"))

    report = guarded.report("archiver", LOOP)

    assert report.outcome == "observed"
    assert report.attributes["severity"] == "LOW"
    assert report.evidence["grade"] == "possible"
    assert "S3RecursionEnforce: proven" in report.mail.body
    assert report.deeds() == set()
    assert reserved(guarded, "archiver") is None
    assert tags(guarded, "archiver") == {}
    # Once a day is enough.
    notify(guarded, "attic", arn)
    guarded.rest()


@pytest.mark.parametrize(
    ("name", "bucket", "exempt"), [("count", "rounds", "count"), ("tally", "laps", "laps")]
)
def test_an_exempt_loop_is_told_and_not_capped(guarded: Guarded, name: str, bucket: str, exempt: str) -> None:
    guarded.exempt(exempt, exemption(), guard="s3-recursion")

    loop(guarded, name, bucket)
    report = guarded.report(name, LOOP)

    assert report.outcome == "exempt"
    assert report.finding["exemption"]["name"] == f"/stackwarden/exemptions/s3-recursion/{exempt}"
    assert "because: a load test" in report.mail.body
    assert reserved(guarded, name) is None


def test_of_two_functions_that_trigger_each_other_the_less_busy_one_is_capped(guarded: Guarded) -> None:
    for bucket in ("uploads", "previews"):
        guarded.client("s3").create_bucket(Bucket=bucket)
    shrink = function(guarded, "shrink", allow("previews/*"))
    index = function(guarded, "index", allow("uploads/*"))
    was_busy(guarded, "shrink", 40)
    was_busy(guarded, "index", 60)
    for arn, bucket in ((shrink, "uploads"), (index, "previews")):
        let_in(guarded, arn, bucket)
        notify(guarded, bucket, arn)

    report = guarded.report("shrink", LOOP)
    guarded.rest()
    notify(guarded, "uploads", shrink)
    notify(guarded, "previews", index)
    guarded.rest()

    assert report.outcome == "remediated"
    assert report.deeds() == {("cap-concurrency", shrink)}
    assert (reserved(guarded, "shrink"), reserved(guarded, "index")) == (10, None)
    hops = report.mail.body.split("The loop:\n")[1].split("\n\n")[0]
    assert "shrink may s3:PutObject on previews/" in hops
    assert "index may s3:PutObject on uploads/" in hops
    assert len(report.evidence["loop"]) == 2


def test_where_nothing_can_be_reserved_the_report_says_why_the_loop_is_not_held(guarded: Guarded) -> None:
    with concurrency_limit(guarded, 100):
        arn = loop(guarded, "small", "corners")
        report = guarded.report("small", LOOP)

    assert report.outcome == "failed"
    assert report.attributes["severity"] == "HIGH"
    assert "This account has no concurrency left that could be reserved" in report.mail.body
    assert "nothing holds the loop (S3RecursionWhenUnreservable: report)" in report.mail.body
    assert report.deeds("failed") == {("cap-concurrency", arn)}
    assert reserved(guarded, "small") is None
    assert guarded.execution_status(report) == "FAILED"
