"""The SAM transform in the local account, and the SAM CLI against it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.local_stacks import body, create, physical_id, status

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: test}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 5
    Layers: [!Ref Layer]
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties:
      LayerName: !Sub "${AWS::StackName}-layer"
      ContentUri: layer
      CompatibleRuntimes: [python3.13]
  DeadLetters:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
  Guard:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: guard
      Handler: app.handler
      Environment: {Variables: {MACHINE: !Ref Machine, PROD: !If [IsProd, "yes", !Ref AWS::NoValue]}}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt DeadLetters.Arn}}
      Policies:
        - Statement: [{Effect: Allow, Action: states:StartExecution, Resource: !Ref Machine}]
      Events:
        Deleted:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.cloudformation]}
            DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}
            RetryPolicy: {MaximumRetryAttempts: 2}
  Worker:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: guard, Handler: app.handler}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: {WorkerArn: !GetAtt Worker.Arn, Partition: !Ref AWS::Partition}
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref Worker}
      Tracing: {Enabled: true}
      Logging:
        Level: ALL
        IncludeExecutionData: true
        Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt Logs.Arn}}]
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {RetentionInDays: 14}
  Orders:
    Type: AWS::Serverless::SimpleTable
  OnlyInProd:
    Type: AWS::SNS::Topic
    Condition: IsProd
Outputs:
  Guard: {Value: !GetAtt Guard.Arn}
  Machine: {Value: !Ref Machine}
"""

DEFINITION = {
    "StartAt": "Work",
    "States": {"Work": {"Type": "Task", "Resource": "${WorkerArn}", "Comment": "${Partition}", "End": True}},
}


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The folder of a small SAM application."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "machine.asl.json").write_text(json.dumps(DEFINITION))
    for name, file in (("guard", "app.py"), ("layer", "python/greeting.py")):
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        path.write_text("def handler(event, context):\n    return event\n")
    return tmp_path


def sam_deploy(account: LocalAccount, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": "developer",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        "HOME": str(folder),
    }
    command = [
        str(Path(sys.executable).with_name("sam")),
        *("deploy", "--stack-name", "app", "--template-file", "template.yaml", "--s3-bucket", "artifacts"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset"),
        *("--region", account.region, *more),
    ]
    return subprocess.run(  # noqa: S603  # the project's own tool
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_sam_deploys_an_application(account: LocalAccount, application: Path) -> None:
    account.client("s3").create_bucket(Bucket="artifacts")

    first = sam_deploy(account, application)

    assert first.returncode == 0, first.stdout + first.stderr
    assert status(account, "app") == "CREATE_COMPLETE"
    machine = account.client("stepfunctions").describe_state_machine(
        stateMachineArn=physical_id(account, "app", "Machine")
    )
    worker = account.client("lambda").get_function(FunctionName=physical_id(account, "app", "Worker"))
    assert json.loads(machine["definition"])["States"]["Work"] == {
        "Type": "Task",
        "Resource": worker["Configuration"]["FunctionArn"],
        "Comment": "aws",
        "End": True,
    }
    assert machine["tracingConfiguration"] == {"enabled": True}
    assert machine["loggingConfiguration"]["level"] == "ALL"

    second = sam_deploy(account, application, "--no-fail-on-empty-changeset")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "No changes to deploy" in second.stdout + second.stderr

    (application / "guard" / "app.py").write_text("def handler(event, context):\n    return 2\n")
    third = sam_deploy(account, application)

    assert third.returncode == 0, third.stdout + third.stderr
    assert status(account, "app") == "UPDATE_COMPLETE"


SIMPLE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders: {Type: AWS::Serverless::SimpleTable}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return 1"
      AutoPublishAlias: live
      Policies: [AmazonSQSReadOnlyAccess]
      Events:
        Uploaded: {Type: S3, Properties: {Bucket: !Ref Uploads, Events: "s3:ObjectCreated:*"}}
        Nightly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}
        Sent: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}
  Uploads: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads}}
  Queue: {Type: AWS::SQS::Queue}
"""


def test_a_serverless_template_is_transformed(account: LocalAccount) -> None:
    create(account, "app", SIMPLE)

    cloudformation = account.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    failures = [event["ResourceStatusReason"] for event in events if "FAILED" in event["ResourceStatus"]]
    assert (status(account, "app"), failures) == ("CREATE_COMPLETE", [])
    listed = cloudformation.list_stack_resources(StackName="app")["StackResourceSummaries"]
    kinds = sorted(entry["ResourceType"].removeprefix("AWS::") for entry in listed)
    assert kinds == [
        "DynamoDB::Table",
        "IAM::Role",
        "IAM::Role",
        "Lambda::Alias",
        "Lambda::EventSourceMapping",
        "Lambda::Function",
        "Lambda::Permission",
        "Lambda::Version",
        "S3::Bucket",
        "SQS::Queue",
        "Scheduler::Schedule",
    ]
    notifications: dict[str, Any] = account.client("s3").get_bucket_notification_configuration(
        Bucket="uploads"
    )
    [notification] = notifications["LambdaFunctionConfigurations"]
    assert notification["LambdaFunctionArn"].endswith(":live")
    role = physical_id(account, "app", "FunctionRole")
    attached = account.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} >= {
        "AWSLambdaBasicExecutionRole",
        "AmazonSQSReadOnlyAccess",
    }


def test_both_stages_of_a_template_can_be_read(account: LocalAccount) -> None:
    create(account, "app", SIMPLE)
    cloudformation = account.client("cloudformation")

    original = cloudformation.get_template(StackName="app", TemplateStage="Original")
    processed = cloudformation.get_template(StackName="app", TemplateStage="Processed")

    assert original["TemplateBody"] == SIMPLE
    assert "Transform" not in processed["TemplateBody"]
    assert processed["TemplateBody"]["Resources"]["Orders"]["Type"] == "AWS::DynamoDB::Table"
    assert processed["StagesAvailable"] == ["Original", "Processed"]


def test_a_template_without_transform_has_one_text(account: LocalAccount) -> None:
    text = body(Topic={"Type": "AWS::SNS::Topic"})
    create(account, "app", text)

    template = account.client("cloudformation").get_template(StackName="app")["TemplateBody"]

    assert template == json.loads(text)
