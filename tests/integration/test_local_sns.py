"""Topics hand each subscriber the body meant for it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from local.account import LocalAccount
from local.sns import Email
from tests.integration.conftest import zipped

BODIES = json.dumps(
    {
        "default": "for all",
        "sqs": "for queues",
        "email": "for people",
        "http": "for the web",
        "lambda": "for code",
    }
)


@pytest.fixture
def topic(account: LocalAccount) -> str:
    arn: str = account.client("sns").create_topic(Name="findings")["TopicArn"]
    return arn


def subscribed_queue(
    account: LocalAccount, topic: str, attributes: dict[str, str] | None = None, *, allowed: bool = True
) -> str:
    """A queue that subscribes to the topic; its URL."""
    statement = {
        "Effect": "Allow" if allowed else "Deny",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url: str = account.client("sqs").create_queue(QueueName="seen", Attributes={"Policy": policy})["QueueUrl"]
    account.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:seen",
        Attributes=attributes or {},
    )
    return url


def messages(account: LocalAccount, url: str) -> list[dict[str, Any]]:
    account.drain()
    received = account.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(received.get("Messages", []))


def test_a_queue_receives_its_body_in_an_envelope(account: LocalAccount, topic: str) -> None:
    url = subscribed_queue(account, topic)
    message_id = account.client("sns").publish(
        TopicArn=topic,
        Subject="A finding",
        Message=BODIES,
        MessageStructure="json",
        MessageAttributes={"guard": {"DataType": "String", "StringValue": "s3-recursion"}},
    )["MessageId"]
    [message] = messages(account, url)
    envelope = json.loads(message["Body"])
    assert {key: envelope[key] for key in ("Type", "MessageId", "TopicArn", "Subject", "Message")} == {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic,
        "Subject": "A finding",
        "Message": "for queues",
    }
    assert envelope["MessageAttributes"] == {"guard": {"Type": "String", "Value": "s3-recursion"}}


def test_raw_delivery_keeps_the_body_and_the_attributes(account: LocalAccount, topic: str) -> None:
    url = subscribed_queue(account, topic, {"RawMessageDelivery": "true"})
    account.client("sns").publish(
        TopicArn=topic,
        Message="plain",
        MessageAttributes={"guard": {"DataType": "String", "StringValue": "s3-recursion"}},
    )
    [message] = messages(account, url)
    assert message["Body"] == "plain"
    assert message["MessageAttributes"]["guard"]["StringValue"] == "s3-recursion"


def test_raw_delivery_may_be_switched_off(account: LocalAccount, topic: str) -> None:
    url = subscribed_queue(account, topic, {"RawMessageDelivery": "false"})
    account.client("sns").publish(TopicArn=topic, Message="plain")
    [message] = messages(account, url)
    assert json.loads(message["Body"])["Message"] == "plain"


@pytest.mark.parametrize(("severity", "seen"), [("HIGH", 1), ("LOW", 0)])
def test_a_filter_policy_selects_by_attribute(
    account: LocalAccount, topic: str, severity: str, seen: int
) -> None:
    url = subscribed_queue(account, topic, {"FilterPolicy": json.dumps({"severity": ["HIGH"]})})
    account.client("sns").publish(
        TopicArn=topic,
        Message="m",
        MessageAttributes={"severity": {"DataType": "String", "StringValue": severity}},
    )
    assert len(messages(account, url)) == seen


@pytest.mark.parametrize(("severity", "seen"), [("HIGH", 1), ("LOW", 0)])
def test_a_filter_policy_selects_by_body(account: LocalAccount, topic: str, severity: str, seen: int) -> None:
    policy = {"FilterPolicy": json.dumps({"severity": ["HIGH"]}), "FilterPolicyScope": "MessageBody"}
    url = subscribed_queue(account, topic, policy)
    account.client("sns").publish(TopicArn=topic, Message=json.dumps({"severity": severity}))
    assert len(messages(account, url)) == seen


def test_a_queue_that_does_not_let_the_topic_in_gets_nothing(account: LocalAccount, topic: str) -> None:
    url = subscribed_queue(account, topic, allowed=False)
    account.client("sns").publish(TopicArn=topic, Message="m")
    assert messages(account, url) == []


def test_people_read_their_body_in_the_mailbox(account: LocalAccount, topic: str) -> None:
    sns = account.client("sns")
    subscription = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="team@example.com")
    sns.publish(TopicArn=topic, Subject="A finding", Message=BODIES, MessageStructure="json")
    sns.publish(TopicArn=topic, Message="no subject")
    account.drain()
    assert subscription["SubscriptionArn"].startswith(f"{topic}:")
    assert sorted(account.mailbox, key=lambda email: email.subject) == [
        Email(topic_arn=topic, to="team@example.com", subject="A finding", body="for people"),
        Email(topic_arn=topic, to="team@example.com", subject="AWS Notification Message", body="no subject"),
    ]


def test_email_json_is_the_envelope(account: LocalAccount, topic: str) -> None:
    sns = account.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="team@example.com")
    sns.publish(TopicArn=topic, Message=BODIES, MessageStructure="json")
    account.drain()
    [email] = account.mailbox
    assert json.loads(email.body)["Message"] == "for all"


@pytest.fixture
def web() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An HTTP server: its URL, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", posted
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_server_is_sent_its_body(
    account: LocalAccount, topic: str, web: tuple[str, list[dict[str, Any]]]
) -> None:
    url, posted = web
    sns = account.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    sns.publish(TopicArn=topic, Message=BODIES, MessageStructure="json")
    account.drain()
    assert [(post["Type"], post["Message"]) for post in posted] == [("Notification", "for the web")]


def test_a_function_gets_a_record(account: LocalAccount, topic: str, role_arn: str) -> None:
    code = (
        "import boto3, json\n"
        "def handler(event, context):\n"
        "    url = boto3.client('sqs').get_queue_url(QueueName='seen')['QueueUrl']\n"
        "    boto3.client('sqs').send_message(QueueUrl=url, MessageBody=json.dumps(event))\n"
    )
    functions = account.client("lambda")
    arn = functions.create_function(
        FunctionName="listen",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=20,
        Code={"ZipFile": zipped(app=code)},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="listen",
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    url = account.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    account.client("sns").publish(TopicArn=topic, Message=BODIES, MessageStructure="json", Subject="S")
    [message] = messages(account, url)
    [record] = json.loads(message["Body"])["Records"]
    assert (record["EventSource"], record["Sns"]["TopicArn"]) == ("aws:sns", topic)
    assert (record["Sns"]["Subject"], record["Sns"]["Message"]) == ("S", "for code")


@pytest.mark.parametrize("subject", ["x" * 101, "two\nlines", "Ünicode", " indented"])
def test_a_subject_that_sns_refuses_is_refused(account: LocalAccount, topic: str, subject: str) -> None:
    sns = account.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="Invalid parameter: Subject"):
        sns.publish(TopicArn=topic, Message="m", Subject=subject)


def test_a_subject_of_a_hundred_characters_is_accepted(account: LocalAccount, topic: str) -> None:
    assert account.client("sns").publish(TopicArn=topic, Message="m", Subject="x" * 100)["MessageId"]


@pytest.mark.parametrize(
    ("message", "complaint"),
    [("no JSON", "failed to parse"), ('{"sqs": "x"}', "No default entry in JSON message body")],
)
def test_a_structured_message_needs_a_default(
    account: LocalAccount, topic: str, message: str, complaint: str
) -> None:
    sns = account.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match=complaint):
        sns.publish(TopicArn=topic, Message=message, MessageStructure="json")
