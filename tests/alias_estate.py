"""Functions and what invokes them, made in moto's own server, for what reads them."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, cast

import boto3
import pytest

from stackwarden import aws
from stackwarden.alias_reader import FunctionReader
from stackwarden.alias_starts import Starts
from stackwarden.alias_subject import Seed
from stackwarden.policies.alias_state import Function, Invoker, Kind
from stackwarden.stacks import StackReader
from tests import moto_server
from tests.conftest import ENVIRONMENT
from tests.sample_account import PLACE

HERE = "us-east-1:123456789012"
READERS = (
    "apigateway",
    "apigatewayv2",
    "cloudformation",
    "cognito-idp",
    "elbv2",
    "events",
    "iot",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "scheduler",
    "sns",
    "stepfunctions",
)


def function_arn(name: str) -> str:
    """The ARN of a function, or of its alias: `billing:live`."""
    return f"arn:aws:lambda:{HERE}:function:{name}"


def integration_uri(function: str) -> str:
    """How API Gateway names a function."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


class Estate:
    """An account in moto with a function `billing`, and the readers of the guard."""

    def __init__(self) -> None:
        self.functions, self.sqs, self.sns = _client("lambda"), _client("sqs"), _client("sns")
        self.s3, self.events, self.iam = _client("s3"), _client("events"), _client("iam")
        self.role: str = self.iam.create_role(RoleName="runs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.stacks = StackReader(aws.client("cloudformation"))
        self.reader, self.starts = FunctionReader(PLACE, self.stacks), Starts(PLACE, self.stacks)
        self.function("billing")

    def function(self, name: str, code: str = "handler = None", **more: Any) -> str:
        """Make a function; its ARN."""
        made: str = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=self.role,
            Code={"ZipFile": _zipped(code)},
            **more,
        )["FunctionArn"]
        return made

    def update(self, code: str, name: str = "billing") -> None:
        """Change a function's code."""
        self.functions.update_function_code(FunctionName=name, ZipFile=_zipped(code))

    def publish(self, name: str = "billing") -> str:
        """Publish a version; its number."""
        number: str = self.functions.publish_version(FunctionName=name)["Version"]
        return number

    def alias(self, alias: str, version: str, name: str = "billing", **more: Any) -> None:
        """Make an alias."""
        self.functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version, **more)

    def mapping(self, queue: str, function: str = "billing", **more: Any) -> str:
        """Make a queue and its mapping; the mapping's UUID."""
        self.sqs.create_queue(QueueName=queue)
        made: str = self.functions.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:{HERE}:{queue}", FunctionName=function, **more
        )["UUID"]
        return made

    def allow(
        self,
        service: str,
        source: str | None,
        sid: str = "allowed",
        *,
        function: str = "billing",
        **more: Any,
    ) -> None:
        """Let a service invoke a function."""
        given = {"SourceArn": source} if source else {}
        self.functions.add_permission(
            FunctionName=function,
            StatementId=sid,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
            **given,
            **more,
        )

    def bucket(self, name: str, *functions: str) -> None:
        """Make a bucket that tells functions of its objects."""
        self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {
                        "Id": f"tells-{number}",
                        "LambdaFunctionArn": function_arn(function),
                        "Events": ["s3:ObjectCreated:*"],
                    }
                    for number, function in enumerate(functions, start=1)
                ]
            },
            SkipDestinationValidation=True,
        )

    def rule(self, name: str, function: str, bus: str = "default", **more: Any) -> str:
        """Make a rule with a function as its target; its ARN."""
        arn: str = self.events.put_rule(
            Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["shop"]})
        )["RuleArn"]
        target = {"Id": "1", "Arn": function_arn(function), **more}
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
        return arn

    def topic(self, name: str, *functions: str, **attributes: str) -> str:
        """Make a topic that functions have subscribed to; its ARN."""
        arn: str = self.sns.create_topic(Name=name)["TopicArn"]
        for function in functions:
            self.sns.subscribe(
                TopicArn=arn, Protocol="lambda", Endpoint=function_arn(function), Attributes=attributes
            )
        return arn

    def read(self, *seeds: Seed, name: str = "billing", **more: Any) -> Function:
        """Read a function that is there; more: as of `invoked`."""
        found = self.reader.invoked(function_arn(name), seeds, **more)
        assert found is not None
        return found

    def invokers(self, *seeds: Seed) -> list[tuple[Kind, str, str | None]]:
        """What invokes the function: kind, id, qualifier."""
        return [(i.kind, i.id, i.qualifier) for i in self.read(*seeds).invokers]

    def invoker(self, *seeds: Seed, push: bool = False) -> Invoker:
        """The only one that invokes the function."""
        (found,) = self.read(*seeds, push=push).invokers
        return found

    def completed(self, alias: str = "live") -> Function:
        """The function with all that is known of it."""
        found = self.reader.complete(self.read(), alias)
        assert found is not None
        return found


def started(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """A fixture's body: a fresh account in moto."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    moto_server.reset(endpoint)
    cast(Any, aws.client).cache_clear()
    yield Estate()
    cast(Any, aws.client).cache_clear()


def calls() -> list[str]:
    """The calls that the guard makes from now on."""
    return moto_server.Calls(*(aws.client(cast(Any, name)) for name in READERS)).made


def refuse(service: str, operation: str, code: str = "AccessDeniedException") -> None:
    """Let the guard's client be refused a call, however often it tries."""
    moto_server.fail(aws.client(cast(Any, service)), operation, code, times=1000, status=403)


def reply(service: str, operation: str, **body: Any) -> None:
    """Let the guard's client be answered this, as moto lacks the call."""
    moto_server.reply(aws.client(cast(Any, service)), operation, body)


def answer(service: str, operation: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a client of the guard is answered, where moto lacks something of AWS."""
    client = aws.client(cast(Any, service))
    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"after-call.{name}.{operation}", lambda parsed, **_: change(parsed))


def _client(service: Any) -> Any:
    return boto3.client(service)


def _zipped(code: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("app.py"), code)  # of a fixed date: the same code is the same archive
    return archive.getvalue()
