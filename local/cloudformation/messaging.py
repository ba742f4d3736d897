"""Topics, queues and who may use them.

moto makes a topic or queue with few of its properties, replaces topics at each update, and has no policies.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SNS.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SQS.html
"""

import json
from typing import Any

from local.cloudformation.resources import Properties, ServiceResource, as_tag_list, generated_name
from local.cloudformation.template import str_of

NO_TOPIC_ATTRIBUTES = ("TopicName", "Tags", "Subscription", "DeliveryStatusLogging", "DataProtectionPolicy")
NO_QUEUE_ATTRIBUTES = ("QueueName", "Tags")
NO_SUBSCRIPTION_ATTRIBUTES = ("TopicArn", "Protocol", "Endpoint", "Region")


def _attributes(properties: Properties, but: tuple[str, ...]) -> dict[str, str]:
    """Properties as the attributes of SNS and SQS: all of them text, structures as JSON."""
    return {
        key: json.dumps(value) if isinstance(value, dict | list) else str_of(value)
        for key, value in properties.items()
        if key not in but
    }


class Topic(ServiceResource):
    """AWS::SNS::Topic. Ref is the ARN."""

    resource_type = "AWS::SNS::Topic"
    name_property = "TopicName"
    name_length = 251  # leaves room for .fifo
    immutable = frozenset({"FifoTopic"})

    @property
    def name(self) -> str:
        fifo = str_of(self.properties.get("FifoTopic", False)) == "true"
        return super().name + (".fifo" if fifo and "TopicName" not in self.properties else "")

    def create(self) -> None:
        created = self.call(
            "sns",
            "CreateTopic",
            Name=self.name,
            Attributes=_attributes(self.properties, NO_TOPIC_ATTRIBUTES),
            Tags=self.tag_list(self.properties),
        )
        self.physical_id = created["TopicArn"]
        self.attributes = {"TopicArn": self.physical_id, "TopicName": self.name}
        for subscription in self.properties.get("Subscription", []):
            self.call("sns", "Subscribe", TopicArn=self.physical_id, **subscription)

    def update(self, properties: Properties) -> None:
        before = _attributes(self.properties, NO_TOPIC_ATTRIBUTES)
        after = _attributes(properties, NO_TOPIC_ATTRIBUTES)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                self.call(
                    "sns",
                    "SetTopicAttributes",
                    TopicArn=self.physical_id,
                    AttributeName=name,
                    AttributeValue=after.get(name, ""),
                )
        for subscription in properties.get("Subscription", []):  # subscribing twice is subscribing once
            self.call("sns", "Subscribe", TopicArn=self.physical_id, **subscription)
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("sns", "UntagResource", ResourceArn=self.physical_id, TagKeys=removed)
        if changed:
            self.call("sns", "TagResource", ResourceArn=self.physical_id, Tags=as_tag_list(changed))

    def delete(self) -> None:
        self.call("sns", "DeleteTopic", TopicArn=self.physical_id)


class TopicPolicy(ServiceResource):
    """AWS::SNS::TopicPolicy."""

    resource_type = "AWS::SNS::TopicPolicy"

    def _put(self, properties: Properties) -> None:
        for topic in properties["Topics"]:
            self.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=json.dumps(properties["PolicyDocument"]),
            )

    def create(self) -> None:
        self._put(self.properties)
        self.physical_id = generated_name(self.place, 100)
        self.attributes = {"Id": self.physical_id}

    def update(self, properties: Properties) -> None:
        self._put(properties)

    def delete(self) -> None:
        for topic in self.properties["Topics"]:
            self.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=json.dumps(_owner_only(topic)),
            )


def _owner_only(topic: str) -> dict[str, Any]:
    """The policy of a topic without one: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html"""
    account_id = topic.split(":")[4]
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:Subscribe", "SNS:Publish"],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account_id}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


class Subscription(ServiceResource):
    """AWS::SNS::Subscription. Ref is the ARN."""

    resource_type = "AWS::SNS::Subscription"
    immutable = frozenset({"TopicArn", "Protocol", "Endpoint"})

    def create(self) -> None:
        created = self.call(
            "sns",
            "Subscribe",
            **{key: value for key, value in self.properties.items() if key in NO_SUBSCRIPTION_ATTRIBUTES},
            Attributes=_attributes(self.properties, NO_SUBSCRIPTION_ATTRIBUTES),
            ReturnSubscriptionArn=True,
        )
        self.physical_id = created["SubscriptionArn"]
        self.attributes = {"Arn": self.physical_id}

    def update(self, properties: Properties) -> None:
        before = _attributes(self.properties, NO_SUBSCRIPTION_ATTRIBUTES)
        after = _attributes(properties, NO_SUBSCRIPTION_ATTRIBUTES)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                self.call(
                    "sns",
                    "SetSubscriptionAttributes",
                    SubscriptionArn=self.physical_id,
                    AttributeName=name,
                    AttributeValue=after.get(name, ""),
                )

    def delete(self) -> None:
        self.call("sns", "Unsubscribe", SubscriptionArn=self.physical_id)


class Queue(ServiceResource):
    """AWS::SQS::Queue. Ref is the URL."""

    resource_type = "AWS::SQS::Queue"
    name_property = "QueueName"
    name_length = 75  # leaves room for .fifo
    immutable = frozenset({"FifoQueue"})

    @property
    def name(self) -> str:
        fifo = str_of(self.properties.get("FifoQueue", False)) == "true"
        return super().name + (".fifo" if fifo and "QueueName" not in self.properties else "")

    def create(self) -> None:
        place = self.place
        self.call(
            "sqs",
            "CreateQueue",
            QueueName=self.name,
            Attributes=_attributes(self.properties, NO_QUEUE_ATTRIBUTES),
            tags=self.tags_for(self.properties),
        )
        self.physical_id = f"https://sqs.{place.region}.amazonaws.com/{place.account_id}/{self.name}"
        self.attributes = {
            "Arn": f"arn:aws:sqs:{place.region}:{place.account_id}:{self.name}",
            "QueueName": self.name,
            "QueueUrl": self.physical_id,
        }

    def update(self, properties: Properties) -> None:
        before = _attributes(self.properties, NO_QUEUE_ATTRIBUTES)
        after = _attributes(properties, NO_QUEUE_ATTRIBUTES)
        changes: dict[str, str] = {name: value for name, value in after.items() if before.get(name) != value}
        changes |= {
            name: "" for name in before if name not in after and name in ("RedrivePolicy", "KmsMasterKeyId")
        }
        if changes:
            self.call("sqs", "SetQueueAttributes", QueueUrl=self.physical_id, Attributes=changes)
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("sqs", "UntagQueue", QueueUrl=self.physical_id, TagKeys=removed)
        if changed:
            self.call("sqs", "TagQueue", QueueUrl=self.physical_id, Tags=changed)

    def delete(self) -> None:
        self.call("sqs", "DeleteQueue", QueueUrl=self.physical_id)


class QueuePolicy(ServiceResource):
    """AWS::SQS::QueuePolicy."""

    resource_type = "AWS::SQS::QueuePolicy"

    def _put(self, queues: list[str], policy: str) -> None:
        for queue in queues:
            self.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy})

    def create(self) -> None:
        self._put(self.properties["Queues"], json.dumps(self.properties["PolicyDocument"]))
        self.physical_id = generated_name(self.place, 100)
        self.attributes = {"Id": self.physical_id}

    def update(self, properties: Properties) -> None:
        self._put(properties["Queues"], json.dumps(properties["PolicyDocument"]))

    def delete(self) -> None:
        self._put(self.properties["Queues"], "")
