"""Delivery streams of the local account as CloudTrail, Step Functions and CloudFormation see them."""

import json
import time
from typing import Any

import pytest
from moto.firehose.models import DeliveryStream

from local.account import LocalAccount
from tests.integration.conftest import ALLOW_EVERYTHING, role
from tests.integration.firehose_backup import (
    NEVER,
    STREAM_ARN,
    Backup,
)


def test_cloudtrail_names_who_made_changed_and_removed_a_delivery_stream(backup: Backup) -> None:
    backup.active()
    backup.firehose.update_destination(
        DeliveryStreamName="backup-of-orders",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"BucketARN": "arn:aws:s3:::backup"},
    )
    backup.firehose.delete_delivery_stream(DeliveryStreamName="backup-of-orders")
    lookup = backup.account.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "firehose.amazonaws.com"}]
    )
    events = {
        event["eventName"]: event
        for event in (json.loads(it["CloudTrailEvent"]) for it in lookup["Events"])
        if not event["readOnly"]
    }
    created, updated, deleted = (
        events[name] for name in ("CreateDeliveryStream", "UpdateDestination", "DeleteDeliveryStream")
    )
    assert created["responseElements"]["deliveryStreamARN"].endswith(":deliverystream/backup-of-orders")
    parameters = created["requestParameters"]
    assert parameters["kinesisStreamSourceConfiguration"]["kinesisStreamARN"] == STREAM_ARN
    assert parameters["extendedS3DestinationConfiguration"]["bufferingHints"] == {
        "sizeInMBs": 1,
        "intervalInSeconds": 60,
    }
    assert updated["requestParameters"]["extendedS3DestinationUpdate"]["bucketARN"] == "arn:aws:s3:::backup"
    assert updated["requestParameters"]["deliveryStreamName"] == "backup-of-orders"
    assert deleted["requestParameters"] == {"deliveryStreamName": "backup-of-orders"}
    assert {it["responseElements"] for it in (updated, deleted)} == {None}
    assert {it["userIdentity"]["userName"] for it in events.values()} == {"developer"}


def test_a_workflow_creates_and_deletes_delivery_streams_and_knows_their_errors_by_name(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {
        "DeliveryStreamName": "by-workflow",
        "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": {"KinesisStreamARN": STREAM_ARN, "RoleARN": backup.role_arn},
        "ExtendedS3DestinationConfiguration": {
            "BucketARN": "arn:aws:s3:::backup",
            "RoleARN": backup.role_arn,
            "CompressionFormat": "GZIP",
            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
        },
    }
    assert run(backup.account, "firehose:createDeliveryStream", arguments) == "SUCCEEDED"
    again = run(backup.account, "firehose:createDeliveryStream", arguments)
    assert again == "Firehose.ResourceInUseException"
    monkeypatch.setattr(DeliveryStream, "MAX_STREAMS_PER_REGION", 1)
    one_more = run(
        backup.account, "firehose:createDeliveryStream", {**arguments, "DeliveryStreamName": "one-more"}
    )
    assert one_more == "Firehose.LimitExceededException"
    deletion = {"DeliveryStreamName": "by-workflow"}
    assert run(backup.account, "firehose:deleteDeliveryStream", deletion) == "SUCCEEDED"


def test_a_workflow_that_calls_too_often_gets_the_error_that_each_service_has_for_it(backup: Backup) -> None:
    """ThrottlingException is in no model of Firehose, so that Step Functions knows it as the base error."""
    backup.account.rate_seconds = NEVER
    calls = {
        "firehose:describeDeliveryStream": ({"DeliveryStreamName": "no"}, "Firehose.FirehoseException"),
        "kinesis:deleteStream": ({"StreamName": "no"}, "Kinesis.LimitExceededException"),
    }
    for action, (arguments, error) in calls.items():
        service = action.split(":")[0].capitalize()
        errors = [run(backup.account, action, arguments) for _ in range(6)]
        assert errors == [*[f"{service}.ResourceNotFoundException"] * 5, error]


def run(account: LocalAccount, action: str, arguments: dict[str, Any]) -> str:
    """Run a workflow of one SDK call: SUCCEEDED, or the name of its error."""
    resource = f"arn:aws:states:::aws-sdk:{action}"
    states = {"Call": {"Type": "Task", "Resource": resource, "Parameters": arguments, "End": True}}
    machines = account.client("stepfunctions")
    with_name = f"m-{time.monotonic_ns()}"
    machine = machines.create_state_machine(
        name=with_name,
        definition=json.dumps({"StartAt": "Call", "States": states}),
        roleArn=role(account, with_name, ALLOW_EVERYTHING),
    )["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine)["executionArn"]
    account.drain()
    description = machines.describe_execution(executionArn=execution)
    return str(description.get("error", description["status"]))


TEMPLATE = """
Resources:
  Stream: {{Type: AWS::Kinesis::Stream, Properties: {{ShardCount: 1}}}}
  Backup:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: KinesisStreamAsSource
      KinesisStreamSourceConfiguration: {{KinesisStreamARN: !GetAtt Stream.Arn, RoleARN: {role}}}
      ExtendedS3DestinationConfiguration:
        BucketARN: arn:aws:s3:::backup
        RoleARN: {role}
        Prefix: {prefix}
"""


def test_a_stack_waits_for_its_streams_and_changes_a_destination_in_place(
    backup: Backup, account: LocalAccount
) -> None:
    account.stream_seconds = 0.05
    backup.iam.put_role_policy(RoleName="firehose", PolicyName="everything", PolicyDocument=ALLOW_EVERYTHING)
    stacks = account.client("cloudformation")

    def template(prefix: str) -> str:
        return TEMPLATE.format(role=backup.role_arn, prefix=prefix)

    stacks.create_stack(StackName="shop", TemplateBody=template("one/"))
    account.drain()
    (name,) = backup.firehose.list_delivery_streams()["DeliveryStreamNames"]
    assert backup.description(name)["DeliveryStreamStatus"] == "ACTIVE"
    stacks.update_stack(StackName="shop", TemplateBody=template("two/"))
    account.drain()
    (destination,) = backup.description(name)["Destinations"]
    assert destination["ExtendedS3DestinationDescription"]["Prefix"] == "two/"
    stacks.delete_stack(StackName="shop")
    account.drain()
    assert backup.firehose.list_delivery_streams()["DeliveryStreamNames"] == []
    assert backup.kinesis.list_streams()["StreamNames"] == ["orders"]
