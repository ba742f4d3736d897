"""Event buses and rules, schedules and delivery streams.

moto replaces a rule at each update, gives a bus no Ref, and has no bus policies and schedules.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Events.html
"""

import json
from typing import Any

from botocore.exceptions import ClientError

from local.account import current
from local.cloudformation.calls import error_code
from local.cloudformation.resources import Properties, ServiceResource, as_tag_list

POLL_SECONDS = 0.02


class Rule(ServiceResource):
    """AWS::Events::Rule. Ref is the name, on another than the default bus `<bus>|<name>`."""

    resource_type = "AWS::Events::Rule"
    name_property = "Name"
    name_length = 64
    immutable = frozenset({"EventBusName"})

    def _bus(self) -> Properties:
        return {"EventBusName": self.properties.get("EventBusName", "default")}

    def _put(self, properties: Properties) -> dict[str, Any]:
        wanted = {**properties, "Name": self.name, **self._bus()}
        if isinstance(wanted.get("EventPattern"), dict):
            wanted["EventPattern"] = json.dumps(wanted["EventPattern"])
        return self.call("events", "PutRule", **{**wanted, "Tags": self.tag_list(properties)})

    def create(self) -> None:
        self.attributes = {"Arn": self._put(self.properties)["RuleArn"]}
        bus = self._bus()["EventBusName"].rsplit("/", 1)[-1]
        self.physical_id = self.name if bus == "default" else f"{bus}|{self.name}"
        self._put_targets(self.properties.get("Targets", []))

    def _put_targets(self, targets: list[Properties]) -> None:
        if targets:
            self.call("events", "PutTargets", Rule=self.name, Targets=targets, **self._bus())

    def _remove_targets(self, targets: list[Properties], *, but: list[Properties]) -> None:
        kept = {target["Id"] for target in but}
        gone = [target["Id"] for target in targets if target["Id"] not in kept]
        if gone:
            self.call("events", "RemoveTargets", Rule=self.name, Ids=gone, **self._bus())

    def update(self, properties: Properties) -> None:
        self._put(properties)
        targets = properties.get("Targets", [])
        self._remove_targets(self.properties.get("Targets", []), but=targets)
        self._put_targets(targets)

    def delete(self) -> None:
        self._remove_targets(self.properties.get("Targets", []), but=[])
        self.call("events", "DeleteRule", Name=self.name, **self._bus())


class EventBus(ServiceResource):
    """AWS::Events::EventBus. Ref is the name."""

    resource_type = "AWS::Events::EventBus"
    name_property = "Name"

    def create(self) -> None:
        wanted = {**self.properties, "Name": self.name, "Tags": self.tag_list(self.properties)}
        created = self.call("events", "CreateEventBus", **wanted)
        self.physical_id = self.name
        self.attributes = {"Arn": created["EventBusArn"], "Name": self.name}

    def update(self, properties: Properties) -> None:
        self.call("events", "TagResource", ResourceARN=self.attributes["Arn"], Tags=self.tag_list(properties))

    def delete(self) -> None:
        self.call("events", "DeleteEventBus", Name=self.name)


class EventBusPolicy(ServiceResource):
    """AWS::Events::EventBusPolicy: one statement of a bus's policy."""

    resource_type = "AWS::Events::EventBusPolicy"
    immutable = frozenset({"EventBusName", "StatementId"})

    @property
    def _bus_name(self) -> str:
        return str(self.properties.get("EventBusName", "default"))

    def _put(self, properties: Properties) -> None:
        if "Statement" not in properties:
            self.call("events", "PutPermission", **properties)
            return
        described = self.call("events", "DescribeEventBus", Name=self._bus_name)
        policy = json.loads(described.get("Policy") or '{"Version": "2012-10-17", "Statement": []}')
        others = [entry for entry in policy["Statement"] if entry["Sid"] != properties["StatementId"]]
        policy["Statement"] = [*others, {**properties["Statement"], "Sid": properties["StatementId"]}]
        self.call("events", "PutPermission", EventBusName=self._bus_name, Policy=json.dumps(policy))

    def create(self) -> None:
        self._put(self.properties)
        self.physical_id = f"{self._bus_name}|{self.properties['StatementId']}"

    def update(self, properties: Properties) -> None:
        self._put(properties)

    def delete(self) -> None:
        statement_id = self.properties["StatementId"]
        self.call("events", "RemovePermission", EventBusName=self._bus_name, StatementId=statement_id)


class Schedule(ServiceResource):
    """AWS::Scheduler::Schedule. Ref is the name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-scheduler-schedule.html
    """

    resource_type = "AWS::Scheduler::Schedule"
    name_property = "Name"
    name_length = 64
    immutable = frozenset({"GroupName"})

    def create(self) -> None:
        created = self.call("scheduler", "CreateSchedule", **{**self.properties, "Name": self.name})
        self.physical_id = self.name
        self.attributes = {"Arn": created["ScheduleArn"]}

    def update(self, properties: Properties) -> None:
        self.call("scheduler", "UpdateSchedule", **{**properties, "Name": self.name})

    def delete(self) -> None:
        group = {"GroupName": self.properties["GroupName"]} if "GroupName" in self.properties else {}
        self.call("scheduler", "DeleteSchedule", Name=self.name, **group)


class ScheduleGroup(ServiceResource):
    """AWS::Scheduler::ScheduleGroup. Ref is the name."""

    resource_type = "AWS::Scheduler::ScheduleGroup"
    name_property = "Name"
    name_length = 64

    def create(self) -> None:
        created = self.call(
            "scheduler", "CreateScheduleGroup", Name=self.name, Tags=self.tag_list(self.properties)
        )
        self.physical_id = self.name
        self.attributes = {"Arn": created["ScheduleGroupArn"]}

    def update(self, properties: Properties) -> None:
        self.call(
            "scheduler", "TagResource", ResourceArn=self.attributes["Arn"], Tags=self.tag_list(properties)
        )

    def delete(self) -> None:
        self.call("scheduler", "DeleteScheduleGroup", Name=self.name)


class DeliveryStream(ServiceResource):
    """AWS::KinesisFirehose::DeliveryStream. Ref is the name; an extended S3 destination is updated in place.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-kinesisfirehose-deliverystream.html
    """

    resource_type = "AWS::KinesisFirehose::DeliveryStream"
    name_property = "DeliveryStreamName"
    name_length = 64
    immutable = frozenset(
        {
            "DeliveryStreamType",
            "KinesisStreamSourceConfiguration",
            "S3DestinationConfiguration",
        }
    )

    def create(self) -> None:
        wanted = {
            **self.properties,
            "DeliveryStreamName": self.name,
        }
        if tags := self.plain_tags(self.properties):
            wanted["Tags"] = as_tag_list(tags)
        for key in ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration"):
            if key in wanted:
                wanted[key] = _api_spelling(wanted[key])
        if "KinesisStreamSourceConfiguration" in wanted:
            wanted["KinesisStreamSourceConfiguration"] = _api_spelling(
                wanted["KinesisStreamSourceConfiguration"]
            )
        created = self.call("firehose", "CreateDeliveryStream", **wanted)
        self.physical_id = self.name
        self.attributes = {"Arn": created["DeliveryStreamARN"]}
        while self._description()["DeliveryStreamStatus"] == "CREATING":
            current().background.pause(POLL_SECONDS)

    def _description(self) -> dict[str, Any]:
        answer = self.call("firehose", "DescribeDeliveryStream", DeliveryStreamName=self.name)
        description: dict[str, Any] = answer["DeliveryStreamDescription"]
        return description

    def requires_replacement(self, properties: Properties) -> bool:
        """Another kind of destination needs another delivery stream here."""
        key = "ExtendedS3DestinationConfiguration"
        return (key in properties) != (key in self.properties) or super().requires_replacement(properties)

    def _update_destination(self, properties: Properties) -> None:
        description = self._description()
        self.call(
            "firehose",
            "UpdateDestination",
            DeliveryStreamName=self.name,
            CurrentDeliveryStreamVersionId=description["VersionId"],
            DestinationId=description["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=_api_spelling(properties["ExtendedS3DestinationConfiguration"]),
        )

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "ExtendedS3DestinationConfiguration"):
            self._update_destination(properties)
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("firehose", "UntagDeliveryStream", DeliveryStreamName=self.name, TagKeys=removed)
        if changed:
            tags = as_tag_list(changed)
            self.call("firehose", "TagDeliveryStream", DeliveryStreamName=self.name, Tags=tags)

    def delete(self) -> None:
        self.call("firehose", "DeleteDeliveryStream", DeliveryStreamName=self.name)
        while self._exists():
            current().background.pause(POLL_SECONDS)

    def _exists(self) -> bool:
        try:
            self._description()
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return False
        return True


def _api_spelling(settings: Properties) -> Properties:
    """CloudFormation says BucketArn and RoleArn where Firehose says BucketARN and RoleARN."""
    return {key[:-3] + "ARN" if key.endswith("Arn") else key: value for key, value in settings.items()}
