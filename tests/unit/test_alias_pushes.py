"""Moving what S3, SNS and EventBridge are told: whole configurations, ours only, nothing lost on the way."""

from dataclasses import replace
from typing import Any

import pytest

from stackwarden.finding import Action, ActionKind, Attempt
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import Function, Invoker
from stackwarden.policies.alias_steps import plan
from stackwarden.policies.missing_alias import TRIES, judge
from tests.alias_cases import (
    ACCOUNT,
    LETTING_IN,
    LIVE,
    ORDERS,
    PUSHING,
    case,
    function,
    notification,
    people,
    permission,
    qualified,
    ready,
    rule_arn,
    rule_of_bucket,
    subscription,
    subscription_arn,
    target,
    topic_arn,
    tried,
)

TOPICS = (permission("sns"),)
RULES = (permission("events"),)
MOVES = (
    ActionKind.REPOINT_NOTIFICATION,
    ActionKind.REPOINT_TARGET,
    ActionKind.REPOINT_SUBSCRIPTION,
    ActionKind.END_SUBSCRIPTION,
)

WHOLE: dict[str, Any] = {
    "LambdaFunctionConfigurations": [
        rule_of_bucket(ORDERS, "on-upload"),
        rule_of_bucket(qualified(None, "archive"), "archive"),
        rule_of_bucket(qualified("live", "resize"), "resize"),
    ],
    "QueueConfigurations": [{"Id": "queue", "QueueArn": "arn:aws:sqs:eu-central-1:123456789012:q"}],
    "EventBridgeConfiguration": {},
}
FILTER: dict[str, Any] = {"FilterPolicy": '{"kind": ["order"]}', "FilterPolicyScope": "MessageBody"}


def prepared(*invokers: Invoker, permissions: Any = LETTING_IN, **rest: Any) -> Function:
    """The function with an alias that lets in what the function lets in."""
    return ready(*invokers, **{"permissions": tuple(permissions), "granted": tuple(permissions)} | rest)


def moved(state: Function, *attempts: Attempt) -> list[Action]:
    """What is done besides permissions."""
    stages = plan(state, case(state).exposed, "live", repoint_push=True, attempts=attempts).stages
    return [action for stage in stages for action in stage if action.kind in MOVES]


class TestABucket:
    def test_keeps_all_notifications_and_only_those_of_the_function_are_moved(self) -> None:
        [action] = moved(prepared(notification(whole=WHOLE)))

        ours, *others = WHOLE["LambdaFunctionConfigurations"]
        assert (action.kind, action.target) == (ActionKind.REPOINT_NOTIFICATION, "uploads")
        assert action.parameters == {
            "configuration": {
                **WHOLE,
                "LambdaFunctionConfigurations": [{**ours, "LambdaFunctionArn": LIVE}, *others],
            },
            "account": ACCOUNT,
            "function": LIVE,
        }
        assert action.before == {"configuration": WHOLE, "function": ORDERS}

    def test_with_two_notifications_is_written_once(self) -> None:
        whole = {
            "LambdaFunctionConfigurations": [
                rule_of_bucket(ORDERS, "images"),
                rule_of_bucket(f"{ORDERS}:{LATEST}", "texts"),
                rule_of_bucket(f"{ORDERS}:1", "sounds"),
            ]
        }
        both = notification(name="images", whole=whole), notification(LATEST, name="texts", whole=whole)
        third = notification("1", name="sounds", whole=whole)

        [action] = moved(prepared(*both, third))

        written = action.parameters["configuration"]["LambdaFunctionConfigurations"]
        assert [each["LambdaFunctionArn"] for each in written] == [LIVE, LIVE, f"{ORDERS}:1"]

    def test_keeps_a_notification_of_another_function_that_has_the_same_id(self) -> None:
        other = rule_of_bucket(qualified(None, "archive"), "on-upload")
        whole = {"LambdaFunctionConfigurations": [other, rule_of_bucket(ORDERS, "on-upload")]}

        [action] = moved(prepared(notification(whole=whole)))

        assert action.parameters["configuration"]["LambdaFunctionConfigurations"][0] == other

    def test_is_written_for_each_bucket(self) -> None:
        two = notification(), notification(bucket="invoices")

        actions = moved(prepared(*two, permissions=[permission("s3")]))

        assert [action.target for action in actions] == ["uploads", "invoices"]

    def test_is_left_where_its_configuration_was_not_read(self) -> None:
        assert moved(prepared(replace(notification(), config={}))) == []


class TestATarget:
    def test_is_replaced_with_all_that_it_has(self) -> None:
        more: dict[str, Any] = {"Input": '{"a": 1}', "RetryPolicy": {"MaximumRetryAttempts": 2}}

        [action] = moved(prepared(target(**more)))

        assert (action.kind, action.target) == (ActionKind.REPOINT_TARGET, "nightly")
        assert action.parameters == {
            "bus": "default",
            "targets": [{"Id": "orders", "Arn": LIVE, **more}],
            "function": LIVE,
        }
        assert action.before == {"targets": [{"Id": "orders", "Arn": ORDERS, **more}], "function": ORDERS}

    @pytest.mark.parametrize(
        ("name", "bus", "rule"),
        [
            ("nightly", "default", "nightly"),
            ("shop/nightly", "shop", "nightly"),
            ("aws.partner/example.com/1/nightly", "aws.partner/example.com/1", "nightly"),
        ],
    )
    def test_is_named_by_bus_and_rule(self, name: str, bus: str, rule: str) -> None:
        [action] = moved(prepared(target(rule=name), permissions=RULES))

        assert (action.parameters["bus"], action.target) == (bus, rule)

    def test_is_moved_alone(self) -> None:
        [action] = moved(prepared(target(name="ours"), target("1", name="version")))

        assert [each["Id"] for each in action.parameters["targets"]] == ["ours"]

    def test_with_a_role_of_its_own_is_left(self) -> None:
        """The role may name the function without a qualifier only."""
        assert moved(prepared(target(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/invoke"))) == []


class TestASubscription:
    def subscribed(self) -> Attempt:
        [action] = moved(prepared(subscription(**FILTER)))
        return tried(action)

    def test_of_the_alias_is_made_with_the_attributes_of_the_other(self) -> None:
        action = self.subscribed()

        assert (action.kind, action.target) == (ActionKind.REPOINT_SUBSCRIPTION, topic_arn("orders"))
        assert action.parameters == {"function": LIVE, "attributes": FILTER}
        assert action.before == {"subscription": subscription_arn("orders", "s-1"), "function": ORDERS}

    def test_that_is_not_confirmed_is_left(self) -> None:
        assert moved(prepared(subscription(enabled=False))) == []

    def test_ends_once_that_of_the_alias_shows(self) -> None:
        both = prepared(subscription(**FILTER), subscription("live", name="s-2", **FILTER))

        [action] = moved(both, self.subscribed())

        assert action.kind is ActionKind.END_SUBSCRIPTION
        assert action.target == subscription_arn("orders", "s-1")
        assert action.parameters == {"topic": topic_arn("orders")}
        assert action.before == {"function": ORDERS, "attributes": FILTER}

    def test_does_not_end_before(self) -> None:
        actions = moved(prepared(subscription(**FILTER)), self.subscribed())

        assert [action.kind for action in actions] == [ActionKind.REPOINT_SUBSCRIPTION]

    def test_does_not_end_while_that_of_the_alias_is_not_confirmed(self) -> None:
        both = prepared(subscription(**FILTER), subscription("live", enabled=False))

        assert [a.kind for a in moved(both, self.subscribed())] == [ActionKind.REPOINT_SUBSCRIPTION]

    @pytest.mark.parametrize("other", [subscription("live", topic="invoices"), subscription("1", name="s-2")])
    def test_does_not_end_for_that_of_another_topic_or_version(self, other: Invoker) -> None:
        both = prepared(subscription(**FILTER), other)

        assert [a.kind for a in moved(both, self.subscribed())] == [ActionKind.REPOINT_SUBSCRIPTION]

    def test_does_not_end_where_somebody_else_subscribed_the_alias(self) -> None:
        both = prepared(subscription(), subscription("live", name="s-2"))

        assert moved(both) == []

    def test_does_not_end_where_subscribing_the_alias_failed(self) -> None:
        both = prepared(subscription(), subscription("live", name="s-2"))
        failed = self.subscribed().model_copy(update={"status": "failed"})

        assert moved(both, failed) == []

    def test_of_another_finding_does_not_end(self) -> None:
        both = prepared(subscription(name="s-3"), subscription("live", name="s-2"))

        assert moved(both, self.subscribed()) == []

    def test_ends_although_something_else_cannot_be_moved(self) -> None:
        """Else each message would be handled twice from then on."""
        state = prepared(subscription(**FILTER), subscription("live", name="s-2"), target())
        stuck = [action for action in moved(state) if action.kind is ActionKind.REPOINT_TARGET]
        refused = [
            tried(stuck[0], error="EventBridge.ManagedRuleException", in_round=n) for n in range(TRIES)
        ]

        judgement = judge(case(state, rules=PUSHING, attempts=[self.subscribed(), *refused], round=TRIES))

        assert [action.kind for action in judgement.actions] == [ActionKind.END_SUBSCRIPTION]


class TestNothingIsMoved:
    ALL = (notification(), subscription(), target())

    def test_unless_the_owner_said_so(self) -> None:
        state = prepared(*self.ALL)

        assert plan(state, case(state).exposed, "live", repoint_push=False).stages == ()
        assert len(moved(state)) == len(self.ALL)

    def test_where_the_alias_lacks_settings_for_asynchronous_invocations(self) -> None:
        assert moved(prepared(*self.ALL, async_settings_missing=True)) == []

    @pytest.mark.parametrize("invoker", ALL)
    def test_that_the_alias_would_not_let_in(self, invoker: Invoker) -> None:
        """SNS and EventBridge would lose what they cannot deliver."""
        assert moved(prepared(invoker, permissions=())) == []
        assert moved(prepared(invoker, permissions=[replace(p, exact=False) for p in LETTING_IN])) == []

    def test_that_goes_through_another_alias_which_has_a_policy_of_its_own(self) -> None:
        state = prepared(target("dev"))
        dev = replace(state.aliases["live"], name="dev", version=LATEST)

        assert moved(replace(state, aliases={**state.aliases, "dev": dev})) == []

    def test_before_the_alias_lets_it_in(self) -> None:
        state = prepared(*self.ALL, granted=())
        first, _ = plan(state, case(state).exposed, "live", repoint_push=True).stages

        assert [action.kind for action in first] == [ActionKind.ADD_PERMISSION] * 3

    def test_twice(self) -> None:
        state = prepared(notification("live"), subscription("live"), target("live"), people())

        assert moved(state) == []

    def test_that_comes_with_the_alias(self) -> None:
        state = function(target("live"), live=LATEST, permissions=(permission("events", rule_arn("*")),))

        assert moved(state) == []
