"""Functions in the local account that write down what they were invoked with, and as what."""

import io
import json
import zipfile
from typing import Any

from local.account import LocalAccount

ACCOUNT_ARN = "us-east-1:123456789012"


def reporting(code: str, *, poisonous: str = "poison") -> bytes:
    """Code that prints its own name with the event, and fails where a record holds the poisonous word."""
    return archived(
        f"""
import base64, json, os
def handler(event, context):
    streamed = [it["kinesis"]["data"] for it in event.get("Records", []) if "kinesis" in it]
    data = [base64.b64decode(it).decode() for it in streamed]
    print("REPORT-OF-TEST" + json.dumps({{
        "code": {code!r}, "arn": context.invoked_function_arn, "version": context.function_version,
        "variable": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "event": event}}))
    if {poisonous!r} in json.dumps([event, data]):
        raise ValueError("as asked")
    return {code!r}
"""
    )


def archived(source: str) -> bytes:
    """The same bytes for the same source, whenever it is asked for."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr(zipfile.ZipInfo("app.py"), source)
    return archive.getvalue()


def deploy(account: LocalAccount, role_arn: str, name: str = "f", code: str = "one", **settings: Any) -> str:
    """Create a function that reports; its ARN."""
    arn: str = account.client("lambda").create_function(
        FunctionName=name,
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": reporting(code)},
        **settings,
    )["FunctionArn"]
    return arn


def update(account: LocalAccount, code: str, name: str = "f") -> None:
    """Give $LATEST other code."""
    account.client("lambda").update_function_code(FunctionName=name, ZipFile=reporting(code))


def release(account: LocalAccount, alias: str = "live", name: str = "f") -> str:
    """Publish a version and point a new alias at it; the alias's ARN."""
    functions = account.client("lambda")
    version = functions.publish_version(FunctionName=name)["Version"]
    arn: str = functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)["AliasArn"]
    return arn


def reports(account: LocalAccount, name: str = "f") -> list[dict[str, Any]]:
    """What the function wrote down so far, after everything under way has ended."""
    account.drain()
    logs = account.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return []
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"] for event in events if event["message"].startswith("REPORT-OF-TEST")]
    return [json.loads(line.removeprefix("REPORT-OF-TEST")) for line in lines]


def bodies(account: LocalAccount, name: str = "f") -> list[tuple[str, str, str]]:
    """Code, qualifier and body of each message of a queue that the function was given."""
    return [
        (report["code"], ":".join(report["arn"].split(":")[7:]), record["body"])
        for report in reports(account, name)
        for record in report["event"]["Records"]
    ]
