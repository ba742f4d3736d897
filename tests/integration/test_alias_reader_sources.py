"""What each kind of source says of the function that it invokes, and what of it may not be read."""

import json
from typing import Any, cast

import pytest

from stackwarden import aws
from stackwarden.alias_subject import Seed
from stackwarden.policies.alias_state import Kind
from tests.alias_estate import HERE, Estate, function_arn, integration_uri, refuse, reply

FILTER = {"FilterPolicy": '{"colour": ["red"]}', "FilterPolicyScope": "MessageBody"}
MACHINE = f"arn:aws:states:{HERE}:stateMachine:nightly"


def client(service: str) -> Any:
    """The guard's client, which moto lets make things, too."""
    return aws.client(cast(Any, service))


class TestABucket:
    def test_of_another_account_may_not_be_read(self, estate: Estate) -> None:
        """S3 says so whoever may read it, since it is asked for a bucket of this account."""
        estate.bucket("photos", "billing")
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        found = estate.read(Seed(Kind.BUCKET, "photos"))

        assert (found.invokers, found.unread) == ((), ("s3:GetBucketNotification on photos is denied",))

    def test_is_only_asked_for_if_it_is_the_accounts_own(self, estate: Estate) -> None:
        estate.bucket("photos", "billing")
        asked: list[str] = []
        client("s3").meta.events.register(
            "provide-client-params.s3.GetBucketNotificationConfiguration",
            lambda params, **_: asked.append(params["ExpectedBucketOwner"]),
        )

        estate.read(Seed(Kind.BUCKET, "photos"))

        assert asked == ["123456789012"]

    def test_comes_with_all_its_notifications(self, estate: Estate) -> None:
        estate.bucket("photos", "billing", "billing:live")

        configuration = estate.read(Seed(Kind.BUCKET, "photos")).invokers[0].config

        told = configuration["LambdaFunctionConfigurations"]
        assert [each["LambdaFunctionArn"] for each in told] == [
            function_arn("billing"),
            function_arn("billing:live"),
        ]
        assert "ResponseMetadata" not in configuration


class TestATopic:
    def test_invokes_whom_it_has_as_a_subscriber(self, estate: Estate) -> None:
        topic = estate.topic("orders", "billing", "billing-archive")

        found = estate.invoker(Seed(Kind.TOPIC, topic))

        assert (found.kind, found.source, found.qualifier) == (Kind.TOPIC, topic, None)

    def test_comes_with_filters_where_subscriptions_are_to_be_moved(self, estate: Estate) -> None:
        topic = Seed(Kind.TOPIC, estate.topic("orders", "billing", **FILTER))

        assert estate.invoker(topic).config == {}
        assert estate.invoker(topic, push=True).config == FILTER

    def test_may_not_be_read_where_its_filters_may_not(self, estate: Estate) -> None:
        """Moved without its filter, a subscription would tell of more than before."""
        topic = estate.topic("orders", "billing")
        estate.allow("sns", topic)
        refuse("sns", "GetSubscriptionAttributes", "AuthorizationError")

        assert [i.kind for i in estate.read(push=False).invokers] == [Kind.TOPIC]
        assert [i.kind for i in estate.read(push=True).invokers] == [Kind.PERMISSION]


class TestARule:
    def test_of_another_bus_is_read_on_that(self, estate: Estate) -> None:
        estate.events.create_event_bus(Name="orders")
        arn = estate.rule("scans", "billing", bus="orders")
        estate.allow("events", arn)

        found = estate.invoker()

        assert (found.source, found.enabled, found.config["Arn"]) == (arn, True, function_arn("billing"))

    def test_that_is_switched_off_invokes_nothing(self, estate: Estate) -> None:
        estate.rule("scans", "billing")
        estate.events.disable_rule(Name="scans")

        assert not estate.invoker().enabled


class TestASchedule:
    @pytest.fixture
    def nightly(self, estate: Estate) -> Seed:
        client("scheduler").create_schedule_group(Name="night")
        client("scheduler").create_schedule(
            Name="nightly",
            GroupName="night",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": function_arn("billing"), "RoleArn": estate.role},
        )
        return Seed(Kind.SCHEDULE, "night/nightly")

    def test_is_read_in_its_group(self, estate: Estate, nightly: Seed) -> None:
        assert estate.invokers(nightly) == [(Kind.SCHEDULE, "night/nightly", None)]

    def test_that_is_gone_is_nothing(self, estate: Estate, nightly: Seed) -> None:
        assert estate.invokers(Seed(Kind.SCHEDULE, "default/nightly")) == []

    def test_that_may_not_be_read_is_told(self, estate: Estate, nightly: Seed) -> None:
        refuse("scheduler", "GetSchedule")

        assert estate.read(nightly).unread == ("scheduler:GetSchedule on night/nightly is denied",)


class TestAPipe:
    def test_may_invoke_the_function_on_the_way(self, estate: Estate) -> None:
        client("pipes").create_pipe(
            Name="orders",
            RoleArn=estate.role,
            Source=f"arn:aws:sqs:{HERE}:jobs",
            Enrichment=function_arn("billing"),
            Target=f"arn:aws:sqs:{HERE}:done",
        )

        assert estate.invokers() == []
        assert estate.invokers(Seed(Kind.PIPE, "orders")) == [(Kind.PIPE, "Enrichment", None)]

    def test_that_is_gone_is_nothing(self, estate: Estate) -> None:
        assert estate.invokers(Seed(Kind.PIPE, "orders")) == []


class TestAStateMachine:
    DEFINITION = json.dumps(
        {
            "StartAt": "Bill",
            "States": {
                "Bill": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": {"FunctionName": "billing"},
                    "End": True,
                }
            },
        }
    )

    def test_is_read_by_its_definition(self, estate: Estate) -> None:
        client("stepfunctions").create_state_machine(
            name="nightly", definition=self.DEFINITION, roleArn=estate.role
        )

        assert estate.invokers(Seed(Kind.STATE_MACHINE, MACHINE)) == [(Kind.STATE_MACHINE, "Bill", None)]

    def test_that_is_gone_is_nothing(self, estate: Estate) -> None:
        assert estate.invokers(Seed(Kind.STATE_MACHINE, MACHINE)) == []

    def test_whose_key_may_not_be_used_may_not_be_read(self, estate: Estate) -> None:
        refuse("stepfunctions", "DescribeStateMachine", "KmsAccessDeniedException")

        found = estate.read(Seed(Kind.STATE_MACHINE, MACHINE))

        assert found.unread == (f"states:DescribeStateMachine on {MACHINE} is denied",)


class TestAnApi:
    def test_with_methods_invokes_by_them(self, estate: Estate) -> None:
        rest = client("apigateway")
        api = rest.create_rest_api(name="shop")["id"]
        root = rest.get_resources(restApiId=api)["items"][0]["id"]
        rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        rest.put_integration(
            restApiId=api,
            resourceId=root,
            httpMethod="GET",
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=integration_uri(function_arn("billing")),
        )
        estate.allow("apigateway", f"arn:aws:execute-api:{HERE}:{api}/*/GET/")

        found = estate.invoker()

        assert (found.kind, found.id) == (Kind.REST_API, "GET /")
        assert found.source == f"arn:aws:apigateway:us-east-1::/restapis/{api}"

    def test_with_integrations_invokes_by_them(self, estate: Estate) -> None:
        http = client("apigatewayv2")
        api = http.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
        made = http.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function_arn("billing"),
            PayloadFormatVersion="2.0",
        )
        reply("apigatewayv2", "GetAuthorizers", items=[])
        estate.allow("apigateway", f"arn:aws:execute-api:{HERE}:{api}/*/*/orders")

        found = estate.invoker()

        assert (found.kind, found.id) == (Kind.HTTP_API, made["IntegrationId"])
        assert found.source == f"arn:aws:apigateway:us-east-1::/apis/{api}"

    def test_with_methods_invokes_by_its_authorizers(self, estate: Estate) -> None:
        rest = client("apigateway")
        api = rest.create_rest_api(name="shop")["id"]
        rest.create_authorizer(
            restApiId=api, name="who", type="TOKEN", authorizerUri=integration_uri(function_arn("billing"))
        )
        estate.allow("apigateway", f"arn:aws:execute-api:{HERE}:{api}/authorizers/a1b2c3")

        assert estate.invokers() == [(Kind.REST_API, "authorizer who", None)]

    def test_with_integrations_invokes_by_its_authorizers(self, estate: Estate) -> None:
        api = client("apigatewayv2").create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
        uri = integration_uri(function_arn("billing"))
        reply("apigatewayv2", "GetAuthorizers", items=[{"name": "who", "authorizerUri": uri}])
        estate.allow("apigateway", f"arn:aws:execute-api:{HERE}:{api}/authorizers/a1b2c3")

        assert estate.invokers() == [(Kind.HTTP_API, "authorizer who", None)]


def test_a_target_group_invokes_its_target(estate: Estate) -> None:
    group = client("elbv2").create_target_group(Name="shop", TargetType="lambda")["TargetGroups"][0]
    arn = group["TargetGroupArn"]
    client("elbv2").register_targets(TargetGroupArn=arn, Targets=[{"Id": function_arn("billing")}])
    estate.allow("elasticloadbalancing", arn)

    assert [(i.kind, i.source) for i in estate.read().invokers] == [(Kind.TARGET_GROUP, arn)]


def test_a_log_group_invokes_by_its_filters(estate: Estate) -> None:
    arn = f"arn:aws:logs:{HERE}:log-group:/shop/orders"
    estate.allow("logs.us-east-1", f"{arn}:*")
    client("logs").create_log_group(logGroupName="/shop/orders")
    client("logs").put_subscription_filter(
        logGroupName="/shop/orders",
        filterName="errors",
        filterPattern="ERROR",
        destinationArn=function_arn("billing"),
    )

    assert [(i.kind, i.source, i.id) for i in estate.read().invokers] == [(Kind.LOG_GROUP, arn, "errors")]


def test_a_user_pool_invokes_by_its_triggers(estate: Estate) -> None:
    pool = client("cognito-idp").create_user_pool(
        PoolName="customers", LambdaConfig={"PreSignUp": function_arn("billing")}
    )["UserPool"]
    estate.allow("cognito-idp", pool["Arn"])

    assert [(i.kind, i.source, i.id) for i in estate.read().invokers] == [
        (Kind.USER_POOL, pool["Arn"], "PreSignUp")
    ]


class TestAnIotRule:
    ARN = f"arn:aws:iot:{HERE}:rule/alarms"

    @pytest.fixture
    def alarms(self, estate: Estate) -> None:
        estate.allow("iot", self.ARN)
        client("iot").create_topic_rule(
            ruleName="alarms",
            topicRulePayload={
                "sql": "SELECT * FROM 'alarms'",
                "actions": [{"lambda": {"functionArn": function_arn("billing")}}],
            },
        )

    @pytest.mark.usefixtures("alarms")
    def test_invokes_by_its_actions(self, estate: Estate) -> None:
        assert [(i.kind, i.source) for i in estate.read().invokers] == [(Kind.IOT_RULE, self.ARN)]

    def test_that_does_not_exist_is_told_from_one_that_may_not_be_read(self, estate: Estate) -> None:
        """IoT says Unauthorized of both."""
        estate.allow("iot", self.ARN)
        refuse("iot", "GetTopicRule", "UnauthorizedException")

        found = estate.read()

        assert (found.invokers, found.unread) == ((), ())

    @pytest.mark.usefixtures("alarms")
    def test_that_may_not_be_read_is_told(self, estate: Estate) -> None:
        refuse("iot", "GetTopicRule", "UnauthorizedException")

        found = estate.read()

        assert [i.kind for i in found.invokers] == [Kind.PERMISSION]
        assert found.unread == (f"iot:GetTopicRule on {self.ARN} is denied",)
