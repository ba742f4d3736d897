"""What holds for every document: it is read or ignored, and a qualifier is never lost."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.lambda_names import FunctionName
from stackwarden.policies import alias_invokers
from stackwarden.policies.alias_definitions import of_definition
from stackwarden.policies.alias_invokers import Reference
from stackwarden.settings import Place

type Read = Callable[[Any], tuple[Reference, ...]]

HERE = Place("aws", "eu-central-1", "123456789012")
PLACES = st.sampled_from(
    [
        HERE,
        Place("aws-cn", "cn-north-1", "123456789012"),
        Place("aws-us-gov", "us-gov-west-1", "123456789012"),
    ]
)
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=64).filter(lambda name: not name.isdigit())
QUALIFIERS = st.none() | st.sampled_from(["live", "7", "$LATEST", "$LATEST.PUBLISHED", "blue_green-1"])
FUNCTIONS = st.builds(
    lambda place, name, qualifier: FunctionName(
        place.partition, place.region, place.account, f"{name}-x", qualifier
    ),
    PLACES,
    NAMES,
    QUALIFIERS,
)

# Where each document has its reference, as an ARN.
BY_ARN: Mapping[str, Read] = {
    "mapping": lambda arn: alias_invokers.of_mappings([{"UUID": "u-1", "FunctionArn": arn}]),
    "notification": lambda arn: alias_invokers.of_notification(
        "uploads", {"LambdaFunctionConfigurations": [{"Id": "1", "LambdaFunctionArn": arn}]}
    ),
    "subscription": lambda arn: alias_invokers.of_subscriptions(
        "topic", [{"SubscriptionArn": "arn:1", "Protocol": "lambda", "Endpoint": arn}]
    ),
    "target": lambda arn: alias_invokers.of_targets("rule", [{"Id": "1", "Arn": arn}]),
    "pipe": lambda arn: alias_invokers.of_pipe({"Target": arn}),
    "integration": lambda arn: alias_invokers.of_http_integrations("api", [{"IntegrationUri": arn}]),
    "target group": lambda arn: alias_invokers.of_target_health("group", [{"Target": {"Id": arn}}]),
    "filter": lambda arn: alias_invokers.of_subscription_filters("logs", [{"destinationArn": arn}]),
    "user pool": lambda arn: alias_invokers.of_user_pool("pool", {"CustomSMSSender": {"LambdaArn": arn}}),
    "IoT rule": lambda arn: alias_invokers.of_iot_rule(
        "rule", {"actions": [{"lambda": {"functionArn": arn}}]}
    ),
    "IoT SQL": lambda arn: alias_invokers.of_iot_rule("rule", {"sql": f"aws_lambda('{arn}', x)"}),
    "URL": lambda arn: alias_invokers.of_url({"FunctionArn": arn}),
}

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:resize:live"
# Each reader with a document that has all it looks at.
WHOLE: Mapping[str, tuple[Read, Any]] = {
    "mappings": (
        alias_invokers.of_mappings,
        [
            {
                "FunctionArn": ARN,
                "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["k:9092"]}},
            }
        ],
    ),
    "notification": (
        lambda document: alias_invokers.of_notification("uploads", document),
        {"LambdaFunctionConfigurations": [{"Id": "1", "LambdaFunctionArn": ARN}]},
    ),
    "subscriptions": (
        lambda documents: alias_invokers.of_subscriptions("topic", documents),
        [{"Protocol": "lambda", "Endpoint": ARN, "SubscriptionArn": "arn:1"}],
    ),
    "targets": (lambda documents: alias_invokers.of_targets("rule", documents), [{"Id": "1", "Arn": ARN}]),
    "schedule": (
        lambda document: alias_invokers.of_schedule(document, HERE),
        {
            "Target": {
                "Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke",
                "Input": '{"FunctionName": "resize"}',
            },
            "GroupName": "default",
        },
    ),
    "pipe": (
        alias_invokers.of_pipe,
        {"Arn": "pipe", "Enrichment": ARN, "Target": ARN, "DesiredState": "RUNNING"},
    ),
    "HTTP integrations": (
        lambda documents: alias_invokers.of_http_integrations("api", documents),
        [{"IntegrationUri": ARN}],
    ),
    "REST resources": (
        lambda documents: alias_invokers.of_rest_resources("api", documents),
        [{"path": "/", "resourceMethods": {"GET": {"methodIntegration": {"uri": ARN}}}}],
    ),
    "REST authorizers": (
        lambda documents: alias_invokers.of_rest_authorizers("api", documents),
        [{"name": "n", "authorizerUri": ARN}],
    ),
    "HTTP authorizers": (
        lambda documents: alias_invokers.of_http_authorizers("api", documents),
        [{"Name": "n", "AuthorizerUri": ARN}],
    ),
    "target health": (
        lambda documents: alias_invokers.of_target_health("group", documents),
        [{"Target": {"Id": ARN}, "TargetHealth": {"State": "healthy"}}],
    ),
    "filters": (
        lambda documents: alias_invokers.of_subscription_filters("logs", documents),
        [{"filterName": "errors", "destinationArn": ARN}],
    ),
    "user pool": (
        lambda document: alias_invokers.of_user_pool("pool", document),
        {"PreSignUp": ARN, "CustomSMSSender": {"LambdaArn": ARN}},
    ),
    "IoT rule": (
        lambda document: alias_invokers.of_iot_rule("rule", document),
        {
            "actions": [{"lambda": {"functionArn": ARN}}],
            "errorAction": {"lambda": {"functionArn": ARN}},
            "sql": f"aws_lambda('{ARN}')",
        },
    ),
    "URL": (
        alias_invokers.of_url,
        {"FunctionArn": ARN, "FunctionUrl": "https://example.com", "AuthType": "NONE"},
    ),
    "definition": (
        lambda document: of_definition("machine", json.dumps(document), HERE),
        {
            "States": {
                "Call": {
                    "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": {"FunctionName": "resize", "Qualifier": "live"},
                    "Credentials": {"RoleArn": "arn:aws:iam::123456789012:role/invoker"},
                },
                "Each": {"ItemProcessor": {"States": {"Direct": {"Resource": ARN}}}},
                "All": {"Branches": [{"States": {"Direct": {"Resource": ARN}}}]},
            }
        },
    ),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(ARN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def parts(document: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part of a document."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(document, dict):
        pairs = document.items()
    elif isinstance(document, list):
        pairs = enumerate(document)
    for key, value in pairs:
        yield (key,)
        yield from ((key, *rest) for rest in parts(value))


def damaged(document: Any, way: Sequence[Any], other: Any) -> Any:
    """A copy with something else at one place."""
    copy = deepcopy(document)
    within = reduce(getitem, way[:-1], copy)
    within[way[-1]] = other
    return copy


def place_of(function: FunctionName) -> Place:
    return Place(function.partition, function.region, function.account)


def spellings(function: FunctionName) -> list[str]:
    """What Lambda's Invoke accepts as FunctionName."""
    tail = function.qualified_arn.removeprefix(function.arn)
    names = [function.name, f"{function.account}:function:{function.name}", function.arn]
    return [f"{name}{tail}" for name in names]


@pytest.mark.parametrize("kind", BY_ARN)
@given(function=FUNCTIONS)
def test_a_qualifier_survives_in_every_document(kind: str, function: FunctionName) -> None:
    (found,) = BY_ARN[kind](function.qualified_arn)

    assert found.function == function
    assert found.invoker.qualifier == function.qualifier


@pytest.mark.parametrize("kind", BY_ARN)
@given(function=FUNCTIONS)
def test_what_has_to_be_an_arn_is_no_name(kind: str, function: FunctionName) -> None:
    assert BY_ARN[kind](function.name) == ()


@given(FUNCTIONS, st.booleans())
def test_a_qualifier_survives_every_spelling_in_a_call(function: FunctionName, apart: bool) -> None:
    for spelling in spellings(function):
        call = {"FunctionName": spelling}
        if apart and function.qualifier:
            call = {
                "FunctionName": spelling.removesuffix(f":{function.qualifier}"),
                "Qualifier": function.qualifier,
            }
        target = {
            "Arn": f"arn:{function.partition}:scheduler:::aws-sdk:lambda:invoke",
            "Input": json.dumps(call),
        }
        task = {"Resource": f"arn:{function.partition}:states:::lambda:invoke", "Parameters": call}
        definition = json.dumps({"States": {"Call": task}})

        (scheduled,) = alias_invokers.of_schedule({"Target": target}, place_of(function))
        (called,) = of_definition("machine", definition, place_of(function))

        assert scheduled.function == called.function == function


@given(FUNCTIONS)
def test_a_qualifier_survives_in_an_invocation_uri(function: FunctionName) -> None:
    path = f"lambda:path/2015-03-31/functions/{function.qualified_arn}/invocations"
    uri = f"arn:{function.partition}:apigateway:{function.region}:{path}"
    resource = {"path": "/", "resourceMethods": {"GET": {"methodIntegration": {"uri": uri}}}}

    (rest,) = alias_invokers.of_rest_resources("api", [resource])
    (http,) = alias_invokers.of_http_integrations("api", [{"IntegrationUri": uri}])
    (authorizer,) = alias_invokers.of_rest_authorizers("api", [{"name": "tokens", "authorizerUri": uri}])

    assert rest.function == http.function == authorizer.function == function


@pytest.mark.parametrize("kind", WHOLE)
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_read(kind: str, data: st.DataObject) -> None:
    read, document = WHOLE[kind]
    way = data.draw(st.sampled_from(list(parts(document))))

    references = read(damaged(document, way, data.draw(JSON)))

    assert read(document)
    assert all(invoker.qualifier == function.qualifier for function, invoker in references)
    assert all(isinstance(invoker.source, str) and isinstance(invoker.id, str) for _, invoker in references)
