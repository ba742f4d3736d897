"""Reading backups: what outlives a data resource, for the policy `data-deletion`.

Backups in AWS Backup's vaults are not looked for: DynamoDB and RDS list their own only.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from stackwarden import aws
from stackwarden.policies.data_resources import Protection
from stackwarden.policies.data_state import Backup, ResourceState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import BackupSummaryTypeDef

_AT_ONCE = 2  # ListBackups may be called five times a second in an account


def attach(resources: Iterable[ResourceState], since: datetime) -> tuple[ResourceState, ...]:
    """Return the resources with their backups: of what stands those made since, of what is gone all.

    One paginated ListBackups serves all tables, however many; only a lost one without a backup made since is
    asked about by itself. Raises ClientError.
    """
    resources = tuple(resources)
    tables = any(resource.row.protection is Protection.DYNAMODB_TABLE for resource in resources)
    fresh = _fresh_table_backups(since) if tables else {}

    def backups(resource: ResourceState) -> tuple[Backup, ...]:
        found = tuple(fresh.get(resource.name, ()))
        if found or resource.exists or resource.row.protection is None:
            return found
        return tuple(_OF_LOST[resource.row.protection](resource.name))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        all_backups = threads.map(backups, resources)
        return tuple(
            resource.model_copy(update={"backups": found})
            for resource, found in zip(resources, all_backups, strict=True)
        )


def _fresh_table_backups(since: datetime) -> dict[str, list[Backup]]:
    found: dict[str, list[Backup]] = defaultdict(list)
    paginator = aws.client("dynamodb").get_paginator("list_backups")
    for page in paginator.paginate(BackupType="ALL", TimeRangeLowerBound=since.replace(microsecond=0)):
        for summary in page["BackupSummaries"]:
            found[summary["TableName"]].append(_table_backup(summary))
    return found


def _of_lost_table(name: str) -> Iterable[Backup]:
    for page in (
        aws.client("dynamodb").get_paginator("list_backups").paginate(TableName=name, BackupType="ALL")
    ):
        for summary in page["BackupSummaries"]:
            yield _table_backup(summary)


def _table_backup(summary: "BackupSummaryTypeDef") -> Backup:
    kind: Literal["SYSTEM", "USER"] = "SYSTEM" if summary["BackupType"] == "SYSTEM" else "USER"
    return Backup(
        arn=summary["BackupArn"],
        kind=kind,
        available=summary["BackupStatus"] == "AVAILABLE",
        created_at=summary["BackupCreationDateTime"],
    )


def _of_lost_instance(name: str) -> Iterable[Backup]:
    paginator = aws.client("rds").get_paginator("describe_db_snapshots")
    # The automated snapshots go with the instance.
    for page in paginator.paginate(DBInstanceIdentifier=name, SnapshotType="manual"):
        for snapshot in page["DBSnapshots"]:
            yield from _snapshot(dict(snapshot), "DBSnapshotArn")


def _of_lost_cluster(name: str) -> Iterable[Backup]:
    paginator = aws.client("rds").get_paginator("describe_db_cluster_snapshots")
    for page in paginator.paginate(DBClusterIdentifier=name, SnapshotType="manual"):
        for snapshot in page["DBClusterSnapshots"]:
            yield from _snapshot(dict(snapshot), "DBClusterSnapshotArn")


def _snapshot(snapshot: dict[str, Any], arn: str) -> Iterable[Backup]:
    if "SnapshotCreateTime" in snapshot:  # absent until the snapshot has begun
        yield Backup(
            arn=snapshot[arn],
            kind="USER",
            available=snapshot.get("Status") == "available",
            created_at=snapshot["SnapshotCreateTime"],
            engine=snapshot.get("Engine", ""),
        )


_OF_LOST: dict[Protection, Callable[[str], Iterable[Backup]]] = {
    Protection.DYNAMODB_TABLE: _of_lost_table,
    Protection.RDS_INSTANCE: _of_lost_instance,
    Protection.RDS_CLUSTER: _of_lost_cluster,
}
