"""Tables and backups of the local account: their states, and what AWS refuses in each."""

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends

from local.account import LocalAccount
from local.dynamodb import backups as dynamodb_backups
from local.dynamodb import service as dynamodb
from local.dynamodb.service import Durations, table_status

FOREVER = 3600.0
PATIENCE_IN_SECONDS = 10


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> Durations:
    """Nothing takes time, unless a test says so."""
    none = Durations(creating=0, updating=0, deleting=0)
    monkeypatch.setattr(dynamodb, "durations", none)
    monkeypatch.setattr(dynamodb_backups, "creating_seconds", 0.0)
    return none


@pytest.fixture
def client(account: LocalAccount) -> Any:
    return account.client("dynamodb")


def create(client: Any, name: str = "orders", **settings: Any) -> dict[str, Any]:
    table: dict[str, Any] = client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **settings,
    )["TableDescription"]
    return table


def status(client: Any, name: str = "orders") -> str:
    return str(client.describe_table(TableName=name)["Table"]["TableStatus"])


def enable_recovery(client: Any, name: str = "orders") -> None:
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def backups(client: Any, kind: str) -> list[dict[str, Any]]:
    return list(client.list_backups(BackupType=kind)["BackupSummaries"])


def refusal(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_a_protected_table_refuses_deletion(client: Any) -> None:
    create(client, DeletionProtectionEnabled=True)
    with pytest.raises(ClientError) as refused:
        client.delete_table(TableName="orders")
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first.",
    }
    assert status(client) == "ACTIVE"


def test_a_protected_table_refuses_deletion_in_the_backend_too(account: LocalAccount, client: Any) -> None:
    create(client, DeletionProtectionEnabled=True)
    backend = dynamodb_backends[account.account_id][account.region]
    with pytest.raises(Exception, match="protected against deletion"):
        backend.delete_table("orders")


def test_a_table_is_no_longer_protected_when_protection_is_turned_off(client: Any) -> None:
    create(client, DeletionProtectionEnabled=True)
    client.update_table(TableName="orders", DeletionProtectionEnabled=False)
    assert client.describe_table(TableName="orders")["Table"]["DeletionProtectionEnabled"] is False
    client.delete_table(TableName="orders")
    assert client.list_tables()["TableNames"] == []


@pytest.mark.parametrize("operation", ["delete_table", "update_table"])
@pytest.mark.parametrize("state", ["creating", "updating", "deleting"])
def test_a_table_in_transition_refuses_to_change(
    client: Any, durations: Durations, monkeypatch: pytest.MonkeyPatch, state: str, operation: str
) -> None:
    monkeypatch.setattr(dynamodb, "durations", replace(durations, **{state: FOREVER}))
    create(client)
    if state == "updating":
        client.update_table(TableName="orders", DeletionProtectionEnabled=False)
    if state == "deleting":
        client.delete_table(TableName="orders")
    assert status(client) == state.upper()
    protection = {"DeletionProtectionEnabled": True} if operation == "update_table" else {}
    with refusal("ResourceInUseException"):
        getattr(client, operation)(TableName="orders", **protection)


def test_a_deleted_table_is_there_until_it_is_gone(
    client: Any, durations: Durations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, "durations", replace(durations, deleting=FOREVER))
    create(client)
    assert client.delete_table(TableName="orders")["TableDescription"]["TableStatus"] == "DELETING"
    assert client.list_tables()["TableNames"] == ["orders"]
    with refusal("ResourceInUseException"):
        create(client)


def test_a_table_is_gone_after_its_deletion(client: Any) -> None:
    create(client)
    client.delete_table(TableName="orders")
    with refusal("ResourceNotFoundException"):
        client.describe_table(TableName="orders")
    create(client)


def test_a_table_becomes_active_by_itself(account: LocalAccount, client: Any) -> None:
    dynamodb.durations.creating = 0.05
    assert create(client)["TableStatus"] == "CREATING"
    table = dynamodb_backends[account.account_id][account.region].tables["orders"]
    deadline = time.monotonic() + PATIENCE_IN_SECONDS
    while table_status(table) != "ACTIVE" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert status(client) == "ACTIVE"


def test_each_table_has_an_id_of_its_own(client: Any) -> None:
    first = create(client)["TableId"]
    assert client.describe_table(TableName="orders")["Table"]["TableId"] == first
    client.delete_table(TableName="orders")
    assert create(client)["TableId"] != first


def test_a_table_that_is_deleted_with_recovery_on_leaves_a_system_backup(client: Any) -> None:
    create(client)
    client.put_item(TableName="orders", Item={"id": {"S": "1"}})
    enable_recovery(client)
    client.delete_table(TableName="orders")
    assert backups(client, "USER") == []
    (backup,) = backups(client, "SYSTEM")
    assert backup["BackupName"] == "orders$DeletedTableBackup"
    retention = backup["BackupExpiryDateTime"] - backup["BackupCreationDateTime"]
    assert retention.days == 35
    client.restore_table_from_backup(TargetTableName="rescued", BackupArn=backup["BackupArn"])
    assert client.scan(TableName="rescued")["Items"] == [{"id": {"S": "1"}}]


def test_a_table_that_is_deleted_with_recovery_off_leaves_nothing(client: Any) -> None:
    create(client)
    client.delete_table(TableName="orders")
    assert backups(client, "ALL") == []


def test_a_restored_table_keeps_its_billing_mode_and_is_not_protected(client: Any) -> None:
    create(client, DeletionProtectionEnabled=True)
    arn = client.create_backup(TableName="orders", BackupName="before")["BackupDetails"]["BackupArn"]
    client.restore_table_from_backup(TargetTableName="restored", BackupArn=arn)
    restored = client.describe_table(TableName="restored")["Table"]
    assert restored["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert restored["DeletionProtectionEnabled"] is False


def test_a_backup_is_created_in_the_background(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_backups, "creating_seconds", FOREVER)
    create(client)
    details = client.create_backup(TableName="orders", BackupName="now")["BackupDetails"]
    assert details["BackupStatus"] == "CREATING"
    with refusal("BackupInUseException"):
        client.restore_table_from_backup(TargetTableName="restored", BackupArn=details["BackupArn"])


def test_a_backup_is_available_when_it_is_done(client: Any) -> None:
    table = create(client)
    arn = client.create_backup(TableName="orders", BackupName="now")["BackupDetails"]["BackupArn"]
    described = client.describe_backup(BackupArn=arn)["BackupDescription"]
    assert described["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert described["SourceTableDetails"]["TableId"] == table["TableId"]


def test_a_table_that_is_being_deleted_cannot_be_backed_up(
    client: Any, durations: Durations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, "durations", replace(durations, deleting=FOREVER))
    create(client)
    client.delete_table(TableName="orders")
    with refusal("TableInUseException"):
        client.create_backup(TableName="orders", BackupName="late")


def test_an_absent_table_cannot_be_backed_up(client: Any) -> None:
    with refusal("TableNotFoundException"):
        client.create_backup(TableName="absent", BackupName="none")


def test_a_backup_can_be_made_unavailable_once(account: LocalAccount, client: Any) -> None:
    create(client)
    enable_recovery(client)
    dynamodb_backups.refuse_next_backup("orders", account=account.account_id, region=account.region)
    with refusal("ContinuousBackupsUnavailableException"):
        client.create_backup(TableName="orders", BackupName="early")
    client.create_backup(TableName="orders", BackupName="later")


def test_backups_are_listed_in_pages(client: Any) -> None:
    create(client)
    for number in range(3):
        client.create_backup(TableName="orders", BackupName=f"backup-{number}")
    first = client.list_backups(TableName="orders", Limit=2)
    rest = client.list_backups(TableName="orders", ExclusiveStartBackupArn=first["LastEvaluatedBackupArn"])
    names = [it["BackupName"] for it in first["BackupSummaries"] + rest["BackupSummaries"]]
    assert names == ["backup-0", "backup-1", "backup-2"]
    assert "LastEvaluatedBackupArn" not in rest


def test_a_tag_replaces_its_namesake(client: Any) -> None:
    arn = create(client, Tags=[{"Key": "team", "Value": "red"}])["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "blue"}])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == []


def test_an_absent_table_cannot_be_tagged(client: Any) -> None:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/absent"
    with refusal("ResourceNotFoundException"):
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "blue"}])
