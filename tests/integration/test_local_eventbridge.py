"""Events reach the targets of matching rules, or their dead-letter queue says why not."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from local.eventbridge import service as eventbridge
from local.eventbridge.input import fill
from tests.integration.conftest import role, zipped

ACCOUNT = "123456789012"
CALL = {
    "source": "aws.dynamodb",
    "detail-type": "AWS API Call via CloudTrail",
    "detail": {"eventName": "DeleteTable", "readOnly": False},
}
ORDER = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"amount": 3, "kind": "book"})}


def queue(account: LocalAccount, name: str, allowed: str = "events.amazonaws.com", **client: str) -> str:
    """A queue that lets a service in; its ARN."""
    sqs = account.client("sqs", **client)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": allowed},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])


def messages(account: LocalAccount, name: str, **client: str) -> list[dict[str, Any]]:
    account.drain()
    sqs = account.client("sqs", **client)
    received = sqs.receive_message(
        QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return list(received.get("Messages", []))


def bodies(account: LocalAccount, name: str, **client: str) -> list[Any]:
    return [json.loads(message["Body"]) for message in messages(account, name, **client)]


def rule(account: LocalAccount, pattern: dict[str, Any], target: dict[str, Any], **settings: Any) -> str:
    """A rule with one target; its ARN."""
    client = settings.pop("client", {})
    events = account.client("events", **client)
    bus = settings.get("EventBusName", "default")
    name = settings.pop("Name", "a-rule")
    arn: str = events.put_rule(Name=name, EventPattern=json.dumps(pattern), **settings)["RuleArn"]
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "target", **target}])
    return arn


def publish(account: LocalAccount, event: dict[str, Any] = CALL) -> None:
    eventbridge.publish(event, account=ACCOUNT, region="us-east-1")


def test_a_target_receives_the_whole_event_in_an_envelope(account: LocalAccount) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen")})
    response = account.client("events").put_events(Entries=[{**ORDER, "Resources": ["arn:x"]}])

    [event] = bodies(account, "seen")
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "id": response["Entries"][0]["EventId"],
        "detail-type": "order",
        "source": "shop",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": ["arn:x"],
        "detail": {"amount": 3, "kind": "book"},
    }


def test_what_a_publisher_says_of_the_envelope_stays(account: LocalAccount) -> None:
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": queue(account, "seen")})
    publish(account, {**CALL, "time": "2026-01-02T03:04:05Z", "id": "an-id", "resources": ["arn:y"]})

    [event] = bodies(account, "seen")
    assert (event["time"], event["id"], event["resources"]) == ("2026-01-02T03:04:05Z", "an-id", ["arn:y"])


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["another"]},
        {"detail": {"amount": [{"numeric": [">", 5]}]}},
        {"detail": {"kind": [{"anything-but": "book"}]}},
        {"detail": {"errorCode": [{"exists": True}]}},
    ],
)
def test_a_rule_that_does_not_match_sends_nothing(account: LocalAccount, pattern: dict[str, Any]) -> None:
    rule(account, pattern, {"Arn": queue(account, "seen")})
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == []


def test_a_pattern_sees_what_is_absent_and_how_names_begin(account: LocalAccount) -> None:
    pattern = {"detail": {"eventName": [{"prefix": "Delete"}], "errorCode": [{"exists": False}]}}
    rule(account, pattern, {"Arn": queue(account, "seen")})
    publish(account)
    publish(account, {**CALL, "detail": {"eventName": "DeleteTable", "errorCode": "AccessDenied"}})
    assert len(bodies(account, "seen")) == 1


def test_a_disabled_rule_sends_nothing(account: LocalAccount) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen")}, State="DISABLED")
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == []


@pytest.mark.parametrize(
    ("state", "seen"), [("ENABLED", 0), ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", 1)]
)
def test_read_only_calls_need_a_state_of_their_own(account: LocalAccount, state: str, seen: int) -> None:
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": queue(account, "seen")}, State=state)
    publish(account, {**CALL, "detail": {"eventName": "DescribeTable", "readOnly": True}})
    assert len(bodies(account, "seen")) == seen


def test_a_scheduled_rule_gets_no_events(account: LocalAccount) -> None:
    events = account.client("events")
    events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule="hourly", Targets=[{"Id": "target", "Arn": queue(account, "seen")}])
    events.put_events(Entries=[ORDER])
    assert bodies(account, "seen") == []


def test_an_event_in_the_name_of_aws_is_refused(account: LocalAccount) -> None:
    rule(account, {"detail-type": ["order"]}, {"Arn": queue(account, "seen")})
    response = account.client("events").put_events(Entries=[{**ORDER, "Source": "aws.shop"}, ORDER])
    assert response["FailedEntryCount"] == 1
    assert response["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert [event["source"] for event in bodies(account, "seen")] == ["shop"]


def test_a_detail_that_is_no_object_is_refused(account: LocalAccount) -> None:
    response = account.client("events").put_events(Entries=[{**ORDER, "Detail": "["}])
    assert response["Entries"][0]["ErrorCode"] == "MalformedDetail"


def test_constant_input_replaces_the_event(account: LocalAccount) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen"), "Input": '{"a": 1}'})
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == [{"a": 1}]


def test_an_input_path_selects_a_part(account: LocalAccount) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen"), "InputPath": "$.detail"})
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == [{"amount": 3, "kind": "book"}]


def test_an_input_transformer_builds_another_input(account: LocalAccount) -> None:
    transformer = {
        "InputPathsMap": {"type": "$.detail-type", "detail": "$.detail", "kind": "$.detail.kind"},
        "InputTemplate": '{"t": <type>, "d": <detail>, "s": "a <kind>", "r": "<aws.events.rule-name>"}',
    }
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen"), "InputTransformer": transformer})
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == [
        {"t": "order", "d": {"amount": 3, "kind": "book"}, "s": "a book", "r": "a-rule"}
    ]


def test_values_inside_of_strings_are_escaped() -> None:
    filled = fill('{"text": "<a> \\"<b>\\" <unknown>", "a": <a>}', {"a": 'q"', "b": {"x": 1}})
    assert json.loads(filled) == {"text": 'q" "{"x": 1}" <unknown>', "a": 'q"'}


@pytest.fixture
def listen(account: LocalAccount, role_arn: str) -> str:
    """A function that puts what it gets into the queue `seen`; its ARN."""
    queue(account, "seen")
    arn: str = account.client("lambda").create_function(
        FunctionName="listen",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=20,
        Code={
            "ZipFile": zipped(
                app="import boto3, json\n"
                "def handler(event, context):\n"
                "    sqs = boto3.client('sqs')\n"
                "    url = sqs.get_queue_url(QueueName='seen')['QueueUrl']\n"
                "    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))"
            )
        },
    )["FunctionArn"]
    return arn


def test_a_function_that_permits_the_rule_is_invoked(account: LocalAccount, listen: str) -> None:
    arn = rule(account, {"source": ["aws.dynamodb"]}, {"Arn": listen})
    account.client("lambda").add_permission(
        FunctionName="listen",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    publish(account)
    assert [event["detail"] for event in bodies(account, "seen")] == [CALL["detail"]]


@pytest.mark.parametrize(
    "permission",
    [
        None,
        {"Principal": "s3.amazonaws.com"},
        {
            "Principal": "events.amazonaws.com",
            "SourceArn": "arn:aws:events:us-east-1:123456789012:rule/other",
        },
    ],
)
def test_without_permission_the_event_goes_to_the_dead_letter_queue_at_once(
    account: LocalAccount, listen: str, permission: dict[str, str] | None
) -> None:
    dead_letters = queue(account, "dead-letters")
    arn = rule(
        account, {"source": ["aws.dynamodb"]}, {"Arn": listen, "DeadLetterConfig": {"Arn": dead_letters}}
    )
    if permission:
        account.client("lambda").add_permission(
            FunctionName="listen", StatementId="x", Action="lambda:InvokeFunction", **permission
        )
    publish(account)

    [message] = messages(account, "dead-letters")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE").startswith("events.amazonaws.com may not lambda:InvokeFunction")
    assert attributes == {
        "RULE_ARN": arn,
        "TARGET_ARN": listen,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(message["Body"])["detail"] == CALL["detail"]
    assert bodies(account, "seen") == []


def test_a_permission_of_the_function_is_none_for_its_alias(account: LocalAccount, listen: str) -> None:
    functions = account.client("lambda")
    functions.publish_version(FunctionName="listen")
    functions.create_alias(FunctionName="listen", Name="live", FunctionVersion="1")
    permission = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "StatementId": "x"}
    functions.add_permission(FunctionName="listen", **permission)
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": f"{listen}:live"})
    publish(account)
    assert bodies(account, "seen") == []

    functions.add_permission(FunctionName="listen", Qualifier="live", **permission)
    publish(account)
    assert len(bodies(account, "seen")) == 1


def test_a_target_that_is_gone_is_no_resource(account: LocalAccount) -> None:
    target = {
        "Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:gone",
        "DeadLetterConfig": {"Arn": queue(account, "dead-letters")},
    }
    rule(account, {"source": ["aws.dynamodb"]}, target)
    publish(account)
    [message] = messages(account, "dead-letters")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


def test_a_queue_that_does_not_let_events_in_gets_nothing(account: LocalAccount) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen", allowed="sns.amazonaws.com")})
    account.client("events").put_events(Entries=[ORDER])
    assert bodies(account, "seen") == []


def test_a_topic_that_lets_events_in_passes_them_on(account: LocalAccount) -> None:
    topics = account.client("sns")
    topic = topics.create_topic(Name="a-topic")["TopicArn"]
    topics.subscribe(TopicArn=topic, Protocol="email", Endpoint="team@example.com")
    rule(account, {"source": ["shop"]}, {"Arn": topic, "Input": '"hello"'})
    account.client("events").put_events(Entries=[ORDER])
    account.drain()
    assert account.mailbox == []

    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    topics.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    account.client("events").put_events(Entries=[ORDER])
    account.drain()
    assert [email.body for email in account.mailbox] == ['"hello"']


def test_a_log_group_keeps_events(account: LocalAccount) -> None:
    account.client("logs").create_log_group(logGroupName="/events")
    rule(
        account,
        {"source": ["shop"]},
        {"Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/events", "InputPath": "$.detail"},
    )
    account.client("events").put_events(Entries=[ORDER])
    account.drain()
    [event] = account.client("logs").filter_log_events(logGroupName="/events")["events"]
    assert json.loads(event["message"]) == {"amount": 3, "kind": "book"}


@pytest.fixture
def state_machine(account: LocalAccount, role_arn: str) -> str:
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    arn: str = account.client("stepfunctions").create_state_machine(
        name="a-machine", definition=json.dumps(definition), roleArn=role_arn
    )["stateMachineArn"]
    return arn


def executions(account: LocalAccount, state_machine: str) -> list[dict[str, Any]]:
    account.drain()
    states = account.client("stepfunctions")
    return [
        states.describe_execution(executionArn=execution["executionArn"])
        for execution in states.list_executions(stateMachineArn=state_machine)["executions"]
    ]


def test_a_state_machine_starts_with_the_event(
    account: LocalAccount, state_machine: str, role_arn: str
) -> None:
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": state_machine, "RoleArn": role_arn})
    publish(account)
    [execution] = executions(account, state_machine)
    assert json.loads(execution["input"])["detail"] == CALL["detail"]


def test_a_state_machine_does_not_start_if_the_role_may_not(
    account: LocalAccount, state_machine: str
) -> None:
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": f"{state_machine}-not"}
    wrong = role(account, "wrong", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    target = {
        "Arn": state_machine,
        "RoleArn": wrong,
        "DeadLetterConfig": {"Arn": queue(account, "dead-letters")},
    }
    rule(account, {"source": ["aws.dynamodb"]}, target)
    publish(account)
    assert executions(account, state_machine) == []
    [message] = messages(account, "dead-letters")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_a_failing_target_is_tried_again_and_then_given_up(
    account: LocalAccount, state_machine: str, role_arn: str
) -> None:
    target = {
        "Arn": state_machine,
        "RoleArn": role_arn,
        "Input": "no JSON",
        "RetryPolicy": {"MaximumRetryAttempts": 2},
        "DeadLetterConfig": {"Arn": queue(account, "dead-letters")},
    }
    rule(account, {"source": ["aws.dynamodb"]}, target)
    publish(account)
    [message] = messages(account, "dead-letters")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["RETRY_ATTEMPTS"] == "2"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["ERROR_CODE"] == "ERROR_FROM_TARGET"


HUB = "999988887777"
HUB_BUS = f"arn:aws:events:us-east-1:{HUB}:event-bus/findings"


@pytest.fixture
def hub(account: LocalAccount) -> dict[str, str]:
    """Another account with a bus whose events end in its queue `seen`; arguments for its clients."""
    client = {"access_key_id": HUB}
    account.client("events", **client).create_event_bus(Name="findings")
    target = {"Arn": queue(account, "seen", **client)}
    rule(account, {"account": [{"prefix": ""}]}, target, EventBusName="findings", client=client)
    return client


def let_in(account: LocalAccount, sender: str) -> None:
    account.client("events", access_key_id=HUB).put_permission(
        EventBusName="findings", StatementId="sender", Action="events:PutEvents", Principal=sender
    )


def test_another_accounts_bus_receives_the_event_unchanged(
    account: LocalAccount, hub: dict[str, str], role_arn: str
) -> None:
    let_in(account, ACCOUNT)
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": HUB_BUS, "RoleArn": role_arn})
    publish(account, {**CALL, "id": "an-id", "time": "2026-01-02T03:04:05Z"})
    [event] = bodies(account, "seen", **hub)
    assert {key: event[key] for key in ("id", "time", "account", "region", "source")} == {
        "id": "an-id",
        "time": "2026-01-02T03:04:05Z",
        "account": ACCOUNT,
        "region": "us-east-1",
        "source": "aws.dynamodb",
    }


def test_another_accounts_bus_must_let_the_sender_in(
    account: LocalAccount, hub: dict[str, str], role_arn: str
) -> None:
    let_in(account, "111122223333")
    target = {
        "Arn": HUB_BUS,
        "RoleArn": role_arn,
        "DeadLetterConfig": {"Arn": queue(account, "dead-letters")},
    }
    rule(account, {"source": ["aws.dynamodb"]}, target)
    publish(account)
    [message] = messages(account, "dead-letters")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert bodies(account, "seen", **hub) == []


def test_the_role_of_the_sender_must_be_allowed_to_put_events(
    account: LocalAccount, hub: dict[str, str]
) -> None:
    let_in(account, ACCOUNT)
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": f"{HUB_BUS}-not"}
    wrong = role(account, "wrong", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": HUB_BUS, "RoleArn": wrong})
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": HUB_BUS}, Name="without-a-role")
    publish(account)
    assert bodies(account, "seen", **hub) == []


def test_putting_events_on_another_accounts_bus_needs_its_policy(
    account: LocalAccount, hub: dict[str, str]
) -> None:
    events = account.client("events")
    with pytest.raises(events.exceptions.ClientError, match="AccessDeniedException"):
        events.put_events(Entries=[{**ORDER, "EventBusName": HUB_BUS}])
    let_in(account, ACCOUNT)
    events.put_events(Entries=[{**ORDER, "EventBusName": HUB_BUS}])
    [event] = bodies(account, "seen", **hub)
    assert event["account"] == ACCOUNT


@pytest.mark.parametrize(("is_member", "seen"), [(True, 1), (False, 0)])
def test_a_bus_may_let_in_its_organization(
    account: LocalAccount, hub: dict[str, str], role_arn: str, is_member: bool, seen: int
) -> None:
    organization = account.client("organizations", access_key_id=ACCOUNT if is_member else HUB)
    organization_id = organization.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    account.client("events", **hub).put_permission(
        EventBusName="findings",
        StatementId="organization",
        Action="events:PutEvents",
        Principal="*",
        Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": organization_id},
    )
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": HUB_BUS, "RoleArn": role_arn})
    publish(account)
    assert len(bodies(account, "seen", **hub)) == seen


def test_an_event_from_another_account_is_not_forwarded_to_a_third(
    account: LocalAccount, hub: dict[str, str], role_arn: str
) -> None:
    let_in(account, ACCOUNT)
    rule(account, {"source": ["aws.dynamodb"]}, {"Arn": HUB_BUS, "RoleArn": role_arn})
    publish(account, {**CALL, "account": "444455556666"})
    assert bodies(account, "seen", **hub) == []


def test_an_archive_keeps_events_and_replays_them(account: LocalAccount) -> None:
    events = account.client("events")
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    archive = events.create_archive(
        ArchiveName="orders", EventSourceArn=bus, EventPattern='{"source": ["shop"]}'
    )["ArchiveArn"]
    events.put_events(Entries=[ORDER])
    account.drain()
    assert events.describe_archive(ArchiveName="orders")["EventCount"] == 1

    rule(account, {"source": ["shop"]}, {"Arn": queue(account, "seen")})
    events.start_replay(
        ReplayName="again",
        EventSourceArn=archive,
        EventStartTime="2026-01-01T00:00:00Z",
        EventEndTime="2036-01-01T00:00:00Z",
        Destination={"Arn": bus},
    )
    [event] = bodies(account, "seen")
    assert event["replay-name"] == "again"
    assert events.describe_archive(ArchiveName="orders")["EventCount"] == 1
