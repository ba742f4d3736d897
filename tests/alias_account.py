"""The function missing_alias in the local account: who invokes functions there, and the function's answers.

As with s3_account, it runs in this process with the credentials of a role that has the policies of the
guard's role in template.yaml. `work` does for one round what the workflow does, by the same calls.
"""

import importlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast
from uuid import uuid4

import pytest
from aws_lambda_powertools import Metrics

from local.account import LocalAccount
from stackwarden import aws
from stackwarden.settings import load
from tests import alias_workflow, sample_events
from tests.conftest import ENVIRONMENT
from tests.s3_account import ACCOUNT, CONTEXT, LEDGER, Json, S3Account, function_arn

GUARD = "missing-alias"
HERE = f"us-east-1:{ACCOUNT}"
DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/deploy-billing"
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-missing-alias",
    "STACKWARDEN_ENVIRONMENT": "prod",
    "STACKWARDEN_ALIAS_NAME": "live",
    "STACKWARDEN_PROD_NAMES": "prod,production",
    "STACKWARDEN_PROD_TAG": "environment=prod",
    "STACKWARDEN_PIPELINE_PRINCIPALS": f"{DEPLOYER},arn:aws:sts::{ACCOUNT}:assumed-role/release-*/build-*",
    "STACKWARDEN_REPOINT_PUSH_TRIGGERS": "false",
    "STACKWARDEN_LEDGER_TABLE": LEDGER,
    "POWERTOOLS_SERVICE_NAME": GUARD,
}
READERS = (
    "apigateway",
    "apigatewayv2",
    "cloudformation",
    "cognito-idp",
    "dynamodb",
    "elbv2",
    "events",
    "iot",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "scheduler",
    "sns",
    "ssm",
    "stepfunctions",
)
MOST_ROUNDS = 30


class AliasAccount(S3Account):
    """What a developer makes, and what the guard's function makes of it."""

    guard, guard_role_name = GUARD, "MissingAliasRole"
    readers = READERS

    def __init__(self, local: LocalAccount) -> None:
        local.mapping_delay = 0
        super().__init__(local)
        self.developers = self.role("developers")

    # ------------------------------------------------------------------ what a developer makes
    def function(self, name: str = "orders", *_: Json, code: str = "A", **more: Any) -> str:
        """A function; its ARN."""
        arn: str = self.functions.create_function(
            FunctionName=name,
            Role=self.developers,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": zipped(code)},
            **more,
        )["FunctionArn"]
        return arn

    def update(self, code: str, name: str = "orders") -> str:
        """Change a function's code in place; its CodeSha256."""
        sha256: str = self.functions.update_function_code(FunctionName=name, ZipFile=zipped(code))[
            "CodeSha256"
        ]
        return sha256

    def sha256(self, name: str = "orders", qualifier: str = "$LATEST") -> str:
        """What a function, or a version or alias of it, runs."""
        found = self.functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)
        return str(found["CodeSha256"])

    def publish(self, name: str = "orders") -> str:
        """A version; its number."""
        return str(self.functions.publish_version(FunctionName=name)["Version"])

    def alias(self, version: str, alias: str = "live", name: str = "orders", **more: Any) -> None:
        """An alias."""
        self.functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version, **more)

    def aliased(self, name: str = "orders", **more: Any) -> str:
        """A function whose alias `live` is on a version of its code; the function's ARN."""
        arn = self.function(name, **more)
        self.alias(self.publish(name), name=name)
        return arn

    def mapping(self, function: str = "orders", queue: str = "jobs", **more: Any) -> str:
        """A queue, and its mapping to a function; the mapping's UUID."""
        self.sqs.create_queue(QueueName=queue)
        source = f"arn:aws:sqs:{HERE}:{queue}"
        made = self.functions.create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **more
        )
        return str(made["UUID"])

    def topic(self, name: str, *functions: str, **attributes: str) -> str:
        """A topic that functions have subscribed to; its ARN."""
        arn: str = self.sns.create_topic(Name=name)["TopicArn"]
        for function in functions:
            self.sns.subscribe(
                TopicArn=arn, Protocol="lambda", Endpoint=function_arn(function), Attributes=attributes
            )
        return arn

    def rule(self, name: str, function: str, bus: str = "default", **target: Any) -> str:
        """A rule with a function as its target; its ARN."""
        pattern = json.dumps({"source": ["shop"]})
        made = self.events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
        self.events.put_targets(
            Rule=name, EventBusName=bus, Targets=[{"Id": "1", "Arn": function_arn(function), **target}]
        )
        return str(made["RuleArn"])

    def schedule(self, name: str, function: str, group: str = "default") -> None:
        """A schedule that invokes a function."""
        self.local.client("scheduler").create_schedule(
            Name=name,
            GroupName=group,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": function_arn(function), "RoleArn": self.developers},
        )

    def pipe(self, name: str, function: str) -> None:
        """A pipe from a queue to a function."""
        self.local.client("pipes").create_pipe(
            Name=name,
            RoleArn=self.developers,
            Source=f"arn:aws:sqs:{HERE}:{name}",
            Target=function_arn(function),
        )

    def state_machine(self, name: str, function: str) -> str:
        """A state machine that invokes a function; its ARN."""
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": function_arn(function)},
            "End": True,
        }
        definition = json.dumps({"StartAt": "Invoke", "States": {"Invoke": task}})
        made = self.stepfunctions.create_state_machine(
            name=name, definition=definition, roleArn=self.developers
        )
        return str(made["stateMachineArn"])

    def http_api(self, function: str) -> str:
        """An HTTP API that invokes a function and is allowed to; its id."""
        client = self.local.client("apigatewayv2")
        api: str = client.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
        client.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function_arn(function),
            PayloadFormatVersion="2.0",
        )
        self.admit(function, "apigateway", f"arn:aws:execute-api:{HERE}:{api}/*/*")
        return api

    def admit(self, function: str, service: str, source: str) -> None:
        """Let a service invoke a function, or its alias: `orders:live`."""
        name, _, alias = function.partition(":")
        qualifier = {"Qualifier": alias} if alias else {}
        self.let_in(name, source, f"{service}.amazonaws.com", **qualifier)

    def url(self, name: str, **more: Any) -> None:
        """A function URL."""
        self.functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", **more)

    def exempt(self, name: str, **changed: str) -> None:
        """An exemption of a function or a stack."""
        text = {
            "requested_by": "developer",
            "approved_by": "security",
            "reason": "a test",
            "until": sample_events.ahead(days=3),
        }
        self.local.client("ssm").put_parameter(
            Name=f"/stackwarden/exemptions/{GUARD}/{name}", Type="String", Value=json.dumps(text | changed)
        )

    # ------------------------------------------------------------------ what happens
    def happens(self, case: str, **request: Any) -> list[Json]:
        """Let a sample event reach the function, as one of its own; the verdicts that it started with."""
        return self.invoke(self.event(case, **request))

    def event(self, case: str, **request: Any) -> Json:
        """A sample event of now, with ids of its own, and what its call asked for changed."""
        event = sample_events.now(GUARD, case) | {"id": str(uuid4())}
        event["detail"]["eventID"] = str(uuid4())
        event["detail"]["requestParameters"] |= request
        return event

    def mapped(self, name: str = "orders") -> list[Json]:
        """The event that a mapping of a function was made."""
        return self.happens("create-event-source-mapping.violation", functionName=name)

    def allowed(self, name: str = "orders") -> list[Json]:
        """The event that a permission was added to a function."""
        return self.happens("add-permission.violation", functionName=name)

    def completed(self, stack_id: str, case: str = "stack-updated.violation") -> list[Json]:
        """The event that an operation on a stack is through."""
        event = sample_events.now(GUARD, case) | {"id": str(uuid4())}
        event["detail"]["stack-id"] = stack_id
        return self.invoke(event)

    def uploaded(
        self, sha256: str, name: str = "orders", case: str = "update-function-code.violation", **answer: Any
    ) -> list[Json]:
        """The event that somebody changed a function's code."""
        event = self.event(case, functionName=name)
        event["detail"]["responseElements"] |= {"codeSha256": sha256, "functionName": name, **answer}
        return self.invoke(event)

    def work(self, verdict: Json, **refused: str) -> Json:
        """Do for one round what the workflow does, and let the function judge again.

        refused: errors of AWS by the action's kind, in snake case: what the workflow is answered instead.
        """
        assert verdict["next"] in ("act", "wait")
        results = []
        for action in verdict["actions"] if verdict["next"] == "act" else []:
            error = refused.get(action["kind"].replace("-", "_"), "")
            if not error:
                self.do(action)
            results.append(action | {"status": "failed" if error else "done", "error": error})
        question = {"task": "judge", "verdict": verdict | {"results": results}}
        answer: Json = self.app.handler(question, CONTEXT)
        return answer

    def follow(self, verdict: Json, **refused: str) -> Json:
        """Do all that the workflow does until a finding ends; the last verdict, tagged and in the ledger."""
        for _ in range(MOST_ROUNDS):
            if verdict["next"] == "done":
                break
            verdict = self.work(verdict, **refused)
        assert verdict["next"] == "done"
        for tag in verdict["annotations"]:
            self.functions.tag_resource(Resource=tag["target"], Tags=tag["parameters"]["tags"])
        return verdict

    def do(self, action: Json) -> None:
        """One action of the workflow."""
        alias_workflow.do(action, lambda_=self.functions, s3=self.s3, sns=self.sns, events=self.events)

    # ------------------------------------------------------------------ what is there afterwards
    def mappings(self) -> list[str]:
        """What all mappings name."""
        pages = self.functions.get_paginator("list_event_source_mappings").paginate()
        return [each["FunctionArn"] for page in pages for each in page["EventSourceMappings"]]

    def aliases(self, name: str = "orders") -> dict[str, str]:
        """The version of each alias."""
        found = self.functions.list_aliases(FunctionName=name)["Aliases"]
        return {each["Name"]: each["FunctionVersion"] for each in found}

    def versions(self, name: str = "orders") -> list[str]:
        """The published versions."""
        found = self.functions.list_versions_by_function(FunctionName=name)["Versions"]
        return [each["Version"] for each in found if each["Version"] != "$LATEST"]

    def policy(self, name: str = "orders", qualifier: str = "live") -> list[Json]:
        """The statements of an alias's policy."""
        try:
            found = self.functions.get_policy(FunctionName=name, Qualifier=qualifier)["Policy"]
        except self.functions.exceptions.ResourceNotFoundException:
            return []
        return cast(list[Json], json.loads(found)["Statement"])


def kinds(verdict: Json) -> list[str]:
    """What the workflow is told to do."""
    assert verdict["next"] == "act"
    return [action["kind"] for action in verdict["actions"]]


def ended(verdict: Json) -> tuple[str, str | None]:
    """Whether and how a finding ended at the first look."""
    return verdict["next"], verdict["outcome"]


def zipped(code: str) -> bytes:
    """An archive of a fixed date: the same code is the same archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("app.py"), code)
    return archive.getvalue()


def imported(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module functions/missing_alias/app.py, in the environment that the template gives it."""
    for name, value in {**ENVIRONMENT, **SETTINGS}.items():
        monkeypatch.setenv(name, value)
    return importlib.import_module("functions.missing_alias.app")


def started(local: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[AliasAccount]:
    """A fixture's body: a fresh account with the guard's function in it."""
    made = AliasAccount(local)
    Metrics().clear_metrics()
    made.start(imported(monkeypatch), monkeypatch)
    settle(monkeypatch, made)
    yield made
    cast(Any, aws.client).cache_clear()
    Metrics().clear_metrics()


def settle(monkeypatch: pytest.MonkeyPatch, made: AliasAccount, **environment: str) -> None:
    """Change settings of the running function, by their environment variables."""
    changed = load(type(made.app.settings), {**os.environ, **environment})
    monkeypatch.setattr(made.app, "settings", changed)
