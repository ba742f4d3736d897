"""What the local account's CloudTrail records, publishes and finds again."""

import json

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.cloudtrail.service import record_service_call
from tests import recorded
from tests.integration.conftest import ALLOW_EVERYTHING, role


def write_records(account: LocalAccount) -> list[recorded.Event]:
    """The records of all write calls, oldest first."""
    writes = [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
    pages = account.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=writes)
    return [json.loads(entry["CloudTrailEvent"]) for page in pages for entry in page["Events"]][::-1]


def test_what_a_bucket_call_sends_as_xml_is_recorded_with_the_names_of_xml(account: LocalAccount) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="bucket")
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    filters = {
        "Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".csv"}]}
    }
    topic = account.client("sns").create_topic(Name="topic")["TopicArn"]
    s3.put_bucket_notification_configuration(
        Bucket="bucket",
        SkipDestinationValidation=True,
        NotificationConfiguration={
            "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"], "Filter": filters}],
            "LambdaFunctionConfigurations": [
                {"Id": "one", "LambdaFunctionArn": function, "Events": ["s3:ObjectRemoved:*"]}
            ],
        },
    )
    (record,) = [it for it in write_records(account) if it["eventName"] == "PutBucketNotification"]
    configuration = record["requestParameters"]["NotificationConfiguration"]
    assert configuration["CloudFunctionConfiguration"] == {
        "Id": "one",
        "CloudFunction": function,
        "Event": "s3:ObjectRemoved:*",
    }
    assert [
        rule["Value"] for rule in configuration["TopicConfiguration"]["Filter"]["S3Key"]["FilterRule"]
    ] == [
        "in/",
        ".csv",
    ]


def test_a_write_reaches_the_rules_of_the_default_bus_and_a_read_does_not(account: LocalAccount) -> None:
    events, queues = account.client("events"), account.client("sqs")
    queue = queues.create_queue(QueueName="seen")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:seen"
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_rule(Name="kinesis", EventPattern=json.dumps({"source": ["aws.kinesis"]}))
    events.put_targets(Rule="kinesis", Targets=[{"Id": "queue", "Arn": arn}])
    kinesis = account.client("kinesis")
    account.stream_seconds = 0
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    kinesis.describe_stream_summary(StreamName="orders")
    kinesis.put_record(StreamName="orders", Data=b"x", PartitionKey="1")
    account.drain()
    messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    (event,) = [json.loads(message["Body"]) for message in messages]
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert event["time"] == event["detail"]["eventTime"]
    assert event["detail"]["eventName"] == "CreateStream"
    assert event["detail"]["requestParameters"] == {"streamName": "orders", "shardCount": 1}


def test_objects_pass_the_recorder_unchanged_and_unrecorded(account: LocalAccount) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="bucket")
    content = bytes(range(256)) * 1000
    s3.put_object(Bucket="bucket", Key="a b/\u00fc", Body=content)
    assert s3.get_object(Bucket="bucket", Key="a b/\u00fc")["Body"].read() == content
    assert [record["eventName"] for record in write_records(account)] == ["CreateBucket"]


def test_a_session_of_a_role_is_recorded_with_its_issuer(account: LocalAccount) -> None:
    arn = role(account, "builder", ALLOW_EVERYTHING)
    session = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="pipeline")["Credentials"]
    account.client("sqs", access_key_id=session["AccessKeyId"]).create_queue(QueueName="jobs")
    identity = write_records(account)[-1]["userIdentity"]
    theirs = next(
        e["userIdentity"] for e in recorded.events() if e["userIdentity"].get("type") == "AssumedRole"
    )
    assert recorded.key_paths(identity) == recorded.key_paths(theirs)
    assert identity["arn"] == "arn:aws:sts::123456789012:assumed-role/builder/pipeline"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == arn
    assert identity["principalId"] == f"{identity['sessionContext']['sessionIssuer']['principalId']}:pipeline"


def test_a_user_of_the_account_is_recorded_by_name(account: LocalAccount) -> None:
    iam = account.client("iam")
    user = iam.create_user(UserName="merchant")["User"]
    key = iam.create_access_key(UserName="merchant")["AccessKey"]["AccessKeyId"]
    account.client("sqs", access_key_id=key).create_queue(QueueName="jobs")
    identity = write_records(account)[-1]["userIdentity"]
    assert (identity["userName"], identity["arn"], identity["principalId"]) == (
        "merchant",
        user["Arn"],
        user["UserId"],
    )


def test_an_unknown_access_key_is_the_user_of_that_name(account: LocalAccount) -> None:
    account.client("sqs", access_key_id="careless").create_queue(QueueName="jobs")
    assert write_records(account)[-1]["userIdentity"]["arn"] == "arn:aws:iam::123456789012:user/careless"


def test_a_call_of_a_service_names_who_it_was_made_for(account: LocalAccount) -> None:
    record_service_call(
        service="dynamodb",
        operation="CreateTable",
        parameters={"TableName": "orders"},
        response={"TableDescription": {"TableName": "orders", "TableStatus": "CREATING"}},
        account=account.account_id,
        region=account.region,
    )
    (record,) = write_records(account)
    service = "cloudformation.amazonaws.com"
    assert record["userIdentity"]["invokedBy"] == record["sourceIPAddress"] == record["userAgent"] == service
    assert record["requestParameters"] == {"tableName": "orders"}
    assert record["responseElements"]["tableDescription"]["tableStatus"] == "CREATING"
    assert "tlsDetails" not in record


def test_a_bucket_call_of_a_service_looks_like_one_of_an_sdk(account: LocalAccount) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    configuration = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    record_service_call(
        service="s3",
        operation="PutBucketNotificationConfiguration",
        parameters={
            "Bucket": "bucket",
            "NotificationConfiguration": {"LambdaFunctionConfigurations": [configuration]},
        },
        response=None,
        account=account.account_id,
        region=account.region,
    )
    (record,) = write_records(account)
    assert record["eventName"] == "PutBucketNotification"
    assert record["requestParameters"]["notification"] == ""
    assert record["requestParameters"]["NotificationConfiguration"]["CloudFunctionConfiguration"] == {
        "CloudFunction": function,
        "Event": "s3:ObjectCreated:*",
    }


def test_events_are_looked_up_newest_first_and_in_pages(account: LocalAccount) -> None:
    queues, trail = account.client("sqs"), account.client("cloudtrail")
    for number in range(3):
        queues.create_queue(QueueName=f"queue-{number}")
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]
    first = trail.lookup_events(LookupAttributes=by_name, MaxResults=2)
    second = trail.lookup_events(LookupAttributes=by_name, MaxResults=2, NextToken=first["NextToken"])
    records = [json.loads(event["CloudTrailEvent"]) for event in [*first["Events"], *second["Events"]]]
    assert [record["requestParameters"]["queueName"] for record in records] == [
        "queue-2",
        "queue-1",
        "queue-0",
    ]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("ResourceName", "orders", 1),
        ("ResourceName", "invoices", 0),
        ("Username", "developer", 1),
        ("ResourceType", "AWS::Kinesis::Stream", 1),
        ("EventSource", "kinesis.amazonaws.com", 1),
        ("ReadOnly", "true", 0),
    ],
)
def test_an_event_is_found_by_attribute(account: LocalAccount, key: str, value: str, found: int) -> None:
    account.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    attribute = {"AttributeKey": key, "AttributeValue": value}
    events = account.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    assert len(events) == found


def test_an_event_is_found_by_its_id(account: LocalAccount) -> None:
    account.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    (record,) = write_records(account)
    attribute = {"AttributeKey": "EventId", "AttributeValue": record["eventID"]}
    (event,) = account.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    assert json.loads(event["CloudTrailEvent"]) == record


def test_a_bucket_is_recorded_in_its_own_region(account: LocalAccount) -> None:
    ireland = account.client("s3", region="eu-west-1")
    ireland.create_bucket(Bucket="irish", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    account.client("s3", region="us-east-1").delete_bucket(Bucket="irish")
    attribute = {"AttributeKey": "EventName", "AttributeValue": "DeleteBucket"}
    trail = account.client("cloudtrail", region="eu-west-1")
    (event,) = trail.lookup_events(LookupAttributes=[attribute])["Events"]
    assert json.loads(event["CloudTrailEvent"])["awsRegion"] == "eu-west-1"


def test_a_failed_call_is_recorded_with_its_error(account: LocalAccount) -> None:
    with pytest.raises(ClientError):
        account.client("cloudformation").update_stack(StackName="absent", TemplateBody="{}")
    (record,) = write_records(account)
    assert record["errorCode"] == "ValidationException"
    assert "absent" in record["errorMessage"]
    assert record["responseElements"] is None
