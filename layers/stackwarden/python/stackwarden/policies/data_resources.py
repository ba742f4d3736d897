"""The table of data resource types: what holds data, how AWS lets it be protected, what destroys it.

One row a CloudFormation resource type. The guard, its event patterns (checked by a test), the messages and
the documentation all read this table; nothing else in Stackwarden knows a data resource type by name.

`replaced_by` lists the properties whose change makes CloudFormation replace the resource:
`createOnlyProperties` of the type's registry schema (checked against the schemas that cfn-lint ships),
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
Some types replace on further properties only under conditions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Protection(StrEnum):
    """The call that sets deletion protection. DocumentDB and Neptune clusters answer the RDS API."""

    DYNAMODB_TABLE = "dynamodb-table"  # UpdateTable DeletionProtectionEnabled
    RDS_INSTANCE = "rds-instance"  # ModifyDBInstance DeletionProtection
    RDS_CLUSTER = "rds-cluster"  # ModifyDBCluster DeletionProtection


@dataclass(frozen=True)
class ApiCalls:
    """The direct calls that make or destroy a resource, as CloudTrail spells them.

    `name_keys`: where in `requestParameters` (else `responseElements`) the resource's name is, as dotted
    paths.
    """

    source: str
    create: tuple[str, ...]
    delete: tuple[str, ...]
    name_keys: tuple[str, ...]
    update: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataResourceType:
    """One row of the table."""

    type: str
    label: str
    calls: ApiCalls | None
    replaced_by: tuple[str, ...]
    protection: Protection | None = None
    unprotected_because: str = ""
    safe_because: str = ""
    restore: str = ""

    @property
    def rescuable(self) -> bool:
        """Whether deletion protection set during a stack's deletion makes the resource's own delete fail."""
        return self.protection is not None

    @property
    def at_risk(self) -> bool:
        """Whether deleting the resource destroys data."""
        return not self.safe_because


_DYNAMODB = ApiCalls(
    source="dynamodb.amazonaws.com",
    create=("CreateTable", "ImportTable", "RestoreTableFromBackup", "RestoreTableToPointInTime"),
    update=("UpdateTable", "UpdateContinuousBackups"),
    delete=("DeleteTable",),
    name_keys=("tableName", "targetTableName", "tableCreationParameters.tableName"),
)
_RDS_INSTANCE = ApiCalls(
    source="rds.amazonaws.com",
    create=(
        "CreateDBInstance",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceFromS3",
        "RestoreDBInstanceToPointInTime",
    ),
    update=("ModifyDBInstance",),
    delete=("DeleteDBInstance",),
    name_keys=("targetDBInstanceIdentifier", "dBInstanceIdentifier"),
)
_RDS_CLUSTER = ApiCalls(
    source="rds.amazonaws.com",
    create=(
        "CreateDBCluster",
        "RestoreDBClusterFromSnapshot",
        "RestoreDBClusterFromS3",
        "RestoreDBClusterToPointInTime",
    ),
    update=("ModifyDBCluster",),
    delete=("DeleteDBCluster",),
    name_keys=("dBClusterIdentifier",),
)
_IN_CLUSTER = "its data lives in the cluster, which has its own row"
_TABLE_RESTORE = (
    "aws dynamodb restore-table-from-backup --region {region} --target-table-name {name}"
    " --backup-arn {backup}"
)
_INSTANCE_RESTORE = (
    "aws rds restore-db-instance-from-db-snapshot --region {region} --db-instance-identifier {name}"
    " --db-snapshot-identifier {backup}"
)
_CLUSTER_RESTORE = (
    "aws {service} restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier {name}"
    " --snapshot-identifier {backup} --engine {engine}"
)

_ROWS = (
    DataResourceType(
        type="AWS::DynamoDB::Table",
        label="DynamoDB table",
        calls=_DYNAMODB,
        replaced_by=("ImportSourceSpecification", "TableName", "KeySchema"),
        protection=Protection.DYNAMODB_TABLE,
        restore=_TABLE_RESTORE,
    ),
    DataResourceType(
        type="AWS::DynamoDB::GlobalTable",
        label="DynamoDB global table",
        calls=None,  # its replicas are tables: the calls of AWS::DynamoDB::Table
        replaced_by=("KeySchema", "LocalSecondaryIndexes", "TableName"),
        protection=Protection.DYNAMODB_TABLE,
        restore=_TABLE_RESTORE,
    ),
    DataResourceType(
        type="AWS::RDS::DBInstance",
        label="RDS instance",
        calls=_RDS_INSTANCE,
        replaced_by=(
            "BackupTarget",
            "CharacterSetName",
            "CustomIAMInstanceProfile",
            "DBClusterIdentifier",
            "DBInstanceIdentifier",
            "DBName",
            "DBSubnetGroupName",
            "DBSystemId",
            "KmsKeyId",
            "MasterUsername",
            "NcharCharacterSetName",
            "SourceRegion",
            "StorageEncrypted",
            "Timezone",
        ),
        protection=Protection.RDS_INSTANCE,
        restore=_INSTANCE_RESTORE,
    ),
    DataResourceType(
        type="AWS::RDS::DBCluster",
        label="RDS cluster",
        calls=_RDS_CLUSTER,
        replaced_by=(
            "AvailabilityZones",
            "ClusterScalabilityType",
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "DBSystemId",
            "DatabaseName",
            "EngineMode",
            "KmsKeyId",
            "PubliclyAccessible",
            "RestoreToTime",
            "RestoreType",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "SourceDbClusterResourceId",
            "SourceRegion",
            "StorageEncrypted",
            "UseLatestRestorableTime",
        ),
        protection=Protection.RDS_CLUSTER,
        restore=_CLUSTER_RESTORE.replace("{service}", "rds"),
    ),
    DataResourceType(
        type="AWS::DocDB::DBCluster",
        label="DocumentDB cluster",
        calls=None,  # the RDS calls: CloudTrail records DocumentDB under rds.amazonaws.com
        replaced_by=(
            "AvailabilityZones",
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "KmsKeyId",
            "MasterUsername",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "StorageEncrypted",
        ),
        protection=Protection.RDS_CLUSTER,
        restore=_CLUSTER_RESTORE.replace("{service}", "docdb"),
    ),
    DataResourceType(
        type="AWS::DocDB::DBInstance",
        label="DocumentDB instance",
        calls=None,
        replaced_by=("AvailabilityZone", "DBClusterIdentifier", "DBInstanceIdentifier"),
        safe_because=_IN_CLUSTER,
    ),
    DataResourceType(
        type="AWS::Neptune::DBCluster",
        label="Neptune cluster",
        calls=None,  # the RDS calls, as for DocumentDB
        replaced_by=(
            "AvailabilityZones",
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "KmsKeyId",
            "RestoreToTime",
            "RestoreType",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "StorageEncrypted",
            "UseLatestRestorableTime",
        ),
        protection=Protection.RDS_CLUSTER,
        restore=_CLUSTER_RESTORE.replace("{service}", "neptune"),
    ),
    DataResourceType(
        type="AWS::Neptune::DBInstance",
        label="Neptune instance",
        calls=None,
        replaced_by=(
            "AvailabilityZone",
            "DBClusterIdentifier",
            "DBInstanceIdentifier",
            "DBSnapshotIdentifier",
            "DBSubnetGroupName",
        ),
        safe_because=_IN_CLUSTER,
    ),
    DataResourceType(
        type="AWS::Kinesis::Stream",
        label="Kinesis stream",
        calls=ApiCalls(
            "kinesis.amazonaws.com", ("CreateStream",), ("DeleteStream",), ("streamName", "streamARN")
        ),
        replaced_by=("Name",),
        unprotected_because="Kinesis has no deletion protection",
    ),
    DataResourceType(
        type="AWS::S3::Bucket",
        label="S3 bucket",
        calls=None,
        replaced_by=("BucketName", "MetadataConfiguration"),
        safe_because="S3 deletes only an empty bucket",
    ),
    DataResourceType(
        type="AWS::EFS::FileSystem",
        label="EFS file system",
        calls=ApiCalls(
            "elasticfilesystem.amazonaws.com", ("CreateFileSystem",), ("DeleteFileSystem",), ("fileSystemId",)
        ),
        replaced_by=("AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode"),
        unprotected_because="EFS has no deletion protection",
    ),
    DataResourceType(
        type="AWS::OpenSearchService::Domain",
        label="OpenSearch domain",
        calls=ApiCalls(
            "es.amazonaws.com",
            ("CreateDomain", "CreateElasticsearchDomain"),
            ("DeleteDomain", "DeleteElasticsearchDomain"),
            ("domainName",),
        ),
        replaced_by=("DomainName",),
        unprotected_because="OpenSearch has no deletion protection",
    ),
    DataResourceType(
        type="AWS::Elasticsearch::Domain",
        label="Elasticsearch domain",
        calls=None,  # the calls of AWS::OpenSearchService::Domain
        replaced_by=("DomainName",),
        unprotected_because="OpenSearch has no deletion protection",
    ),
    DataResourceType(
        type="AWS::Cognito::UserPool",
        label="Cognito user pool",
        calls=ApiCalls(
            "cognito-idp.amazonaws.com",
            ("CreateUserPool",),
            ("DeleteUserPool",),
            ("userPoolId", "userPool.id"),
        ),
        replaced_by=(),
        # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html
        unprotected_because=(
            "UpdateUserPool resets every setting it is not given, so only the owner can switch it on"
        ),
    ),
    DataResourceType(
        type="AWS::ElastiCache::ReplicationGroup",
        label="ElastiCache replication group",
        calls=ApiCalls(
            "elasticache.amazonaws.com",
            ("CreateReplicationGroup",),
            ("DeleteReplicationGroup",),
            ("replicationGroupId",),
        ),
        replaced_by=(
            "AtRestEncryptionEnabled",
            "CacheSubnetGroupName",
            "DataTieringEnabled",
            "GlobalReplicationGroupId",
            "KmsKeyId",
            "NetworkType",
            "Port",
            "PreferredCacheClusterAZs",
            "ReplicasPerNodeGroup",
            "ReplicationGroupId",
            "SnapshotArns",
            "SnapshotName",
        ),
        unprotected_because="ElastiCache has no deletion protection",
    ),
    DataResourceType(
        type="AWS::ElastiCache::CacheCluster",
        label="ElastiCache cluster",
        calls=ApiCalls(
            "elasticache.amazonaws.com", ("CreateCacheCluster",), ("DeleteCacheCluster",), ("cacheClusterId",)
        ),
        replaced_by=(
            "CacheSubnetGroupName",
            "ClusterName",
            "Engine",
            "NetworkType",
            "Port",
            "SnapshotArns",
            "SnapshotName",
        ),
        unprotected_because="ElastiCache has no deletion protection",
    ),
    DataResourceType(
        type="AWS::ElastiCache::ServerlessCache",
        label="ElastiCache serverless cache",
        calls=ApiCalls(
            "elasticache.amazonaws.com",
            ("CreateServerlessCache",),
            ("DeleteServerlessCache",),
            ("serverlessCacheName",),
        ),
        replaced_by=("KmsKeyId", "ServerlessCacheName", "SnapshotArnsToRestore", "SubnetIds"),
        unprotected_because="ElastiCache has no deletion protection",
    ),
)

TYPES: dict[str, DataResourceType] = {row.type: row for row in _ROWS}
AT_RISK: frozenset[str] = frozenset(row.type for row in _ROWS if row.at_risk)


def calls(kind: str) -> Iterator[tuple[str, str, DataResourceType]]:
    """Yield (event source, event name, type) of every direct call of a kind: create, update or delete."""
    for row in _ROWS:
        if row.calls and row.at_risk:
            names: tuple[str, ...] = getattr(row.calls, kind)
            for name in names:
                yield row.calls.source, name, row


def type_of_call(source: str, name: str) -> tuple[str, DataResourceType] | None:
    """Tell what a call does (`create`, `update`, `delete`) to which type; None when it is not about data."""
    for kind in ("create", "update", "delete"):
        for call_source, call_name, row in calls(kind):
            if (call_source, call_name) == (source, name):
                return kind, row
    return None


def resource_name(row: DataResourceType, *elements: dict[str, Any] | None) -> str | None:
    """Find the resource's name in a CloudTrail record's `requestParameters`, then its `responseElements`.

    Some calls accept an ARN for a name: the part behind the last `/` or `:` is the name.
    """
    for element in elements:
        for path in row.calls.name_keys if row.calls else ():
            value: Any = element
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, str) and value:
                return re.split("[/:]", value)[-1] if value.startswith("arn:") else value
    return None
