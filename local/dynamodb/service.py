"""DynamoDB: tables that take a moment, and refuse what AWS refuses meanwhile.

moto creates, updates and deletes tables at once. Added: the states CREATING, UPDATING and DELETING with the
ResourceInUseException that they cause, AWS's words for a protected table, table ids, tags that replace their
namesakes, and backups (`dynamodb_backups`). All of it in backend code, where CloudFormation calls it, too.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import (
    ERROR_TYPE_PREFIX,
    MockValidationException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table

from local.dynamodb import backups as dynamodb_backups

if TYPE_CHECKING:
    from local.account import LocalAccount

PROTECTED = (
    "Resource cannot be deleted as it is currently protected against deletion. "
    "Disable deletion protection first."
)
IN_USE = "Attempt to change a resource which is still in use: Table is being {}: {}"
PARTICIPLES = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}

_moto_init = DynamoDBBackend.__init__
_moto_create_table = DynamoDBBackend.create_table
_moto_update_table = DynamoDBBackend.update_table
_moto_restore_table = DynamoDBBackend.restore_table_from_backup
_moto_describe = Table.describe


@dataclass
class Durations:
    """Seconds that a table spends in each state; minutes on AWS."""

    creating: float = 0.2
    updating: float = 0.2
    deleting: float = 0.3


durations = Durations()


def install(account: "LocalAccount") -> None:
    """Extend moto's DynamoDB; tables that exist already count as ACTIVE."""
    for name, method in _METHODS.items():
        setattr(DynamoDBBackend, name, method)
    Table.describe = _describe  # type: ignore[method-assign]  # moto has no hook
    Table.table_status = property(table_status)  # type: ignore[attr-defined]  # moto has no status
    dynamodb_backups.install()
    for _account, _region, backend in dynamodb_backends.iter_backends():
        if isinstance(backend, DynamoDBBackend) and not isinstance(backend.tables, Tables):
            backend.tables = Tables(backend.tables)


def table_status(table: Table) -> str:
    """CREATING, UPDATING, DELETING or ACTIVE, by the clock; also `table.table_status`."""
    status, until = table.__dict__.get("transition", ("ACTIVE", 0.0))
    return str(status) if status == "DELETING" or monotonic() < until else "ACTIVE"


def _begin(table: Table, status: str, seconds: float) -> None:
    table.__dict__["transition"] = (status, monotonic() + seconds)


class Tables(dict[str, Table]):
    """A backend's tables by name; a deleted one is there, DELETING, until its time is over."""

    def _forget_deleted(self) -> None:
        for name, table in list(super().items()):
            status, until = table.__dict__.get("transition", ("ACTIVE", 0.0))
            if status == "DELETING" and monotonic() >= until:
                super().pop(name, None)

    def __getitem__(self, name: str) -> Table:
        self._forget_deleted()
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._forget_deleted()
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._forget_deleted()
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._forget_deleted()
        return iter(list(super().keys()))

    def __len__(self) -> int:
        self._forget_deleted()
        return super().__len__()

    # moto iterates while other requests create and delete: lists, not views.
    def keys(self) -> Any:
        return list(self)

    def values(self) -> Any:
        self._forget_deleted()
        return list(super().values())

    def items(self) -> Any:
        self._forget_deleted()
        return list(super().items())


def _init(self: DynamoDBBackend, region_name: str, account_id: str) -> None:
    _moto_init(self, region_name, account_id)
    self.tables = Tables()


def _create_table(self: DynamoDBBackend, name: str, *args: Any, **kwargs: Any) -> Table:
    table = _moto_create_table(self, name, *args, **kwargs)
    _begin(table, "CREATING", durations.creating)
    return table


def _update_table(self: DynamoDBBackend, name: str, *args: Any, **kwargs: Any) -> Table:
    _refuse_unless_active(self.get_table(name))
    table = _moto_update_table(self, name, *args, **kwargs)
    _begin(table, "UPDATING", durations.updating)
    return table


def _delete_table(self: DynamoDBBackend, name: str) -> Table:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html"""
    table = self.get_table(name)
    _refuse_unless_active(table)
    if table.deletion_protection_enabled:
        raise MockValidationException(PROTECTED)
    dynamodb_backups.keep_system_backup(self, table)
    _begin(table, "DELETING", durations.deleting)
    return table


def _refuse_unless_active(table: Table) -> None:
    if (status := table_status(table)) != "ACTIVE":
        raise ResourceInUseException(IN_USE.format(PARTICIPLES[status], table.name))


def _restore_table_from_backup(self: DynamoDBBackend, target_table_name: str, backup_arn: str) -> Any:
    """A restored table keeps the billing mode, but no protection, recovery, tags or stream.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html
    """
    backup = self.get_backup(backup_arn)
    if backup.status == "CREATING":
        raise JsonRESTError(
            f"{ERROR_TYPE_PREFIX}BackupInUseException", f"Backup is being created: {backup_arn}"
        )
    table = _moto_restore_table(self, target_table_name, backup_arn)
    table.billing_mode = backup.table.billing_mode
    _begin(table, "CREATING", durations.creating)
    return table


def _describe(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
    described = _moto_describe(self, base_key)
    described[base_key]["TableStatus"] = table_status(self)
    described[base_key]["TableId"] = self.__dict__.setdefault("table_id", str(uuid.uuid4()))
    return described


def _table_with_arn(backend: DynamoDBBackend, arn: str) -> Table:
    for table in backend.tables.values():
        if table.table_arn == arn:
            return table
    raise ResourceNotFoundException(f"Requested resource not found: ResourcArn: {arn} not found")


def _tag_resource(self: DynamoDBBackend, arn: str, tags: dict[str, str]) -> None:
    """A tag replaces its namesake; moto keeps both, and ignores an unknown table."""
    table = _table_with_arn(self, arn)
    merged = {tag["Key"]: tag["Value"] for tag in table.tags} | tags
    table.tags = [{"Key": key, "Value": value} for key, value in merged.items()]


def _untag_resource(self: DynamoDBBackend, arn: str, tag_keys: list[str]) -> None:
    table = _table_with_arn(self, arn)
    table.tags = [tag for tag in table.tags if tag["Key"] not in tag_keys]


_METHODS = {
    "__init__": _init,
    "create_table": _create_table,
    "update_table": _update_table,
    "delete_table": _delete_table,
    "restore_table_from_backup": _restore_table_from_backup,
    "tag_resource": _tag_resource,
    "untag_resource": _untag_resource,
}
