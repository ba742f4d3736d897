"""Kinesis streams and parameters of the Parameter Store, which moto replaces at each update.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-kinesis-stream.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ssm-parameter.html
"""

from typing import Any

from local.cloudformation.resources import Properties, ServiceResource, as_tag_list, generated_name


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
        summary = self._call("DescribeStreamSummary")["StreamDescriptionSummary"]
        self.attributes = {"Arn": summary["StreamARN"]}
        self._configure({}, properties)

    def _configure(self, before: Properties, after: Properties) -> None:
        hours, hours_before = (
            int(after.get("RetentionPeriodHours", 24)),
            int(before.get("RetentionPeriodHours", 24)),
        )
        if hours != hours_before:
            change = "Increase" if hours > hours_before else "Decrease"
            self._call(f"{change}StreamRetentionPeriod", RetentionPeriodHours=hours)
        if "StreamEncryption" in after and before.get("StreamEncryption") != after["StreamEncryption"]:
            self._call("StartStreamEncryption", **after["StreamEncryption"])
        self._call("AddTagsToStream", Tags=self.tags_for(after))

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "StreamModeDetails") and "StreamModeDetails" in properties:
            mode = properties["StreamModeDetails"]
            self.call("kinesis", "UpdateStreamMode", StreamARN=self.attributes["Arn"], StreamModeDetails=mode)
        if self.changed(properties, "ShardCount") and "ShardCount" in properties:
            count = properties["ShardCount"]
            self._call("UpdateShardCount", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        self._configure(self.properties, properties)

    def delete(self) -> None:
        self._call("DeleteStream", EnforceConsumerDeletion=True)


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
