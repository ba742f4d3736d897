"""The function missing_alias and each kind of what invokes functions: by its own event, by alias or not."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.alias_account import HERE, AliasAccount, ended, kinds
from tests.s3_account import Json, bucket_arn, function_arn, to

type Made = Callable[[AliasAccount, str], list[Json]]


def bucket(prod: AliasAccount, function: str) -> list[Json]:
    prod.bucket("photos")
    prod.admit(function, "s3", bucket_arn("photos"))
    prod.notify("photos", to(function_arn(function)))
    return prod.happens("put-bucket-notification.violation", bucketName="photos")


def topic(prod: AliasAccount, function: str) -> list[Json]:
    arn = prod.topic("albums", function)
    prod.admit(function, "sns", arn)
    return prod.happens("subscribe.violation", topicArn=arn, endpoint=function_arn(function))


def rule(prod: AliasAccount, function: str) -> list[Json]:
    prod.admit(function, "events", prod.rule("scans", function))
    return prod.happens("put-targets.violation", rule="scans")


def rule_with_a_role(prod: AliasAccount, function: str) -> list[Json]:
    prod.rule("scans", function, RoleArn=prod.developers)
    return prod.happens("put-targets.violation", rule="scans")


def rule_on_another_bus(prod: AliasAccount, function: str) -> list[Json]:
    """With a role of its own: then nothing at the function tells of it."""
    prod.events.create_event_bus(Name="shop")
    prod.rule("parcels", function, bus="shop", RoleArn=prod.developers)
    bus = f"arn:aws:events:{HERE}:event-bus/shop"
    return prod.happens("put-targets-on-another-bus.violation", rule="parcels", eventBusName=bus)


def schedule(prod: AliasAccount, function: str) -> list[Json]:
    prod.schedule("hourly", function)
    return prod.happens("create-schedule.violation", name="hourly")


def schedule_in_a_group(prod: AliasAccount, function: str) -> list[Json]:
    prod.local.client("scheduler").create_schedule_group(Name="finance")
    prod.schedule("hourly", function, group="finance")
    return prod.happens("create-schedule-in-a-group.violation", name="hourly", groupName="finance")


def pipe(prod: AliasAccount, function: str) -> list[Json]:
    prod.pipe("clicks", function)
    return prod.happens("create-pipe.violation", name="clicks")


def state_machine(prod: AliasAccount, function: str) -> list[Json]:
    arn = prod.state_machine("checkout", function)
    event = prod.event("create-state-machine.violation", name="checkout")
    event["detail"]["responseElements"]["stateMachineArn"] = arn
    return prod.invoke(event)


def http_api(prod: AliasAccount, function: str) -> list[Json]:
    prod.http_api(function)
    return prod.allowed()


def url(prod: AliasAccount, function: str) -> list[Json]:
    name, _, alias = function.partition(":")
    prod.url(name, **({"Qualifier": alias} if alias else {}))
    return prod.happens("create-function-url-config.violation", functionName=name)


class Source(NamedTuple):
    made: Made
    kind: str


SOURCES = [
    Source(bucket, "S3 notification"),
    Source(topic, "SNS subscription"),
    Source(rule, "EventBridge target"),
    Source(rule_with_a_role, "EventBridge target"),
    Source(rule_on_another_bus, "EventBridge target"),
    Source(schedule, "EventBridge schedule"),
    Source(schedule_in_a_group, "EventBridge schedule"),
    Source(pipe, "EventBridge pipe"),
    Source(state_machine, "state machine"),
    Source(http_api, "HTTP API integration"),
    Source(url, "function URL"),
]
each_source = pytest.mark.parametrize("source", SOURCES, ids=[s.made.__name__ for s in SOURCES])


@each_source
def test_what_names_no_alias_is_found_by_its_own_event(prod: AliasAccount, source: Source) -> None:
    prod.function()

    [verdict] = source.made(prod, "orders")

    assert kinds(verdict) == ["publish-version"]
    [key] = [key for key in verdict["finding"]["evidence"]["state"] if key != prod.sha256()]
    assert key.startswith(source.kind)


@each_source
def test_what_names_an_alias_is_compliant(prod: AliasAccount, source: Source) -> None:
    prod.aliased()

    assert source.made(prod, "orders:live") == []


@each_source
def test_what_names_an_alias_on_latest_is_not(prod: AliasAccount, source: Source) -> None:
    prod.function()
    prod.alias("$LATEST")

    [verdict] = source.made(prod, "orders:live")

    assert kinds(verdict) == ["publish-version"]
    assert prod.follow(verdict)["outcome"] == "remediated"


@each_source
def test_what_is_its_owners_to_switch_is_prepared_and_told(prod: AliasAccount, source: Source) -> None:
    """Also what only its own event tells of: it is read again in each round."""
    prod.function()
    [verdict] = source.made(prod, "orders")

    last = prod.follow(verdict)

    assert ended(last) == ("done", "observed")
    assert prod.aliases() == {"live": "1"}
    assert last["finding"]["evidence"]["state"] == verdict["finding"]["evidence"]["state"]
    assert "orders:live" in last["finding"]["fix"]


def test_an_event_of_a_source_that_is_gone_starts_nothing(prod: AliasAccount) -> None:
    prod.function()

    assert prod.happens("create-schedule.violation", name="gone") == []
    assert prod.happens("put-bucket-notification.violation", bucketName="gone") == []
    assert prod.happens("put-targets.violation", rule="gone") == []
    assert prod.happens("create-pipe.violation", name="gone") == []


def test_one_event_may_be_about_several_functions(prod: AliasAccount) -> None:
    prod.bucket("photos")
    for name in ("orders", "billing"):
        prod.function(name)
        prod.let_in(name, bucket_arn("photos"))
    prod.aliased("careful")
    prod.notify(
        "photos",
        to(function_arn("orders"), prefix="a/", name="a"),
        to(function_arn("billing"), prefix="b/", name="b"),
        to(function_arn("careful:live"), prefix="c/", name="c"),
    )

    verdicts = prod.happens("put-bucket-notification.violation", bucketName="photos")

    assert sorted(v["finding"]["resource"]["name"] for v in verdicts) == ["billing", "orders"]


def test_a_subscription_that_the_topic_may_not_use_invokes_nothing(prod: AliasAccount) -> None:
    prod.function()
    arn = prod.topic("albums", "orders")

    assert prod.happens("subscribe.violation", topicArn=arn, endpoint=function_arn("orders")) == []
