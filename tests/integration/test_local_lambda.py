"""Functions run in AWS's Runtime Interface Emulator, as their own role, with everything Invoke promises."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.conftest import zipped

type Deploy = Callable[..., str]

ECHO = "def handler(event, context): return event"
RAISES = "def handler(event, context): raise ValueError(event.get('why', 'because'))"
COUNTS = "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls"
CONTEXT = """
import os
def handler(event, context):
    return {"arn": context.invoked_function_arn, "version": context.function_version,
            "group": context.log_group_name, "stream": context.log_stream_name,
            "memory": context.memory_limit_in_mb}
"""
COLLECTS = """
import boto3, json, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
    if event.get("fail"):
        raise ValueError("asked for")
"""


@pytest.fixture
def deploy(account: LocalAccount, role_arn: str) -> Deploy:
    """Creates a function from the source of its app.py; returns its ARN."""

    def create(name: str, source: str, **settings: Any) -> str:
        arn: str = account.client("lambda").create_function(
            FunctionName=name,
            Role=settings.pop("Role", role_arn),
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": zipped(app=source)},
            **settings,
        )["FunctionArn"]
        return arn

    return create


@pytest.fixture
def queue(account: LocalAccount) -> str:
    url: str = account.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    return url


def call(account: LocalAccount, name: str, event: Any = None, **options: Any) -> Any:
    response = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **options)
    return json.load(response["Payload"])


def messages(account: LocalAccount, queue_url: str) -> list[dict[str, Any]]:
    received = account.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(received.get("Messages", []))


def test_a_function_gets_its_event_and_answers(account: LocalAccount, deploy: Deploy) -> None:
    deploy("echo", ECHO)
    assert call(account, "echo", {"a": [1, "ü"]}) == {"a": [1, "ü"]}


def test_a_warm_environment_is_used_again(account: LocalAccount, deploy: Deploy) -> None:
    deploy("counts", COUNTS)
    assert [call(account, "counts") for _ in range(3)] == [1, 2, 3]


def test_concurrent_invocations_have_environments_of_their_own(account: LocalAccount, deploy: Deploy) -> None:
    deploy(
        "slow",
        "import os, time\ndef handler(event, context):\n    time.sleep(0.5)\n    return os.getpid()",
    )
    with ThreadPoolExecutor(3) as pool:
        pids = list(pool.map(lambda _: call(account, "slow"), range(3)))
    assert len(set(pids)) == 3


def test_more_invocations_than_environments_wait_for_a_place(account: LocalAccount, deploy: Deploy) -> None:
    deploy("counts", COUNTS)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: call(account, "counts"), range(20)))
    assert len(answers) == 20
    assert answers.count(1) <= 8


def test_new_code_is_used_at_once(account: LocalAccount, deploy: Deploy) -> None:
    deploy("changing", "def handler(event, context): return 'old'")
    assert call(account, "changing") == "old"
    account.client("lambda").update_function_code(
        FunctionName="changing", ZipFile=zipped(app="def handler(event, context): return 'new'")
    )
    assert call(account, "changing") == "new"


def test_a_new_variable_is_used_at_once(account: LocalAccount, deploy: Deploy) -> None:
    deploy("reads", "import os\ndef handler(event, context): return os.environ.get('WHAT')")
    assert call(account, "reads") is None
    account.client("lambda").update_function_configuration(
        FunctionName="reads", Environment={"Variables": {"WHAT": "this"}}
    )
    assert call(account, "reads") == "this"


def test_code_from_s3_runs(account: LocalAccount, role_arn: str) -> None:
    account.client("s3").create_bucket(Bucket="code")
    account.client("s3").put_object(Bucket="code", Key="echo.zip", Body=zipped(app=ECHO))
    account.client("lambda").create_function(
        FunctionName="echo",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"S3Bucket": "code", "S3Key": "echo.zip"},
    )
    assert call(account, "echo", {"a": 1}) == {"a": 1}


def test_a_layer_comes_before_the_packages_of_the_runtime(account: LocalAccount, deploy: Deploy) -> None:
    layer = account.client("lambda").publish_layer_version(
        LayerName="shadow", Content={"ZipFile": zipped(python__jmespath="WHERE = 'layer'")}
    )["LayerVersionArn"]
    deploy(
        "layered",
        "import jmespath\ndef handler(event, context): return jmespath.WHERE",
        Layers=[layer],
    )
    assert call(account, "layered") == "layer"


def test_the_context_tells_the_real_arn_and_log_stream(account: LocalAccount, deploy: Deploy) -> None:
    arn = deploy("context", CONTEXT, MemorySize=256)
    context = call(account, "context")
    assert context["arn"] == arn
    assert (context["version"], context["memory"], context["group"]) == (
        "$LATEST",
        "256",
        "/aws/lambda/context",
    )
    assert "/[$LATEST]" in context["stream"]


def test_versions_and_aliases_are_run_as_named(account: LocalAccount, deploy: Deploy) -> None:
    arn = deploy("context", CONTEXT)
    functions = account.client("lambda")
    functions.publish_version(FunctionName="context")
    functions.create_alias(FunctionName="context", Name="live", FunctionVersion="1")
    asked = {
        qualifier: call(account, "context", Qualifier=qualifier) for qualifier in ("1", "live", "$LATEST")
    }

    assert {q: (c["version"], c["arn"]) for q, c in asked.items()} == {
        "1": ("1", f"{arn}:1"),
        "live": ("1", f"{arn}:live"),
        "$LATEST": ("$LATEST", f"{arn}:$LATEST"),
    }
    assert call(account, f"{arn}:live")["arn"] == f"{arn}:live"


def test_a_version_keeps_its_code_when_latest_changes(account: LocalAccount, deploy: Deploy) -> None:
    deploy("changing", "def handler(event, context): return 'old'")
    account.client("lambda").publish_version(FunctionName="changing")
    account.client("lambda").update_function_code(
        FunctionName="changing", ZipFile=zipped(app="def handler(event, context): return 'new'")
    )
    assert (call(account, "changing", Qualifier="1"), call(account, "changing")) == ("old", "new")


def test_a_function_acts_as_its_role(account: LocalAccount, deploy: Deploy) -> None:
    deploy(
        "who",
        "import boto3\ndef handler(e, c): return boto3.client('sts').get_caller_identity()['Arn']",
        Timeout=20,
    )
    assert call(account, "who") == "arn:aws:sts::123456789012:assumed-role/everything/who"


def test_a_function_sees_the_variables_of_lambda_and_its_own_and_no_others(
    account: LocalAccount, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "x")
    deploy(
        "env",
        "import os\ndef handler(event, context): return dict(os.environ)",
        Environment={"Variables": {"MINE": "1", "LOG_LEVEL": "ANYTHING"}},
    )
    variables = call(account, "env")
    assert "SECRET_OF_THE_DEVELOPER" not in variables
    assert (variables["MINE"], variables["LOG_LEVEL"], variables["AWS_REGION"]) == (
        "1",
        "ANYTHING",
        "us-east-1",
    )
    assert variables["AWS_ENDPOINT_URL"] == account.endpoint
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/env"


def test_an_exception_is_an_unhandled_function_error(account: LocalAccount, deploy: Deploy) -> None:
    deploy("raises", RAISES)
    response = account.client("lambda").invoke(FunctionName="raises", Payload=json.dumps({"why": "oh"}))
    error = json.load(response["Payload"])
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "oh")


def test_an_answer_that_only_looks_like_an_error_is_none(account: LocalAccount, deploy: Deploy) -> None:
    deploy("echo", ECHO)
    response = account.client("lambda").invoke(
        FunctionName="echo", Payload=json.dumps({"errorMessage": "m", "errorType": "t"})
    )
    assert "FunctionError" not in response


def test_a_module_that_cannot_be_imported_is_a_function_error(account: LocalAccount, deploy: Deploy) -> None:
    deploy("broken", "import no_such_module")
    response = account.client("lambda").invoke(FunctionName="broken")
    assert response["FunctionError"] == "Unhandled"
    assert json.load(response["Payload"])["errorType"] == "Runtime.ImportModuleError"


def test_a_timeout_ends_the_environment(account: LocalAccount, deploy: Deploy) -> None:
    deploy(
        "sleeps",
        "import time\ncalls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n"
        "    time.sleep(event.get('seconds', 0))\n    return calls",
        Timeout=1,
    )
    assert call(account, "sleeps") == 1
    response = account.client("lambda").invoke(FunctionName="sleeps", Payload=b'{"seconds": 30}')
    assert response["FunctionError"] == "Unhandled"
    assert "Task timed out after 1.00 seconds" in json.load(response["Payload"])["errorMessage"]
    assert call(account, "sleeps") == 1


def test_after_a_crash_a_fresh_environment_serves(account: LocalAccount, deploy: Deploy) -> None:
    deploy(
        "crashes",
        "import os\ncalls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n"
        "    if event.get('crash'): os._exit(3)\n    return calls",
    )
    assert [call(account, "crashes"), call(account, "crashes")] == [1, 2]
    assert call(account, "crashes", {"crash": True})["errorType"] == "Runtime.ExitError"
    assert call(account, "crashes") == 1


def test_the_log_tail_comes_with_the_answer_if_asked_for(account: LocalAccount, deploy: Deploy) -> None:
    deploy("talks", "def handler(event, context): print('hello from', context.function_name)")
    functions = account.client("lambda")
    tail = base64.b64decode(functions.invoke(FunctionName="talks", LogType="Tail")["LogResult"]).decode()
    request_id = tail.split()[2]
    assert tail.splitlines()[1] == "hello from talks"
    assert tail.splitlines()[2] == f"END RequestId: {request_id}"
    assert "LogResult" not in functions.invoke(FunctionName="talks")


def test_what_a_function_prints_is_in_its_log_group(account: LocalAccount, deploy: Deploy) -> None:
    deploy(
        "talks", "import logging\ndef handler(e, c):\n    print('plain')\n    logging.warning('a warning')"
    )
    call(account, "talks")
    logged = account.client("logs").filter_log_events(logGroupName="/aws/lambda/talks")["events"]
    lines = [event["message"] for event in logged]
    assert "plain" in lines
    assert any(line.startswith("[WARNING]") and line.endswith("a warning") for line in lines)


def test_the_log_group_of_the_logging_configuration_is_used(account: LocalAccount, deploy: Deploy) -> None:
    deploy("talks", "def handler(e, c): print('plain')", LoggingConfig={"LogGroup": "/elsewhere"})
    call(account, "talks")
    assert account.client("logs").filter_log_events(logGroupName="/elsewhere", filterPattern="plain")[
        "events"
    ]


def test_a_dry_run_runs_nothing(account: LocalAccount, deploy: Deploy, queue: str) -> None:
    deploy("collects", COLLECTS, Environment={"Variables": {"QUEUE": queue}})
    assert (
        account.client("lambda").invoke(FunctionName="collects", InvocationType="DryRun")["StatusCode"] == 204
    )
    account.drain()
    assert messages(account, queue) == []


def test_an_asynchronous_invocation_is_taken_at_once_and_runs(
    account: LocalAccount, deploy: Deploy, queue: str
) -> None:
    deploy("collects", COLLECTS, Environment={"Variables": {"QUEUE": queue}}, Timeout=20)
    response = account.client("lambda").invoke(
        FunctionName="collects", InvocationType="Event", Payload=b'{"n": 1}'
    )
    account.drain()
    assert response["StatusCode"] == 202
    assert [message["Body"] for message in messages(account, queue)] == ['{"n": 1}']


def test_a_failing_asynchronous_invocation_is_tried_three_times_and_recorded(
    account: LocalAccount, deploy: Deploy, queue: str
) -> None:
    arn = deploy("collects", COLLECTS, Environment={"Variables": {"QUEUE": queue}}, Timeout=20)
    failed = account.client("sqs").create_queue(QueueName="failed")["QueueUrl"]
    account.client("lambda").put_function_event_invoke_config(
        FunctionName="collects",
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:failed"}},
    )
    account.client("lambda").invoke(
        FunctionName="collects", InvocationType="Event", Payload=b'{"fail": true}'
    )
    account.drain()

    assert len(messages(account, queue)) == 3
    [message] = messages(account, failed)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestPayload"] == {"fail": True}
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "asked for"


def test_without_retries_one_failure_is_final(account: LocalAccount, deploy: Deploy, queue: str) -> None:
    deploy("collects", COLLECTS, Environment={"Variables": {"QUEUE": queue}}, Timeout=20)
    account.client("lambda").put_function_event_invoke_config(FunctionName="collects", MaximumRetryAttempts=0)
    account.client("lambda").invoke(
        FunctionName="collects", InvocationType="Event", Payload=b'{"fail": true}'
    )
    account.drain()
    assert len(messages(account, queue)) == 1


def test_a_dead_letter_queue_gets_the_event_and_the_error(
    account: LocalAccount, deploy: Deploy, queue: str
) -> None:
    deploy("raises", RAISES, DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:seen"})
    account.client("lambda").invoke(FunctionName="raises", InvocationType="Event", Payload=b'{"n": 1}')
    account.drain()
    [message] = messages(account, queue)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert message["Body"] == '{"n": 1}'
    assert (attributes["ErrorCode"], attributes["ErrorMessage"]) == ("200", "because")


def test_no_reserved_concurrency_means_no_invocation(account: LocalAccount, deploy: Deploy) -> None:
    deploy("echo", ECHO)
    functions = account.client("lambda")
    functions.put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=0)
    with pytest.raises(functions.exceptions.TooManyRequestsException):
        functions.invoke(FunctionName="echo")
    functions.delete_function_concurrency(FunctionName="echo")
    assert call(account, "echo", {"a": 1}) == {"a": 1}


def test_a_deleted_function_is_gone_and_its_successor_is_another(
    account: LocalAccount, deploy: Deploy
) -> None:
    functions = account.client("lambda")
    deploy("counts", COUNTS)
    assert [call(account, "counts"), call(account, "counts")] == [1, 2]
    functions.delete_function(FunctionName="counts")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke(FunctionName="counts")
    deploy("counts", COUNTS)
    assert call(account, "counts") == 1


def test_each_alias_has_a_policy_of_its_own(account: LocalAccount, deploy: Deploy) -> None:
    arn = deploy("echo", ECHO)
    functions = account.client("lambda")
    functions.publish_version(FunctionName="echo")
    functions.create_alias(FunctionName="echo", Name="live", FunctionVersion="1")
    permission = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "StatementId": "s3"}
    functions.add_permission(FunctionName="echo", Qualifier="live", **permission)

    [statement] = json.loads(functions.get_policy(FunctionName="echo", Qualifier="live")["Policy"])[
        "Statement"
    ]
    assert statement["Resource"] == f"{arn}:live"
    for other in ({}, {"Qualifier": "1"}):
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.get_policy(FunctionName="echo", **other)
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.add_permission(FunctionName=f"{arn}:live", **permission)

    functions.remove_permission(FunctionName="echo", StatementId="s3", Qualifier="live")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_policy(FunctionName="echo", Qualifier="live")


def test_recursive_loops_are_terminated_unless_allowed(account: LocalAccount, deploy: Deploy) -> None:
    arn = deploy("echo", ECHO)
    functions = account.client("lambda")
    assert functions.get_function_recursion_config(FunctionName="echo")["RecursiveLoop"] == "Terminate"
    functions.put_function_recursion_config(FunctionName=arn, RecursiveLoop="Allow")
    assert functions.get_function_recursion_config(FunctionName="echo")["RecursiveLoop"] == "Allow"
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_recursion_config(FunctionName="none")
