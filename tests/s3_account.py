"""The function s3_recursion in the local account: what it looks at, made of real resources, and its answers.

The function runs in this process with the credentials of a role that has the policies of the guard's role in
template.yaml: a read that they do not allow is denied.
"""

import importlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from aws_lambda_powertools import Metrics

from local.account import LocalAccount
from stackwarden import aws
from stackwarden.settings import load
from tests import moto_server, sample_events, template
from tests.conftest import ENVIRONMENT, STATE_MACHINE

GUARD, LEDGER, ACCOUNT = "s3-recursion", "stackwarden-ledger", "123456789012"
CREATED, REMOVED = "s3:ObjectCreated:*", "s3:ObjectRemoved:*"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
S3, SNS, EVENTS = "s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-s3-recursion",
    "STACKWARDEN_CONCURRENCY_CAP": "10",
    "STACKWARDEN_ENFORCE": "proven",
    "STACKWARDEN_WHEN_UNRESERVABLE": "report",
    "STACKWARDEN_LEDGER_TABLE": LEDGER,
    "POWERTOOLS_SERVICE_NAME": GUARD,
}
CONTEXT = SimpleNamespace(
    function_name="stackwarden-s3-recursion",
    memory_limit_in_mb=512,
    invoked_function_arn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:stackwarden-s3-recursion",
    aws_request_id="00000000-0000-0000-0000-000000000000",
)
READERS = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "iam",
    "lambda",
    "resourcegroupstaggingapi",
    "s3",
    "sns",
    "ssm",
)
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}

type Json = dict[str, Any]


def document(*statements: Json) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(resource: str, action: str = "s3:PutObject", **more: Any) -> Json:
    """A statement about objects: `photos/out/*`."""
    return {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{resource}", **more}


def deny(resource: str, action: str = "s3:PutObject", **more: Any) -> Json:
    """The same, denied."""
    return allow(resource, action, **more) | {"Effect": "Deny"}


def function_arn(name: str) -> str:
    """The ARN of a function, or of its alias: `resizer:live`."""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def bucket_arn(name: str) -> str:
    """The ARN of a bucket."""
    return f"arn:aws:s3:::{name}"


def guard_policy(role: str) -> str:
    """What a guard's role may do, by its name in the template."""
    policies = template.template()["Resources"][role]["Properties"]["Policies"]
    statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    return document(*_filled_in(statements))


_NAMES = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": ACCOUNT,
    "LedgerTable.Arn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{LEDGER}",
    "FailedInvocations.Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:failed",
    "S3RecursionLogs.Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:guard",
    "MissingAliasLogs.Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:guard",
    "RemediationStateMachine": STATE_MACHINE,
}


def _filled_in(node: Any) -> Any:
    match node:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: _NAMES[found[1]], text)
        case {"Fn::GetAtt": target}:
            return _NAMES[target if isinstance(target, str) else ".".join(target)]
        case {"Ref": name}:
            return _NAMES[name]
        case dict():
            return {str(key): _filled_in(value) for key, value in node.items()}
        case list():
            return [_filled_in(item) for item in node]
    return str(node) if isinstance(node, str) else node


class S3Account:
    """What a developer makes, and what the guard's function makes of it."""

    guard, guard_role_name = GUARD, "S3RecursionRole"
    readers: tuple[str, ...] = READERS

    def __init__(self, local: LocalAccount) -> None:
        self.local = local
        self.iam, self.s3, self.functions = local.client("iam"), local.client("s3"), local.client("lambda")
        self.sns, self.sqs, self.events = local.client("sns"), local.client("sqs"), local.client("events")
        self.stepfunctions, self.dynamodb = local.client("stepfunctions"), local.client("dynamodb")
        self._make_stackwarden()

    def _make_stackwarden(self) -> None:
        self.guard_role = self.role("stackwarden-guard", document=guard_policy(self.guard_role_name))
        machine = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
        name = STATE_MACHINE.rsplit(":", 1)[-1]
        self.stepfunctions.create_state_machine(name=name, definition=machine, roleArn=self.guard_role)
        table = template.template()["Resources"]["LedgerTable"]["Properties"]
        kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        plain = cast(Json, json.loads(json.dumps({key: table[key] for key in kept})))
        self.dynamodb.create_table(TableName=LEDGER, **plain)

    def start(self, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start the guard's function with the credentials of its role."""
        session = self.local.client("sts").assume_role(RoleArn=self.guard_role, RoleSessionName="guard")
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.local.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["Credentials"]["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["Credentials"]["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", session["Credentials"]["SessionToken"])
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials of its first client
        cast(Any, aws.client).cache_clear()
        self.app = app
        readers = [aws.client(name) for name in self.readers]  # type: ignore[call-overload]  # one name each
        self.calls = moto_server.Calls(*readers)

    # ------------------------------------------------------------------ what a developer makes
    def role(self, name: str, *statements: Json, document: str = "", managed: tuple[str, ...] = ()) -> str:
        """A role for functions, with one inline policy; its ARN."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for policy in managed:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        if statements or document:
            self.permit(name, *statements, document=document)
        return arn

    def permit(self, role: str, *statements: Json, document: str = "", name: str = "inline") -> None:
        """Set a role's inline policy."""
        text = document or json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)

    def function(self, name: str, *statements: Json, role: str = "") -> str:
        """A function, with a role of its own unless one is named; its ARN."""
        arn: str = self.functions.create_function(
            FunctionName=name,
            Role=role or self.role(f"{name}-role", *statements),
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": b"never runs"},
        )["FunctionArn"]
        return arn

    def bucket(self, *names: str) -> None:
        """Buckets."""
        for name in names:
            self.s3.create_bucket(Bucket=name)

    def let_in(self, function: str, source: str, service: str = S3, sid: str = "", **more: Any) -> None:
        """Let a service invoke a function on behalf of a source."""
        self.functions.add_permission(
            FunctionName=function,
            StatementId=sid or re.sub(r"[^\w-]", "-", f"{service}-{source}")[-100:],
            Action="lambda:InvokeFunction",
            Principal=service,
            SourceArn=source,
            **more,
        )

    def notify(self, bucket: str, *notifications: Json, **more: Any) -> None:
        """Set a bucket's notifications, of `to_function` and its like."""
        configuration: dict[str, Any] = dict(more)
        for notification in notifications:
            kind = next(key for key in notification if key.endswith("Arn")).removesuffix("Arn")
            name = {"LambdaFunction": "LambdaFunctionConfigurations"}.get(kind, f"{kind}Configurations")
            configuration.setdefault(name, []).append(notification)
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
        )

    def trigger(self, bucket: str, function: str, *events: str, **filters: str) -> None:
        """Let a bucket invoke a function, and nothing else."""
        self.let_in(function, bucket_arn(bucket))
        self.notify(bucket, to(function_arn(function), *events, **filters))

    def loop(self, function: str = "thumbnails", bucket: str = "photos") -> str:
        """A function that may write into the bucket that triggers it; its ARN."""
        self.bucket(bucket)
        arn = self.function(function, allow(f"{bucket}/*", Sid="Write"))
        self.trigger(bucket, function)
        return arn

    def reserve(self, function: str, reserved: int) -> None:
        """Reserve concurrency."""
        self.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)

    def tag_as_capped(self, function: str) -> None:
        """The tag that the workflow leaves on a function that it capped."""
        self.functions.tag_resource(
            Resource=function_arn(function), Tags={"stackwarden:concurrency-cap": "10"}
        )

    # ------------------------------------------------------------------ what happens
    def happens(self, case: str, **request: Any) -> list[Json]:
        """Let a sample event reach the function; the verdicts that it started the workflow with."""
        event = sample_events.now(self.guard, case)
        event["detail"]["requestParameters"] |= request
        return self.invoke(event)

    def notified(self, bucket: str = "photos") -> list[Json]:
        """The event that a bucket's notifications were set."""
        return self.happens("put-bucket-notification.violation", bucketName=bucket)

    def updated(self, function: str = "thumbnails") -> list[Json]:
        """The event that a function's configuration was changed."""
        return self.happens("update-function-configuration.violation", functionName=function)

    def invoke(self, event: Json) -> list[Json]:
        """Invoke the function with an event; the verdicts of the executions that it names."""
        names = self.app.handler(event, CONTEXT)["started"]
        arns = [f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:{name}" for name in names]
        return [json.loads(self.stepfunctions.describe_execution(executionArn=arn)["input"]) for arn in arns]

    def judge(self, verdict: Json, *, error: str = "") -> Json:
        """Let the workflow report every action as done, or failed, and ask the function to judge again."""
        status = {"status": "failed", "error": error} if error else {"status": "done"}
        results = [action | status for action in verdict["actions"]]
        answer: Json = self.app.handler({"task": "judge", "verdict": verdict | {"results": results}}, CONTEXT)
        return answer

    def close(self, verdict: Json, *, hours_ago: float = 0) -> None:
        """Write a verdict into the ledger as the workflow does when it is through with it."""
        then = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
        finding = verdict["finding"]
        item = {
            "id": finding["id"],
            "guard": finding["guard"],
            "hazard": finding["hazard"],
            "resource_arn": finding["resource"]["arn"],
            "opened_at": then,
            "closed_at": then,
            "outcome": verdict["outcome"],
            "finding": json.dumps(finding),
            "attempts": json.dumps(verdict["attempts"]),
        }
        self.dynamodb.put_item(TableName=LEDGER, Item={key: {"S": value} for key, value in item.items()})

    def remediate(self, verdict: Json, *, hours_ago: float = 0) -> Json:
        """Do for one finding what the workflow does: cap, judge again, tag, close. The last verdict."""
        [action] = verdict["actions"]
        self.functions.put_function_concurrency(
            FunctionName=action["target"], ReservedConcurrentExecutions=action["parameters"]["reserved"]
        )
        judged = self.judge(verdict)
        for tag in judged["annotations"]:
            self.functions.tag_resource(Resource=tag["target"], Tags=tag["parameters"]["tags"])
        self.close(judged, hours_ago=hours_ago)
        return judged


def to(arn: str, *events: str, prefix: str = "", suffix: str = "", name: str = "one") -> Json:
    """A notification to a function, a topic or a queue; of new objects unless events are named."""
    kind = {"lambda": "LambdaFunctionArn", "sns": "TopicArn", "sqs": "QueueArn"}[arn.split(":")[2]]
    rules = [
        {"Name": key, "Value": value} for key, value in (("prefix", prefix), ("suffix", suffix)) if value
    ]
    filters = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
    return {"Id": name, kind: arn, "Events": list(events or (CREATED,)), **filters}


def planned(verdict: Json) -> list[tuple[str, str, Json, Json]]:
    """What the workflow is told to do: kind, target, parameters and the value before."""
    assert verdict["next"] == "act"
    return [(a["kind"], a["target"], a["parameters"], a["before"]) for a in verdict["actions"]]


def imported(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module functions/s3_recursion/app.py, in the environment that the template gives it."""
    for name, value in {**ENVIRONMENT, **SETTINGS}.items():
        monkeypatch.setenv(name, value)
    return importlib.import_module("functions.s3_recursion.app")


def started(local: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Account]:
    """A fixture's body: a fresh account with the guard's function in it."""
    made = S3Account(local)
    Metrics().clear_metrics()
    made.start(imported(monkeypatch), monkeypatch)
    yield made
    cast(Any, aws.client).cache_clear()
    Metrics().clear_metrics()


def settle(monkeypatch: pytest.MonkeyPatch, s3: S3Account, **environment: str) -> None:
    """Change settings of the running function, by their environment variables."""
    changed = load(type(s3.app.settings), {**os.environ, **environment})
    monkeypatch.setattr(s3.app, "settings", changed)
