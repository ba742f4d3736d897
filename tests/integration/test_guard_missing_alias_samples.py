"""The sample events of `missing-alias` in an account where they could have happened: the verdict in a name.

The account is the one that tests/unit/test_sample_events_missing_alias.py describes.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from local.account import LocalAccount
from tests import alias_account, sample_events
from tests.alias_account import GUARD, HERE, AliasAccount
from tests.integration.local_stacks import TABLE, body, create, physical_id
from tests.s3_account import Json, bucket_arn, function_arn, to

OTHER_ACCOUNT = "210987654321"
LOOKED_AT = [case for case in sample_events.cases(GUARD) if case.endswith((".violation", ".compliant"))]
VIOLATIONS = [case for case in LOOKED_AT if case.endswith(".violation")]
BY_HAND = "unverified-change"
# Those that are about something else than, or more than, what invokes `$LATEST`.
HAZARDS = {
    "update-function-code.violation": {BY_HAND},
    "update-function-code-behind-an-alias.violation": {BY_HAND},
}
ONLY_TOLD = {
    "add-permission-for-people.violation",
    "delete-alias.violation",
    "update-function-code.violation",
    "update-function-code-behind-an-alias.violation",
}


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def sample(patched: pytest.MonkeyPatch) -> Iterator[AliasAccount]:
    """The account; the guard only reads, so that one does for all events."""
    with LocalAccount(step_delay=0.01) as local:
        local.lists_mappings_of_aliases = True  # else nobody finds what names an alias that is gone
        for prod in alias_account.started(local, patched):
            make_stacks(prod)
            make_billing(prod)
            make_versions(prod)
            make_unqualified(prod)
            make_pushed(prod)
            make_rest(prod)
            yield prod


def make_stacks(prod: AliasAccount) -> None:
    """Functions with mappings: without an alias, with one, in a nested stack; and a stack without any."""
    capabilities = ["CAPABILITY_IAM"]
    create(prod.local, "shop", body(**mapped("orders")), Capabilities=capabilities)
    create(prod.local, "careful", body(**mapped("careful", aliased=True)), Capabilities=capabilities)
    create(prod.local, "tables-only", body(Orders=TABLE))
    prod.bucket("templates")
    prod.s3.put_object(Bucket="templates", Key="mall", Body=body(**mapped("malls")).encode())
    url = "https://s3.us-east-1.amazonaws.com/templates/mall"
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    create(prod.local, "mall", body(Functions=child), Capabilities=capabilities)


def mapped(name: str, *, aliased: bool = False) -> dict[str, Any]:
    """A function and the mapping of the queue of its name, as a template declares them."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    function = {"Ref": "Function"}
    properties: dict[str, Json] = {
        "Function": {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "never runs"},
        },
        "Version": {"FunctionName": function},
        "Alias": {
            "FunctionName": function,
            "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            "Name": "live",
        },
        "EventSourceMapping": {
            "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
            "FunctionName": {"Ref": "Alias"} if aliased else function,
        },
    }
    made: dict[str, Any] = {
        key: {"Type": f"AWS::Lambda::{key}", "Properties": value}
        for key, value in properties.items()
        if aliased or key not in ("Version", "Alias")
    }
    made["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
    policy = {"AssumeRolePolicyDocument": {"Statement": [trust]}}
    return made | {"Role": {"Type": "AWS::IAM::Role", "Properties": policy}}


def make_billing(prod: AliasAccount) -> None:
    """A function with all kinds of invokers, each by its alias."""
    live = "billing:live"
    prod.aliased("billing")
    prod.mapping(live, queue="invoices")
    prod.bucket("invoices")
    prod.admit(live, "s3", bucket_arn("invoices"))
    prod.notify("invoices", to(function_arn(live)))
    prod.admit(live, "sns", prod.topic("payments", live))
    prod.admit(live, "events", prod.rule("nightly", live))
    prod.local.client("scheduler").create_schedule_group(Name="finance")
    prod.schedule("dunning", live, group="finance")
    prod.pipe("refunds", live)
    prod.state_machine("dunning", live)
    prod.url("billing", Qualifier="live")


def make_versions(prod: AliasAccount) -> None:
    """A mapping of a version; an alias with weights, one on `$LATEST`, and one that is gone."""
    prod.function("archive")
    for code in "ABC":
        prod.update(code, "archive")
        prod.publish("archive")
    prod.mapping("archive:3", queue="archive")
    prod.aliased("canary")
    prod.update("B", "canary")
    weights = {"AdditionalVersionWeights": {prod.publish("canary"): 0.1}}
    prod.functions.update_alias(FunctionName="canary", Name="live", RoutingConfig=weights)
    prod.mapping("canary:live", queue="canary")
    prod.function("resizer")
    prod.alias("$LATEST", name="resizer")
    prod.bucket("uploads")
    prod.admit("resizer:live", "s3", bucket_arn("uploads"))
    prod.notify("uploads", to(function_arn("resizer:live")))
    prod.aliased("invoicer")
    prod.mapping("invoicer:live", queue="invoicer")
    prod.functions.delete_alias(FunctionName="invoicer", Name="live")


def make_unqualified(prod: AliasAccount) -> None:
    """What a mapping, a role of its own or a URL invokes without an alias."""
    prod.mapping("orders:$LATEST", queue="returns")
    for name in ("films", "reports", "clicks", "payment", "webhook"):
        prod.function(name)
    prod.mapping("films", queue="films", Enabled=False)
    prod.schedule("hourly", "reports")
    prod.schedule("hourly", "reports", group="finance")
    prod.pipe("clicks", "clicks")
    prod.state_machine("checkout", "payment")
    prod.url("webhook")


def make_pushed(prod: AliasAccount) -> None:
    """What a bucket, a topic or a rule invokes without an alias."""
    for name in ("thumbnails", "gallery", "ocr", "parcels"):
        prod.function(name)
    prod.bucket("photos")
    prod.trigger("photos", "thumbnails")
    prod.admit("gallery", "sns", prod.topic("albums", "gallery"))
    prod.admit("ocr", "events", prod.rule("scans", "ocr"))
    prod.events.create_event_bus(Name="shop")
    prod.admit("parcels", "events", prod.rule("parcels", "parcels", bus="shop"))


def make_rest(prod: AliasAccount) -> None:
    """What others may invoke, and what nobody does; what tells no function of anything."""
    for name in ("feed", "adhoc", "idle"):
        prod.function(name)
    prod.admit("feed", "sns", f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:news")
    prod.functions.add_permission(
        FunctionName="adhoc", StatementId="them", Action="lambda:InvokeFunction", Principal=OTHER_ACCOUNT
    )
    prod.admit("idle", "s3", bucket_arn("invoices"))
    prod.bucket("emptied", "parcels")
    prod.sqs.create_queue(QueueName="audit")
    prod.events.put_rule(Name="audit", EventPattern='{"source": ["shop"]}')
    queue = f"arn:aws:sqs:{HERE}:audit"
    prod.events.put_targets(Rule="audit", Targets=[{"Id": "audit", "Arn": queue}])


def happened(prod: AliasAccount, case: str) -> Json:
    """A sample event, with the ids that the account gave to what it names."""
    event = sample_events.now(GUARD, case) | {"id": case.replace(".", "-")}
    detail = event["detail"]
    if "stack-id" in detail:
        name = detail["stack-id"].split("/")[1]
        found = physical_id(prod.local, "mall", "Functions") if name.startswith("mall-") else name
        described = prod.local.client("cloudformation").describe_stacks(StackName=found)["Stacks"][0]
        detail["stack-id"] = described["StackId"]
    if case.startswith("update-event-source-mapping"):
        queue = "invoices" if "to-an-alias" in case else "orders"
        source = f"arn:aws:sqs:{HERE}:{queue}"
        [mapping] = prod.functions.list_event_source_mappings(EventSourceArn=source)["EventSourceMappings"]
        detail["requestParameters"]["uUID"] = mapping["UUID"]
    return event


@pytest.mark.parametrize("case", LOOKED_AT)
def test_the_first_look_answers_the_verdict_in_the_name(sample: AliasAccount, case: str) -> None:
    started = sample.invoke(happened(sample, case))

    hazards = {verdict["finding"]["hazard"] for verdict in started}
    expected = HAZARDS.get(case, {"latest-invoked"}) if case.endswith(".violation") else set()
    assert hazards == expected
    acting = {verdict["finding"]["hazard"] for verdict in started if verdict["next"] == "act"}
    assert acting == (set() if case in ONLY_TOLD else expected - {BY_HAND})


@pytest.mark.parametrize("case", [case for case in VIOLATIONS if case not in ONLY_TOLD])
def test_judging_again_finds_the_same(sample: AliasAccount, case: str) -> None:
    """Nothing was published, whatever the workflow says: it is waited for, and not dismissed."""
    [verdict] = [each for each in sample.invoke(happened(sample, case)) if each["next"] == "act"]

    judged = sample.judge(verdict)

    assert (judged["next"], judged["outcome"]) == ("wait", None)
    assert judged["finding"]["evidence"]["state"] == verdict["finding"]["evidence"]["state"]


def test_a_nested_stack_is_judged_with_its_root(sample: AliasAccount) -> None:
    event = happened(sample, "stack-created.violation")
    described = sample.local.client("cloudformation").describe_stacks(StackName="mall")["Stacks"][0]
    event["detail"]["stack-id"] = described["StackId"]

    [verdict] = sample.invoke(event)

    assert verdict["finding"]["resource"]["name"] == "malls"
