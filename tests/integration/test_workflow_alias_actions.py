"""The actions of `missing-alias`: the workflow's own states, with what the template allows its role."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from stackwarden.finding import ActionKind
from tests.integration.conftest import ALLOW_EVERYTHING, role, zipped
from tests.workflow_actions import Workflow

POLICIES = ("MissingAliasRemediation", "MissingAliasRepointing")
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
LIVE = f"{FUNCTION}:live"
GUARD = "arn:aws:lambda:us-east-1:123456789012:function:guard"
CODE = "def handler(event, context):\n    return {}\n"

type Json = dict[str, Any]


@pytest.fixture
def workflow(account: LocalAccount) -> Workflow:
    """A workflow, and a function without a version."""
    runs_as = role(account, "orders-role", ALLOW_EVERYTHING)
    account.client("lambda").create_function(
        FunctionName="orders",
        Runtime="python3.13",
        Role=runs_as,
        Handler="app.handler",
        Code={"ZipFile": zipped(app=CODE)},
    )
    return Workflow(account, POLICIES, {"MissingAliasFunction.Arn": GUARD})


def published(workflow: Workflow) -> str:
    """Publish a version and make the alias."""
    functions = workflow.account.client("lambda")
    version: str = functions.publish_version(FunctionName="orders")["Version"]
    functions.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)
    return version


def statement(**more: Any) -> Json:
    """The parameters of AddPermission, as the guard asks for them."""
    known = {"FunctionName": FUNCTION, "Qualifier": "live", "StatementId": "stackwarden-1"}
    return {**known, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **more}


def test_the_code_is_published_and_the_alias_made(workflow: Workflow) -> None:
    functions = workflow.account.client("lambda")
    code = functions.get_function_configuration(FunctionName="orders")["CodeSha256"]

    version = workflow.attempt(ActionKind.PUBLISH_VERSION, FUNCTION, code_sha256=code)
    alias = workflow.attempt(ActionKind.CREATE_ALIAS, FUNCTION, name="live", version="1")

    assert version["status"] == alias["status"] == "done"
    assert functions.get_alias(FunctionName="orders", Name="live")["FunctionVersion"] == "1"


def test_code_that_is_another_one_by_now_is_not_published(workflow: Workflow) -> None:
    result = workflow.attempt(ActionKind.PUBLISH_VERSION, FUNCTION, code_sha256="b3RoZXI=")

    assert result["status"] == "failed"
    assert result["error"].startswith("Lambda.InvalidParameterValueException: ")
    listed = workflow.account.client("lambda").list_versions_by_function(FunctionName="orders")
    assert [version["Version"] for version in listed["Versions"]] == ["$LATEST"]


def test_an_alias_that_is_there_by_now_is_left_as_it_is(workflow: Workflow) -> None:
    published(workflow)

    result = workflow.attempt(ActionKind.CREATE_ALIAS, FUNCTION, name="live", version="1")

    assert result["status"] == "failed"
    assert result["error"].startswith("Lambda.ResourceConflictException: ")


def test_an_alias_is_moved_off_latest(workflow: Workflow) -> None:
    functions = workflow.account.client("lambda")
    version = functions.publish_version(FunctionName="orders")["Version"]
    functions.create_alias(FunctionName="orders", Name="live", FunctionVersion="$LATEST")

    result = workflow.attempt(ActionKind.UPDATE_ALIAS, FUNCTION, name="live", version=version)

    assert result["status"] == "done"
    assert functions.get_alias(FunctionName="orders", Name="live")["FunctionVersion"] == version


ARN, ACCOUNT = "arn:aws:s3:::photos", "123456789012"


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({}, None),
        ({"SourceArn": ARN}, {"ArnLike": {"AWS:SourceArn": ARN}}),
        ({"SourceAccount": ACCOUNT}, {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}),
        (
            {"SourceArn": ARN, "SourceAccount": ACCOUNT},
            {"ArnLike": {"AWS:SourceArn": ARN}, "StringEquals": {"AWS:SourceAccount": ACCOUNT}},
        ),
    ],
)
def test_a_permission_is_copied_as_narrow_as_it_is(
    workflow: Workflow, given: Json, condition: Json | None
) -> None:
    published(workflow)
    wanted = statement(**given)

    result = workflow.attempt(ActionKind.ADD_PERMISSION, FUNCTION, qualifier="live", statement=wanted)

    assert result["status"] == "done", result
    policy = workflow.account.client("lambda").get_policy(FunctionName="orders", Qualifier="live")["Policy"]
    [made] = json.loads(policy)["Statement"]
    assert (made["Principal"], made["Resource"]) == ({"Service": "s3.amazonaws.com"}, LIVE)
    assert made.get("Condition") == condition


def test_a_permission_with_a_token_is_copied(workflow: Workflow) -> None:
    published(workflow)
    wanted = statement(Principal="alexa-appkit.amazon.com", EventSourceToken="skill")

    result = workflow.attempt(ActionKind.ADD_PERMISSION, FUNCTION, qualifier="live", statement=wanted)

    assert result["status"] == "done", result


@pytest.mark.parametrize(
    "more",
    [
        {"PrincipalOrgID": "o-a1b2c3d4e5"},
        {"FunctionUrlAuthType": "NONE"},
        {"InvokedViaFunctionUrl": True},
        {"EventSourceToken": "skill", "SourceArn": ARN},
        {"EventSourceToken": "skill", "SourceAccount": ACCOUNT},
    ],
)
def test_a_permission_that_cannot_be_copied_as_narrow_as_it_is_is_not_copied(
    workflow: Workflow, more: Json
) -> None:
    published(workflow)

    result = workflow.attempt(
        ActionKind.ADD_PERMISSION, FUNCTION, qualifier="live", statement=statement(**more)
    )

    assert result["status"] == "failed"
    assert result["error"].startswith("UnknownPermission: ")


@pytest.mark.parametrize("principal", ["*", "210987654321", "arn:aws:iam::210987654321:role/reader"])
def test_nobody_but_a_service_can_be_given_a_permission(workflow: Workflow, principal: str) -> None:
    published(workflow)
    given = statement(Principal=principal)

    result = workflow.attempt(ActionKind.ADD_PERMISSION, FUNCTION, qualifier="live", statement=given)

    assert result["status"] == "failed"
    assert "is not authorized to perform: lambda:AddPermission" in result["error"]


def test_a_mapping_is_moved_to_the_alias(workflow: Workflow) -> None:
    published(workflow)
    queue = workflow.account.client("sqs").create_queue(QueueName="orders")["QueueUrl"].rsplit("/", 1)[-1]
    functions = workflow.account.client("lambda")
    mapping = functions.create_event_source_mapping(
        FunctionName="orders", EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{queue}"
    )["UUID"]

    result = workflow.attempt(ActionKind.REPOINT_MAPPING, mapping, function=LIVE)

    assert result["status"] == "done"
    assert functions.get_event_source_mapping(UUID=mapping)["FunctionArn"] == LIVE


def test_the_notifications_of_a_bucket_are_replaced_as_a_whole(workflow: Workflow) -> None:
    published(workflow)
    functions, buckets = workflow.account.client("lambda"), workflow.account.client("s3")
    buckets.create_bucket(Bucket="photos")
    functions.add_permission(**statement(SourceArn="arn:aws:s3:::photos"))
    rules = [{"Name": "Prefix", "Value": "in/"}]
    configuration = {
        "LambdaFunctionConfigurations": [
            {
                "Id": "new-photo",
                "LambdaFunctionArn": LIVE,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": rules}},
            }
        ],
        "EventBridgeConfiguration": {},
    }

    result = workflow.attempt(
        ActionKind.REPOINT_NOTIFICATION,
        "photos",
        configuration=configuration,
        account="123456789012",
        function=LIVE,
    )

    assert result["status"] == "done"
    stored = buckets.get_bucket_notification_configuration(Bucket="photos")
    assert stored["LambdaFunctionConfigurations"] == configuration["LambdaFunctionConfigurations"]
    assert stored["EventBridgeConfiguration"] == {}


def test_a_bucket_of_another_account_is_left_alone(workflow: Workflow) -> None:
    workflow.account.client("s3").create_bucket(Bucket="photos")

    result = workflow.attempt(
        ActionKind.REPOINT_NOTIFICATION, "photos", configuration={}, account="210987654321", function=LIVE
    )

    assert result["status"] == "failed"
    assert "Access Denied" in result["error"]


def test_a_target_is_replaced_under_its_id(workflow: Workflow) -> None:
    events = workflow.account.client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="nightly", Targets=[{"Id": "orders", "Arn": FUNCTION, "Input": "{}"}])
    targets = [{"Id": "orders", "Arn": LIVE, "Input": "{}"}]

    result = workflow.attempt(
        ActionKind.REPOINT_TARGET, "nightly", bus="default", targets=targets, function=LIVE
    )

    assert result["status"] == "done"
    assert events.list_targets_by_rule(Rule="nightly")["Targets"] == targets


def test_only_functions_can_be_made_targets(workflow: Workflow) -> None:
    workflow.account.client("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    targets = [{"Id": "orders", "Arn": "arn:aws:sqs:us-east-1:123456789012:elsewhere"}]

    result = workflow.attempt(
        ActionKind.REPOINT_TARGET, "nightly", bus="default", targets=targets, function=LIVE
    )

    assert result["status"] == "failed"
    assert "is not authorized to perform: events:PutTargets" in result["error"]


def test_a_subscription_is_replaced_with_its_filter(workflow: Workflow) -> None:
    published(workflow)
    topics = workflow.account.client("sns")
    topic = topics.create_topic(Name="news")["TopicArn"]
    old = topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION, ReturnSubscriptionArn=True)
    attributes = {"FilterPolicy": '{"kind": ["order"]}'}

    new = workflow.attempt(ActionKind.REPOINT_SUBSCRIPTION, topic, function=LIVE, attributes=attributes)
    ended = workflow.attempt(ActionKind.END_SUBSCRIPTION, old["SubscriptionArn"], topic=topic)

    assert new["status"] == ended["status"] == "done"
    [left] = topics.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    stored = topics.get_subscription_attributes(SubscriptionArn=left["SubscriptionArn"])["Attributes"]
    assert (left["Endpoint"], json.loads(stored["FilterPolicy"])) == (LIVE, {"kind": ["order"]})


def test_nothing_but_a_function_can_be_subscribed(workflow: Workflow) -> None:
    topic = workflow.account.client("sns").create_topic(Name="news")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:123456789012:elsewhere"

    result = workflow.attempt(ActionKind.REPOINT_SUBSCRIPTION, topic, function=queue, attributes={})

    assert result["status"] == "failed"
    assert "is not authorized to perform: SNS:Subscribe" in result["error"]
