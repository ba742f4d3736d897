"""Who invokes which function, by the documents of AWS."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from stackwarden.lambda_names import FunctionName
from stackwarden.policies import alias_invokers
from stackwarden.policies.alias_invokers import Reference, functions, invokers
from stackwarden.policies.alias_state import Function, Invoker, Kind
from stackwarden.settings import Place

PLACE = Place("aws", "eu-central-1", "123456789012")
RESIZE = "arn:aws:lambda:eu-central-1:123456789012:function:resize"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:uploads"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders"
RULE = "arn:aws:events:eu-central-1:123456789012:rule/nightly"
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
PIPE = "arn:aws:pipes:eu-central-1:123456789012:pipe/orders"
API = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5"
TARGETS = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/resize/0123456789abcdef"
LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:/app/orders"
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI"
IOT_RULE = "arn:aws:iot:eu-central-1:123456789012:rule/doorbell"
STAGE_ALIAS = "${stageVariables.alias}"


def integration(function: str) -> str:
    path = f"path/2015-03-31/functions/{function}/invocations"
    return f"arn:aws:apigateway:eu-central-1:lambda:{path}"


def resizing(references: Iterable[Reference]) -> tuple[Invoker, ...]:
    return invokers(references, RESIZE)


def method(uri: str) -> dict[str, Any]:
    return {"httpMethod": "POST", "methodIntegration": {"type": "AWS_PROXY", "uri": uri}}


def test_the_mappings_of_a_function() -> None:
    mapping = {"UUID": "u-1", "EventSourceArn": QUEUE, "FunctionArn": f"{RESIZE}:live", "State": "Enabled"}
    other = {**mapping, "FunctionArn": f"{RESIZE}-2"}

    (found,) = resizing(alias_invokers.of_mappings([mapping, other]))

    assert found == Invoker(Kind.MAPPING, QUEUE, "u-1", "live")
    assert found.config == {"State": "Enabled", "FunctionArn": f"{RESIZE}:live"}


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("Creating", True),
        ("Enabling", True),
        ("Enabled", True),
        ("Updating", True),
        ("Disabling", False),
        ("Disabled", False),
        ("Deleting", False),
    ],
)
def test_a_mapping_that_is_off_invokes_nothing_now(state: str, enabled: bool) -> None:
    mapping = {"UUID": "u-1", "EventSourceArn": QUEUE, "FunctionArn": RESIZE, "State": state}

    assert resizing(alias_invokers.of_mappings([mapping])) == (
        Invoker(Kind.MAPPING, QUEUE, "u-1", enabled=enabled),
    )


def test_a_mapping_of_self_managed_kafka_has_brokers_for_a_source() -> None:
    endpoints = {"KAFKA_BOOTSTRAP_SERVERS": ["kafka1.example.com:9092", "kafka2.example.com:9092"]}
    mapping = {"UUID": "u-1", "FunctionArn": RESIZE, "SelfManagedEventSource": {"Endpoints": endpoints}}

    (found,) = resizing(alias_invokers.of_mappings([mapping]))

    assert found.source == "kafka1.example.com:9092,kafka2.example.com:9092"


def test_a_notification_has_the_whole_configuration() -> None:
    configuration = {
        "LambdaFunctionConfigurations": [
            {"Id": "images", "LambdaFunctionArn": RESIZE, "Events": ["s3:ObjectCreated:*"]},
            {"Id": "other", "LambdaFunctionArn": f"{RESIZE}-2", "Events": ["s3:ObjectCreated:*"]},
        ],
        "QueueConfigurations": [{"Id": "queue", "QueueArn": QUEUE, "Events": ["s3:ObjectRemoved:*"]}],
        "EventBridgeConfiguration": {},
    }

    references = alias_invokers.of_notification("uploads", {**configuration, "ResponseMetadata": {}})

    (found,) = resizing(references)
    assert found == Invoker(Kind.BUCKET, "arn:aws:s3:::uploads", "images")
    assert found.config == configuration
    assert functions(references, PLACE) == (RESIZE, f"{RESIZE}-2")


def test_a_bucket_is_in_the_partition_of_its_function() -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:resize"
    configuration = {"LambdaFunctionConfigurations": [{"Id": "images", "LambdaFunctionArn": arn}]}

    (found,) = invokers(alias_invokers.of_notification("uploads", configuration), arn)

    assert found.source == "arn:aws-cn:s3:::uploads"


def test_the_subscriptions_of_a_topic() -> None:
    confirmed = {"SubscriptionArn": f"{TOPIC}:1", "Protocol": "lambda", "Endpoint": f"{RESIZE}:live"}
    pending = {"SubscriptionArn": "PendingConfirmation", "Protocol": "lambda", "Endpoint": RESIZE}
    queue = {"SubscriptionArn": f"{TOPIC}:2", "Protocol": "sqs", "Endpoint": QUEUE}

    assert resizing(alias_invokers.of_subscriptions(TOPIC, [confirmed, pending, queue])) == (
        Invoker(Kind.TOPIC, TOPIC, f"{TOPIC}:1", "live"),
        Invoker(Kind.TOPIC, TOPIC, RESIZE, enabled=False),
    )


def test_the_targets_of_a_rule() -> None:
    target = {"Id": "resize", "Arn": f"{RESIZE}:$LATEST", "Input": "{}"}
    queue = {"Id": "queue", "Arn": QUEUE}

    (found,) = resizing(alias_invokers.of_targets(RULE, [target, queue]))
    (off,) = resizing(alias_invokers.of_targets(RULE, [target], enabled=False))

    assert found == Invoker(Kind.RULE, RULE, "resize", "$LATEST")
    assert found.config == target
    assert off.enabled is False


def schedule(target: dict[str, Any], state: str = "ENABLED") -> dict[str, Any]:
    return {"Arn": SCHEDULE, "GroupName": "default", "Name": "nightly", "State": state, "Target": target}


@pytest.mark.parametrize("reference", [RESIZE, "resize", "123456789012:function:resize", "resize:live"])
def test_a_schedule_with_the_universal_target(reference: str) -> None:
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke",
        "Input": json.dumps({"FunctionName": reference, "InvocationType": "Event"}),
    }
    qualifier = "live" if reference.endswith(":live") else None

    assert resizing(alias_invokers.of_schedule(schedule(target), PLACE)) == (
        Invoker(Kind.SCHEDULE, SCHEDULE, "default/nightly", qualifier),
    )


def test_a_schedule_with_a_qualifier_in_its_input() -> None:
    call = {"FunctionName": "resize", "Qualifier": "live"}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke", "Input": json.dumps(call)}

    (found,) = resizing(alias_invokers.of_schedule(schedule(target), PLACE))

    assert found.qualifier == "live"


def test_a_schedule_of_the_function_itself() -> None:
    target = {"Arn": RESIZE, "Input": '{"FunctionName": "other"}'}

    assert resizing(alias_invokers.of_schedule(schedule(target, "DISABLED"), PLACE)) == (
        Invoker(Kind.SCHEDULE, SCHEDULE, "default/nightly", enabled=False),
    )


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"Arn": QUEUE},
        {"Arn": "arn:aws:scheduler:::aws-sdk:lambda:deleteFunction", "Input": '{"FunctionName": "resize"}'},
        {"Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke", "Input": "no JSON"},
    ],
)
def test_a_schedule_of_something_else(target: dict[str, Any]) -> None:
    assert alias_invokers.of_schedule(schedule(target), PLACE) == ()


@pytest.mark.parametrize(("desired", "enabled"), [("RUNNING", True), ("STOPPED", False)])
def test_a_pipe_may_invoke_a_function_in_two_places(desired: str, enabled: bool) -> None:
    pipe = {"Arn": PIPE, "Enrichment": f"{RESIZE}:live", "Target": RESIZE, "DesiredState": desired}

    assert resizing(alias_invokers.of_pipe(pipe)) == (
        Invoker(Kind.PIPE, PIPE, "Enrichment", "live", enabled),
        Invoker(Kind.PIPE, PIPE, "Target", None, enabled),
    )


@pytest.mark.parametrize("uri", [f"{RESIZE}:live", integration(f"{RESIZE}:live")])
def test_an_http_api_names_the_function_or_its_invocation(uri: str) -> None:
    own = {"IntegrationId": "a1", "IntegrationUri": uri}
    web = {"IntegrationId": "a2", "IntegrationUri": "https://example.com/resize"}

    assert resizing(alias_invokers.of_http_integrations(API, [own, web])) == (
        Invoker(Kind.HTTP_API, API, "a1", "live"),
    )


def test_the_methods_of_a_rest_api() -> None:
    resources: list[dict[str, Any]] = [
        {"id": "1", "path": "/"},
        {
            "id": "2",
            "path": "/images",
            "resourceMethods": {
                "GET": method(integration(RESIZE)),
                "PUT": method(integration(f"{RESIZE}:live")),
                "OPTIONS": {"methodIntegration": {"type": "MOCK"}},
                "HEAD": {},
            },
        },
    ]

    assert resizing(alias_invokers.of_rest_resources(API, resources)) == (
        Invoker(Kind.REST_API, API, "GET /images"),
        Invoker(Kind.REST_API, API, "PUT /images", "live"),
    )


@pytest.mark.parametrize(
    ("written", "qualifier"),
    [(STAGE_ALIAS, STAGE_ALIAS), ("v-${stageVariables.number}", "${v-${stageVariables.number}}")],
)
def test_a_stage_variable_as_qualifier_is_neither_unqualified_nor_missing(
    written: str, qualifier: str
) -> None:
    resource = {"path": "/", "resourceMethods": {"GET": method(integration(f"{RESIZE}:{written}"))}}
    own = {"IntegrationId": "a1", "IntegrationUri": f"{RESIZE}:{written}"}

    (rest,) = resizing(alias_invokers.of_rest_resources(API, [resource]))
    (http,) = resizing(alias_invokers.of_http_integrations(API, [own]))

    assert rest.qualifier == http.qualifier == qualifier
    assert not Function(RESIZE).runs_latest(rest)
    assert not Function(RESIZE).dangles(rest)


def test_a_stage_variable_as_function_is_left_out() -> None:
    function = RESIZE.replace("resize", "${stageVariables.function}")
    resource = {"path": "/", "resourceMethods": {"GET": method(integration(function))}}

    assert alias_invokers.of_rest_resources(API, [resource]) == ()


def test_authorizers_invoke_functions_too() -> None:
    rest = {"id": "1", "name": "tokens", "type": "TOKEN", "authorizerUri": integration(RESIZE)}
    http = {"AuthorizerId": "2", "Name": "tokens", "AuthorizerUri": integration(f"{RESIZE}:live")}
    pool = {"id": "3", "name": "users", "type": "COGNITO_USER_POOLS", "providerARNs": [POOL]}

    assert resizing(alias_invokers.of_rest_authorizers(API, [rest, pool])) == (
        Invoker(Kind.REST_API, API, "authorizer tokens"),
    )
    assert resizing(alias_invokers.of_http_authorizers(API, [http])) == (
        Invoker(Kind.HTTP_API, API, "authorizer tokens", "live"),
    )


@pytest.mark.parametrize(
    ("state", "enabled"), [("healthy", True), ("unhealthy", True), ("unavailable", True), ("unused", False)]
)
def test_the_function_behind_a_load_balancer(state: str, enabled: bool) -> None:
    description = {"Target": {"Id": RESIZE}, "TargetHealth": {"State": state}}

    assert resizing(alias_invokers.of_target_health(TARGETS, [description])) == (
        Invoker(Kind.TARGET_GROUP, TARGETS, RESIZE, enabled=enabled),
    )


def test_an_instance_behind_a_load_balancer_is_no_function() -> None:
    description = {"Target": {"Id": "i-0123456789abcdef0", "Port": 80}, "TargetHealth": {"State": "healthy"}}

    assert alias_invokers.of_target_health(TARGETS, [description]) == ()


def test_the_filters_of_a_log_group() -> None:
    own = {"filterName": "errors", "destinationArn": f"{RESIZE}:3", "logGroupName": "/app/orders"}
    stream = {"filterName": "all", "destinationArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/logs"}

    assert resizing(alias_invokers.of_subscription_filters(LOGS, [own, stream])) == (
        Invoker(Kind.LOG_GROUP, LOGS, "errors", "3"),
    )


def test_the_triggers_of_a_user_pool() -> None:
    config = {
        "PreSignUp": f"{RESIZE}:live",
        "PreTokenGeneration": RESIZE,
        "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": RESIZE},
        "CustomSMSSender": {"LambdaVersion": "V1_0", "LambdaArn": RESIZE},
        "KMSKeyID": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd",
    }

    assert resizing(alias_invokers.of_user_pool(POOL, config)) == (
        Invoker(Kind.USER_POOL, POOL, "PreSignUp", "live"),
        Invoker(Kind.USER_POOL, POOL, "PreTokenGeneration"),
        Invoker(Kind.USER_POOL, POOL, "CustomSMSSender"),
    )


@pytest.mark.parametrize(("disabled", "enabled"), [(False, True), (True, False)])
def test_an_iot_rule_may_invoke_in_three_places(disabled: bool, enabled: bool) -> None:
    payload = {
        "sql": "SELECT aws_lambda('FUNCTION:3', {'id': id}) AS size FROM 'bells'".replace("FUNCTION", RESIZE),
        "actions": [{"sns": {"targetArn": TOPIC}}, {"lambda": {"functionArn": RESIZE}}],
        "errorAction": {"lambda": {"functionArn": f"{RESIZE}:live"}},
        "ruleDisabled": disabled,
    }

    assert resizing(alias_invokers.of_iot_rule(IOT_RULE, payload)) == (
        Invoker(Kind.IOT_RULE, IOT_RULE, "action 2", None, enabled),
        Invoker(Kind.IOT_RULE, IOT_RULE, "error action", "live", enabled),
        Invoker(Kind.IOT_RULE, IOT_RULE, "SQL", "3", enabled),
    )


@pytest.mark.parametrize(("suffix", "qualifier"), [("", None), (":live", "live")])
def test_a_function_url(suffix: str, qualifier: str | None) -> None:
    url = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws/"
    config = {"FunctionArn": RESIZE + suffix, "FunctionUrl": url, "AuthType": "NONE"}

    assert resizing(alias_invokers.of_url(config)) == (Invoker(Kind.FUNCTION_URL, url, "NONE", qualifier),)


def test_functions_of_another_place_are_somebody_elses() -> None:
    here = FunctionName("aws", "eu-central-1", "123456789012", "resize")
    invoker = Invoker(Kind.RULE, RULE, "resize")
    named = [
        here,
        FunctionName("aws", "eu-central-1", "123456789012", "resize", "live"),
        FunctionName("aws", "eu-central-1", "999999999999", "resize"),
        FunctionName("aws", "eu-west-1", "123456789012", "resize"),
        FunctionName("aws-cn", "eu-central-1", "123456789012", "resize"),
    ]
    references = [Reference(function, invoker) for function in named]

    assert functions(references, PLACE) == (RESIZE,)
    assert invokers(references, RESIZE) == (invoker,)
    assert invokers(references[2:], RESIZE) == ()
