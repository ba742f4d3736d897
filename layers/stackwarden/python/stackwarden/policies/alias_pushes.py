"""Moving what S3, SNS and EventBridge are told to invoke to the alias, with all that is around it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackwarden.finding import Action, ActionKind, Attempt
from stackwarden.policies.alias_state import Function, Invoker, Kind


def qualified(function: Function, invoker: Invoker) -> str:
    """Return the function as the reference names it."""
    return f"{function.arn}:{invoker.qualifier}" if invoker.qualifier else function.arn


def moves(function: Function, pushing: Sequence[Invoker], alias_arn: str) -> Iterable[Action]:
    """Move what pushes events to the alias; what is moved or replaced already is left out."""
    buckets = {i.source: i for i in pushing if i.kind is Kind.BUCKET and i.config}
    for invoker in buckets.values():
        yield _notification(function, invoker, pushing, alias_arn)
    for invoker in pushing:
        if invoker.kind is Kind.RULE and invoker.config:
            yield _target(invoker, alias_arn)
        confirmed = invoker.kind is Kind.TOPIC and invoker.enabled
        if confirmed and not _replaced(function, invoker, alias_arn):
            yield _subscription(function, invoker, alias_arn)


def endings(
    function: Function, exposed: Iterable[Invoker], attempts: Iterable[Attempt], alias_arn: str
) -> Iterable[Action]:
    """End the subscriptions that Stackwarden itself has replaced, for this finding, and no others."""
    replaced = {
        attempt.before.get("subscription"): attempt
        for attempt in attempts
        if attempt.kind is ActionKind.REPOINT_SUBSCRIPTION
        and attempt.status == "done"
        and attempt.parameters.get("function") == alias_arn
    }
    for invoker in exposed:
        attempt = replaced.get(invoker.id)
        if attempt and _replaced(function, invoker, alias_arn):
            yield Action(
                kind=ActionKind.END_SUBSCRIPTION,
                target=invoker.id,
                parameters={"topic": invoker.source},
                before={
                    "function": attempt.before.get("function"),
                    "attributes": attempt.parameters["attributes"],
                },
            )


def _notification(function: Function, invoker: Invoker, pushing: Iterable[Invoker], alias_arn: str) -> Action:
    """A bucket's notifications are replaced as a whole.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    moved = {
        (i.id, qualified(function, i))
        for i in pushing
        if i.kind is Kind.BUCKET and i.source == invoker.source
    }
    before = dict(invoker.config)
    after = {
        **before,
        "LambdaFunctionConfigurations": [
            {**each, "LambdaFunctionArn": alias_arn}
            if (each.get("Id", ""), each.get("LambdaFunctionArn")) in moved
            else each
            for each in before.get("LambdaFunctionConfigurations", [])
        ],
    }
    after = {kind: _as_the_sdk_names_it(value) for kind, value in after.items()}
    return Action(
        kind=ActionKind.REPOINT_NOTIFICATION,
        target=invoker.source.split(":::")[-1],
        parameters={"configuration": after, "account": function.arn.split(":")[4], "function": alias_arn},
        before={"configuration": before, "function": qualified(function, invoker)},
    )


def _as_the_sdk_names_it(configurations: Any) -> Any:
    """Lower the names in filters: S3 answers `Prefix`, but the SDK that the workflow uses knows `prefix`.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_FilterRule.html
    """
    if isinstance(configurations, Mapping):
        return {
            key: str(value).lower() if key == "Name" else _as_the_sdk_names_it(value)
            for key, value in configurations.items()
        }
    if isinstance(configurations, list):
        return [_as_the_sdk_names_it(each) for each in configurations]
    return configurations


def _target(invoker: Invoker, alias_arn: str) -> Action:
    """A target with the id of one that is there replaces it."""
    bus, _, rule = invoker.source.split(":rule/", 1)[-1].rpartition("/")
    before: dict[str, Any] = dict(invoker.config)
    after = {**before, "Arn": alias_arn}
    return Action(
        kind=ActionKind.REPOINT_TARGET,
        target=rule,
        parameters={"bus": bus or "default", "targets": [after], "function": alias_arn},
        before={"targets": [before], "function": before.get("Arn")},
    )


def _subscription(function: Function, invoker: Invoker, alias_arn: str) -> Action:
    """Subscribe the alias. Until the other subscription ends, both are told: twice is better than never."""
    return Action(
        kind=ActionKind.REPOINT_SUBSCRIPTION,
        target=invoker.source,
        parameters={"function": alias_arn, "attributes": dict(invoker.config)},
        before={"subscription": invoker.id, "function": qualified(function, invoker)},
    )


def _replaced(function: Function, invoker: Invoker, alias_arn: str) -> bool:
    """Whether the alias has a subscription to the same topic, one that is confirmed."""
    alias = alias_arn.rsplit(":", 1)[-1]
    return any(
        other.kind is Kind.TOPIC and other.source == invoker.source and other.qualifier == alias
        for other in function.invokers
        if other.enabled and not function.runs_latest(other)
    )
