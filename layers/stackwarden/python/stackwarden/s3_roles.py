"""Reading a role's permissions: its inline and attached policies, its boundary and its tags."""

from typing import TYPE_CHECKING, Any, Final

from stackwarden import aws
from stackwarden.policies.s3_state import Role, Statement, statements

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# Managed by AWS, on nearly every function's role, and about logs, traces and event sources alone: two calls
# saved for each. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
_HARMLESS: Final = frozenset(
    {
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSLambdaVPCAccessExecutionRole",
        "service-role/AWSLambdaSQSQueueExecutionRole",
        "service-role/AWSLambdaKinesisExecutionRole",
        "service-role/AWSLambdaDynamoDBExecutionRole",
        "AWSXRayDaemonWriteAccess",
        "AWSXrayWriteOnlyAccess",
        "CloudWatchLambdaInsightsExecutionRolePolicy",
        "CloudWatchLambdaApplicationSignalsExecutionRolePolicy",
    }
)


class RoleReader:
    """Reads roles. Every method raises ClientError; a role that does not exist is None.

    A policy that is deleted between its listing and its reading says nothing; the rest of the role counts.
    """

    def __init__(self) -> None:
        self._managed: dict[str, tuple[Statement, ...] | None] = {}

    @property
    def _iam(self) -> "IAMClient":
        return aws.client("iam")

    def permissions(self, arn: str) -> Role | None:
        """Read the policies of a role, without its boundary, id and tags."""
        name = name_of(arn)
        try:
            inline, attached = self._inline(name), self._attached(name)
        except self._iam.exceptions.NoSuchEntityException:
            return None
        documents = [self._inline_policy(name, policy) for policy in inline]
        documents += [self._policy(policy) or () for policy in attached]
        return Role(arn, "", tuple(statement for document in documents for statement in document))

    def details(self, role: Role) -> Role | None:
        """Add boundary, id and tags."""
        try:
            described = self._iam.get_role(RoleName=name_of(role.arn))["Role"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        boundary = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Role(
            arn=role.arn,
            id=described["RoleId"],
            statements=role.statements,
            boundary=self._policy(boundary) if boundary else None,
            tags={tag["Key"]: tag["Value"] for tag in described.get("Tags", [])},
        )

    def _inline(self, role: str) -> list[str]:
        paginator = self._iam.get_paginator("list_role_policies")
        return [name for page in paginator.paginate(RoleName=role) for name in page["PolicyNames"]]

    def _attached(self, role: str) -> list[str]:
        paginator = self._iam.get_paginator("list_attached_role_policies")
        pages = paginator.paginate(RoleName=role)
        return [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]

    def _inline_policy(self, role: str, name: str) -> tuple[Statement, ...]:
        try:
            document: Any = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        except self._iam.exceptions.NoSuchEntityException:
            return ()
        return statements(f"inline policy {name}", document)

    def _policy(self, arn: str) -> tuple[Statement, ...] | None:
        """Read a managed policy; None: it does not exist, which for a boundary is not the same as empty."""
        _, _, _, _, owner, resource = arn.split(":", 5)
        if owner == "aws" and resource.removeprefix("policy/") in _HARMLESS:
            return ()
        if arn not in self._managed:
            self._managed[arn] = self._default_version(arn)
        return self._managed[arn]

    def _default_version(self, arn: str, *, again: bool = True) -> tuple[Statement, ...] | None:
        try:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        try:
            read = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        except self._iam.exceptions.NoSuchEntityException:
            if not again:
                raise
            return self._default_version(arn, again=False)  # another version became the default
        document: Any = read["Document"]
        return statements(f"managed policy {arn}", document)

    def using_policy(self, arn: str) -> list[str]:
        """Return the names of the roles that a managed policy is attached to, or is the boundary of."""
        paginator = self._iam.get_paginator("list_entities_for_policy")
        pages = paginator.paginate(PolicyArn=arn, EntityFilter="Role")
        try:
            return [role["RoleName"] for page in pages for role in page["PolicyRoles"]]
        except self._iam.exceptions.NoSuchEntityException:
            return []

    def of_lambda(self, name: str) -> bool:
        """Whether Lambda may assume the role, from its trust policy."""
        try:
            document: Any = self._iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except self._iam.exceptions.NoSuchEntityException:
            return False
        trusted = [principal for s in statements("", document) for principal in s.principals]
        return "Service:lambda.amazonaws.com" in trusted


def name_of(arn: str) -> str:
    """Return a role's name, without its path."""
    return arn.rsplit("/", 1)[-1]
