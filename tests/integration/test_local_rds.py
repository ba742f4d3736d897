"""Deletion protection of databases, on which guards rely: moto has it, and local/ adds nothing to it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount


@pytest.fixture
def client(account: LocalAccount) -> Any:
    return account.client("rds")


def create_instance(client: Any, *, protected: bool) -> None:
    client.create_db_instance(
        DBInstanceIdentifier="shop",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        AllocatedStorage=10,
        MasterUsername="admin",
        MasterUserPassword="secret-123",
        DeletionProtection=protected,
    )


def create_cluster(client: Any, *, protected: bool) -> None:
    client.create_db_cluster(
        DBClusterIdentifier="shop",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="secret-123",
        DeletionProtection=protected,
    )


def instance_is_protected(client: Any) -> bool:
    (instance,) = client.describe_db_instances(DBInstanceIdentifier="shop")["DBInstances"]
    return bool(instance["DeletionProtection"])


def cluster_is_protected(client: Any) -> bool:
    (cluster,) = client.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"]
    return bool(cluster["DeletionProtection"])


def test_a_protected_instance_refuses_deletion(client: Any) -> None:
    create_instance(client, protected=True)
    with pytest.raises(ClientError) as refused:
        client.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterCombination"
    assert refused.value.response["Error"]["Message"] == (
        "Cannot delete protected DB Instance, please disable deletion protection and try again."
    )
    assert instance_is_protected(client)


def test_a_protected_cluster_refuses_deletion(client: Any) -> None:
    create_cluster(client, protected=True)
    with pytest.raises(ClientError) as refused:
        client.delete_db_cluster(DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterCombination"
    assert refused.value.response["Error"]["Message"] == (
        "Cannot delete protected Cluster, please disable deletion protection and try again."
    )
    assert cluster_is_protected(client)


def test_protection_of_an_instance_is_turned_on_and_off(client: Any) -> None:
    create_instance(client, protected=False)
    assert not instance_is_protected(client)
    client.modify_db_instance(DBInstanceIdentifier="shop", DeletionProtection=True, ApplyImmediately=True)
    assert instance_is_protected(client)
    client.modify_db_instance(DBInstanceIdentifier="shop", AllocatedStorage=20)
    assert instance_is_protected(client)
    client.modify_db_instance(DBInstanceIdentifier="shop", DeletionProtection=False)
    client.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    assert client.describe_db_instances()["DBInstances"] == []


def test_protection_of_a_cluster_is_turned_on_and_off(client: Any) -> None:
    create_cluster(client, protected=False)
    assert not cluster_is_protected(client)
    client.modify_db_cluster(DBClusterIdentifier="shop", DeletionProtection=True)
    assert cluster_is_protected(client)
    client.modify_db_cluster(DBClusterIdentifier="shop", BackupRetentionPeriod=3)
    assert cluster_is_protected(client)
    client.modify_db_cluster(DBClusterIdentifier="shop", DeletionProtection=False)
    client.delete_db_cluster(DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    assert client.describe_db_clusters()["DBClusters"] == []
