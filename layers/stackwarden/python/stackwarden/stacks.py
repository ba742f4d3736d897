"""Reading stacks: by id, nested ones with their root, their resources and deletion policies, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError

from stackwarden.aws import code

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        StackEventTypeDef,
        StackResourceSummaryTypeDef,
        StackTypeDef,
    )

_NESTED = "AWS::CloudFormation::Stack"
_BEGUN = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS")
_RETAIN = ("Retain", "RetainExceptOnCreate")


class _TemplateLoader(yaml.CBaseLoader):  # libyaml's: eight times as fast, and a template may have 1 MB
    """Every scalar is text (a logical id may read `On`), and short forms such as `!Ref` stay opaque."""


def _opaque(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the one kind left
    return {f"!{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _opaque)


@dataclass(frozen=True)
class Stack:
    """A stack as DescribeStacks tells it. `root_id` is its own id when it is not nested."""

    id: str
    name: str
    status: str
    root_id: str
    termination_protection: bool

    @property
    def nested(self) -> bool:
        """Whether another stack made it."""
        return self.root_id != self.id


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack or of one nested in it. `stack_names`: the stacks it is in, innermost first."""

    type: str
    logical_id: str
    physical_id: str
    status: str
    stack_id: str
    stack_names: tuple[str, ...]
    changed_at: datetime


@dataclass(frozen=True)
class Policies:
    """The deletion policies of a template's resources, by logical id; what is not there has none."""

    on_delete: dict[str, str] = field(default_factory=dict)
    on_replace: dict[str, str] = field(default_factory=dict)

    def retained(self, logical_id: str) -> bool:
        """Whether the resource outlives its stack."""
        return self.on_delete.get(logical_id) in _RETAIN

    def retained_on_replace(self, logical_id: str) -> bool:
        """Whether the old resource outlives its replacement."""
        return self.on_replace.get(logical_id) in _RETAIN


class StackReader:
    """Reads stacks. Every method raises ClientError; a stack that does not exist is None."""

    def __init__(self, cloudformation: "CloudFormationClient") -> None:
        self._cloudformation = cloudformation

    def describe(self, name_or_id: str) -> Stack | None:
        """Describe a stack; deleted ones are found by id only."""
        try:
            stacks = self._cloudformation.describe_stacks(StackName=name_or_id)["Stacks"]
        except ClientError as error:
            if _does_not_exist(error):
                return None
            raise
        return _stack(stacks[0]) if stacks else None

    def root(self, stack: Stack) -> Stack:
        """Return the root of a nested stack, else the stack itself."""
        return (self.describe(stack.root_id) or stack) if stack.nested else stack

    def resources(self, stack: Stack) -> Iterator[StackResource]:
        """Yield the resources of a stack and of all stacks nested in it, page by page."""
        yield from self._resources(stack.id, (stack.name,))

    def _resources(self, stack_id: str, names: tuple[str, ...]) -> Iterator[StackResource]:
        paginator = self._cloudformation.get_paginator("list_stack_resources")
        try:
            for page in paginator.paginate(StackName=stack_id):
                for summary in page["StackResourceSummaries"]:
                    yield from self._resource(summary, stack_id, names)
        except ClientError as error:
            if not _does_not_exist(error):  # a nested stack that is long gone holds nothing
                raise

    def _resource(
        self, summary: "StackResourceSummaryTypeDef", stack_id: str, names: tuple[str, ...]
    ) -> Iterator[StackResource]:
        physical_id = summary.get("PhysicalResourceId", "")
        if summary["ResourceType"] == _NESTED and physical_id.startswith("arn:"):
            yield from self._resources(physical_id, (name_of(physical_id), *names))
        elif physical_id:
            yield StackResource(
                type=summary["ResourceType"],
                logical_id=summary["LogicalResourceId"],
                physical_id=physical_id,
                status=summary["ResourceStatus"],
                stack_id=stack_id,
                stack_names=names,
                changed_at=summary["LastUpdatedTimestamp"],
            )

    def policies(self, stack_id: str) -> Policies:
        """Read the deletion policies from the stack's processed template (transforms applied)."""
        body = self._cloudformation.get_template(StackName=stack_id, TemplateStage="Processed")[
            "TemplateBody"
        ]
        return parse_policies(body)

    def operation(self, stack_id: str) -> "Operation":
        """Return a stack's latest operation, as the stack's own events tell it.

        No source says when LastUpdatedTime and DeletionTime change, and a stack may be deleted again after
        DELETE_FAILED.
        """
        begun = Operation("", "")
        for event in self._own_events(stack_id):
            status = event.get("ResourceStatus", "")
            if begun.id:
                return replace(begun, before=status)
            if status in _BEGUN:
                begun = Operation(event["EventId"], "", event["Timestamp"])
        return begun

    def _own_events(self, stack_id: str) -> Iterator["StackEventTypeDef"]:
        paginator = self._cloudformation.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=stack_id):  # newest first
            for event in page["StackEvents"]:
                if event.get("PhysicalResourceId") == stack_id:
                    yield event


@dataclass(frozen=True)
class Operation:
    """A create, update or deletion of a stack: the event that began it, and the stack's status until then."""

    id: str
    before: str
    began: datetime | None = None

    @property
    def after_failed_creation(self) -> bool:
        """Whether the stack had never stood: CloudFormation deletes it by itself when OnFailure is DELETE."""
        return self.before in ("CREATE_IN_PROGRESS", "CREATE_FAILED")


def _does_not_exist(error: ClientError) -> bool:
    """CloudFormation has no code of its own for it: ValidationError "Stack with id X does not exist"."""
    return code(error) == "ValidationError" and "does not exist" in error.response["Error"]["Message"]


def name_of(stack_id: str) -> str:
    """Return the name in a stack's id (arn:…:stack/NAME/UUID)."""
    return stack_id.split("/")[1]


def parse_policies(body: Any) -> Policies:
    """Read the policies of a template: JSON as boto3 decodes it, or YAML text with short intrinsic forms.

    Raises yaml.YAMLError for text that is no YAML (CloudFormation accepted it, so that is a defect to hear
    of).
    """
    # S506: the loader is a BaseLoader, which makes text, lists and mappings and nothing else.
    template = yaml.load(body, Loader=_TemplateLoader) if isinstance(body, str) else body  # noqa: S506
    found = template.get("Resources") if isinstance(template, dict) else None
    resources = {key: value for key, value in (found or {}).items() if isinstance(value, dict)}

    def policy(attribute: str) -> dict[str, str]:
        values = {key: resource.get(attribute) for key, resource in resources.items()}
        return {key: value for key, value in values.items() if isinstance(value, str)}

    return Policies(on_delete=policy("DeletionPolicy"), on_replace=policy("UpdateReplacePolicy"))


def _stack(description: "StackTypeDef") -> Stack:
    stack_id = description.get("StackId", "")
    return Stack(
        id=stack_id,
        name=description["StackName"],
        status=description["StackStatus"],
        root_id=description.get("RootId") or stack_id,
        termination_protection=description.get("EnableTerminationProtection", False),
    )
