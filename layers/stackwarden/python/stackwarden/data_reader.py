"""Reading data resources: from AWS into the state that the policy `data-deletion` judges."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.data_resources import TYPES, Protection
from stackwarden.policies.data_state import Presence, ResourceState
from stackwarden.settings import Place
from stackwarden.stacks import Policies, StackResource

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TagTypeDef as DynamoDBTag
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef
    from mypy_boto3_rds.type_defs import TagTypeDef as RDSTag

_AT_ONCE = 8  # threads: a rescue reads many tables, and each call waits for AWS
_GONE_CODES = (
    "ResourceNotFoundException",
    "TableNotFoundException",
    "DBInstanceNotFound",
    "DBInstanceNotFoundFault",
    "DBClusterNotFoundFault",
)
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
_DELETING = ("DELETING", "ARCHIVING", "ARCHIVED", "deleting")
_BUSY = (
    *("CREATING", "UPDATING"),
    *("creating", "modifying", "backing-up", "maintenance", "migrating", "rebooting", "renaming"),
    *("resetting-master-credentials", "starting", "stopping", "upgrading"),
)


class DataReader:
    """Reads data resources in one account and Region. Methods raise ClientError; not found means gone."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def read(self, resource: ResourceState, *, recovery: bool = True) -> ResourceState:
        """Fill in the live state; of a table without point-in-time recovery, unless `recovery`.

        What CloudFormation deleted stays gone: another resource may have its name by now.
        """
        protection = resource.row.protection
        if protection is None or resource.presence is Presence.GONE:
            return resource
        live = _READERS[protection](resource)
        if recovery and protection is Protection.DYNAMODB_TABLE and live.presence is Presence.STANDING:
            return live.model_copy(update={"point_in_time_recovery": _recovery(resource.name)})
        return live

    def read_all(
        self, resources: Iterable[ResourceState], *, recovery: bool = True
    ) -> tuple[ResourceState, ...]:
        """Read many at once, in order. One that AWS refuses to show hides no other: it is marked unseen."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return tuple(threads.map(lambda resource: self._read_or_mark(resource, recovery), resources))

    def _read_or_mark(self, resource: ResourceState, recovery: bool) -> ResourceState:
        try:
            return self.read(resource, recovery=recovery)
        except ClientError as error:
            if not aws.is_access_denied(error):
                raise
            unseen = f"{error.operation_name}: {error.response['Error']['Message']}"
            return resource.model_copy(update={"deletion_protection": False, "unseen": unseen})

    def bare(self, type_: str, name: str) -> ResourceState:
        """Return a resource by type and name, not yet read."""
        return ResourceState(type=type_, name=name, arn=self.arn(type_, name))

    def of_stack(self, resource: StackResource, policies: Policies) -> ResourceState:
        """Return a stack's resource, not yet read; CloudFormation's status says whether it still stands."""
        skipped = resource.status == "DELETE_SKIPPED"
        return self.bare(resource.type, resource.physical_id).model_copy(
            update={
                "logical_id": resource.logical_id,
                "stack_id": resource.stack_id,
                "stack_names": resource.stack_names,
                "presence": Presence.GONE if resource.status == "DELETE_COMPLETE" else Presence.STANDING,
                "retained": skipped or policies.retained(resource.logical_id),
                "retained_on_replace": policies.retained_on_replace(resource.logical_id),
            }
        )

    def arn(self, type_: str, name: str) -> str:
        """Return the resource's ARN, spelled as its service does.

        https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
        """
        if name.startswith("arn:"):
            return name
        service, prefix = _ARNS[type_]
        place = self._place
        if type_ == "AWS::S3::Bucket":
            return f"arn:{place.partition}:s3:::{name}"
        name = name.lower() if service == "rds" else name  # RDS lower-cases identifiers
        return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{prefix}{name}"


_ARNS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::DynamoDB::GlobalTable": ("dynamodb", "table/"),
    "AWS::RDS::DBInstance": ("rds", "db:"),
    "AWS::RDS::DBCluster": ("rds", "cluster:"),
    "AWS::DocDB::DBCluster": ("rds", "cluster:"),
    "AWS::DocDB::DBInstance": ("rds", "db:"),
    "AWS::Neptune::DBCluster": ("rds", "cluster:"),
    "AWS::Neptune::DBInstance": ("rds", "db:"),
    "AWS::Kinesis::Stream": ("kinesis", "stream/"),
    "AWS::S3::Bucket": ("s3", ""),
    "AWS::EFS::FileSystem": ("elasticfilesystem", "file-system/"),
    "AWS::OpenSearchService::Domain": ("es", "domain/"),
    "AWS::Elasticsearch::Domain": ("es", "domain/"),
    "AWS::Cognito::UserPool": ("cognito-idp", "userpool/"),
    "AWS::ElastiCache::ReplicationGroup": ("elasticache", "replicationgroup:"),
    "AWS::ElastiCache::CacheCluster": ("elasticache", "cluster:"),
    "AWS::ElastiCache::ServerlessCache": ("elasticache", "serverlesscache:"),
}
if set(_ARNS) != set(TYPES):
    raise TypeError(f"no ARN for {set(TYPES) ^ set(_ARNS)}")


def stack_of_table(arn: str) -> str | None:
    """Return the id of the stack that a table is tagged with; CloudFormation sets that tag itself."""
    paginator = aws.client("dynamodb").get_paginator("list_tags_of_resource")
    for page in paginator.paginate(ResourceArn=arn):
        stack_id = _stack_in(page["Tags"])
        if stack_id:
            return stack_id
    return None


def _stack_in(tags: "Sequence[DynamoDBTag | RDSTag]") -> str | None:
    values = (tag.get("Value") for tag in tags if tag.get("Key") == "aws:cloudformation:stack-id")
    return next(values, None)


def _presence(status: str) -> Presence:
    if status in _DELETING:
        return Presence.DELETING
    return Presence.BUSY if status in _BUSY else Presence.STANDING


def _found[T](call: Callable[[], T]) -> T | None:
    try:
        return call()
    except ClientError as error:
        if aws.code(error) in _GONE_CODES:
            return None
        raise


def _read_table(resource: ResourceState) -> ResourceState:
    dynamodb = aws.client("dynamodb")
    table = _found(lambda: dynamodb.describe_table(TableName=resource.name)["Table"])
    if table is None:
        return resource.model_copy(update={"presence": Presence.GONE})
    return resource.model_copy(
        update={
            "presence": _presence(table["TableStatus"]),
            "arn": table["TableArn"],
            "deletion_protection": table.get("DeletionProtectionEnabled", False),
            "identity": table.get("TableId", ""),
            "created_at": table.get("CreationDateTime"),
        }
    )


def _recovery(table: str) -> bool:
    """Whether point-in-time recovery is on. Only of a standing table: the call may not know a new one yet."""
    dynamodb = aws.client("dynamodb")
    described = _found(lambda: dynamodb.describe_continuous_backups(TableName=table))
    if described is None:
        return False
    recovery = described["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription")
    return recovery is not None and recovery.get("PointInTimeRecoveryStatus") == "ENABLED"


def _read_instance(resource: ResourceState) -> ResourceState:
    rds = aws.client("rds")
    found = _found(lambda: rds.describe_db_instances(DBInstanceIdentifier=resource.name)["DBInstances"])
    if not found:
        return resource.model_copy(update={"presence": Presence.GONE})
    instance: DBInstanceTypeDef = found[0]
    return resource.model_copy(
        update={
            "presence": _presence(instance.get("DBInstanceStatus", "")),
            "arn": instance["DBInstanceArn"],
            "deletion_protection": instance.get("DeletionProtection", False),
            "identity": instance.get("DbiResourceId", ""),
            "created_at": instance.get("InstanceCreateTime"),
            "in_cluster": bool(instance.get("DBClusterIdentifier")),
            "stack_id": resource.stack_id or _stack_in(instance.get("TagList", [])),
        }
    )


def _read_cluster(resource: ResourceState) -> ResourceState:
    rds = aws.client("rds")
    found = _found(lambda: rds.describe_db_clusters(DBClusterIdentifier=resource.name)["DBClusters"])
    if not found:
        return resource.model_copy(update={"presence": Presence.GONE})
    cluster: DBClusterTypeDef = found[0]
    return resource.model_copy(
        update={
            "presence": _presence(cluster.get("Status", "")),
            "arn": cluster["DBClusterArn"],
            "deletion_protection": cluster.get("DeletionProtection", False),
            "identity": cluster.get("DbClusterResourceId", ""),
            "created_at": cluster.get("ClusterCreateTime"),
            "stack_id": resource.stack_id or _stack_in(cluster.get("TagList", [])),
        }
    )


_READERS: dict[Protection, Callable[[ResourceState], ResourceState]] = {
    Protection.DYNAMODB_TABLE: _read_table,
    Protection.RDS_INSTANCE: _read_instance,
    Protection.RDS_CLUSTER: _read_cluster,
}
