"""The acts of the demo about a function that writes into the bucket that triggers it."""

import json
import time
from typing import Any, Final

from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.demo import Demo

CAP: Final = 2
"""Reserved concurrency in the demo, where at most eight invocations run at once. The default is 10."""
WINDOW: Final = 6.0
"""Seconds for which invocations are counted, with and without the cap."""
_STACK, _FUNCTION, _BUCKET = "gallery", "thumbnails", "holiday-photos"
_TRIAL: Final = "trial"
# Two sizes of each photo, beside it: twice as many objects with every round. The pause stands for the work.
_CODE: Final = """
import time, uuid
import boto3

s3 = boto3.client("s3")

def handler(event, context):
    time.sleep(0.4)
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        for size in ("small", "large"):
            s3.put_object(Bucket=bucket, Key=f"PREFIX{uuid.uuid4()}-{size}.jpg", Body=b"photo")
"""
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def template(function: str, bucket: str, *, reads: str = "", writes: str = "") -> str:
    """Return the developer's template: photos below `reads` are triggers, thumbnails go below `writes`."""
    trigger: dict[str, Any] = {
        "Event": "s3:ObjectCreated:*",
        "Function": {"Fn::GetAtt": ["Function", "Arn"]},
    }
    if reads:
        trigger["Filter"] = {"S3Key": {"Rules": [{"Name": "prefix", "Value": reads}]}}
    statement = {
        "Sid": "WriteThumbnails",
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/{writes}*",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    resources = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _TRUST,
                "Policies": [{"PolicyName": "Thumbnails", "PolicyDocument": document}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": function,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": _CODE.replace("PREFIX", writes)},
                "Timeout": 30,
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceArn": f"arn:aws:s3:::{bucket}",
                "SourceAccount": {"Ref": "AWS::AccountId"},
            },
        },
        "Photos": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "Permission",
            "Properties": {
                "BucketName": bucket,
                "NotificationConfiguration": {"LambdaConfigurations": [trigger]},
            },
        },
    }
    return json.dumps({"Resources": resources})


def run_away(account: LocalAccount) -> int:
    """Let the loop run where no Stackwarden is yet; return the invocations of WINDOW, then stop it."""
    cloudformation, s3 = account.client("cloudformation"), account.client("s3")
    cloudformation.create_stack(
        StackName=_TRIAL, TemplateBody=template(_TRIAL, _TRIAL), Capabilities=["CAPABILITY_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=_TRIAL, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    s3.put_object(Bucket=_TRIAL, Key="beach.jpg", Body=b"photo")
    time.sleep(WINDOW)
    invocations = _invocations(s3, _TRIAL)
    s3.put_bucket_notification_configuration(Bucket=_TRIAL, NotificationConfiguration={})
    account.client("lambda").put_function_concurrency(FunctionName=_TRIAL, ReservedConcurrentExecutions=0)
    return invocations


def _invocations(s3: Any, bucket: str, *, uploaded: int = 1) -> int:
    """Each invocation that ended wrote two objects."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    objects: int = sum(page["KeyCount"] for page in pages)
    return (objects - uploaded) // 2


def _reserved(demo: Demo) -> int | None:
    """The function's reserved concurrency: -1 while there is no such function."""
    try:
        answer = demo.client("lambda").get_function_concurrency(FunctionName=_FUNCTION)
    except ClientError:
        return -1
    reserved: int | None = answer.get("ReservedConcurrentExecutions")
    return reserved


def _status(demo: Demo) -> str:
    stacks = demo.client("cloudformation").describe_stacks(StackName=_STACK)["Stacks"]
    return str(stacks[0]["StackStatus"])


def loop(demo: Demo) -> None:
    """A loop is proven and capped before the first object comes."""
    demo.begin(
        "7 loop",
        "The developer's function writes thumbnails beside the photos, into the bucket that triggers it.",
    )
    cloudformation = demo.client("cloudformation")
    demo.attempt(
        'cloudformation.create_stack(StackName="gallery", …)',
        lambda: cloudformation.create_stack(
            StackName=_STACK, TemplateBody=template(_FUNCTION, _BUCKET), Capabilities=["CAPABILITY_IAM"]
        ),
    )
    demo.promise(f"the function is capped at {CAP}", lambda: _reserved(demo) == CAP)
    demo.message("one report: remediated", resource=_FUNCTION, outcome="remediated")
    demo.promise("the stack stands, nothing was blocked", lambda: _status(demo) == "CREATE_COMPLETE")


def held(demo: Demo) -> None:
    """The same loop runs, held by the cap."""
    demo.begin(
        "8 held",
        f"Somebody uploads a photo, and the loop runs for {WINDOW:.0f} s, as it did before Stackwarden.",
    )
    s3 = demo.client("s3")
    demo.attempt(
        's3.put_object(Bucket="holiday-photos", Key="beach.jpg", …)',
        lambda: s3.put_object(Bucket=_BUCKET, Key="beach.jpg", Body=b"photo"),
    )
    time.sleep(WINDOW)
    invocations = _invocations(s3, _BUCKET)
    demo.console.print(
        f"  invocations in {WINDOW:.0f} s: {demo.uncapped} without a cap, {invocations} with a cap of {CAP}"
    )
    demo.promise("the loop really runs", lambda: invocations > 1)
    demo.promise("held to less than half", lambda: invocations < demo.uncapped / 2)


def lifted(demo: Demo) -> None:
    """Somebody lifts the cap; it is set again."""
    demo.begin("9 lifted", "The developer finds the function slow, and removes its reserved concurrency.")
    functions = demo.client("lambda")
    demo.attempt(
        'lambda.delete_function_concurrency(FunctionName="thumbnails")',
        lambda: functions.delete_function_concurrency(FunctionName=_FUNCTION),
    )
    demo.promise(f"the function is capped at {CAP} again", lambda: _reserved(demo) == CAP)
    report = demo.message("one report: remediated", resource=_FUNCTION, outcome="remediated")
    actor = str(((report.get("finding") or {}).get("actor") or {}).get("arn"))
    demo.promise("it says who lifted the cap", lambda: actor.endswith(":user/developer"))


def fixed(demo: Demo) -> None:
    """The loop is fixed as the report said; the cap is released."""
    demo.begin(
        "10 fixed", "The developer does what the report says: photos below in/, thumbnails below out/."
    )
    cloudformation = demo.client("cloudformation")
    demo.attempt(
        'cloudformation.update_stack(StackName="gallery", …)',
        lambda: cloudformation.update_stack(
            StackName=_STACK,
            TemplateBody=template(_FUNCTION, _BUCKET, reads="in/", writes="out/"),
            Capabilities=["CAPABILITY_IAM"],
        ),
    )
    demo.promise("the cap is released", lambda: _reserved(demo) is None)
    demo.message("one report: the loop is gone", resource=_FUNCTION, hazard="loop-gone")
    demo.no_message("not one report more, unless of its missing alias (act 11)", hazard="latest-invoked")


LOOP_ACTS: Final = (loop, held, lifted, fixed)
