"""The sample events of `s3-recursion` in an account where they could have happened: the verdict in each name.

- `thumbnails`, `resizer` (its alias `live`), `albums` (through a topic), `films` (a queue), `ocr` (a rule),
  `labels` (by the policy of the bucket `drop`) and `gallery` (by a managed policy) trigger themselves.
- `reports` reads `invoices` and writes into `reports-archive`.
- The stack `shop` holds a loop, `tables-only` no function; `mall` holds one in a nested stack.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from local.account import LocalAccount
from tests import s3_account, sample_events
from tests.integration.local_stacks import TABLE, body, create, physical_id
from tests.s3_account import (
    ACCOUNT,
    BASIC,
    EVENTS,
    GUARD,
    SNS,
    TRUST,
    S3Account,
    allow,
    bucket_arn,
    document,
    function_arn,
    to,
)

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:albums"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:films"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/scans-to-ocr"
LOOKED_AT = [case for case in sample_events.cases(GUARD) if case.endswith((".violation", ".compliant"))]


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def sample(patched: pytest.MonkeyPatch) -> Iterator[S3Account]:
    """The account; the guard only reads, so that one does for all events."""
    with LocalAccount(step_delay=0.01) as local:
        for s3 in s3_account.started(local, patched):
            make_loops(s3)
            make_ways(s3)
            make_harmless(s3)
            make_stacks(s3)
            yield s3


def make_loops(s3: S3Account) -> None:
    """Through a notification: of a function, of an alias; by a bucket's policy, by a managed one."""
    s3.loop("thumbnails", "photos")
    s3.bucket("uploads", "drop", "gallery")
    s3.function("resizer", allow("uploads/*"))
    s3.functions.publish_version(FunctionName="resizer")
    s3.functions.create_alias(FunctionName="resizer", Name="live", FunctionVersion="1")
    s3.let_in("resizer", bucket_arn("uploads"), Qualifier="live")
    s3.notify("uploads", to(function_arn("resizer:live"), suffix=".jpg"))
    s3.function("labels", role=s3.role("labels-role", managed=(BASIC,)))
    s3.trigger("drop", "labels")
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/labels-role"}
    s3.s3.put_bucket_policy(Bucket="drop", Policy=document(allow("drop/*", Principal=principal)))
    writer = s3.iam.create_policy(PolicyName="gallery-writer", PolicyDocument=document(allow("gallery/*")))
    s3.function("gallery", role=s3.role("gallery-role", managed=(writer["Policy"]["Arn"],)))
    s3.trigger("gallery", "gallery")


def make_ways(s3: S3Account) -> None:
    """Through a topic, a queue and a rule."""
    s3.bucket("albums", "films", "scans")
    s3.function("albums", allow("albums/*"))
    s3.sns.create_topic(Name="albums")
    s3.let_in("albums", TOPIC, SNS)
    s3.sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=function_arn("albums"))
    s3.notify("albums", to(TOPIC))
    reads = {
        "Effect": "Allow",
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "Resource": QUEUE,
    }
    s3.function("films", allow("films/*"), reads)
    s3.sqs.create_queue(QueueName="films")
    s3.functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="films")
    s3.notify("films", to(QUEUE))
    s3.function("ocr", allow("scans/*"))
    s3.let_in("ocr", RULE, EVENTS)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["scans"]}}}
    s3.events.put_rule(Name="scans-to-ocr", EventPattern=json.dumps(pattern))
    s3.events.put_targets(Rule="scans-to-ocr", Targets=[{"Id": "ocr", "Arn": function_arn("ocr")}])
    s3.notify("scans", EventBridgeConfiguration={})


def make_harmless(s3: S3Account) -> None:
    """What is no loop."""
    s3.bucket("invoices", "reports-archive")
    s3.function("reports", allow("reports-archive/*"))
    s3.trigger("invoices", "reports", prefix="in/", suffix=".pdf")
    s3.sns.create_topic(Name="news")
    s3.iam.create_policy(PolicyName="nobody", PolicyDocument=document(allow("photos/*")))
    trust = json.dumps({"Statement": TRUST | {"Principal": {"Service": "ec2.amazonaws.com"}}})
    s3.iam.create_role(RoleName="ec2-role", AssumeRolePolicyDocument=trust)


def make_stacks(s3: S3Account) -> None:
    """A loop in a stack, a stack without functions, and a loop in a nested stack."""
    capabilities = ["CAPABILITY_IAM"]
    create(s3.local, "shop", body(**looping("shop")), Capabilities=capabilities)
    create(s3.local, "tables-only", body(Orders=TABLE))
    s3.bucket("templates")
    s3.s3.put_object(Bucket="templates", Key="mall", Body=body(**looping("mall")).encode())
    url = "https://s3.us-east-1.amazonaws.com/templates/mall"
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    create(s3.local, "mall", body(Photos=child), Capabilities=capabilities)


def looping(name: str) -> dict[str, Any]:
    """A function that may write into the bucket that triggers it, as a template declares it."""
    bucket = f"{name}-bucket"
    writes = {"Statement": [allow(f"{bucket}/*")]}
    arn = {"Fn::GetAtt": ["Function", "Arn"]}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Statement": [TRUST]},
                "Policies": [{"PolicyName": "Write", "PolicyDocument": writes}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"{name}-function",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "never runs"},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceArn": bucket_arn(bucket),
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "Permission",
            "Properties": {
                "BucketName": bucket,
                "NotificationConfiguration": {
                    "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": arn}]
                },
            },
        },
    }


def happened(s3: S3Account, case: str) -> dict[str, Any]:
    """A sample event, with the ids that the account gave to what it names."""
    event = sample_events.now(GUARD, case) | {"id": str(uuid4())}
    detail = event["detail"]
    if "stack-id" in detail:
        name = detail["stack-id"].split("/")[1]
        found = physical_id(s3.local, "mall", "Photos") if name.startswith("mall-") else name
        described = s3.local.client("cloudformation").describe_stacks(StackName=found)["Stacks"][0]
        detail["stack-id"] = described["StackId"]
    if case == "update-event-source-mapping.violation":
        [mapping] = s3.functions.list_event_source_mappings(EventSourceArn=QUEUE)["EventSourceMappings"]
        detail["requestParameters"]["uUID"] = mapping["UUID"]
    return event


@pytest.mark.parametrize("case", LOOKED_AT)
def test_the_first_look_answers_the_verdict_in_the_name(sample: S3Account, case: str) -> None:
    started = sample.invoke(happened(sample, case))

    assert bool(started) == case.endswith(".violation")
    assert [verdict["next"] for verdict in started] == ["act"] * len(started)


@pytest.mark.parametrize("case", [case for case in LOOKED_AT if case.endswith(".violation")])
def test_judging_again_finds_the_same_loop(sample: S3Account, case: str) -> None:
    """It was not capped, so that what is said to be done does not show: waited for, and not dismissed."""
    [verdict] = sample.invoke(happened(sample, case))

    judged = sample.judge(verdict)

    assert (judged["next"], judged["outcome"]) == ("wait", None)
    assert judged["finding"]["evidence"]["cycle"] == verdict["finding"]["evidence"]["cycle"]


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("stack-created.violation", ["shop-function"]),
        ("put-bucket-policy.violation", ["labels"]),
        ("create-policy-version.violation", ["gallery"]),
        ("attach-role-policy.violation", ["gallery"]),
        ("update-event-source-mapping.violation", ["films"]),
        ("put-targets.violation", ["ocr"]),
    ],
)
def test_the_function_that_is_capped(sample: S3Account, case: str, names: list[str]) -> None:
    verdicts = sample.invoke(happened(sample, case))

    assert [verdict["finding"]["resource"]["name"] for verdict in verdicts] == names


def test_a_nested_stack_is_judged_with_its_root(sample: S3Account) -> None:
    event = happened(sample, "stack-created.violation")
    described = sample.local.client("cloudformation").describe_stacks(StackName="mall")["Stacks"][0]
    event["detail"]["stack-id"] = described["StackId"]

    [verdict] = sample.invoke(event)

    assert verdict["finding"]["resource"]["name"] == "mall-function"
    assert sample.invoke(happened(sample, "stack-nested-created.compliant")) == []


def test_a_function_of_a_stack_is_exempt_by_the_stacks_name(sample: S3Account) -> None:
    text = {
        "requested_by": "developer",
        "approved_by": "security",
        "reason": "a test",
        "until": sample_events.ahead(days=3),
    }
    name = f"/stackwarden/exemptions/{GUARD}/shop"
    ssm = sample.local.client("ssm")
    ssm.put_parameter(Name=name, Type="String", Value=json.dumps(text))

    [verdict] = sample.invoke(happened(sample, "stack-updated.violation"))

    ssm.delete_parameter(Name=name)
    assert verdict["outcome"] == "exempt"
