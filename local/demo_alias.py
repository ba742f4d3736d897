"""The acts of the demo about a function whose triggers run whatever was uploaded last."""

import io
import json
import zipfile
from functools import partial
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from local.demo import Demo

LIVE: Final = "live"
"""The alias that Stackwarden makes."""
_DECLARED: Final = "current"
"""The one of the template; CloudFormation cannot make what Stackwarden has made."""
_NAME: Final = "checkout"  # of the stack, the function and, in part, of queues and bucket
_STEP_DELAY: Final = 0.3
"""Seconds that CloudFormation takes for each resource in these acts: nobody races against it here."""
_CODE: Final = """
import json, os
import boto3

COLOUR = "{colour}"

def handler(event, context):
    ran = dict(colour=COLOUR, version=context.function_version, arn=context.invoked_function_arn, event=event)
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(ran))
"""


class Ran(NamedTuple):
    """Which code ran, in which version of the function, and through which qualifier it was invoked."""

    colour: str
    version: str
    qualifier: str


def code(colour: str) -> str:
    """Return the source of a function that tells the queue SEEN what ran, and for which event."""
    return _CODE.replace("{colour}", colour)


def package(colour: str) -> bytes:
    """Return the same as the archive that UpdateFunctionCode takes; the same code is the same archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("index.py"), code(colour))
    return archive.getvalue()


def template(function: str, colour: str, *, bucket: bool = True, **properties: Any) -> str:
    """Return the developer's template for SAM: a queue and perhaps a bucket trigger the function.

    The queues FUNCTION-incoming and FUNCTION-seen are there before. properties: more of the function's.
    """
    events: dict[str, Any] = {
        "Order": {"Type": "SQS", "Properties": {"Queue": _queue(f"{function}-incoming")}}
    }
    resources: dict[str, Any] = {}
    if bucket:
        upload = {"Bucket": {"Ref": "Uploads"}, "Events": "s3:ObjectCreated:*"}
        events["Upload"] = {"Type": "S3", "Properties": upload}
        resources["Uploads"] = {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": f"{function}-uploads"},
        }
    url = {"Fn::Sub": f"https://sqs.${{AWS::Region}}.amazonaws.com/${{AWS::AccountId}}/{function}-seen"}
    resources["Function"] = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "FunctionName": function,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "InlineCode": code(colour),
            "Timeout": 30,
            "Environment": {"Variables": {"SEEN": url}},
            "Policies": [{"SQSSendMessagePolicy": {"QueueName": f"{function}-seen"}}],
            "Events": events,
            **properties,
        },
    }
    return json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources})


def _queue(name: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}"}


def ran(message: str, mark: str) -> Ran | None:
    """Read what a function told its queue; None: it was about another event than the one with this mark."""
    said = json.loads(message)
    if mark not in json.dumps(said["event"]):
        return None
    return Ran(said["colour"], said["version"], said["arn"].split(":function:")[1].partition(":")[2])


def _ran(demo: Demo, mark: str) -> Ran | None:
    """Look what ran for an order or an upload; all stays in the queue."""
    sqs = demo.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{_NAME}-seen")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    found = (ran(message["Body"], mark) for message in answer.get("Messages", []))
    return next((each for each in found if each), None)


def _order(demo: Demo, order: str) -> None:
    """Put an order into the queue."""
    sqs = demo.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{_NAME}-incoming")["QueueUrl"]
    demo.attempt(
        f'sqs.send_message(QueueUrl="…/{_NAME}-incoming", MessageBody="{order}")',
        partial(sqs.send_message, QueueUrl=url, MessageBody=order),
    )


def _deploy(demo: Demo, call: str, **properties: Any) -> None:
    """Create or update the stack."""
    cloudformation = demo.client("cloudformation")
    demo.attempt(
        f'cloudformation.{call}(StackName="{_NAME}", …)',
        lambda: getattr(cloudformation, call)(
            StackName=_NAME,
            TemplateBody=template(_NAME, "blue", **properties),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        ),
    )


def _status(demo: Demo) -> str:
    stacks = demo.client("cloudformation").describe_stacks(StackName=_NAME)["Stacks"]
    return str(stacks[0]["StackStatus"])


def _live_version(demo: Demo) -> str | None:
    """The version that the alias points at; None: there is no alias."""
    try:
        found = demo.client("lambda").get_alias(FunctionName=_NAME, Name=LIVE)
    except ClientError:
        return None
    return str(found["FunctionVersion"])


def _mapped_to(demo: Demo) -> list[str]:
    """What the mappings of the queue name."""
    functions, source = demo.client("lambda"), f"arn:aws:sqs:{demo.account.region}:{demo.account.account_id}"
    found = functions.list_event_source_mappings(EventSourceArn=f"{source}:{_NAME}-incoming")
    return [mapping["FunctionArn"].split(":function:")[1] for mapping in found["EventSourceMappings"]]


def alias(demo: Demo) -> None:
    """What runs `$LATEST` goes through an alias; what the workflow does not move is for its owner."""
    demo.begin(
        "11 alias",
        "The developer deploys a function with SAM: a queue and a bucket invoke it, without an alias.",
    )
    demo.account.step_delay = _STEP_DELAY
    for name in ("incoming", "seen"):
        demo.client("sqs").create_queue(QueueName=f"{_NAME}-{name}")
    _order(demo, "order-1")
    _deploy(demo, "create_stack")
    demo.promise("$LATEST runs the first order", lambda: _ran(demo, "order-1") == ("blue", "$LATEST", ""))
    demo.promise(f"version 1 is published, and the alias {LIVE} is on it", lambda: _live_version(demo) == "1")
    demo.promise("the queue's mapping names the alias", lambda: _mapped_to(demo) == [f"{_NAME}:{LIVE}"])
    report = demo.message(
        "one report: what moved, what is left", resource=_NAME, hazard="latest-invoked", outcome="observed"
    )
    _order(demo, "order-2")
    demo.promise(
        "version 1 runs the next order, by the alias", lambda: _ran(demo, "order-2") == ("blue", "1", LIVE)
    )
    fix = str((report.get("finding") or {}).get("fix"))
    declared = "".join(fix.partition("AutoPublishAlias: ")[2].split()[:1])
    demo.promise("the report says what the template needs", lambda: bool(declared))
    _declared(demo, declared or _DECLARED)


def _declared(demo: Demo, name: str) -> None:
    """The owner declares an alias as the report says, with a change that gives a new version."""
    demo.console.print(
        f"The developer does what the report says, AutoPublishAlias: {name}, and adds memory: a new version."
    )
    _deploy(demo, "update_stack", AutoPublishAlias=name, MemorySize=256)
    demo.promise("the template's alias has the queue", lambda: _mapped_to(demo) == [f"{_NAME}:{name}"])
    demo.promise("the stack stands", lambda: _status(demo) == "UPDATE_COMPLETE")
    bucket = f"{_NAME}-uploads"
    demo.attempt(
        f's3.put_object(Bucket="{bucket}", Key="upload-1", …)',
        lambda: demo.client("s3").put_object(Bucket=bucket, Key="upload-1", Body=b"order"),
    )
    demo.promise(
        "version 2 runs what is uploaded, by the alias", lambda: _ran(demo, "upload-1") == ("blue", "2", name)
    )
    demo.no_message("not one report more")


def in_place(demo: Demo) -> None:
    """Code that somebody uploads by hand is told, and live traffic does not run it."""
    demo.begin("12 in place", "The developer uploads new code by hand, in prod, and an order comes in.")
    functions = demo.client("lambda")
    name = _mapped_to(demo)[0].rpartition(":")[2]
    before = functions.get_function_configuration(FunctionName=_NAME)["CodeSha256"]
    demo.attempt(
        f'lambda.update_function_code(FunctionName="{_NAME}", ZipFile=…)',
        lambda: functions.update_function_code(FunctionName=_NAME, ZipFile=package("green")),
    )
    after = functions.get_function_configuration(FunctionName=_NAME)["CodeSha256"]
    _order(demo, "order-3")
    demo.promise("the order runs the old code", lambda: _ran(demo, "order-3") == ("blue", "2", name))
    report = demo.message("one report: an unverified change", resource=_NAME, hazard="unverified-change")
    evidence = (report.get("finding") or {}).get("evidence", {})
    codes = (evidence.get("rollback_code_sha256"), evidence.get("code_sha256"))
    demo.promise("it has the code before and after", lambda: codes == (before, after))
    demo.promise("and the version to go back to", lambda: evidence.get("rollback_version") == "2")
    version = demo.attempt(
        f'lambda.publish_version(FunctionName="{_NAME}")',
        lambda: functions.publish_version(FunctionName=_NAME),
    )["Version"]
    demo.attempt(
        f'lambda.update_alias(FunctionName="{_NAME}", Name="{name}", FunctionVersion="{version}")',
        lambda: functions.update_alias(FunctionName=_NAME, Name=name, FunctionVersion=version),
    )
    _order(demo, "order-4")
    demo.promise(
        "the new code is live now that the alias moves", lambda: _ran(demo, "order-4") == ("green", "3", name)
    )
    demo.no_message("not one report more")


ALIAS_ACTS: Final = (alias, in_place)
