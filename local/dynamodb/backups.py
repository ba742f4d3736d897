"""DynamoDB's backups: they take a moment, and a deleted table leaves one.

moto's backups are AVAILABLE at once, and of the kind USER. Added: the state CREATING, refusals, ListBackups'
pages and kinds, and the system backup of a deleted table that had point-in-time recovery.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.Tutorial.html
"""

from datetime import timedelta
from time import monotonic
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, ResourceNotFoundException, TableNotFoundException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Backup, Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult

SYSTEM_BACKUP_SUFFIX = "$DeletedTableBackup"
SYSTEM_BACKUP_RETENTION = timedelta(days=35)
PAGE_SIZE = 100

creating_seconds = 0.2
"""How long a backup is CREATING."""


def install() -> None:
    """Extend moto's backups."""
    DynamoDBBackend.create_backup = _create_backup  # type: ignore[method-assign]  # moto has no hook
    DynamoHandler.list_backups = _list_backups  # type: ignore[method-assign]


class TimedBackup(Backup):
    """A backup that is CREATING for a moment, and of a table with an id."""

    def __init__(self, backend: DynamoDBBackend, name: str, table: Table, type_: str, seconds: float) -> None:
        table.describe()  # the copy shares the table's id, which is made when it is first described
        super().__init__(backend.account_id, backend.region_name, name, table, type_=type_)
        self._available_at = monotonic() + seconds

    @property
    def status(self) -> str:
        """CREATING, AVAILABLE or DELETED."""
        if self._status == "AVAILABLE" and monotonic() < self._available_at:
            return "CREATING"
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    @property
    def details(self) -> dict[str, Any]:
        """BackupDetails, with the end of a system backup's retention."""
        return {**super().details, **self._expiry()}

    @property
    def summary(self) -> dict[str, Any]:
        """BackupSummary, with what moto leaves out."""
        return {**super().summary, "TableId": self.table.__dict__["table_id"], **self._expiry()}

    def _expiry(self) -> dict[str, Any]:
        if self.type != "SYSTEM":
            return {}
        return {"BackupExpiryDateTime": self.creation_date_time + SYSTEM_BACKUP_RETENTION}


def keep_system_backup(backend: DynamoDBBackend, table: Table) -> None:
    """Keep the free backup of a table that is deleted while point-in-time recovery is on."""
    recovery = table.continuous_backups["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
        backup = TimedBackup(backend, f"{table.name}{SYSTEM_BACKUP_SUFFIX}", table, "SYSTEM", seconds=0.0)
        backend.backups[backup.arn] = backup


def refuse_next_backup(table_name: str, *, account: str, region: str) -> None:
    """Let the next CreateBackup of this table fail, as on AWS right after recovery was enabled."""
    dynamodb_backends[account][region].get_table(table_name).__dict__["backups_unavailable"] = True


def _create_backup(self: DynamoDBBackend, table_name: str, backup_name: str) -> Backup:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html"""
    try:
        table = self.get_table(table_name)
    except ResourceNotFoundException:
        raise TableNotFoundException(table_name) from None
    if (status := table.describe()["TableDescription"]["TableStatus"]) in ("CREATING", "DELETING"):
        raise JsonRESTError(
            f"{ERROR_TYPE_PREFIX}TableInUseException", f"Table is in the state {status}: {table.name}"
        )
    if table.__dict__.pop("backups_unavailable", False):
        raise JsonRESTError(
            f"{ERROR_TYPE_PREFIX}ContinuousBackupsUnavailableException",
            f"Backups are being enabled for the table: {table.name}. Please retry later",
        )
    backup = TimedBackup(self, backup_name, table, "USER", creating_seconds)
    self.backups[backup.arn] = backup
    return backup


def _list_backups(self: DynamoHandler) -> ActionResult:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListBackups.html"""
    wanted = self.body.get("BackupType", "USER")
    lower, upper = self.body.get("TimeRangeLowerBound"), self.body.get("TimeRangeUpperBound")
    backups = [
        backup
        for backup in self.dynamodb_backend.list_backups(self.body.get("TableName"))
        if wanted in ("ALL", backup.type)
        and (lower is None or backup.creation_date_time >= lower)
        and (upper is None or backup.creation_date_time < upper)
    ]
    arns = [backup.arn for backup in backups]
    start = self.body.get("ExclusiveStartBackupArn")
    first = arns.index(start) + 1 if start in arns else 0
    end = first + self.body.get("Limit", PAGE_SIZE)
    result: dict[str, Any] = {"BackupSummaries": [backup.summary for backup in backups[first:end]]}
    if end < len(backups):
        result["LastEvaluatedBackupArn"] = arns[end - 1]
    return DynamoResult(result)
