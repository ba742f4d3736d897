"""Kinesis streams and parameters of the Parameter Store, which moto replaces at each update.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-kinesis-stream.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ssm-parameter.html
"""

from typing import Any

from botocore.exceptions import ClientError

from local.account import current
from local.cloudformation.calls import error_code
from local.cloudformation.resources import Properties, ServiceResource, as_tag_list, generated_name

POLL_SECONDS = 0.02


class Stream(ServiceResource):
    """AWS::Kinesis::Stream. Ref is the name."""

    resource_type = "AWS::Kinesis::Stream"
    name_property = "Name"
    name_length = 128

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.call("kinesis", operation, StreamName=self.name, **parameters)

    def create(self) -> None:
        properties = self.properties
        wanted = {key: properties[key] for key in ("ShardCount", "StreamModeDetails") if key in properties}
        self._call("CreateStream", **wanted)
        self.physical_id = self.name
        self.attributes = {"Arn": self._summary()["StreamARN"]}
        self._wait_until_active()
        self._configure({}, properties)

    def _summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self._call("DescribeStreamSummary")["StreamDescriptionSummary"]
        return summary

    def _wait_until_active(self) -> None:
        while self._summary()["StreamStatus"] != "ACTIVE":
            current().background.pause(POLL_SECONDS)

    def _change(self, operation: str, **parameters: Any) -> None:
        """A change makes the stream UPDATING, in which it takes no other change."""
        self._call(operation, **parameters)
        self._wait_until_active()

    def _configure(self, before: Properties, after: Properties) -> None:
        hours, hours_before = (
            int(after.get("RetentionPeriodHours", 24)),
            int(before.get("RetentionPeriodHours", 24)),
        )
        if hours != hours_before:
            change = "Increase" if hours > hours_before else "Decrease"
            self._change(f"{change}StreamRetentionPeriod", RetentionPeriodHours=hours)
        if "StreamEncryption" in after and before.get("StreamEncryption") != after["StreamEncryption"]:
            self._change("StartStreamEncryption", **after["StreamEncryption"])
        self._call("AddTagsToStream", Tags=self.tags_for(after))

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "StreamModeDetails") and "StreamModeDetails" in properties:
            mode = properties["StreamModeDetails"]
            self.call("kinesis", "UpdateStreamMode", StreamARN=self.attributes["Arn"], StreamModeDetails=mode)
            self._wait_until_active()
        if self.changed(properties, "ShardCount") and "ShardCount" in properties:
            count = properties["ShardCount"]
            self._change("UpdateShardCount", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        self._configure(self.properties, properties)

    def delete(self) -> None:
        self._call("DeleteStream", EnforceConsumerDeletion=True)
        while self._exists():
            current().background.pause(POLL_SECONDS)

    def _exists(self) -> bool:
        try:
            self._summary()
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return False
        return True


class Parameter(ServiceResource):
    """AWS::SSM::Parameter. Ref is the name."""

    resource_type = "AWS::SSM::Parameter"
    name_property = "Name"
    immutable = frozenset({"Type"})

    @property
    def name(self) -> str:
        if "Name" not in self.properties and not self._made_up_name:
            self._made_up_name = "CFN-" + generated_name(self.place, 250)
        return super().name

    def create(self) -> None:
        tags = as_tag_list(self.plain_tags(self.properties))
        self.call("ssm", "PutParameter", **{**self.properties, "Name": self.name, "Tags": tags})
        self.physical_id = self.name
        self.attributes = {"Type": self.properties["Type"], "Value": self.properties["Value"]}

    def update(self, properties: Properties) -> None:
        wanted = {key: value for key, value in properties.items() if key != "Tags"}
        self.call("ssm", "PutParameter", **{**wanted, "Name": self.name, "Overwrite": True})
        self.attributes["Value"] = properties["Value"]

    def delete(self) -> None:
        self.call("ssm", "DeleteParameter", Name=self.name)
