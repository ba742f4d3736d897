"""Buckets of a stack that tell functions, queues and EventBridge what happens in them."""

import json
from typing import Any

from local.account import LocalAccount
from tests.integration.local_stacks import create, history, status

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "seen"}}
LETS_IN = {
    "Type": "AWS::SQS::QueuePolicy",
    "Properties": {
        "Queues": [{"Ref": "Queue"}],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": {"Fn::GetAtt": "Queue.Arn"},
            },
        },
    },
}
SERVERLESS = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Photos:
    Type: AWS::S3::Bucket
    Properties: {BucketName: photos}
  Thumbnails:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: |
        import boto3
        def handler(event, context):
            for record in event["Records"]:
                boto3.client("s3").put_object(Bucket="photos", Key="out/thumbnail", Body=b"")
      Policies: [{Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:PutObject", Resource: "*"}}]
      Events:
        Photo:
          Type: S3
          Properties:
            Bucket: {Ref: Photos}
            Events: "s3:ObjectCreated:*"
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
"""


def bucket(notifications: dict[str, Any] | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"BucketName": "photos"}
    if notifications:
        properties["NotificationConfiguration"] = notifications
    return {"Type": "AWS::S3::Bucket", "Properties": properties, "DependsOn": "LetsIn"}


def template(notifications: dict[str, Any] | None, *, lets_in: bool = True) -> str:
    resources = {"Queue": QUEUE, "LetsIn": LETS_IN, "Photos": bucket(notifications)}
    if not lets_in:
        del resources["LetsIn"], resources["Photos"]["DependsOn"]
    return json.dumps({"Resources": resources})


def told(account: LocalAccount) -> dict[str, Any]:
    answer = account.client("s3").get_bucket_notification_configuration(Bucket="photos")
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def to_queue(event: str, prefix: str) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": prefix}]
    return {"Queue": {"Fn::GetAtt": "Queue.Arn"}, "Event": event, "Filter": {"S3Key": {"Rules": rules}}}


def test_notifications_are_set_changed_and_removed(account: LocalAccount) -> None:
    create(account, "photos", template({"QueueConfigurations": [to_queue("s3:ObjectCreated:*", "in/")]}))
    [configuration] = told(account)["QueueConfigurations"]
    assert configuration["Events"] == ["s3:ObjectCreated:*"]
    assert configuration["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "in/"}]
    changed = {
        "QueueConfigurations": [to_queue("s3:ObjectRemoved:*", "out/")],
        "EventBridgeConfiguration": {"EventBridgeEnabled": True},
    }
    update(account, template(changed))
    assert told(account)["EventBridgeConfiguration"] == {}
    assert told(account)["QueueConfigurations"][0]["Events"] == ["s3:ObjectRemoved:*"]
    update(account, template(None))
    assert told(account) == {}


def update(account: LocalAccount, body: str) -> None:
    account.client("cloudformation").update_stack(StackName="photos", TemplateBody=body)
    account.drain()
    assert status(account, "photos") == "UPDATE_COMPLETE"


def test_a_bucket_fails_where_its_destination_does_not_let_it_in(account: LocalAccount) -> None:
    body = template({"QueueConfigurations": [to_queue("s3:ObjectCreated:*", "in/")]}, lets_in=False)
    create(account, "photos", body)
    assert ("Photos", "CREATE_FAILED") in history(account, "photos")
    assert status(account, "photos") == "ROLLBACK_COMPLETE"


def test_an_s3_event_of_a_serverless_function_starts_it(account: LocalAccount) -> None:
    create(account, "photos", SERVERLESS, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert status(account, "photos") == "CREATE_COMPLETE"
    account.client("s3").put_object(Bucket="photos", Key="in/photo", Body=b"")
    account.drain()
    listed = account.client("s3").list_objects_v2(Bucket="photos")["Contents"]
    assert [it["Key"] for it in listed] == ["in/photo", "out/thumbnail"]


def test_a_notification_is_recorded_as_the_request_was(account: LocalAccount) -> None:
    create(account, "photos", template({"QueueConfigurations": [to_queue("s3:ObjectCreated:*", "in/")]}))
    attribute = {"AttributeKey": "EventName", "AttributeValue": "PutBucketNotification"}
    [event] = account.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    parameters = json.loads(event["CloudTrailEvent"])["requestParameters"]
    assert parameters["bucketName"] == "photos"
    configuration = parameters["NotificationConfiguration"]["QueueConfiguration"]
    assert configuration["Event"] == "s3:ObjectCreated:*"
    assert configuration["Filter"]["S3Key"]["FilterRule"] == {"Name": "prefix", "Value": "in/"}
