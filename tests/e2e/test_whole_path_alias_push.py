"""RepointPushTriggers: S3, SNS and EventBridge are moved to the alias, too, and really reach it.

In an account that is not prod, where a function is prod by its tag.
"""

import json
from typing import Any

from tests.e2e.aliases import (
    ARN,
    BLUE,
    LATEST_INVOKED,
    aliases,
    function,
    map_queue,
    mapped_to,
    order,
    seen,
    seen_so_far,
    stack,
    versions,
)
from tests.e2e.guarded import Guarded
from tests.e2e.loops import tags

ENVIRONMENT = "sandbox"
PARAMETERS = {"MissingAliasRepointPushTriggers": "true"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:signups"
RULE = "arn:aws:events:us-east-1:123456789012:rule/signups"
BUCKET = "arn:aws:s3:::signups-forms"


def let_in(guarded: Guarded, name: str, service: str, source: str) -> None:
    """Let a service's resource invoke a function."""
    guarded.client("lambda").add_permission(
        FunctionName=name,
        StatementId=service,
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        SourceArn=source,
    )


def push(guarded: Guarded, name: str, other: str) -> None:
    """Let a bucket, a topic and a rule trigger a function, and the bucket another function besides."""
    events, s3, sns = (guarded.client(service) for service in ("events", "s3", "sns"))
    s3.create_bucket(Bucket=f"{name}-forms")
    for each in (name, other):
        let_in(guarded, each, "s3", BUCKET)
    s3.put_bucket_notification_configuration(
        Bucket=f"{name}-forms",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [notification(name, "paper/"), notification(other, "scans/")],
            "EventBridgeConfiguration": {},
        },
    )
    let_in(guarded, name, "sns", TOPIC)
    sns.create_topic(Name=name)
    filtered = {"FilterPolicy": json.dumps({"kind": ["person"]})}
    sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=f"{ARN}{name}", Attributes=filtered)
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["shop"]}))
    let_in(guarded, name, "events", RULE)
    events.put_targets(Rule=name, Targets=[{"Id": "it", "Arn": f"{ARN}{name}", "InputPath": "$.detail"}])


def notification(name: str, prefix: str) -> dict[str, Any]:
    """A notification of new objects below a prefix."""
    return {
        "Id": name,
        "LambdaFunctionArn": f"{ARN}{name}",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": prefix}]}},
    }


def happen(guarded: Guarded, mark: str) -> None:
    """Let an object, a message and an event arrive."""
    guarded.client("s3").put_object(Bucket="signups-forms", Key=f"paper/{mark}-object", Body=b"")
    person = {"kind": {"DataType": "String", "StringValue": "person"}}
    guarded.client("sns").publish(TopicArn=TOPIC, Message=f"{mark}-message", MessageAttributes=person)
    entry = {"Source": "shop", "DetailType": "Signup", "Detail": json.dumps({"mark": f"{mark}-event"})}
    guarded.client("events").put_events(Entries=[entry])


def test_what_pushes_is_moved_and_reaches_the_alias(guarded: Guarded) -> None:
    with guarded.unseen():
        for name in ("signups", "archive"):
            function(guarded, name)
        push(guarded, "signups", "archive")
        happen(guarded, "before")
        for what in ("object", "message", "event"):
            assert seen(guarded, "signups", f"before-{what}") == (BLUE, "$LATEST", "")
        guarded.account.drain()

    # It becomes prod: that is when it is judged.
    guarded.client("lambda").tag_resource(Resource=f"{ARN}signups", Tags={"environment": "prod"})
    report = guarded.report("signups", LATEST_INVOKED)
    happen(guarded, "after")

    assert report.outcome == "remediated"
    assert {kind for kind, _ in report.deeds()} == {
        "publish-version",
        "create-alias",
        "add-permission",
        "repoint-notification",
        "repoint-target",
        "repoint-subscription",
        "end-subscription",
    }
    for what in ("object", "message", "event"):
        assert seen(guarded, "signups", f"after-{what}") == (BLUE, "1", "live")
    guarded.rest()
    for what in ("object", "message", "event"):
        assert seen_so_far(guarded, "signups", f"after-{what}") == [(BLUE, "1", "live")]


def test_what_is_around_a_trigger_stays_as_it_is(guarded: Guarded) -> None:
    s3, sns, events = (guarded.client(service) for service in ("s3", "sns", "events"))

    found = s3.get_bucket_notification_configuration(Bucket="signups-forms")
    mine, others = found["LambdaFunctionConfigurations"]
    assert mine == notification("signups:live", "paper/") | {"Id": "signups"}
    assert others == notification("archive", "scans/")
    assert "EventBridgeConfiguration" in found
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert subscription["Endpoint"] == f"{ARN}signups:live"
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])[
        "Attributes"
    ]
    assert json.loads(attributes["FilterPolicy"]) == {"kind": ["person"]}
    (target,) = events.list_targets_by_rule(Rule="signups")["Targets"]
    assert target == {"Id": "it", "Arn": f"{ARN}signups:live", "InputPath": "$.detail"}
    # The other function is not prod.
    assert (aliases(guarded, "archive"), versions(guarded, "archive")) == ({}, [])


def test_the_bucket_of_a_sam_stack_is_moved_with_its_queue(guarded: Guarded) -> None:
    stack(guarded, "prints", bucket=True, Tags={"environment": "prod"})
    report = guarded.report("prints", LATEST_INVOKED)
    guarded.client("s3").put_object(Bucket="prints-uploads", Key="portrait", Body=b"")

    assert report.outcome == "remediated"
    assert order(guarded, "prints", "large") == (BLUE, "1", "live")
    assert seen(guarded, "prints", "portrait") == (BLUE, "1", "live")


def test_a_function_that_is_not_prod_is_only_told(guarded: Guarded) -> None:
    function(guarded, "games")

    map_queue(guarded, "games")
    report = guarded.report("games", LATEST_INVOKED)

    assert report.outcome == "observed"
    assert report.attributes["severity"] == "LOW"
    assert "the environment sandbox is not prod" in report.mail.body
    assert report.deeds() == report.deeds("planned") == set()
    assert mapped_to(guarded, "games") == ["games"]
    assert (versions(guarded, "games"), tags(guarded, "games")) == ([], {})
