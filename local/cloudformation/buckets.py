"""Buckets.

moto's bucket has no notifications, versioning, lifecycle or policy.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_S3.html
"""

import json
from typing import Any

from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from local.cloudformation.resources import Properties, ServiceResource

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
