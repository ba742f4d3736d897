"""Change sets: what an update would do, kept until somebody executes it.

moto forgets parameters that keep their value, knows no replacement, and finds one by name in any stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError
from moto.core.utils import utcnow

from local.cloudformation.deployment import Deployment
from local.cloudformation.intrinsics import Evaluator
from local.cloudformation.resources import Resource
from local.cloudformation.stack import DeployedStack, StackResource

SCOPES = ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class ChangeSetNotFound(CloudFormationError):
    """Raised with the name that was asked for."""

    code = "ChangeSetNotFoundException"

    def __init__(self, name: str) -> None:
        super().__init__(f"ChangeSet [{name}] does not exist")


@dataclass
class PlannedUpdate:
    """A change set. moto's ChangeSet computes its changes with moto's own template reader."""

    change_set_id: str
    change_set_name: str
    change_set_type: str
    stack: DeployedStack
    deployment: Deployment
    description: str | None
    changes: list[dict[str, Any]]
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    creation_time: datetime = field(default_factory=utcnow)

    def fail_if_empty(self) -> None:
        current = self.stack.deployment
        if self.change_set_type == "UPDATE" and current is not None and self.deployment.same_as(current):
            self.status, self.execution_status = "FAILED", "UNAVAILABLE"
            self.status_reason = NO_CHANGES


def changes_between(stack: DeployedStack, target: Deployment) -> list[dict[str, Any]]:
    """The Changes of DescribeChangeSet: Add, Modify (with Replacement) and Remove."""
    standing = {name: record for name, record in stack.resources.items() if record.stands}
    planned = _evaluator(stack, target)
    wanted = {
        name: definition
        for name, definition in target.document["Resources"].items()
        if "Condition" not in definition or planned.condition(definition["Condition"])
    }
    changes = []
    for name, definition in wanted.items():
        if name not in standing:
            changes.append(_change("Add", name, definition["Type"]))
        elif definition != standing[name].definition or _differs(stack, target, standing[name], planned):
            changes.append(_modification(standing[name], definition, planned))
    changes += [
        _change("Remove", name, record.resource_type, physical_id=record.physical_id)
        for name, record in standing.items()
        if name not in wanted
    ]
    return [{"Type": "Resource", "ResourceChange": change} for change in changes]


def _change(action: str, name: str, resource_type: str, *, physical_id: str | None = None) -> dict[str, Any]:
    change = {
        "Action": action,
        "LogicalResourceId": name,
        "ResourceType": resource_type,
        "Scope": [],
        "Details": [],
    }
    return change | ({"PhysicalResourceId": physical_id} if physical_id else {})


def _differs(stack: DeployedStack, target: Deployment, record: StackResource, planned: Evaluator) -> bool:
    if record.resource is None:
        return True
    properties = planned.value(record.definition.get("Properties") or {})
    return bool(properties != record.resource.properties) or target.tags != stack.deployed().tags


def _modification(record: StackResource, definition: dict[str, Any], planned: Evaluator) -> dict[str, Any]:
    properties = planned.value(definition.get("Properties") or {})
    replaced = definition["Type"] != record.resource_type or _replaces(record.resource, properties)
    change = _change("Modify", record.logical_id, definition["Type"], physical_id=record.physical_id)
    scope = [key for key in SCOPES if definition.get(key) != record.definition.get(key)] or ["Properties"]
    return change | {"Replacement": "True" if replaced else "False", "Scope": scope}


def _replaces(resource: Resource | None, properties: dict[str, Any]) -> bool:
    return resource is not None and resource.requires_replacement(properties)


def _evaluator(stack: DeployedStack, target: Deployment) -> Evaluator:
    """Evaluates the target while only the present resources stand: what does not yet, has a placeholder."""

    def ref(name: str) -> str:
        record = stack.resources.get(name)
        return record.physical_id if record and record.stands else f"{{{{changeSet:{name}}}}}"

    def attribute(name: str, key: str) -> Any:
        record = stack.resources.get(name)
        if record and record.resource and record.stands:
            return record.resource.attribute(key)
        return f"{{{{changeSet:{name}.{key}}}}}"

    return stack.evaluator_of(target, exports=_AnyExport(), ref=ref, attribute=attribute)


class _AnyExport(dict[str, str]):
    """Imports are checked when the change set is executed."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"{{{{import:{name}}}}}"
