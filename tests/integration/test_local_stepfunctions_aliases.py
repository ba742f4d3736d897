"""Calls about versions, aliases and what invokes them, as tasks: parameters, answers and names of errors."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.local_functions import ACCOUNT_ARN, deploy, release, update

SDK = "arn:aws:states:::aws-sdk:"
TOPIC = f"arn:aws:sns:{ACCOUNT_ARN}:t"


class Tasks:
    """Runs single tasks about a function `f` with an alias `live`, one state machine each."""

    def __init__(self, account: LocalAccount, role_arn: str) -> None:
        self._client, self._role_arn, self._count = account.client("stepfunctions"), role_arn, 0
        self.account = account
        self.function = deploy(account, role_arn)
        self.alias = release(account)

    def _run(self, resource: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        task = {"Type": "Task", "Resource": SDK + resource, "Parameters": parameters, "End": True}
        machine = self._client.create_state_machine(
            name=f"m{self._count}",
            roleArn=self._role_arn,
            definition=json.dumps({"StartAt": "Task", "States": {"Task": task}}),
        )["stateMachineArn"]
        execution = self._client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        self.account.drain()
        description: dict[str, Any] = self._client.describe_execution(executionArn=execution)
        return description

    def output(self, resource: str, **parameters: Any) -> Any:
        """The answer of a call that succeeds."""
        execution = self._run(resource, parameters)
        assert execution["status"] == "SUCCEEDED", execution
        return json.loads(execution["output"])

    def error(self, resource: str, **parameters: Any) -> str:
        """The name of the error of a call that is refused."""
        return str(self._run(resource, parameters)["error"])


@pytest.fixture
def tasks(account: LocalAccount, role_arn: str) -> Tasks:
    return Tasks(account, role_arn)


def test_a_version_is_published_or_refused(account: LocalAccount, tasks: Tasks) -> None:
    update(account, "two")
    code = account.client("lambda").get_function_configuration(FunctionName="f")["CodeSha256"]
    publish = "lambda:publishVersion"
    refusal = tasks.error(publish, FunctionName=tasks.function, CodeSha256="of other code")
    assert refusal == "Lambda.InvalidParameterValueException"
    limit, account.code_storage_limit = account.code_storage_limit, 1
    refusal = tasks.error(publish, FunctionName=tasks.function, CodeSha256=code)
    assert refusal == "Lambda.CodeStorageExceededException"
    account.code_storage_limit = limit
    version = tasks.output(publish, FunctionName=tasks.function, CodeSha256=code, Description="d")
    assert (version["Version"], version["CodeSha256"], version["State"]) == ("2", code, "Active")


def test_an_alias_is_created_moved_or_refused(tasks: Tasks) -> None:
    named = {"FunctionName": tasks.function, "FunctionVersion": "1"}
    assert tasks.output("lambda:createAlias", **named, Name="next")["FunctionVersion"] == "1"
    assert tasks.error("lambda:createAlias", **named, Name="next") == "Lambda.ResourceConflictException"
    missing = {**named, "FunctionVersion": "9", "Name": "next"}
    assert tasks.error("lambda:updateAlias", **missing) == "Lambda.ResourceNotFoundException"
    moved = {**named, "FunctionVersion": "$LATEST", "Name": "next"}
    assert tasks.output("lambda:updateAlias", **moved)["FunctionVersion"] == "$LATEST"


def test_a_permission_is_added_once_and_to_an_alias_that_exists(tasks: Tasks) -> None:
    permission = {
        "FunctionName": "f",
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::orders",
        "SourceAccount": "123456789012",
    }
    add = "lambda:addPermission"
    statement = json.loads(tasks.output(add, **permission, Qualifier="live")["Statement"])
    assert statement["Resource"] == tasks.alias
    assert tasks.error(add, **permission, Qualifier="live") == "Lambda.ResourceConflictException"
    assert tasks.error(add, **permission, Qualifier="none") == "Lambda.ResourceNotFoundException"


def test_a_mapping_is_given_to_an_alias_unless_it_is_being_changed(
    account: LocalAccount, tasks: Tasks
) -> None:
    account.client("sqs").create_queue(QueueName="q")
    functions = account.client("lambda")
    mapping = functions.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:{ACCOUNT_ARN}:q", FunctionName="f"
    )["UUID"]
    account.drain()
    change = "lambda:updateEventSourceMapping"
    updated = tasks.output(change, Uuid=mapping, FunctionName=tasks.alias)
    assert (updated["Uuid"], updated["FunctionArn"]) == (mapping, tasks.alias)
    account.mapping_delay = 1
    functions.update_event_source_mapping(UUID=mapping, BatchSize=2)
    assert tasks.error(change, Uuid=mapping, BatchSize=3) == "Lambda.ResourceInUseException"
    unknown = mapping[::-1]
    assert tasks.error(change, Uuid=unknown, BatchSize=3) == "Lambda.ResourceNotFoundException"


def test_push_invokers_are_given_to_an_alias(account: LocalAccount, tasks: Tasks) -> None:
    functions = account.client("lambda")
    for service in ("s3", "events"):
        functions.add_permission(
            FunctionName=tasks.alias,
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
        )
    account.client("s3").create_bucket(Bucket="orders")
    notification = {"Id": "n", "LambdaFunctionArn": tasks.alias, "Events": ["s3:ObjectCreated:*"]}
    tasks.output(
        "s3:putBucketNotificationConfiguration",
        Bucket="orders",
        NotificationConfiguration={"LambdaFunctionConfigurations": [notification]},
        ExpectedBucketOwner="123456789012",
    )
    configured = account.client("s3").get_bucket_notification_configuration(Bucket="orders")
    assert configured["LambdaFunctionConfigurations"] == [notification]

    account.client("events").put_rule(Name="r", ScheduleExpression="rate(1 day)")
    target = {"Id": "1", "Arn": tasks.alias, "RetryPolicy": {"MaximumRetryAttempts": 3}}
    put = {"Rule": "r", "EventBusName": "default", "Targets": [target]}
    assert tasks.output("eventbridge:putTargets", **put)["FailedEntryCount"] == 0
    assert account.client("events").list_targets_by_rule(Rule="r")["Targets"] == [target]
    no_rule = {**put, "Rule": "none"}
    assert tasks.error("eventbridge:putTargets", **no_rule) == "EventBridge.ResourceNotFoundException"


def test_a_subscription_is_made_and_ended(account: LocalAccount, tasks: Tasks) -> None:
    account.client("sns").create_topic(Name="t")
    wanted = {
        "TopicArn": TOPIC,
        "Protocol": "lambda",
        "Endpoint": tasks.alias,
        "ReturnSubscriptionArn": True,
    }
    made = tasks.output("sns:subscribe", **wanted, Attributes={"FilterPolicy": '{"a": ["b"]}'})
    assert made["SubscriptionArn"].startswith(f"{TOPIC}:")
    other = {**wanted, "Attributes": {"FilterPolicy": '{"a": ["c"]}'}}
    assert tasks.error("sns:subscribe", **other) == "Sns.InvalidParameterException"
    assert tasks.output("sns:unsubscribe", SubscriptionArn=made["SubscriptionArn"]) == {}
    assert account.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"] == []
