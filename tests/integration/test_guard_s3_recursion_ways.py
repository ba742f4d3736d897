"""The function s3_recursion on real resources: loops through topics, queues and rules."""

import json
from typing import Any

import pytest

from tests.s3_account import (
    ACCOUNT,
    EVENTS,
    SNS,
    S3Account,
    allow,
    function_arn,
    to,
)

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:albums"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:films"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/scans-to-ocr"


def capped(verdict: dict[str, Any]) -> list[str]:
    assert verdict["next"] == "act"
    return [action["target"].split(":")[6] for action in verdict["actions"]]


class TestTopics:
    @pytest.fixture(autouse=True)
    def made(self, s3: S3Account) -> None:
        s3.bucket("albums")
        s3.function("albums", allow("albums/*"))
        s3.sns.create_topic(Name="albums")
        s3.let_in("albums", TOPIC, SNS)
        s3.notify("albums", to(TOPIC))

    def subscribe(self, s3: S3Account, **more: Any) -> str:
        arn: str = s3.sns.subscribe(
            TopicArn=TOPIC,
            Protocol="lambda",
            Endpoint=function_arn("albums"),
            ReturnSubscriptionArn=True,
            **more,
        )["SubscriptionArn"]
        return arn

    @pytest.mark.parametrize("case", ["put-bucket-notification-to-a-topic.violation", "subscribe.violation"])
    def test_a_loop_through_a_topic(self, s3: S3Account, case: str) -> None:
        self.subscribe(s3)

        [verdict] = s3.happens(case)

        assert capped(verdict) == ["albums"]
        assert verdict["finding"]["evidence"]["hops"][0]["via"] == [TOPIC]

    def test_a_topic_without_subscribers_ends_it(self, s3: S3Account) -> None:
        s3.sns.unsubscribe(SubscriptionArn=self.subscribe(s3))

        assert s3.notified("albums") == []
        assert s3.happens("subscribe.violation") == []

    def test_a_filter_policy_is_a_doubt(self, s3: S3Account) -> None:
        self.subscribe(s3, Attributes={"FilterPolicy": json.dumps({"kind": ["cover"]})})

        [verdict] = s3.happens("subscribe.violation")

        assert verdict["outcome"] == "observed"
        assert "filter policy" in verdict["finding"]["evidence"]["hops"][0]["doubts"][0]

    def test_a_topic_that_may_not_invoke_the_function_ends_it(self, s3: S3Account) -> None:
        self.subscribe(s3)
        policy = json.loads(s3.functions.get_policy(FunctionName="albums")["Policy"])
        s3.functions.remove_permission(FunctionName="albums", StatementId=policy["Statement"][0]["Sid"])

        assert s3.notified("albums") == []


class TestQueues:
    @pytest.fixture(autouse=True)
    def mapping(self, s3: S3Account) -> str:
        """An event source mapping of a queue that a bucket tells; its UUID."""
        s3.bucket("films")
        reads = {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": QUEUE,
        }
        s3.function("films", allow("films/*"), reads)
        s3.sqs.create_queue(QueueName="films")
        s3.notify("films", to(QUEUE))
        made = s3.functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="films")
        s3.local.drain()
        return str(made["UUID"])

    @pytest.mark.parametrize(
        "case", ["put-bucket-notification-to-a-queue.violation", "create-event-source-mapping.violation"]
    )
    def test_a_loop_through_a_queue(self, s3: S3Account, case: str) -> None:
        [verdict] = s3.happens(case)

        assert capped(verdict) == ["films"]
        assert verdict["finding"]["evidence"]["hops"][0]["via"] == [QUEUE]

    def test_it_is_found_from_the_mapping(self, s3: S3Account, mapping: str) -> None:
        [verdict] = s3.happens("update-event-source-mapping.violation", uUID=mapping)

        assert capped(verdict) == ["films"]

    def test_a_mapping_that_is_gone_ends_it(self, s3: S3Account, mapping: str) -> None:
        s3.functions.delete_event_source_mapping(UUID=mapping)

        assert s3.notified("films") == []
        assert s3.updated("films") == []

    def test_a_topic_that_feeds_the_queue_is_followed(self, s3: S3Account) -> None:
        s3.sns.create_topic(Name="albums")
        s3.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)
        s3.notify("films", to(TOPIC))

        [verdict] = s3.notified("films")

        assert verdict["finding"]["evidence"]["hops"][0]["via"] == [TOPIC, QUEUE]


class TestRules:
    @pytest.fixture(autouse=True)
    def made(self, s3: S3Account) -> None:
        s3.bucket("scans")
        s3.function("ocr", allow("scans/*"))
        s3.let_in("ocr", RULE, EVENTS)
        s3.notify("scans", EventBridgeConfiguration={})

    def rule(self, s3: S3Account, *, state: str = "ENABLED", **detail: Any) -> None:
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": ["scans"]}, **detail},
        }
        s3.events.put_rule(Name="scans-to-ocr", EventPattern=json.dumps(pattern), State=state)
        s3.events.put_targets(Rule="scans-to-ocr", Targets=[{"Id": "ocr", "Arn": function_arn("ocr")}])

    @pytest.mark.parametrize(
        "case",
        [
            "put-bucket-notification-to-eventbridge.violation",
            "put-rule.violation",
            "put-rule-on-the-default-bus-by-arn.violation",
            "put-targets.violation",
        ],
    )
    def test_a_loop_through_a_rule(self, s3: S3Account, case: str) -> None:
        self.rule(s3)

        [verdict] = s3.happens(case)

        assert capped(verdict) == ["ocr"]
        assert "rule 'scans-to-ocr' of bucket scans" in verdict["finding"]["evidence"]["hops"][0]["trigger"]

    def test_it_is_found_from_the_function(self, s3: S3Account) -> None:
        self.rule(s3)

        assert [capped(verdict) for verdict in s3.updated("ocr")] == [["ocr"]]

    def test_a_key_that_the_function_may_not_write_ends_it(self, s3: S3Account) -> None:
        self.rule(s3, object={"key": [{"prefix": "in/"}]})
        s3.permit("ocr-role", allow("scans/out/*"))

        assert s3.happens("put-rule.violation") == []

    def test_the_witness_matches_the_rule(self, s3: S3Account) -> None:
        self.rule(s3, object={"key": [{"prefix": "in/"}]})

        [verdict] = s3.happens("put-rule.violation")

        assert verdict["finding"]["evidence"]["hops"][0]["object"].startswith("arn:aws:s3:::scans/in/")

    def test_a_rule_about_another_bucket_ends_it(self, s3: S3Account) -> None:
        self.rule(s3, bucket={"name": ["invoices"]})

        assert s3.happens("put-rule.violation") == []

    def test_a_disabled_rule_ends_it(self, s3: S3Account) -> None:
        self.rule(s3, state="DISABLED")

        assert s3.happens("put-rule.violation") == []

    def test_a_bucket_that_does_not_tell_eventbridge_ends_it(self, s3: S3Account) -> None:
        self.rule(s3)
        s3.notify("scans")

        assert s3.happens("put-rule.violation") == []
