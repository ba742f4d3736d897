"""Databases of RDS.

moto's database forgets DeletionProtection, and there are no clusters.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_RDS.html
"""

from local.cloudformation.resources import Properties, ServiceResource


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
