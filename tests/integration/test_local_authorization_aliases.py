"""What a guard of versions, aliases and whatever invokes them needs to be allowed, call by call."""

from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.local_functions import deploy, release
from tests.integration.test_local_authorization import Session, allow, document

HERE = "us-east-1:123456789012"
FUNCTION, ALIAS = f"arn:aws:lambda:{HERE}:function:f", f"arn:aws:lambda:{HERE}:function:f:live"
UUID = "14e0db71-5d35-4eb5-b481-8945cf9d10c2"
MAPPING = f"arn:aws:lambda:{HERE}:event-source-mapping:{UUID}"
TOPIC, SUBSCRIPTION = f"arn:aws:sns:{HERE}:t", f"arn:aws:sns:{HERE}:t:{UUID}"
RULE = f"arn:aws:events:{HERE}:rule/r"
BUS_RULE = f"arn:aws:events:{HERE}:rule/own/r"
STACK = f"arn:aws:cloudformation:{HERE}:stack/st/1"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:m"
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/tg/1"
F, A = {"FunctionName": "f"}, {"FunctionName": "f", "Qualifier": "live"}
PERMISSION = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
NAMED = {**F, "Name": "live", "FunctionVersion": "1"}
TARGETS = {"Targets": [{"Id": "1", "Arn": ALIAS}]}
# Service and method, parameters, action, resource.
CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("lambda.list_aliases", F, "lambda:ListAliases", FUNCTION),
    ("lambda.list_versions_by_function", F, "lambda:ListVersionsByFunction", FUNCTION),
    ("lambda.get_function_configuration", F, "lambda:GetFunctionConfiguration", FUNCTION),
    ("lambda.get_function_configuration", A, "lambda:GetFunctionConfiguration", ALIAS),
    ("lambda.get_function_url_config", F, "lambda:GetFunctionUrlConfig", FUNCTION),
    ("lambda.get_policy", F, "lambda:GetPolicy", FUNCTION),
    ("lambda.get_policy", A, "lambda:GetPolicy", ALIAS),
    ("lambda.list_event_source_mappings", F, "lambda:ListEventSourceMappings", "*"),
    ("lambda.get_event_source_mapping", {"UUID": UUID}, "lambda:GetEventSourceMapping", MAPPING),
    (
        "lambda.update_event_source_mapping",
        {"UUID": UUID, "FunctionName": ALIAS},
        "lambda:UpdateEventSourceMapping",
        MAPPING,
    ),
    ("lambda.list_tags", {"Resource": FUNCTION}, "lambda:ListTags", FUNCTION),
    ("lambda.tag_resource", {"Resource": FUNCTION, "Tags": {"a": "b"}}, "lambda:TagResource", FUNCTION),
    ("lambda.publish_version", F, "lambda:PublishVersion", FUNCTION),
    ("lambda.create_alias", NAMED, "lambda:CreateAlias", FUNCTION),
    ("lambda.update_alias", NAMED, "lambda:UpdateAlias", FUNCTION),
    ("lambda.add_permission", {**A, **PERMISSION}, "lambda:AddPermission", ALIAS),
    ("events.list_rule_names_by_target", {"TargetArn": FUNCTION}, "events:ListRuleNamesByTarget", "*"),
    ("events.list_targets_by_rule", {"Rule": "r"}, "events:ListTargetsByRule", RULE),
    ("events.describe_rule", {"Name": "r", "EventBusName": "own"}, "events:DescribeRule", BUS_RULE),
    ("events.put_targets", {"Rule": "r", **TARGETS}, "events:PutTargets", RULE),
    (
        "scheduler.get_schedule",
        {"Name": "s", "GroupName": "g"},
        "scheduler:GetSchedule",
        f"arn:aws:scheduler:{HERE}:schedule/g/s",
    ),
    ("pipes.list_pipes", {"TargetPrefix": FUNCTION}, "pipes:ListPipes", "*"),
    ("pipes.describe_pipe", {"Name": "p"}, "pipes:DescribePipe", f"arn:aws:pipes:{HERE}:pipe/p"),
    (
        "stepfunctions.describe_state_machine",
        {"stateMachineArn": MACHINE},
        "states:DescribeStateMachine",
        MACHINE,
    ),
    (
        "apigatewayv2.get_integrations",
        {"ApiId": "a1"},
        "apigateway:GET",
        "arn:aws:apigateway:us-east-1::/apis/a1/integrations",
    ),
    (
        "apigateway.get_resources",
        {"restApiId": "a1", "embed": ["methods"]},
        "apigateway:GET",
        "arn:aws:apigateway:us-east-1::/restapis/a1/resources",
    ),
    (
        "logs.describe_subscription_filters",
        {"logGroupName": "/g"},
        "logs:DescribeSubscriptionFilters",
        f"arn:aws:logs:{HERE}:log-group:/g:*",
    ),
    (
        "elbv2.describe_target_health",
        {"TargetGroupArn": TARGET_GROUP},
        "elasticloadbalancing:DescribeTargetHealth",
        "*",
    ),
    (
        "cognito-idp.describe_user_pool",
        {"UserPoolId": "us-east-1_p"},
        "cognito-idp:DescribeUserPool",
        f"arn:aws:cognito-idp:{HERE}:userpool/us-east-1_p",
    ),
    ("iot.get_topic_rule", {"ruleName": "ir"}, "iot:GetTopicRule", f"arn:aws:iot:{HERE}:rule/ir"),
    (
        "sns.get_subscription_attributes",
        {"SubscriptionArn": SUBSCRIPTION},
        "sns:GetSubscriptionAttributes",
        "*",
    ),
    ("sns.list_subscriptions_by_topic", {"TopicArn": TOPIC}, "sns:ListSubscriptionsByTopic", TOPIC),
    ("sns.subscribe", {"TopicArn": TOPIC, "Protocol": "lambda", "Endpoint": ALIAS}, "sns:Subscribe", TOPIC),
    ("sns.unsubscribe", {"SubscriptionArn": SUBSCRIPTION}, "sns:Unsubscribe", "*"),
    (
        "s3.put_bucket_notification_configuration",
        {"Bucket": "orders", "NotificationConfiguration": {}, "ExpectedBucketOwner": "123456789012"},
        "s3:PutBucketNotification",
        "arn:aws:s3:::orders",
    ),
    ("cloudformation.get_template_summary", {"StackName": STACK}, "cloudformation:GetTemplateSummary", STACK),
    ("cloudformation.describe_stacks", {"StackName": STACK}, "cloudformation:DescribeStacks", STACK),
    (
        "cloudformation.describe_stack_resources",
        {"StackName": STACK},
        "cloudformation:DescribeStackResources",
        STACK,
    ),
]


@pytest.fixture
def session(account: LocalAccount) -> Session:
    return Session(account, allow("sts:GetCallerIdentity", "*"))


def let(account: LocalAccount, *statements: dict[str, Any]) -> None:
    account.client("iam").put_role_policy(
        RoleName="guard", PolicyName="inline", PolicyDocument=document(*statements)
    )


def test_each_call_needs_exactly_its_permission(account: LocalAccount, session: Session) -> None:
    account.client("s3").create_bucket(Bucket="orders")
    every = [allow(action, resource) for *_, action, resource in CALLS]
    for operation, parameters, action, resource in CALLS:
        service, method = operation.split(".")
        let(account, *every)
        assert session.may(service, method, **parameters), operation
        others = [it for it in every if it != allow(action, resource)]
        let(account, *others, *([] if resource != "*" else [allow(action, "arn:aws:*:*:*:*")]))
        assert not session.may(service, method, **parameters), operation


def test_a_mapping_can_be_allowed_by_the_function_that_it_is_given(
    account: LocalAccount, session: Session, role_arn: str
) -> None:
    deploy(account, role_arn)
    alias = release(account)
    account.client("sqs").create_queue(QueueName="q")
    uuid = account.client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:{HERE}:q", FunctionName="f"
    )["UUID"]
    account.drain()

    def only(operator: str, function: str) -> None:
        condition = {operator: {"lambda:FunctionArn": function}}
        let(account, allow("lambda:UpdateEventSourceMapping", "*", Condition=condition))

    only("ArnEquals", alias)
    assert not session.may("lambda", "update_event_source_mapping", UUID=uuid, BatchSize=5)
    assert session.may("lambda", "update_event_source_mapping", UUID=uuid, FunctionName=alias)
    only("ArnLike", f"{FUNCTION}*")
    assert session.may("lambda", "update_event_source_mapping", UUID=uuid, BatchSize=5)


def test_subscribing_can_be_allowed_for_functions_only(account: LocalAccount, session: Session) -> None:
    topic = account.client("sns").create_topic(Name="t")["TopicArn"]
    condition = {"StringEquals": {"sns:Protocol": "lambda"}, "ArnLike": {"sns:Endpoint": f"{FUNCTION}:*"}}
    let(account, allow("sns:Subscribe", topic, Condition=condition))
    assert session.may("sns", "subscribe", TopicArn=topic, Protocol="lambda", Endpoint=ALIAS)
    assert not session.may("sns", "subscribe", TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
    assert not session.may("sns", "subscribe", TopicArn=topic, Protocol="email", Endpoint="a@example.com")
