"""The actions of `unbacked-stream`: the workflow's own states, under the policies of the template."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.account import LocalAccount
from stackwarden.finding import Action, ActionKind
from stackwarden.policies.stream_actions import create_delivery_stream, delete_delivery_stream
from stackwarden.policies.stream_state import Backup, Destination, Stream, Way, backup_name
from tests import template
from tests.integration.firehose_backup import eventually
from tests.workflow_actions import Workflow, document, filled_in

ACCOUNT = "123456789012"
BUCKET = "arn:aws:s3:::backups"
FIREHOSE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/firehose"
MADE = {
    "UnbackedStreamFunction.Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:guard",
    "UnbackedStreamFirehoseRole.Arn": FIREHOSE_ROLE,
    "UnbackedStreamBucket.Arn": BUCKET,
}
DESTINATION = Destination(BUCKET, FIREHOSE_ROLE, interval=60, size=1)
ANOTHER_SERVICE = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
DISTRUST = json.dumps({"Version": "2012-10-17", "Statement": [ANOTHER_SERVICE]})


class Streams:
    """An account with the template's bucket and Firehose role, streams, and a workflow."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        self.firehose, self.kinesis = account.client("firehose"), account.client("kinesis")
        self.iam = account.client("iam")
        account.client("s3").create_bucket(Bucket="backups")
        self.iam.create_role(RoleName="firehose", AssumeRolePolicyDocument=DISTRUST)
        role = template.template()["Resources"]["UnbackedStreamFirehoseRole"]["Properties"]
        self.trust = json.dumps(filled_in(role["AssumeRolePolicyDocument"], MADE))
        may = document([policy["PolicyDocument"] for policy in role["Policies"]], MADE)
        self.iam.put_role_policy(RoleName="firehose", PolicyName="Copy", PolicyDocument=may)
        self.trust_firehose()

    def trust_firehose(self, policy: str = "") -> None:
        self.iam.update_assume_role_policy(RoleName="firehose", PolicyDocument=policy or self.trust)

    def make(self, name: str = "orders") -> Stream:
        """Make a stream."""
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        return Stream(f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}", "ACTIVE", datetime.now(UTC))

    def workflow(self, *, tries: bool = False) -> Workflow:
        return Workflow(self.account, ["UnbackedStreamRemediation"], MADE, tries=tries)

    def described(self, name: str) -> dict[str, Any]:
        answer = self.firehose.describe_delivery_stream(DeliveryStreamName=name)
        return dict(answer["DeliveryStreamDescription"])

    def settle(self, name: str) -> None:
        eventually(lambda: self.described(name)["DeliveryStreamStatus"] == "ACTIVE", f"{name} to be active")


@pytest.fixture
def streams(account: LocalAccount) -> Streams:
    account.stream_seconds = 0.0
    account.rate_seconds = 0.0
    return Streams(account)


def test_a_delivery_stream_is_made_as_the_guard_asks_for_it(streams: Streams) -> None:
    stream = streams.make()
    action = create_delivery_stream(stream, DESTINATION)
    request = action.parameters["request"]

    result = streams.workflow().do(action)

    assert result["status"] == "done", result
    made = streams.described(backup_name(stream))
    wanted = request["ExtendedS3DestinationConfiguration"]
    [destination] = made["Destinations"]
    s3 = destination["ExtendedS3DestinationDescription"]
    assert made["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == stream.arn
    assert {name: s3[name] for name in wanted} == wanted
    assert s3["EncryptionConfiguration"] == {"NoEncryptionConfig": "NoEncryption"}
    tags = streams.firehose.list_tags_for_delivery_stream(DeliveryStreamName=backup_name(stream))["Tags"]
    assert tags == request["Tags"]


def test_the_copy_of_a_stream_with_a_key_of_its_own_is_encrypted_with_that_key(streams: Streams) -> None:
    key = streams.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    stream = replace(streams.make(), key=key)

    result = streams.workflow().do(create_delivery_stream(stream, DESTINATION))

    assert result["status"] == "done", result
    [destination] = streams.described(backup_name(stream))["Destinations"]
    s3 = destination["ExtendedS3DestinationDescription"]
    assert s3["EncryptionConfiguration"] == {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}


def test_a_name_that_is_taken_is_a_failure_at_once(streams: Streams) -> None:
    workflow = streams.workflow(tries=True)
    action = create_delivery_stream(streams.make(), DESTINATION)
    workflow.do(action)

    execution = workflow.start(action)

    [result] = workflow.output(execution)["results"]
    assert result["status"] == "failed"
    assert result["error"].startswith("Firehose.ResourceInUseException: ")
    assert workflow.errors(execution) == ["Firehose.ResourceInUseException"]


def test_a_role_that_cannot_be_assumed_yet_is_waited_for(streams: Streams) -> None:
    streams.trust_firehose(DISTRUST)
    workflow = streams.workflow(tries=True)
    stream = streams.make()

    execution = workflow.start(create_delivery_stream(stream, DESTINATION))
    errors = eventually(lambda: workflow.errors(execution), "a try that fails")
    streams.trust_firehose()

    assert errors[0] == "Firehose.InvalidArgumentException"
    [result] = workflow.output(execution)["results"]
    assert result["status"] == "done", result
    assert streams.described(backup_name(stream))["DeliveryStreamName"] == backup_name(stream)


def test_more_at_once_than_firehose_answers_all_come_through(streams: Streams) -> None:
    made = [streams.make(f"orders-{number}") for number in range(12)]
    workflow = streams.workflow(tries=True)
    streams.account.rate_seconds = 0.5

    execution = workflow.start(*(create_delivery_stream(stream, DESTINATION) for stream in made))
    results = workflow.output(execution)["results"]

    assert {result["status"] for result in results} == {"done"}
    assert set(workflow.errors(execution)) == {"Firehose.FirehoseException"}
    listed = streams.firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
    assert sorted(listed) == sorted(map(backup_name, made))


@pytest.mark.parametrize(
    ("name", "role"),
    [("orders-to-s3", FIREHOSE_ROLE), ("stackwarden-orders-0123456789ab", f"{FIREHOSE_ROLE}-of-others")],
)
def test_neither_another_name_nor_another_role_can_be_given(streams: Streams, name: str, role: str) -> None:
    action = create_delivery_stream(streams.make(), replace(DESTINATION, role_arn=role))

    result = streams.workflow().attempt(ActionKind.CREATE_DELIVERY_STREAM, name, **action.parameters)

    assert result["status"] == "failed"
    assert "is not authorized to perform" in result["error"]
    assert streams.firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def left_over(stream: Stream, name: str = "") -> Backup:
    """A delivery stream whose stream is gone."""
    name = name or backup_name(stream)
    return Backup(Way.FIREHOSE, name, "", "ACTIVE", stream.arn, (BUCKET,), owned=True)


def test_a_delivery_stream_is_deleted(streams: Streams) -> None:
    stream, workflow = streams.make(), streams.workflow()
    workflow.do(create_delivery_stream(stream, DESTINATION))
    streams.settle(backup_name(stream))

    result = workflow.do(delete_delivery_stream(left_over(stream)))

    assert result["status"] == "done", result
    eventually(lambda: not streams.firehose.list_delivery_streams()["DeliveryStreamNames"], "its deletion")


def test_a_delivery_stream_of_somebody_else_cannot_be_deleted(streams: Streams) -> None:
    stream = streams.make()

    result = streams.workflow().do(delete_delivery_stream(left_over(stream, "orders-to-s3")))

    assert result["status"] == "failed"
    assert "is not authorized to perform: firehose:DeleteDeliveryStream" in result["error"]


def test_a_stream_is_tagged_besides_the_tags_that_it_has(streams: Streams) -> None:
    stream = streams.make()
    streams.kinesis.add_tags_to_stream(StreamName="orders", Tags={"team": "shop"})
    tags = {"stackwarden:finding": "f-1", "stackwarden:outcome": "remediated"}
    workflow = streams.workflow()

    action = Action(kind=ActionKind.TAG_STREAM, target=stream.arn, parameters={"tags": tags})
    workflow.output(workflow.start(action, map_="Annotate"))

    found = streams.kinesis.list_tags_for_stream(StreamARN=stream.arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in found} == {"team": "shop", **tags}


def test_a_stream_that_is_gone_cannot_be_tagged_and_that_changes_nothing(streams: Streams) -> None:
    gone = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/gone"
    workflow = streams.workflow()

    action = Action(kind=ActionKind.TAG_STREAM, target=gone, parameters={"tags": {"a": "b"}})
    execution = workflow.start(action, map_="Annotate")

    assert workflow.output(execution)
    assert workflow.errors(execution) == ["Kinesis.ResourceNotFoundException"]
