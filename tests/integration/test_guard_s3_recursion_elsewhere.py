"""The function s3_recursion on what is another Region's, another account's or anybody's."""

import json
from typing import Any

import pytest

from stackwarden import aws
from tests.fakes import client_error
from tests.s3_account import (
    ACCOUNT,
    EVENTS,
    SNS,
    S3Account,
    allow,
    bucket_arn,
    function_arn,
    to,
)

THEIR_TOPIC = "arn:aws:sns:us-east-1:210987654321:central"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:albums"


def cycle(verdict: dict[str, Any]) -> list[str]:
    """Function, bucket, function, bucket, …, by name."""
    return [part.rsplit(":", 1)[-1] for part in verdict["finding"]["evidence"]["cycle"]]


def refuse(operation: str) -> None:
    """Let SNS refuse a call, by the name that it has for that."""

    def answer(**_: Any) -> None:
        raise client_error("AuthorizationError", operation)

    aws.client("sns").meta.events.register(f"after-call.sns.{operation}", answer)


class TestAnotherRegion:
    @pytest.fixture(autouse=True)
    def made(self, s3: S3Account) -> None:
        """Two buckets that tell EventBridge, one in Ireland; a rule here for objects of any bucket."""
        ireland = {"LocationConstraint": "eu-west-1"}
        s3.s3.create_bucket(Bucket="photos-eu", CreateBucketConfiguration=ireland)
        s3.bucket("photos-us")
        s3.function("thumbnails", allow("photos-eu/*"), allow("photos-us/*"))
        pattern = json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"]})
        rule = s3.events.put_rule(Name="any", EventPattern=pattern)["RuleArn"]
        s3.events.put_targets(Rule="any", Targets=[{"Id": "1", "Arn": function_arn("thumbnails")}])
        s3.let_in("thumbnails", rule, EVENTS)
        for bucket in ("photos-eu", "photos-us"):
            s3.notify(bucket, EventBridgeConfiguration={})

    def test_a_bucket_that_tells_its_own_regions_bus_is_no_loop(self, s3: S3Account) -> None:
        assert [cycle(verdict) for verdict in s3.updated()] == [["thumbnails", "photos-us"]]

    def test_its_notifications_lead_nowhere_from_here(self, s3: S3Account) -> None:
        assert s3.notified("photos-eu") == []


class TestAnotherAccountsTopic:
    """Its subscriptions may not be read: it ends a way, and everything else is judged."""

    @pytest.fixture(autouse=True)
    def made(self, s3: S3Account) -> None:
        s3.loop()
        s3.bucket("audit")
        s3.permit("thumbnails-role", allow("audit/*"), name="more")
        s3.notify("audit", to(THEIR_TOPIC))
        refuse("ListSubscriptionsByTopic")

    def test_leaves_the_loop_beside_it_to_be_found(self, s3: S3Account) -> None:
        assert [(verdict["next"], cycle(verdict)) for verdict in s3.updated()] == [
            ("act", ["thumbnails", "photos"])
        ]

    def test_that_a_bucket_tells_beside_a_function(self, s3: S3Account) -> None:
        theirs = to(THEIR_TOPIC, prefix="audit/", name="audit")
        s3.notify("photos", theirs, to(function_arn("thumbnails"), prefix="in/"))

        assert [cycle(verdict) for verdict in s3.notified()] == [["thumbnails", "photos"]]

    def test_to_which_somebody_subscribes(self, s3: S3Account) -> None:
        assert s3.happens("subscribe.violation", topicArn=THEIR_TOPIC) == []


class TestAnotherAccountsSubscription:
    def test_that_may_not_be_read_is_a_doubt(self, s3: S3Account) -> None:
        s3.bucket("albums")
        s3.function("albums", allow("albums/*"))
        s3.sns.create_topic(Name="albums")
        s3.let_in("albums", TOPIC, SNS)
        s3.notify("albums", to(TOPIC))
        s3.sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=function_arn("albums"))
        refuse("GetSubscriptionAttributes")

        [verdict] = s3.notified("albums")

        assert (verdict["outcome"], verdict["finding"]["evidence"]["grade"]) == ("observed", "possible")
        [doubt] = verdict["finding"]["evidence"]["hops"][0]["doubts"]
        assert "may not be read" in doubt


def test_a_function_that_anybody_may_invoke_may_be_invoked_by_its_bucket(s3: S3Account) -> None:
    s3.bucket("photos")
    s3.function("thumbnails", allow("photos/*"))
    s3.let_in("thumbnails", bucket_arn("photos"), "*", sid="anybody")
    s3.notify("photos", to(function_arn("thumbnails")))

    [verdict] = s3.happens("add-permission.violation", principal="*")

    assert cycle(verdict) == ["thumbnails", "photos"]
