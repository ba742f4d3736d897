"""DynamoDB tables.

moto replaces a table at every update, forgets point-in-time recovery, and has no global tables.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html
"""

from typing import Any

from botocore.exceptions import ClientError

from local.account import current
from local.cloudformation.calls import error_code
from local.cloudformation.resources import Properties, ServiceResource, as_tag_list
from local.cloudformation.template import str_of

POLL_SECONDS = 0.02
UPDATABLE = (
    "BillingMode",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
    "StreamSpecification",
    "TableClass",
)


class Table(ServiceResource):
    """AWS::DynamoDB::Table. Ref is the name."""

    resource_type = "AWS::DynamoDB::Table"
    name_property = "TableName"
    immutable = frozenset({"KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"})

    def create(self) -> None:
        specified = {**self._specification(self.properties), "TableName": self.name}
        created = self.call("dynamodb", "CreateTable", **specified, Tags=self.tag_list(self.properties))
        self.physical_id = self.name
        self._describe(created["TableDescription"])
        self._wait_until_active()
        self._apply_settings(self.properties)

    def _specification(self, properties: Properties) -> Properties:
        """The properties as CreateTable and UpdateTable want them."""
        specified = {key: value for key, value in properties.items() if key != "Tags"}
        if "BillingMode" not in specified:
            specified["BillingMode"] = "PROVISIONED"
        if "StreamSpecification" in specified:
            specified["StreamSpecification"] = {**specified["StreamSpecification"], "StreamEnabled": True}
        if "SSESpecification" in specified:
            sse = dict(specified["SSESpecification"])
            specified["SSESpecification"] = {"Enabled": sse.pop("SSEEnabled", False), **sse}
        return specified

    def _describe(self, description: dict[str, Any]) -> None:
        self.attributes = {"Arn": description["TableArn"], "TableId": description.get("TableId", "")}
        if "LatestStreamArn" in description:
            self.attributes["StreamArn"] = description["LatestStreamArn"]

    def _apply_settings(self, properties: Properties, *, before: Properties | None = None) -> None:
        """Point-in-time recovery and time to live: calls of their own, after the table stands."""
        before = before or {}
        recovery = properties.get("PointInTimeRecoverySpecification")
        if recovery != before.get("PointInTimeRecoverySpecification"):
            wanted = recovery or {"PointInTimeRecoveryEnabled": False}
            self.call(
                "dynamodb",
                "UpdateContinuousBackups",
                TableName=self.physical_id,
                PointInTimeRecoverySpecification=wanted,
            )
        expiry = properties.get("TimeToLiveSpecification")
        if expiry and expiry != before.get("TimeToLiveSpecification"):
            self.call(
                "dynamodb", "UpdateTimeToLive", TableName=self.physical_id, TimeToLiveSpecification=expiry
            )

    def update(self, properties: Properties) -> None:
        before, after = self._specification(self.properties), self._specification(properties)
        changes = {key: after[key] for key in UPDATABLE if key in after and before.get(key) != after[key]}
        if "DeletionProtectionEnabled" in before and "DeletionProtectionEnabled" not in after:
            changes["DeletionProtectionEnabled"] = False
        if "StreamSpecification" in before and "StreamSpecification" not in after:
            changes["StreamSpecification"] = {"StreamEnabled": False}
        indexes = _index_updates(
            before.get("GlobalSecondaryIndexes", []), after.get("GlobalSecondaryIndexes", [])
        )
        if indexes:
            changes["GlobalSecondaryIndexUpdates"] = indexes
        if changes:
            if before.get("AttributeDefinitions") != after.get("AttributeDefinitions"):
                changes["AttributeDefinitions"] = after["AttributeDefinitions"]
            updated = self.call("dynamodb", "UpdateTable", TableName=self.physical_id, **changes)
            self._describe(updated["TableDescription"])
            self._wait_until_active()
        self._apply_settings(properties, before=self.properties)
        self._retag(properties)

    def _retag(self, properties: Properties) -> None:
        arn = self.attributes["Arn"]
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("dynamodb", "UntagResource", ResourceArn=arn, TagKeys=removed)
        if changed:
            self.call("dynamodb", "TagResource", ResourceArn=arn, Tags=as_tag_list(changed))

    def delete(self) -> None:
        self.call("dynamodb", "DeleteTable", TableName=self.physical_id)
        while self._status() is not None:
            current().background.pause(POLL_SECONDS)

    def _status(self) -> str | None:
        """None when there is no such table."""
        try:
            described = self.call("dynamodb", "DescribeTable", TableName=self.physical_id)
        except ClientError as refusal:
            if error_code(refusal) == "ResourceNotFoundException":
                return None
            raise
        return str(described["Table"]["TableStatus"])

    def _wait_until_active(self) -> None:
        while self._status() in ("CREATING", "UPDATING"):
            current().background.pause(POLL_SECONDS)


def _index_updates(before: list[Properties], after: list[Properties]) -> list[Properties]:
    old = {index["IndexName"]: index for index in before}
    new = {index["IndexName"]: index for index in after}
    removed = [{"Delete": {"IndexName": name}} for name in old if name not in new or old[name] != new[name]]
    added = [{"Create": index} for name, index in new.items() if old.get(name) != index]
    return removed + added


class GlobalTable(Table):
    """AWS::DynamoDB::GlobalTable, with the replica of the stack's own Region.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-globaltable.html
    """

    resource_type = "AWS::DynamoDB::GlobalTable"
    immutable = frozenset({"KeySchema", "LocalSecondaryIndexes"})

    def _replica(self, properties: Properties) -> Properties:
        replicas: list[Properties] = properties.get("Replicas", [])
        return next((replica for replica in replicas if replica["Region"] == self.place.region), {})

    @staticmethod
    def _own_tags(properties: Properties) -> dict[str, str]:
        replicas: list[Properties] = properties.get("Replicas", [])
        tags = [tag for replica in replicas for tag in replica.get("Tags", [])]
        return {str_of(tag["Key"]): str_of(tag["Value"]) for tag in tags}

    def _specification(self, properties: Properties) -> Properties:
        replica = self._replica(properties)
        merged = {key: value for key, value in properties.items() if key != "Replicas"}
        if "DeletionProtectionEnabled" in replica:
            merged["DeletionProtectionEnabled"] = replica["DeletionProtectionEnabled"]
        specified = super()._specification(merged)
        if specified["BillingMode"] == "PROVISIONED":
            specified["ProvisionedThroughput"] = {
                "ReadCapacityUnits": _capacity(replica, "ReadProvisionedThroughputSettings", "ReadCapacity"),
                "WriteCapacityUnits": _capacity(
                    properties, "WriteProvisionedThroughputSettings", "WriteCapacity"
                ),
            }
        return specified

    def _apply_settings(self, properties: Properties, *, before: Properties | None = None) -> None:
        def flat(whole: Properties) -> Properties:
            recovery = self._replica(whole).get("PointInTimeRecoverySpecification")
            return {**whole, "PointInTimeRecoverySpecification": recovery} if recovery else whole

        super()._apply_settings(flat(properties), before=flat(before or {}))


def _capacity(settings: Properties, group: str, prefix: str) -> int:
    wanted = settings.get(group, {})
    scaled = wanted.get(f"{prefix}AutoScalingSettings", {})
    return int(wanted.get(f"{prefix}Units") or scaled.get("MinCapacity", 1))
