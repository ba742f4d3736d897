"""Events of buckets: which there are, whom they reach, what they say, and which configurations S3 refuses."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import zipped

BUCKET = "orders"
BUCKET_ARN = "arn:aws:s3:::orders"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:seen"
TOPIC = "arn:aws:sns:us-east-1:123456789012:told"
COLLECTS = """
import boto3, json, os
def handler(event, context):
    event["invoked"] = context.invoked_function_arn
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""
CREATED, REMOVED = "s3:ObjectCreated:*", "s3:ObjectRemoved:*"


def policy(service: str, action: str, source: str = BUCKET_ARN) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(autouse=True)
def bucket(account: LocalAccount) -> None:
    account.client("s3").create_bucket(Bucket=BUCKET)


@pytest.fixture
def queue(account: LocalAccount) -> str:
    """A queue that lets the bucket in; its URL."""
    attributes = {"Policy": policy("s3.amazonaws.com", "sqs:SendMessage")}
    url: str = account.client("sqs").create_queue(QueueName="seen", Attributes=attributes)["QueueUrl"]
    return url


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    """A function that sends what it gets to a queue of its own; its ARN."""
    url = account.client("sqs").create_queue(QueueName="collected")["QueueUrl"]
    arn: str = account.client("lambda").create_function(
        FunctionName="collects",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": zipped(app=COLLECTS)},
        Environment={"Variables": {"QUEUE": url}},
    )["FunctionArn"]
    return arn


def let_in(account: LocalAccount, function: str, **more: Any) -> None:
    wanted = {"SourceArn": BUCKET_ARN, "SourceAccount": "123456789012", **more}
    account.client("lambda").add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        **wanted,
    )


def notify(account: LocalAccount, *, skip: bool = False, **configuration: Any) -> None:
    account.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration=configuration, SkipDestinationValidation=skip
    )


def to_queue(*events: str, prefix: str | None = None, suffix: str | None = None) -> dict[str, Any]:
    rules = [{"Name": n, "Value": v} for n, v in (("prefix", prefix), ("suffix", suffix)) if v is not None]
    filters = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
    return {"QueueArn": QUEUE, "Events": list(events), **filters}


def to_function(arn: str, *events: str) -> dict[str, Any]:
    return {"LambdaFunctionArn": arn, "Events": list(events)}


def received(account: LocalAccount, url: str) -> list[dict[str, Any]]:
    account.drain()
    messages: list[dict[str, Any]] = []
    while (
        found := account.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages")
    ):
        messages += [json.loads(message["Body"]) for message in found]
    return messages


def records(account: LocalAccount, url: str) -> list[dict[str, Any]]:
    """The records that arrived at a queue, oldest first."""
    found = [record for message in received(account, url) for record in message.get("Records", [])]
    return sorted(found, key=lambda record: str(record["eventTime"]))


def names(account: LocalAccount, url: str) -> list[str]:
    return [record["eventName"] for record in records(account, url)]


def test_a_new_object_invokes_the_function(account: LocalAccount, function: str) -> None:
    let_in(account, function)
    notify(account, LambdaFunctionConfigurations=[{"Id": "in", **to_function(function, CREATED)}])
    account.client("s3").put_object(Bucket=BUCKET, Key="in/a b+ü.txt", Body=b"hello")
    [event] = received(account, f"{account.endpoint}/123456789012/collected")
    [record] = event["Records"]
    assert event["invoked"] == function
    assert (record["eventSource"], record["eventName"], record["awsRegion"]) == (
        "aws:s3",
        "ObjectCreated:Put",
        "us-east-1",
    )
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["userIdentity"]["principalId"].startswith("AWS:AIDA")
    told = record["s3"]
    assert (told["configurationId"], told["bucket"]["name"], told["bucket"]["arn"]) == (
        "in",
        BUCKET,
        BUCKET_ARN,
    )
    assert int(told["object"].pop("sequencer"), 16) > 0
    assert told["object"] == {
        "key": "in/a+b%2B%C3%BC.txt",
        "size": 5,
        "eTag": "5d41402abc4b2a76b9719d911017c592",
    }


def test_an_alias_is_invoked_as_the_notification_names_it(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    version = functions.publish_version(FunctionName="collects")["Version"]
    alias = functions.create_alias(FunctionName="collects", Name="live", FunctionVersion=version)["AliasArn"]
    let_in(account, "collects", Qualifier="live")
    notify(account, LambdaFunctionConfigurations=[to_function(alias, CREATED)])
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    [event] = received(account, f"{account.endpoint}/123456789012/collected")
    assert event["invoked"] == alias


def test_a_function_that_does_not_let_the_bucket_in_is_not_invoked(
    account: LocalAccount, function: str
) -> None:
    let_in(account, function)
    notify(account, LambdaFunctionConfigurations=[to_function(function, CREATED)])
    account.client("lambda").remove_permission(FunctionName=function, StatementId="s3")
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    assert received(account, f"{account.endpoint}/123456789012/collected") == []


def test_a_function_that_is_gone_is_not_invoked(account: LocalAccount, function: str) -> None:
    let_in(account, function)
    notify(account, LambdaFunctionConfigurations=[to_function(function, CREATED)])
    account.client("lambda").delete_function(FunctionName=function)
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    account.drain()


def test_a_function_that_writes_where_it_is_triggered_goes_on_for_ever(
    account: LocalAccount, role_arn: str
) -> None:
    loops = """
import boto3
def handler(event, context):
    key = event["Records"][0]["s3"]["object"]["key"]
    boto3.client("s3").put_object(Bucket="orders", Key=key + "x", Body=b"")
"""
    arn = account.client("lambda").create_function(
        FunctionName="loops",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": zipped(app=loops)},
    )["FunctionArn"]
    let_in(account, arn)
    notify(account, LambdaFunctionConfigurations=[to_function(arn, CREATED)])
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    keys: list[str] = []
    while len(keys) < 5:
        account.background.pause(0.02)
        keys = [it["Key"] for it in account.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    account.client("lambda").put_function_concurrency(FunctionName="loops", ReservedConcurrentExecutions=0)
    account.drain()
    held = account.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]
    account.client("s3").put_object(Bucket=BUCKET, Key="another", Body=b"")
    account.drain()
    assert account.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == held + 1


def test_a_queue_between_bucket_and_function_passes_events_on(
    account: LocalAccount, queue: str, function: str
) -> None:
    account.client("lambda").create_event_source_mapping(EventSourceArn=QUEUE, FunctionName=function)
    notify(account, QueueConfigurations=[to_queue(CREATED)])
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    bodies = [
        json.loads(record["body"])
        for event in received(account, f"{account.endpoint}/123456789012/collected")
        for record in event["Records"]
    ]
    assert [body["Records"][0]["s3"]["object"]["key"] for body in bodies if "Records" in body] == ["k"]


def test_a_batch_that_fails_ends_in_the_dead_letter_queue(
    account: LocalAccount, function: str, queue: str
) -> None:
    sqs = account.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": QUEUE.replace("seen", "dead"), "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(redrive)})
    functions = account.client("lambda")
    functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName=function)
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    sqs.send_message(QueueUrl=queue, MessageBody='{"a": 1}')
    assert received(account, dead) == [{"a": 1}]
    assert received(account, queue) == []


def test_a_topic_between_bucket_and_function_passes_events_on(account: LocalAccount, function: str) -> None:
    sns = account.client("sns")
    sns.create_topic(Name="told", Attributes={"Policy": policy("s3.amazonaws.com", "sns:Publish")})
    sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=function)
    account.client("lambda").add_permission(
        FunctionName=function,
        StatementId="sns",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=TOPIC,
    )
    notify(account, TopicConfigurations=[{"TopicArn": TOPIC, "Events": [CREATED]}])
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    told = [
        json.loads(record["Sns"]["Message"])
        for event in received(account, f"{account.endpoint}/123456789012/collected")
        for record in event["Records"]
    ]
    assert sorted(message.get("Event", "record") for message in told) == ["record", "s3:TestEvent"]


def test_each_way_to_create_an_object_has_its_event(account: LocalAccount, queue: str) -> None:
    notify(account, QueueConfigurations=[to_queue(CREATED)])
    s3 = account.client("s3")
    s3.put_object(Bucket=BUCKET, Key="put", Body=b"x", Tagging="a=b", ACL="private")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/put")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )
    assert names(account, queue) == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
    ]


def test_tags_and_acls_have_events_of_their_own(account: LocalAccount, queue: str) -> None:
    s3 = account.client("s3")
    notify(account, QueueConfigurations=[to_queue("s3:ObjectTagging:*", "s3:ObjectAcl:Put")])
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", Tagging="a=b")
    s3.put_object_tagging(Bucket=BUCKET, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})
    s3.delete_object_tagging(Bucket=BUCKET, Key="k")
    s3.put_object_acl(Bucket=BUCKET, Key="k", ACL="private")
    found = records(account, queue)
    assert [it["eventName"] for it in found] == ["ObjectTagging:Put", "ObjectTagging:Delete", "ObjectAcl:Put"]
    assert all("sequencer" not in it["s3"]["object"] for it in found)


def test_removals_tell_delete_markers_from_deletions(account: LocalAccount, queue: str) -> None:
    s3 = account.client("s3")
    notify(account, QueueConfigurations=[to_queue(REMOVED)])
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"x")
    s3.delete_object(Bucket=BUCKET, Key="plain")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=BUCKET, Key="k", Body=b"2")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="k", VersionId=first)
    marker = s3.delete_object(Bucket=BUCKET, Key="k")["VersionId"]
    found = [(it["eventName"], it["s3"]["object"].get("versionId")) for it in records(account, queue)]
    assert found == [
        ("ObjectRemoved:Delete", None),
        ("ObjectRemoved:Delete", first),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
    ]
    assert second not in (first, marker)


def test_prefix_and_suffix_must_both_fit(account: LocalAccount, queue: str) -> None:
    notify(account, QueueConfigurations=[to_queue(CREATED, prefix="in/", suffix=".jpg")])
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg"):
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert [it["s3"]["object"]["key"] for it in records(account, queue)] == ["in/a.jpg"]


def test_filter_values_are_url_encoded(account: LocalAccount, queue: str) -> None:
    notify(account, QueueConfigurations=[to_queue(CREATED, prefix="my+photos%2F%C3%BC")])
    for key in ("my photos/ü.jpg", "my+photos%2F%C3%BC"):
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert [it["s3"]["object"]["key"] for it in records(account, queue)] == ["my+photos/%C3%BC.jpg"]


def test_queues_and_topics_are_greeted_and_told(account: LocalAccount, queue: str) -> None:
    sns = account.client("sns")
    sns.create_topic(Name="told", Attributes={"Policy": policy("s3.amazonaws.com", "sns:Publish")})
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="ann@example.com")
    notify(
        account,
        QueueConfigurations=[to_queue(REMOVED)],
        TopicConfigurations=[{"TopicArn": TOPIC, "Events": [CREATED]}],
    )
    [greeting] = received(account, queue)
    assert (greeting["Event"], greeting["Bucket"]) == ("s3:TestEvent", BUCKET)
    account.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"")
    account.drain()
    greeting_by_mail, told = account.mailbox
    assert json.loads(greeting_by_mail.body)["Event"] == "s3:TestEvent"
    assert told.subject == "Amazon S3 Notification"
    assert json.loads(told.body)["Records"][0]["eventName"] == "ObjectCreated:Put"


def bus_events(account: LocalAccount, url: str) -> list[dict[str, Any]]:
    return sorted(received(account, url), key=lambda event: str(event["detail-type"]))


def test_event_bridge_gets_every_event_of_a_bucket_that_has_it_on(account: LocalAccount) -> None:
    s3, events = account.client("s3"), account.client("events")
    attributes = {"Policy": policy("events.amazonaws.com", "sqs:SendMessage", "*")}
    url = account.client("sqs").create_queue(QueueName="bus", Attributes=attributes)["QueueUrl"]
    events.put_rule(Name="s3", EventPattern=json.dumps({"detail": {"bucket": {"name": [BUCKET]}}}))
    events.put_targets(Rule="s3", Targets=[{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:bus"}])
    notify(account, EventBridgeConfiguration={})
    s3.put_object(Bucket=BUCKET, Key="a b", Body=b"hello")
    s3.put_object_tagging(Bucket=BUCKET, Key="a b", Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})
    s3.delete_object(Bucket=BUCKET, Key="a b")
    created, deleted, tagged = bus_events(account, url)
    assert created["resources"] == [BUCKET_ARN]
    detail = created["detail"]
    assert detail["object"].pop("sequencer")
    assert detail["object"] == {"key": "a b", "size": 5, "etag": "5d41402abc4b2a76b9719d911017c592"}
    assert (detail["bucket"], detail["reason"], detail["requester"]) == (
        {"name": BUCKET},
        "PutObject",
        "123456789012",
    )
    assert (deleted["detail-type"], deleted["detail"]["reason"], deleted["detail"]["deletion-type"]) == (
        "Object Deleted",
        "DeleteObject",
        "Permanently Deleted",
    )
    assert tagged["detail-type"] == "Object Tags Added"
    assert "reason" not in tagged["detail"]


def test_a_new_bucket_is_no_event_of_an_object(account: LocalAccount, function: str) -> None:
    events = account.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"eventName": ["CreateBucket"]}}
    events.put_rule(Name="new", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="new", Targets=[{"Id": "f", "Arn": function}])
    account.client("lambda").add_permission(
        FunctionName=function,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
    )
    account.client("s3").create_bucket(Bucket="another")
    [event] = received(account, f"{account.endpoint}/123456789012/collected")
    assert event["detail-type"] == "AWS API Call via CloudTrail"


def test_a_configuration_is_told_as_it_was_given(account: LocalAccount, queue: str, function: str) -> None:
    s3 = account.client("s3")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)
    let_in(account, function)
    notify(
        account,
        LambdaFunctionConfigurations=[{"Id": "f", **to_function(function, "s3:ObjectTagging:*")}],
        QueueConfigurations=[{"Id": "q", **to_queue(CREATED, prefix="in/", suffix=".jpg")}],
        EventBridgeConfiguration={},
    )
    told = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    del told["ResponseMetadata"]
    rules = [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}]
    assert told == {
        "LambdaFunctionConfigurations": [{"Id": "f", **to_function(function, "s3:ObjectTagging:*")}],
        "QueueConfigurations": [{"Id": "q", **to_queue(CREATED), "Filter": {"Key": {"FilterRules": rules}}}],
        "EventBridgeConfiguration": {},
    }
    notify(account)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)


def test_capitalized_filter_names_are_understood(account: LocalAccount, queue: str) -> None:
    wanted = to_queue(CREATED)
    wanted["Filter"] = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}}
    notify(account, QueueConfigurations=[wanted])
    for key in ("in/a", "out/a"):
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert [it["s3"]["object"]["key"] for it in records(account, queue)] == ["in/a"]


def refusal(account: LocalAccount, **configuration: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        notify(account, **configuration)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        (to_queue(CREATED), to_queue("s3:ObjectCreated:Put"), True),
        (to_queue(CREATED, prefix="in/"), to_queue(CREATED, prefix="in/a/"), True),
        (to_queue(CREATED, prefix="in/"), to_queue(CREATED, prefix="out/"), False),
        (to_queue(CREATED, suffix="jpg"), to_queue(CREATED, suffix="pg"), True),
        (to_queue(CREATED, suffix=".jpg"), to_queue(CREATED, suffix=".png"), False),
        (
            to_queue(CREATED, prefix="in/", suffix=".jpg"),
            to_queue(CREATED, prefix="in/", suffix=".png"),
            False,
        ),
        (to_queue(CREATED, prefix="in/"), to_queue(CREATED, suffix=".png"), True),
        (to_queue("s3:ObjectCreated:Put"), to_queue("s3:ObjectCreated:Copy"), False),
        (to_queue(CREATED), to_queue(REMOVED), False),
    ],
)
def test_two_rules_may_not_be_about_the_same_event(
    account: LocalAccount, queue: str, one: dict[str, Any], other: dict[str, Any], refused: bool
) -> None:
    if not refused:
        notify(account, QueueConfigurations=[one, other])
        return
    code, message = refusal(account, QueueConfigurations=[one, other])
    assert code == "InvalidArgument"
    assert "overlap" in message


def test_a_destination_must_exist_and_let_the_bucket_in(account: LocalAccount, function: str) -> None:
    unable = ("InvalidArgument", "Unable to validate the following destination configurations")
    assert refusal(account, QueueConfigurations=[to_queue(CREATED)]) == unable
    account.client("sqs").create_queue(QueueName="seen")
    assert refusal(account, QueueConfigurations=[to_queue(CREATED)]) == unable
    wanted = {"LambdaFunctionConfigurations": [to_function(function, CREATED)]}
    assert refusal(account, **wanted) == unable
    let_in(account, function, SourceArn="arn:aws:s3:::another")
    assert refusal(account, **wanted) == unable
    assert "LambdaFunctionConfigurations" not in account.client("s3").get_bucket_notification_configuration(
        Bucket=BUCKET
    )


def test_the_validation_of_destinations_may_be_skipped(account: LocalAccount) -> None:
    notify(account, skip=True, QueueConfigurations=[to_queue(CREATED)])
    told = account.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert told["QueueConfigurations"][0]["QueueArn"] == QUEUE
    account.drain()


def test_malformed_configurations_are_refused(account: LocalAccount, queue: str) -> None:
    two = to_queue(CREATED, prefix="a")
    two["Filter"]["Key"]["FilterRules"] *= 2
    assert refusal(account, QueueConfigurations=[two])[0] == "InvalidArgument"
    other = {"QueueArn": TOPIC, "Events": [CREATED]}
    assert refusal(account, QueueConfigurations=[other]) == ("InvalidArgument", "The ARN is not well formed")
    unknown = {"QueueArn": QUEUE, "Events": ["s3:ObjectEaten:*"]}
    assert refusal(account, QueueConfigurations=[unknown])[0] == "InvalidArgument"
