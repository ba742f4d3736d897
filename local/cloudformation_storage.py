"""Buckets, streams, parameters and databases.

moto's bucket has no notifications, versioning or policy; streams and parameters are replaced at each
update, and databases forget DeletionProtection.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
"""

import json
from typing import Any

from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from local.cloudformation_resources import Properties, ServiceResource, as_tag_list, generated_name

MAIN_REGION = "us-east-1"


class Bucket(ServiceResource):
    """AWS::S3::Bucket. Ref is the name."""

    resource_type = "AWS::S3::Bucket"
    name_property = "BucketName"
    name_length = 63
    immutable = frozenset({"ObjectLockEnabled"})

    @property
    def name(self) -> str:
        return super().name.lower()

    def _call(self, operation: str, **parameters: Any) -> None:
        self.call("s3", operation, Bucket=self.name, **parameters)

    def create(self) -> None:
        region = self.place.region
        placed = (
            {} if region == MAIN_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        self._call("CreateBucket", **placed)
        self.physical_id = self.name
        self.attributes = {
            "Arn": f"arn:aws:s3:::{self.name}",
            "DomainName": f"{self.name}.s3.amazonaws.com",
            "DualStackDomainName": f"{self.name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{self.name}.s3.{region}.amazonaws.com",
            "WebsiteURL": f"http://{self.name}.s3-website-{region}.amazonaws.com",
        }
        self._configure({}, self.properties)

    def _configure(self, before: Properties, after: Properties) -> None:
        def news(name: str) -> Any:
            return after[name] if name in after and after[name] != before.get(name) else None

        if versioning := news("VersioningConfiguration"):
            self._call("PutBucketVersioning", VersioningConfiguration=versioning)
        if encryption := news("BucketEncryption"):
            self._call("PutBucketEncryption", ServerSideEncryptionConfiguration=_encryption(encryption))
        if access := news("PublicAccessBlockConfiguration"):
            self._call("PutPublicAccessBlock", PublicAccessBlockConfiguration=access)
        if lifecycle := news("LifecycleConfiguration"):
            self._call("PutBucketLifecycleConfiguration", LifecycleConfiguration=_lifecycle(lifecycle))
        if before.get("NotificationConfiguration") != after.get("NotificationConfiguration"):
            notifications = _notifications(after.get("NotificationConfiguration", {}))
            self._call("PutBucketNotificationConfiguration", NotificationConfiguration=notifications)
        self._tag(after)

    def _tag(self, properties: Properties) -> None:
        # in moto itself, because its API refuses keys that begin with aws:, as S3's does to everybody else
        backend = s3_backends[self.place.account_id][get_partition(self.place.region)]
        backend.put_bucket_tagging(self.name, self.tags_for(properties))

    def update(self, properties: Properties) -> None:
        self._configure(self.properties, properties)

    def delete(self) -> None:
        self._call("DeleteBucket")


def _encryption(wanted: Properties) -> Properties:
    rules = wanted["ServerSideEncryptionConfiguration"]
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {"Rules": [{renamed.get(key, key): value for key, value in rule.items()} for rule in rules]}


def _lifecycle(wanted: Properties) -> Properties:
    return {"Rules": [_lifecycle_rule(rule) for rule in wanted["Rules"]]}


def _lifecycle_rule(rule: Properties) -> Properties:
    kept = ("Status", "AbortIncompleteMultipartUpload")
    converted: Properties = {key: value for key, value in rule.items() if key in kept}
    converted["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        converted["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        converted["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    elif "NoncurrentVersionExpirationInDays" in rule:
        days = rule["NoncurrentVersionExpirationInDays"]
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    transitions = [
        {"StorageClass": entry["StorageClass"], "Days": entry["TransitionInDays"]}
        for entry in rule.get("Transitions", [])
    ]
    return {**converted, "Transitions": transitions} if transitions else converted


def _notifications(wanted: Properties) -> Properties:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-s3-bucket-notificationconfiguration.html"""
    kinds = (
        ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
        ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
        ("TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"),
    )
    result: Properties = {}
    for cfn, api, cfn_target, api_target in kinds:
        entries = [_notification(entry, cfn_target, api_target) for entry in wanted.get(cfn, [])]
        if entries:
            result[api] = entries
    if str(wanted.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", False)).lower() == "true":
        result["EventBridgeConfiguration"] = {}
    return result


def _notification(entry: Properties, cfn_target: str, api_target: str) -> Properties:
    converted = {api_target: entry[cfn_target], "Events": [entry["Event"]]}
    if "Filter" in entry:
        converted["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
    return converted


class BucketPolicy(ServiceResource):
    """AWS::S3::BucketPolicy. Ref is the bucket's name."""

    resource_type = "AWS::S3::BucketPolicy"
    immutable = frozenset({"Bucket"})

    def create(self) -> None:
        self.update(self.properties)
        self.physical_id = str(self.properties["Bucket"])

    def update(self, properties: Properties) -> None:
        policy = json.dumps(properties["PolicyDocument"])
        self.call("s3", "PutBucketPolicy", Bucket=properties["Bucket"], Policy=policy)

    def delete(self) -> None:
        self.call("s3", "DeleteBucketPolicy", Bucket=self.physical_id)


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


class DBInstance(ServiceResource):
    """AWS::RDS::DBInstance. Ref is the identifier.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-rds-dbinstance.html
    """

    resource_type = "AWS::RDS::DBInstance"
    name_property = "DBInstanceIdentifier"
    name_length = 63
    immutable = frozenset({"DBName", "Engine", "KmsKeyId", "MasterUsername", "StorageEncrypted"})
    identifier = "DBInstanceIdentifier"
    noun = "DBInstance"

    @property
    def name(self) -> str:
        return super().name.lower()

    def create(self) -> None:
        wanted = {**self.properties, self.identifier: self.name, "Tags": self.tag_list(self.properties)}
        created = self.call("rds", f"Create{self.noun}", **wanted)[self.noun]
        self.physical_id = self.name
        endpoint = created.get("Endpoint", {})
        address, port = (
            (endpoint, created.get("Port"))
            if isinstance(endpoint, str)
            else (endpoint.get("Address"), endpoint.get("Port"))
        )
        self.attributes = {
            f"{self.noun}Arn": created[f"{self.noun}Arn"],
            "Endpoint.Address": address,
            "Endpoint.Port": str(port),
        }

    def update(self, properties: Properties) -> None:
        changes = {key: value for key, value in properties.items() if self.changed(properties, key)}
        if "DeletionProtection" in self.properties:
            changes.setdefault("DeletionProtection", properties.get("DeletionProtection", False))
        wanted = {**changes, self.identifier: self.name, "ApplyImmediately": True}
        self.call("rds", f"Modify{self.noun}", **wanted)

    def delete(self) -> None:
        self.call("rds", f"Delete{self.noun}", **{self.identifier: self.name}, SkipFinalSnapshot=True)


class DBCluster(DBInstance):
    """AWS::RDS::DBCluster. Ref is the identifier."""

    resource_type = "AWS::RDS::DBCluster"
    name_property = "DBClusterIdentifier"
    immutable = frozenset({"DatabaseName", "Engine", "KmsKeyId", "MasterUsername", "StorageEncrypted"})
    identifier = "DBClusterIdentifier"
    noun = "DBCluster"
