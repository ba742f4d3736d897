"""Roles and policies.

moto attaches no managed policies to a role, changes none of its policies, and leaves managed policies behind.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local.cloudformation.calls import error_code
from local.cloudformation.resources import Properties, ServiceResource, as_tag_list

MAXIMUM_SESSION = 3600
PRINCIPALS = (("Roles", "Role"), ("Users", "User"), ("Groups", "Group"))


def _document(policy: Any) -> str:
    """The policy as JSON. SAM's policy templates have no Version: IAM takes that, moto refuses it."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return json.dumps({"Version": "2012-10-17", **document})


def _inline(properties: Properties) -> dict[str, Any]:
    return {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}


class Role(ServiceResource):
    """AWS::IAM::Role. Ref is the name."""

    resource_type = "AWS::IAM::Role"
    name_property = "RoleName"
    name_length = 64
    immutable = frozenset({"Path"})

    def create(self) -> None:
        trust = _document(self.properties["AssumeRolePolicyDocument"])
        tags = as_tag_list(self.plain_tags(self.properties))
        wanted = {
            **self.properties,
            "RoleName": self.name,
            "AssumeRolePolicyDocument": trust,
            "Tags": tags,
        }
        role = self.call("iam", "CreateRole", **wanted)["Role"]
        self.physical_id = self.name
        self.attributes = {"Arn": role["Arn"], "RoleId": role["RoleId"]}
        self._apply_policies({}, self.properties)

    def _call(self, operation: str, **parameters: Any) -> None:
        self.call("iam", operation, RoleName=self.physical_id, **parameters)

    def _apply_policies(self, before: Properties, after: Properties) -> None:
        attached, wanted = before.get("ManagedPolicyArns", []), after.get("ManagedPolicyArns", [])
        for arn in [arn for arn in wanted if arn not in attached]:
            self._call("AttachRolePolicy", PolicyArn=arn)
        for arn in [arn for arn in attached if arn not in wanted]:
            self._call("DetachRolePolicy", PolicyArn=arn)
        old, new = _inline(before), _inline(after)
        for name in [name for name in new if new[name] != old.get(name)]:
            self._call("PutRolePolicy", PolicyName=name, PolicyDocument=_document(new[name]))
        for name in [name for name in old if name not in new]:
            self._call("DeleteRolePolicy", PolicyName=name)

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "AssumeRolePolicyDocument"):
            trust = _document(properties["AssumeRolePolicyDocument"])
            self._call("UpdateAssumeRolePolicy", PolicyDocument=trust)
        if self.changed(properties, "Description", "MaxSessionDuration"):
            duration = properties.get("MaxSessionDuration", MAXIMUM_SESSION)
            self._call(
                "UpdateRole", Description=properties.get("Description", ""), MaxSessionDuration=duration
            )
        if self.changed(properties, "PermissionsBoundary"):
            self._apply_boundary(properties.get("PermissionsBoundary"))
        self._apply_policies(self.properties, properties)
        changed, removed = self.tag_changes(properties)
        if removed:
            self._call("UntagRole", TagKeys=removed)
        if changed:
            self._call("TagRole", Tags=as_tag_list(changed))

    def _apply_boundary(self, arn: str | None) -> None:
        if arn:
            self._call("PutRolePermissionsBoundary", PermissionsBoundary=arn)
        else:
            self._call("DeleteRolePermissionsBoundary")

    def delete(self) -> None:
        self._apply_policies(self.properties, {})
        self._call("DeleteRole")


class ManagedPolicy(ServiceResource):
    """AWS::IAM::ManagedPolicy. Ref is the ARN."""

    resource_type = "AWS::IAM::ManagedPolicy"
    name_property = "ManagedPolicyName"
    name_length = 128
    immutable = frozenset({"Description", "Path"})

    def create(self) -> None:
        document = _document(self.properties["PolicyDocument"])
        wanted = {**self.properties, "PolicyName": self.name, "PolicyDocument": document}
        policy = self.call("iam", "CreatePolicy", **wanted)["Policy"]
        self.physical_id = policy["Arn"]
        self.attributes = {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}
        self._apply_principals({}, self.properties)

    def _apply_principals(self, before: Properties, after: Properties) -> None:
        for kind, name in _principals(after) - _principals(before):
            self.call("iam", f"Attach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=self.physical_id)
        for kind, name in _principals(before) - _principals(after):
            self.call("iam", f"Detach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=self.physical_id)

    def update(self, properties: Properties) -> None:
        if self.changed(properties, "PolicyDocument"):
            self.call(
                "iam",
                "CreatePolicyVersion",
                PolicyArn=self.physical_id,
                PolicyDocument=_document(properties["PolicyDocument"]),
                SetAsDefault=True,
            )
            self._delete_old_versions()
        self._apply_principals(self.properties, properties)

    def _delete_old_versions(self) -> None:
        versions = self.call("iam", "ListPolicyVersions", PolicyArn=self.physical_id)["Versions"]
        for version in versions:
            if not version["IsDefaultVersion"]:
                self.call(
                    "iam", "DeletePolicyVersion", PolicyArn=self.physical_id, VersionId=version["VersionId"]
                )

    def delete(self) -> None:
        for kind, name in _principals(self.properties):
            self._detach(kind, name)
        self._delete_old_versions()
        self.call("iam", "DeletePolicy", PolicyArn=self.physical_id)

    def _detach(self, kind: str, name: str) -> None:
        try:
            self.call("iam", f"Detach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=self.physical_id)
        except ClientError as refusal:
            if error_code(refusal) != "NoSuchEntity":
                raise


def _principals(properties: Properties) -> set[tuple[str, str]]:
    return set(_each_principal(properties))


def _each_principal(properties: Properties) -> Iterator[tuple[str, str]]:
    for key, kind in PRINCIPALS:
        for name in properties.get(key) or []:
            yield kind, name


class Policy(ServiceResource):
    """AWS::IAM::Policy: an inline policy of roles, users and groups."""

    resource_type = "AWS::IAM::Policy"

    def _put(self, properties: Properties) -> None:
        for kind, name in _principals(properties):
            self.call(
                "iam",
                f"Put{kind}Policy",
                **{f"{kind}Name": name},
                PolicyName=properties["PolicyName"],
                PolicyDocument=_document(properties["PolicyDocument"]),
            )

    def _remove(self, properties: Properties, *, but: set[tuple[str, str]]) -> None:
        for kind, name in _principals(properties) - but:
            self.call(
                "iam", f"Delete{kind}Policy", **{f"{kind}Name": name}, PolicyName=properties["PolicyName"]
            )

    def create(self) -> None:
        self._put(self.properties)
        self.physical_id = str(self.properties["PolicyName"])
        self.attributes = {"Id": self.physical_id}

    def update(self, properties: Properties) -> None:
        self._put(properties)
        renamed = properties["PolicyName"] != self.properties["PolicyName"]
        self._remove(self.properties, but=set() if renamed else _principals(properties))
        self.physical_id = str(properties["PolicyName"])

    def delete(self) -> None:
        self._remove(self.properties, but=set())
