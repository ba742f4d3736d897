"""S3, SNS and EventBridge invoke the alias that they name, if its policy lets them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.local_functions import ACCOUNT_ARN, deploy, release, reports, update

BUCKET, RULE = "arn:aws:s3:::orders", f"arn:aws:events:{ACCOUNT_ARN}:rule/r"
TOPIC = f"arn:aws:sns:{ACCOUNT_ARN}:t"


@pytest.fixture
def alias(account: LocalAccount, role_arn: str) -> str:
    """The ARN of an alias on version 1, whose function has other code by now."""
    deploy(account, role_arn)
    arn = release(account)
    update(account, "two")
    return arn


def permit(account: LocalAccount, service: str, source: str, **qualifier: str) -> None:
    account.client("lambda").add_permission(
        FunctionName="f",
        StatementId=service,
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        SourceArn=source,
        **qualifier,
    )


def ran(account: LocalAccount) -> list[tuple[str, str]]:
    return [(report["code"], ":".join(report["arn"].split(":")[7:])) for report in reports(account)]


def test_a_bucket_invokes_the_alias_that_lets_it(account: LocalAccount, alias: str) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="orders")
    wanted = {
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": alias, "Events": ["s3:ObjectCreated:*"]}]
    }
    permit(account, "s3", BUCKET)
    with pytest.raises(ClientError, match="Unable to validate the following destination"):
        s3.put_bucket_notification_configuration(Bucket="orders", NotificationConfiguration=wanted)
    permit(account, "s3", BUCKET, Qualifier="live")
    s3.put_bucket_notification_configuration(Bucket="orders", NotificationConfiguration=wanted)
    s3.put_object(Bucket="orders", Key="k", Body=b"")
    assert ran(account) == [("one", "live")]


def test_a_topic_invokes_the_alias_that_lets_it(account: LocalAccount, alias: str) -> None:
    sns = account.client("sns")
    sns.create_topic(Name="t")
    sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=alias)
    permit(account, "sns", TOPIC)
    sns.publish(TopicArn=TOPIC, Message="lost")
    assert ran(account) == []
    permit(account, "sns", TOPIC, Qualifier="live")
    sns.publish(TopicArn=TOPIC, Message="m")
    assert ran(account) == [("one", "live")]


def test_a_rule_invokes_the_alias_that_lets_it(account: LocalAccount, alias: str) -> None:
    events = account.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["me"]}))
    events.put_targets(
        Rule="r", Targets=[{"Id": "1", "Arn": alias, "RetryPolicy": {"MaximumRetryAttempts": 0}}]
    )

    def put() -> None:
        events.put_events(Entries=[{"Source": "me", "DetailType": "t", "Detail": "{}"}])

    permit(account, "events", RULE)
    put()
    assert ran(account) == []
    permit(account, "events", RULE, Qualifier="live")
    put()
    assert ran(account) == [("one", "live")]


def test_an_alias_that_is_moved_takes_what_invokes_it_along(account: LocalAccount, alias: str) -> None:
    sns = account.client("sns")
    sns.create_topic(Name="t")
    sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=alias)
    permit(account, "sns", TOPIC, Qualifier="live")
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")
    functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    sns.publish(TopicArn=TOPIC, Message="m")
    assert ran(account) == [("two", "live")]


@pytest.mark.parametrize(
    ("given", "principal", "condition"),
    [
        ({"Principal": "s3.amazonaws.com"}, {"Service": "s3.amazonaws.com"}, None),
        ({"Principal": "111122223333"}, {"AWS": "arn:aws:iam::111122223333:root"}, None),
        (
            {"Principal": "arn:aws:iam::111122223333:role/r"},
            {"AWS": "arn:aws:iam::111122223333:role/r"},
            None,
        ),
        (
            {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "skill"},
            {"Service": "alexa-appkit.amazon.com"},
            {"StringEquals": {"lambda:EventSourceToken": "skill"}},
        ),
        (
            {"Principal": "*", "FunctionUrlAuthType": "NONE", "Action": "lambda:InvokeFunctionUrl"},
            "*",
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        (
            {
                "Principal": "s3.amazonaws.com",
                "SourceArn": BUCKET,
                "SourceAccount": "123456789012",
                "PrincipalOrgID": "o-1234567890",
            },
            {"Service": "s3.amazonaws.com"},
            {
                "ArnLike": {"AWS:SourceArn": BUCKET},
                "StringEquals": {"AWS:SourceAccount": "123456789012", "aws:PrincipalOrgID": "o-1234567890"},
            },
        ),
    ],
)
def test_a_permission_is_written_as_lambda_writes_it(
    account: LocalAccount, alias: str, given: dict[str, str], principal: Any, condition: Any
) -> None:
    functions = account.client("lambda")
    wanted = {"StatementId": "s", "Action": "lambda:InvokeFunction", **given}
    added = json.loads(functions.add_permission(FunctionName=alias, **wanted)["Statement"])
    assert added == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": principal,
        "Action": wanted["Action"],
        "Resource": alias,
        **({"Condition": condition} if condition else {}),
    }
    policy = json.loads(functions.get_policy(FunctionName="f", Qualifier="live")["Policy"])
    assert policy["Statement"] == [added]


def test_latest_has_no_policy_of_its_own_and_an_old_revision_is_refused(
    account: LocalAccount, alias: str
) -> None:
    functions = account.client("lambda")
    wanted = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.add_permission(**wanted, StatementId="s", Qualifier="$LATEST")
    functions.add_permission(**wanted, StatementId="s")
    revision = functions.get_policy(FunctionName="f")["RevisionId"]
    functions.add_permission(**wanted, StatementId="t", RevisionId=revision)
    with pytest.raises(functions.exceptions.PreconditionFailedException):
        functions.add_permission(**wanted, StatementId="u", RevisionId=revision)


def test_an_endpoint_is_subscribed_once_and_with_one_set_of_attributes(
    account: LocalAccount, alias: str
) -> None:
    sns = account.client("sns")
    sns.create_topic(Name="t")

    def subscribe(policy: str) -> str:
        arn: str = sns.subscribe(
            TopicArn=TOPIC,
            Protocol="lambda",
            Endpoint=alias,
            Attributes={"FilterPolicy": policy, "RawMessageDelivery": "false"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return arn

    first = subscribe('{"kind": ["a"]}')
    assert subscribe('{"kind":["a"]}') == first
    with pytest.raises(ClientError, match="already exists with different attributes"):
        subscribe('{"kind": ["b"]}')
    attributes = sns.get_subscription_attributes(SubscriptionArn=first)["Attributes"]
    assert json.loads(attributes["FilterPolicy"]) == {"kind": ["a"]}
