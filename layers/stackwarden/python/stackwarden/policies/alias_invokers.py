"""Who invokes which function, through which qualifier: from the documents that boto3 returns. Pure.

What is no reference to a function, and what only names one at run time, is left out; nothing raises. Where
only the qualifier is decided at run time, the invoker's qualifier is that expression within `${…}`.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from stackwarden.lambda_names import FunctionName, from_arn, from_invocation_uri, parse
from stackwarden.policies.alias_documents import at, each_at, items_at, read_json, text_at
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.settings import Place

_BY_STAGE = re.compile(
    r"(?<=:function:)(?P<name>[^:/$]+):(?P<qualifier>[^:/]*\$\{stageVariables\.\w+\}[^:/]*)"
)
_UNIVERSAL = re.compile(r"arn:aws[a-zA-Z-]*:scheduler:::aws-sdk:lambda:invoke(?:Async)?")
_IN_SQL = re.compile(r"""\baws_lambda\s*\(\s*["']([^"']+)["']""", re.IGNORECASE)
_MAPPING_IS_OFF = {"Disabled", "Disabling", "Deleting"}
_PIPE_IS_OFF = {"STOPPED", "DELETED"}
_TARGET_IS_OFF = {"unused", "draining"}


class Reference(NamedTuple):
    """An invoker and the function that it names, perhaps one of another account or Region."""

    function: FunctionName
    invoker: Invoker


def invokers(references: Iterable[Reference], arn: str) -> tuple[Invoker, ...]:
    """Return the invokers of one function, by its ARN without a qualifier."""
    return tuple(dict.fromkeys(invoker for function, invoker in references if function.arn == arn))


def functions(references: Iterable[Reference], place: Place) -> tuple[str, ...]:
    """Return the ARNs, without a qualifier, of the functions of this account and Region that are named."""
    named = (function for function, _ in references)
    here = (f for f in named if Place(f.partition, f.region, f.account) == place)
    return tuple(dict.fromkeys(function.arn for function in here))


def of_mappings(mappings: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read event source mappings (ListEventSourceMappings, GetEventSourceMapping).

    The source is the brokers where it has no ARN. config: `State` and `FunctionArn`.
    """
    return tuple(
        Reference(
            function,
            Invoker(
                Kind.MAPPING,
                text_at(mapping, "EventSourceArn") or _brokers(mapping),
                text_at(mapping, "UUID"),
                function.qualifier,
                text_at(mapping, "State") not in _MAPPING_IS_OFF,
                {"State": text_at(mapping, "State"), "FunctionArn": function.qualified_arn},
            ),
        )
        for mapping in mappings
        if (function := from_arn(text_at(mapping, "FunctionArn")))
    )


def _brokers(mapping: Mapping[str, Any]) -> str:
    servers = each_at(mapping, "SelfManagedEventSource", "Endpoints", "KAFKA_BOOTSTRAP_SERVERS")
    return ",".join(server for server in servers if isinstance(server, str))


def of_notification(bucket: str, configuration: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Read the notifications of a bucket, by its name (GetBucketNotificationConfiguration).

    config: all of them, as PutBucketNotificationConfiguration wants it.
    """
    whole = {key: value for key, value in configuration.items() if key != "ResponseMetadata"}
    return tuple(
        Reference(
            function,
            Invoker(
                Kind.BUCKET,
                f"arn:{function.partition}:s3:::{bucket}",
                text_at(each, "Id"),
                function.qualifier,
                config=whole,
            ),
        )
        for each in each_at(configuration, "LambdaFunctionConfigurations")
        if (function := from_arn(text_at(each, "LambdaFunctionArn")))
    )


def of_subscriptions(topic_arn: str, subscriptions: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read a topic's subscriptions (ListSubscriptionsByTopic).

    One that invokes nothing has no ARN, but `PendingConfirmation` or `Deleted`; its id is the endpoint.
    """
    found = []
    for each in subscriptions:
        function = from_arn(text_at(each, "Endpoint"))
        if function:  # then the protocol is Lambda's
            arn = text_at(each, "SubscriptionArn")
            enabled = arn.startswith("arn:")
            name = arn if enabled else function.qualified_arn
            invoker = Invoker(Kind.TOPIC, topic_arn, name, function.qualifier, enabled)
            found.append(Reference(function, invoker))
    return tuple(found)


def of_targets(
    rule_arn: str, targets: Iterable[Mapping[str, Any]], enabled: bool = True
) -> tuple[Reference, ...]:
    """Read a rule's targets (ListTargetsByRule). config: the target, as PutTargets wants it."""
    return tuple(
        Reference(
            function, Invoker(Kind.RULE, rule_arn, text_at(each, "Id"), function.qualifier, enabled, each)
        )
        for each in targets
        if (function := from_arn(text_at(each, "Arn")))
    )


def of_schedule(schedule: Mapping[str, Any], place: Place) -> tuple[Reference, ...]:
    """Read a schedule (GetSchedule). id: `group/name`. place: the schedule's own, for a short name.

    Its target is the function, or the universal target with the parameters of Invoke:
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    """
    target = text_at(schedule, "Target", "Arn")
    function = from_arn(target)
    if _UNIVERSAL.fullmatch(target):
        function = called(read_json(text_at(schedule, "Target", "Input")), place)
    name = f"{text_at(schedule, 'GroupName') or 'default'}/{text_at(schedule, 'Name')}"
    enabled = text_at(schedule, "State") != "DISABLED"
    return _references(Kind.SCHEDULE, text_at(schedule, "Arn"), [(name, function)], enabled)


def of_pipe(pipe: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Read a pipe (DescribePipe). id: `Target` or `Enrichment`, either of which may be a function."""
    named = [(part, from_arn(text_at(pipe, part))) for part in ("Enrichment", "Target")]
    enabled = text_at(pipe, "DesiredState") not in _PIPE_IS_OFF
    return _references(Kind.PIPE, text_at(pipe, "Arn"), named, enabled)


def of_http_integrations(api: str, integrations: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read the integrations of an HTTP or WebSocket API (GetIntegrations of apigatewayv2)."""
    named = [(text_at(e, "IntegrationId"), _integrated(text_at(e, "IntegrationUri"))) for e in integrations]
    return _references(Kind.HTTP_API, api, named)


def of_rest_resources(api: str, resources: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read the methods of a REST API (GetResources, which embeds `methods`). id: `GET /path`."""
    named = [
        (f"{method} {text_at(each, 'path')}", _integrated(text_at(details, "methodIntegration", "uri")))
        for each in resources
        for method, details in items_at(each, "resourceMethods")
    ]
    return _references(Kind.REST_API, api, named)


def of_rest_authorizers(api: str, authorizers: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read a REST API's Lambda authorizers (GetAuthorizers of apigateway). id: `authorizer <name>`."""
    named = [
        (f"authorizer {text_at(each, 'name')}", _integrated(text_at(each, "authorizerUri")))
        for each in authorizers
    ]
    return _references(Kind.REST_API, api, named)


def of_http_authorizers(api: str, authorizers: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Read Lambda authorizers of an HTTP or WebSocket API (GetAuthorizers of apigatewayv2)."""
    named = [
        (f"authorizer {text_at(each, 'Name')}", _integrated(text_at(each, "AuthorizerUri")))
        for each in authorizers
    ]
    return _references(Kind.HTTP_API, api, named)


def of_target_health(
    target_group_arn: str, descriptions: Iterable[Mapping[str, Any]]
) -> tuple[Reference, ...]:
    """Read a target group's targets (DescribeTargetHealth); those that get no requests are not enabled."""
    return tuple(
        Reference(
            function,
            Invoker(
                Kind.TARGET_GROUP,
                target_group_arn,
                function.qualified_arn,
                function.qualifier,
                text_at(each, "TargetHealth", "State") not in _TARGET_IS_OFF,
            ),
        )
        for each in descriptions
        if (function := from_arn(text_at(each, "Target", "Id")))
    )


def of_subscription_filters(
    log_group_arn: str, filters: Iterable[Mapping[str, Any]]
) -> tuple[Reference, ...]:
    """Read a log group's subscription filters (DescribeSubscriptionFilters)."""
    named = [(text_at(each, "filterName"), from_arn(text_at(each, "destinationArn"))) for each in filters]
    return _references(Kind.LOG_GROUP, log_group_arn, named)


def of_user_pool(pool_arn: str, lambda_config: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Read a user pool's triggers (LambdaConfig of DescribeUserPool). id: the trigger.

    PreTokenGeneration and PreTokenGenerationConfig are one trigger.
    """
    named = [
        (name.removesuffix("Config"), from_arn(text_at(value, "LambdaArn") or text_at(value)))
        for name, value in items_at(lambda_config)
    ]
    return _references(Kind.USER_POOL, pool_arn, named)


def of_iot_rule(rule_arn: str, payload: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Read an IoT rule (`rule` of GetTopicRule): its actions, error action, and aws_lambda() in its SQL.

    https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html#iot-func-aws-lambda
    """
    arns = [
        (f"action {number}", text_at(action, "lambda", "functionArn"))
        for number, action in enumerate(each_at(payload, "actions"), start=1)
    ]
    arns.append(("error action", text_at(payload, "errorAction", "lambda", "functionArn")))
    arns += [("SQL", arn) for arn in _IN_SQL.findall(text_at(payload, "sql"))]
    enabled = at(payload, "ruleDisabled") is not True
    return _references(Kind.IOT_RULE, rule_arn, [(name, from_arn(arn)) for name, arn in arns], enabled)


def of_url(config: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Read a function URL (GetFunctionUrlConfig). source: the URL. id: its AuthType, `NONE` or `AWS_IAM`."""
    named = [(text_at(config, "AuthType"), from_arn(text_at(config, "FunctionArn")))]
    return _references(Kind.FUNCTION_URL, text_at(config, "FunctionUrl"), named)


def _references(
    kind: Kind, source: str, named: Iterable[tuple[str, FunctionName | None]], enabled: bool = True
) -> tuple[Reference, ...]:
    """Return a reference for each id with a function."""
    return tuple(
        Reference(function, Invoker(kind, source, name, function.qualifier, enabled))
        for name, function in named
        if function is not None
    )


def called(arguments: Any, place: Place) -> FunctionName | None:
    """Return the function that the parameters of Lambda's Invoke name: FunctionName and Qualifier.

    None if FunctionName is no literal reference, as with `FunctionName.$` and JSONata's `{% … %}`.
    """
    with suppress(ValueError):
        function = parse(text_at(arguments, "FunctionName"), place)
        return replace(function, qualifier=function.qualifier or _qualifier(arguments))
    return None


def _qualifier(arguments: Any) -> str | None:
    literal, expression = text_at(arguments, "Qualifier"), text_at(arguments, "Qualifier.$")
    if literal.startswith("{%"):
        literal, expression = "", literal
    return _at_run_time(expression) if expression else literal or None


def _at_run_time(expression: str) -> str:
    return expression if expression.startswith("${") else f"${{{expression}}}"


def _integrated(uri: str) -> FunctionName | None:
    """Read an integration's URI; a stage variable may stand for the qualifier.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/aws-api-gateway-stage-variables-reference.html
    """
    by_stage = _BY_STAGE.search(uri)
    plain = _BY_STAGE.sub(r"\g<name>", uri)
    function = from_arn(plain) or from_invocation_uri(plain)
    if function is None or by_stage is None:
        return function
    return replace(function, qualifier=_at_run_time(by_stage["qualifier"]))
