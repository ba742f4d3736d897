"""Lambda functions and what belongs to them.

moto has no aliases, and deletes neither versions nor layers.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Lambda.html
"""

import io
import zipfile
from typing import Any

from local.cloudformation.resources import Properties, ResourceRefused, ServiceResource

NOT_IN_CONFIGURATION = ("Code", "Tags", "FunctionName", "ReservedConcurrentExecutions", "RecursiveLoop")
DEFAULTS: Properties = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "Layers": [],
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
"""What a property is set to when an update removes it from the template."""


def unqualified(function: str) -> tuple[str, str | None]:
    """Name and qualifier of a function given as a name, `name:alias` or an ARN."""
    name = function.split(":function:", 1)[-1]
    name, _, qualifier = name.partition(":")
    return name, qualifier or None


class Function(ServiceResource):
    """AWS::Lambda::Function. Ref is the name."""

    resource_type = "AWS::Lambda::Function"
    name_property = "FunctionName"
    name_length = 64
    immutable = frozenset({"PackageType"})

    def create(self) -> None:
        wanted = {**self.properties, "FunctionName": self.name, "Code": _code(self.properties["Code"])}
        created = self.call("lambda", "CreateFunction", **{**wanted, "Tags": self.tags_for(self.properties)})
        self.physical_id = self.name
        self.attributes = {"Arn": created["FunctionArn"]}
        self._apply_limits(self.properties, {})

    def _apply_limits(self, properties: Properties, before: Properties) -> None:
        reserved, loop = properties.get("ReservedConcurrentExecutions"), properties.get("RecursiveLoop")
        if reserved is not None and reserved != before.get("ReservedConcurrentExecutions"):
            self._call("PutFunctionConcurrency", ReservedConcurrentExecutions=reserved)
        elif reserved is None and "ReservedConcurrentExecutions" in before:
            self._call("DeleteFunctionConcurrency")
        if loop is not None and loop != before.get("RecursiveLoop"):
            self._call("PutFunctionRecursionConfig", RecursiveLoop=loop)
        elif loop is None and "RecursiveLoop" in before:
            self._call("PutFunctionRecursionConfig", RecursiveLoop="Terminate")

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.call("lambda", operation, **parameters, FunctionName=self.physical_id)

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "Code", "Architectures"):
            self._call(
                "UpdateFunctionCode",
                **_code(properties["Code"]),
                Architectures=properties.get("Architectures", ["x86_64"]),
            )
        before, after = _configuration(self.properties), _configuration(properties)
        if before != after:
            removed = {key: DEFAULTS[key] for key in DEFAULTS if key in before and key not in after}
            self._call("UpdateFunctionConfiguration", **after, **removed)
        self._apply_limits(properties, self.properties)
        arn = self.attributes["Arn"]
        changed, removed_tags = self.tag_changes(properties)
        if removed_tags:
            self.call("lambda", "UntagResource", Resource=arn, TagKeys=removed_tags)
        if changed:
            self.call("lambda", "TagResource", Resource=arn, Tags=changed)

    def delete(self) -> None:
        self._call("DeleteFunction")


def _configuration(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key not in NOT_IN_CONFIGURATION}


def _code(code: Properties) -> Properties:
    """Inline code is the text of `index`, see the documentation of AWS::Lambda::Function Code."""
    if "ZipFile" not in code:
        return code
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        entry = zipfile.ZipInfo("index.py")
        entry.external_attr = 0o644 << 16
        zipped.writestr(entry, code["ZipFile"])
    return {"ZipFile": archive.getvalue()}


class Version(ServiceResource):
    """AWS::Lambda::Version. Ref is the ARN with the number."""

    resource_type = "AWS::Lambda::Version"
    immutable = frozenset({"FunctionName", "Description", "CodeSha256"})

    def create(self) -> None:
        """Refused where nothing has changed since the newest version, which Lambda would give again."""
        before = self._numbers()
        published = self.call("lambda", "PublishVersion", **self.properties)
        arn, number = published["FunctionArn"], published["Version"]
        if number in before:
            raise ResourceRefused(
                f"A version for this Lambda function exists ( {number} ). "
                "Modify the function to create a new version."
            )
        self.physical_id = arn if arn.endswith(f":{number}") else f"{arn}:{number}"
        self.attributes = {"Version": number, "FunctionArn": self.physical_id}

    def _numbers(self) -> set[str]:
        """Of all versions that the function has."""
        found: set[str] = set()
        page: Properties = {"FunctionName": self.properties["FunctionName"]}
        while True:
            listed = self.call("lambda", "ListVersionsByFunction", **page)
            found |= {version["Version"] for version in listed["Versions"]}
            if "NextMarker" not in listed:
                return found
            page["Marker"] = listed["NextMarker"]

    def update(self, properties: Properties) -> None:
        """Nothing of a version can change but its provisioned concurrency, which moto keeps by itself."""

    def delete(self) -> None:
        name, number = unqualified(self.physical_id)
        self.call("lambda", "DeleteFunction", FunctionName=name, Qualifier=number)


class Alias(ServiceResource):
    """AWS::Lambda::Alias. Ref is the ARN of the alias."""

    resource_type = "AWS::Lambda::Alias"
    immutable = frozenset({"FunctionName", "Name"})

    def _specification(self, properties: Properties) -> Properties:
        specified = {**properties, "FunctionName": unqualified(properties["FunctionName"])[0]}
        weights = specified.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
        if weights:
            routed = {weight["FunctionVersion"]: weight["FunctionWeight"] for weight in weights}
            specified["RoutingConfig"] = {"AdditionalVersionWeights": routed}
        return specified

    def create(self) -> None:
        created = self.call("lambda", "CreateAlias", **self._specification(self.properties))
        self.physical_id = created["AliasArn"]
        self.attributes = {"AliasArn": self.physical_id}

    def update(self, properties: Properties) -> None:
        self.call("lambda", "UpdateAlias", **self._specification(properties))

    def delete(self) -> None:
        name, alias = unqualified(self.physical_id)
        self.call("lambda", "DeleteAlias", FunctionName=name, Name=alias)


class LayerVersion(ServiceResource):
    """AWS::Lambda::LayerVersion. Ref is the ARN with the number."""

    resource_type = "AWS::Lambda::LayerVersion"
    immutable = frozenset(
        {
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        }
    )

    def create(self) -> None:
        name = self.properties.get("LayerName") or self.place.logical_id
        published = self.call("lambda", "PublishLayerVersion", **{**self.properties, "LayerName": name})
        self.physical_id = published["LayerVersionArn"]
        self.attributes = {"LayerVersionArn": self.physical_id}

    def update(self, properties: Properties) -> None:
        """Each property of a layer version replaces it."""

    def delete(self) -> None:
        layer, number = self.physical_id.rsplit(":", 1)
        self.call("lambda", "DeleteLayerVersion", LayerName=layer, VersionNumber=number)
