"""Reading the stack that made a function, as the function's own tags name it."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.alias_state import StackPlace
from stackwarden.stacks import Stack, StackReader

_STACK_ID: Final = "aws:cloudformation:stack-id"
_LOGICAL_ID: Final = "aws:cloudformation:logical-id"
_REVIEWED: Final = "REVIEW_IN_PROGRESS"  # a change set that nobody has executed: nothing is going on
_GONE: Final = "DELETE_COMPLETE"  # it left the function behind
# How Serverless Framework describes its templates, and the bucket that it puts into them.
_SERVERLESS: Final = (
    "The AWS CloudFormation template for this Serverless application",
    "ServerlessDeploymentBucket",
)


def stack_place(stacks: StackReader, tags: Mapping[str, str]) -> StackPlace | None:
    """Return the stack that a function belongs to; None: to none that is there. Raises ClientError."""
    stack = stacks.describe(tags[_STACK_ID]) if _STACK_ID in tags else None
    if stack is None or stack.status == _GONE:
        return None
    root = stacks.root(stack)
    halted = [each.status for each in (root, stack) if each.status.endswith("_FAILED")]
    return StackPlace(
        id=stack.id,
        name=stack.name,
        settled=_settled(stack) and _settled(root),
        halted=halted[0] if halted else "",
        tool=_tool(stack.id, tags),
        logical_id=tags.get(_LOGICAL_ID, ""),
    )


def _settled(stack: Stack) -> bool:
    return stack.status == _REVIEWED or not stack.status.endswith("_IN_PROGRESS")


def _tool(stack_id: str, tags: Mapping[str, str]) -> str:
    """Tell by the template which tool wrote it: it decides how a report words the fix."""
    told = "SAM" if tags.get("lambda:createdBy") == "SAM" else "CloudFormation"
    try:
        summary = aws.client("cloudformation").get_template_summary(StackName=stack_id)
    except ClientError as error:
        # ValidationError: the stack is gone, or has no template yet.
        if aws.is_access_denied(error) or aws.code(error) == "ValidationError":
            return told
        raise
    return _written_by(summary) or told


def _written_by(summary: Mapping[str, Any]) -> str:
    if "AWS::CDK::Metadata" in summary.get("ResourceTypes", []) or "aws:cdk" in summary.get("Metadata", ""):
        return "CDK"
    if any(transform.startswith("AWS::Serverless-") for transform in summary.get("DeclaredTransforms", [])):
        return "SAM"
    described, bucket = _SERVERLESS
    logical_ids = [
        name
        for resources in summary.get("ResourceIdentifierSummaries", [])
        for name in resources.get("LogicalResourceIds", [])
    ]
    if summary.get("Description", "").startswith(described) or bucket in logical_ids:
        return "Serverless Framework"
    return ""
