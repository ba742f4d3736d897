"""Building blocks for what the policy `missing-alias` judges: the function `orders` and who invokes it.

ARNs are made here, so that a test speaks of `uploads` and `live` only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, Attempt, Exemption
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import (
    Alias,
    Code,
    Function,
    Invoker,
    Kind,
    Permission,
    StackPlace,
    Version,
)
from stackwarden.policies.missing_alias import Case, Rules

ACCOUNT, REGION = "123456789012", "eu-central-1"
ORDERS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
LIVE = f"{ORDERS}:live"
STACK = StackPlace(f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/0123", "shop")
PUSHING = Rules(repoint_push=True)


def qualified(qualifier: str | None, name: str = "orders") -> str:
    """The ARN of a function, with a qualifier or without."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def bucket_arn(name: str) -> str:
    """The ARN of a bucket."""
    return f"arn:aws:s3:::{name}"


def topic_arn(name: str) -> str:
    """The ARN of a topic."""
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def rule_arn(name: str) -> str:
    """The ARN of a rule; the name has another bus than the default one before it: `shop/nightly`."""
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"


def subscription_arn(topic: str, name: str) -> str:
    """The ARN of a subscription."""
    return f"{topic_arn(topic)}:{name}"


def mapping(
    qualifier: str | None = None, *, name: str = "m-1", queue: str = "orders", state: str = "Enabled"
) -> Invoker:
    """An event source mapping, by its UUID."""
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
    config = {"State": state, "FunctionArn": qualified(qualifier)}
    enabled = state not in ("Disabled", "Disabling", "Deleting")
    return Invoker(Kind.MAPPING, source, name, qualifier, enabled, config)


def rule_of_bucket(target: str, name: str) -> dict[str, Any]:
    """One notification in a bucket's configuration; target: a function's ARN."""
    return {"Id": name, "LambdaFunctionArn": target, "Events": ["s3:ObjectCreated:*"]}


def notification(
    qualifier: str | None = None,
    *,
    bucket: str = "uploads",
    name: str = "on-upload",
    whole: Mapping[str, Any] | None = None,
) -> Invoker:
    """A bucket's notification; whole: all of them, if there are others."""
    alone = {"LambdaFunctionConfigurations": [rule_of_bucket(qualified(qualifier), name)]}
    return Invoker(Kind.BUCKET, bucket_arn(bucket), name, qualifier, config=whole or alone)


def subscription(
    qualifier: str | None = None,
    *,
    topic: str = "orders",
    name: str = "s-1",
    enabled: bool = True,
    **attributes: Any,
) -> Invoker:
    """A subscription of a topic with its attributes; what is not enabled is not confirmed."""
    arn = subscription_arn(topic, name) if enabled else qualified(qualifier)
    return Invoker(Kind.TOPIC, topic_arn(topic), arn, qualifier, enabled, attributes)


def target(
    qualifier: str | None = None, *, rule: str = "nightly", name: str = "orders", **config: Any
) -> Invoker:
    """A rule's target."""
    whole = {"Id": name, "Arn": qualified(qualifier), **config}
    return Invoker(Kind.RULE, rule_arn(rule), name, qualifier, config=whole)


def people(qualifier: str | None = None, *, principal: str = "210987654321") -> Invoker:
    """A permission of an account."""
    return Invoker(Kind.PEOPLE, principal, "people", qualifier)


def permission(service: str, source: str | None = None, *, sid: str = "sid", **rest: Any) -> Permission:
    """What lets a service in: `s3`, `events`, …"""
    action = "lambda:InvokeFunction"
    return Permission(sid, action, f"{service}.amazonaws.com", source_arn=source, **rest)


LETTING_IN = (
    permission("s3", bucket_arn("uploads"), sid="bucket", source_account=ACCOUNT),
    permission("sns", topic_arn("orders"), sid="topic"),
    permission("events", rule_arn("nightly"), sid="rule"),
)


def version(number: str, code: str = "A", settings: str = "128 MB", **rest: Any) -> Version:
    """A published version."""
    return Version(number, code, settings, **rest)


def code(*published: Version, now: str = "A", settings: str = "128 MB", **rest: Any) -> Code:
    """What is live, and all that is published."""
    newest = max(published, key=lambda each: int(each.number), default=None)
    versions = {each.number: each for each in published}
    return Code(Version(LATEST, now, settings), newest, versions, **rest)


def aliases(**versions: str) -> dict[str, Alias]:
    """Aliases by name, each on a version."""
    return {name: Alias(name, number) for name, number in versions.items()}


def function(*invokers: Invoker, live: str = "", published: Iterable[Version] = (), **rest: Any) -> Function:
    """The function; live: the version that the alias is on. It runs code A."""
    known: dict[str, Any] = {"code": code(*published)}
    if live:
        known["aliases"] = aliases(live=live)
    return Function(ORDERS, invokers, **known | rest)


def ready(*invokers: Invoker, **rest: Any) -> Function:
    """The function with its code published as version 1, and the alias on that."""
    return function(*invokers, live="1", published=[version("1")], **rest)


def case(state: Function, *, exempt: str = "", **rest: Any) -> Case:
    """A case in prod that is enforced; `exempt` names what has an exemption."""
    granted = {exempt: exemption(exempt)} if exempt else {}
    return Case(state, **{"exemptions": Exemptions(granted)} | rest)


def exemption(name: str) -> Exemption:
    """An exemption in force."""
    return Exemption(
        name=f"/stackwarden/exemptions/missing-alias/{name}",
        requested_by="developer",
        approved_by="security",
        reason="goes next month",
        until="2026-02-01T00:00:00+00:00",
    )


def tried(action: Action, *, error: str = "", in_round: int = 0) -> Attempt:
    """What the workflow made of an action; with an error, it failed."""
    status = {"status": "failed", "error": error} if error else {"status": "done"}
    return Attempt.model_validate({**action.model_dump(), **status, "round": in_round})
