"""What the developer makes of functions and buckets that trigger them, and what has become of it."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.cloudwatch.models import cloudwatch_backends

from local.lambda_runtime.metrics import NAMESPACE
from tests.e2e.developer import Developer
from tests.e2e.stacks import Json, table

CODE: Final = """
import boto3

def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}x", Body=b"photo")
"""
"""Writes each object once more, under a longer key, into the bucket that it came from."""
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def allow(resource: str, action: str = "s3:PutObject", sid: str = "Write") -> Json:
    """A statement about objects: `photos/out/*`; or `*`."""
    arn = resource if resource == "*" else f"arn:aws:s3:::{resource}"
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": arn}


def permit(developer: Developer, function: str, statement: Json) -> None:
    """Set what a function's role may do."""
    developer.client("iam").put_role_policy(
        RoleName=f"{function}-role",
        PolicyName="inline",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def function(developer: Developer, name: str, statement: Json) -> str:
    """A function with a role of its own; its ARN."""
    role = developer.client("iam").create_role(
        RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]["Arn"]
    permit(developer, name, statement)
    created = developer.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Timeout=30,
        Code={"ZipFile": _zipped(CODE)},
    )
    return str(created["FunctionArn"])


def _zipped(code: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr("index.py", code)
    return archive.getvalue()


def let_in(developer: Developer, function_arn: str, bucket: str) -> None:
    """Let a bucket invoke a function."""
    developer.client("lambda").add_permission(
        FunctionName=function_arn,
        StatementId=f"s3-{bucket}",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=developer.account.account_id,
    )


def notify(developer: Developer, bucket: str, function_arn: str, *, prefix: str = "") -> None:
    """Let new objects, perhaps below a prefix only, trigger a function and nothing else."""
    notification: dict[str, Any] = {"LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"]}
    if prefix:
        notification["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    developer.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [notification]}
    )


def loop(
    developer: Developer, name: str, bucket: str, *, statement: Json | None = None, prefix: str = ""
) -> str:
    """A function that may write into the bucket that triggers it; its ARN.

    statement: what it may do, by default write everywhere in the bucket. prefix: what triggers it.
    """
    developer.client("s3").create_bucket(Bucket=bucket)
    arn = function(developer, name, statement or allow(f"{bucket}/*"))
    let_in(developer, arn, bucket)
    notify(developer, bucket, arn, prefix=prefix)
    return arn


def reserved(developer: Developer, name: str) -> int | None:
    """A function's reserved concurrency; None: it has none."""
    answer = developer.client("lambda").get_function_concurrency(FunctionName=name)
    found: int | None = answer.get("ReservedConcurrentExecutions")
    return found


def reserve(developer: Developer, name: str, concurrency: int) -> None:
    """Reserve concurrency for a function."""
    developer.client("lambda").put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=concurrency
    )


def recursive_loop(developer: Developer, name: str) -> str:
    """Whether Lambda stops a function that invokes itself: Terminate or Allow."""
    answer = developer.client("lambda").get_function_recursion_config(FunctionName=name)
    return str(answer["RecursiveLoop"])


def tags(developer: Developer, name: str) -> dict[str, str]:
    """Stackwarden's tags of a function, without the prefix `stackwarden:`."""
    found = developer.client("lambda").get_function(FunctionName=name).get("Tags", {})
    prefix = "stackwarden:"
    return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}


def keys(developer: Developer, bucket: str) -> list[str]:
    """The keys of a bucket's objects."""
    pages = developer.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def was_busy(developer: Developer, name: str, concurrent_executions: int) -> None:
    """Let CloudWatch have seen a function run so many times at once, an hour ago.

    A caller could not put it there: AWS keeps the namespace for itself.
    """
    backend = cloudwatch_backends[developer.account.account_id][developer.account.region]
    backend.put_metric_data(
        NAMESPACE,
        [
            {
                "MetricName": "ConcurrentExecutions",
                "Value": concurrent_executions,
                "Unit": "Count",
                "Dimensions": [{"Name": "FunctionName", "Value": name}],
                "Timestamp": (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None),
            }
        ],
    )


def was_throttled(developer: Developer, name: str) -> bool:
    """Whether Lambda has refused an invocation of a function for lack of concurrency."""
    now = datetime.now(UTC)
    points = developer.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return any(point["Sum"] for point in points)


@contextmanager
def concurrency_limit(developer: Developer, limit: int) -> Iterator[None]:
    """The account has another limit meanwhile."""
    developer.account.concurrency_limit, before = limit, developer.account.concurrency_limit
    try:
        yield
    finally:
        developer.account.concurrency_limit = before


def with_table(template: str, name: str) -> str:
    """A template, and an unprotected table besides."""
    found: Json = json.loads(template)
    found["Resources"]["Table"] = table(name)
    return json.dumps(found)
