"""A stack that remembers what stands, in which status, and what it was made from.

moto's Stack has one status for all of its resources and forgets each as it goes.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack
from moto.cloudformation.parsing import Export
from moto.core.utils import utcnow

from local.cloudformation import events, template
from local.cloudformation.deployment import Deployment
from local.cloudformation.intrinsics import Evaluator
from local.cloudformation.resources import Place, Resource
from local.cloudformation.template import Document

RETAINING = ("Retain", "RetainExceptOnCreate")


@dataclass
class StackResource:
    """A resource of a stack, as DescribeStackResources shows it."""

    logical_id: str
    resource_type: str
    definition: Document
    resource: Resource | None = None
    status: str = ""
    status_reason: str | None = None
    abandoned: bool = False
    """An update removed it from the template, but it refused to go: it stands, outside of the stack."""
    timestamp: datetime = field(default_factory=utcnow)

    @property
    def physical_id(self) -> str:
        return self.resource.physical_id if self.resource else ""

    @property
    def stands(self) -> bool:
        """Whether it still has to be deleted, even if it could not be created."""
        return not self.abandoned and self.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")

    def copy(self) -> "StackResource":
        return replace(self)


class DeployedStack(Stack):
    """moto's Stack with the status of each resource. It is built empty; `deployment` is what it becomes."""

    def __init__(
        self,
        *,
        stack_id: str,
        name: str,
        account_id: str,
        region_name: str,
        parent: "DeployedStack | None" = None,
        notification_arns: list[str] | None = None,
        role_arn: str | None = None,
        enable_termination_protection: bool = False,
        timeout_in_mins: int | None = None,
        stack_policy_body: str | None = None,
    ) -> None:
        super().__init__(
            stack_id=stack_id,
            name=name,
            template={},
            parameters={},
            account_id=account_id,
            region_name=region_name,
            notification_arns=notification_arns,
            role_arn=role_arn,
            timeout_in_mins=timeout_in_mins,
            stack_policy_body=stack_policy_body,
        )
        self.parent = parent
        self.protected = enable_termination_protection
        self.deployment: Deployment | None = None
        self.resources: dict[str, StackResource] = {}
        self.status_reason: str | None = None
        self.client_request_token = ""
        self.identity: dict[str, Any] | None = None
        self.deletion_time: datetime | None = None
        self.last_updated_time: datetime | None = None
        self.cancelled = False
        self.lock = threading.Lock()
        """Held while the status moves from creation to deletion."""
        self.operation = threading.Lock()
        """Held by the one operation at work on the resources."""
        self.change_set_id: str | None = None
        self._outputs: list[dict[str, Any]] = []
        self._exports: list[Export] = []

    def deploy(self, deployment: Deployment) -> None:
        """Take over a template; its resources are made by an operation."""
        self.deployment = deployment
        self.template = deployment.body
        self.template_dict = deployment.document
        self.description = deployment.document.get("Description")
        self.parameters = deployment.given_parameters
        self.tags = deployment.tags

    def deployed(self) -> Deployment:
        """Raises ValidationError while there is only a change set."""
        if self.deployment is None:
            raise ValidationError(message=f"Stack {self.name} is in {self.status} state and has no template")
        return self.deployment

    @property
    def root(self) -> "DeployedStack":
        return self.parent.root if self.parent else self

    @property
    def is_cancelled(self) -> bool:
        """Whether this stack, or one that it is nested in, is to be deleted while it is being created."""
        return self.cancelled or (self.parent is not None and self.parent.is_cancelled)

    @property
    def is_protected(self) -> bool:
        """Nested stacks take termination protection from their root."""
        return self.root.protected

    def change_status(self, status: str, reason: str | None = None) -> None:
        self.status = status
        self.status_reason = reason
        events.stack_changed(self)

    def change_resource(self, resource: StackResource, status: str, reason: str | None = None) -> None:
        resource.status = status
        resource.status_reason = reason
        resource.timestamp = utcnow()
        events.resource_changed(self, resource)

    def place(self, logical_id: str) -> Place:
        system_tags = {
            "aws:cloudformation:stack-name": self.name,
            "aws:cloudformation:stack-id": self.stack_id,
            "aws:cloudformation:logical-id": logical_id,
        }
        return Place(
            stack_id=self.stack_id,
            stack_name=self.name,
            logical_id=logical_id,
            account_id=self.account_id,
            region=self.region_name,
            identity=self.identity,
            system_tags=tuple((system_tags | self.tags).items()),
        )

    def evaluator(self, exports: Mapping[str, str]) -> Evaluator:
        """Evaluates the stack's template against the resources that stand."""
        return self.evaluator_of(
            self.deployed(),
            exports=exports,
            ref=lambda logical_id: self._standing(logical_id).physical_id,
            attribute=lambda logical_id, name: self._standing(logical_id).attribute(name),
        )

    def evaluator_of(
        self,
        deployment: Deployment,
        *,
        exports: Mapping[str, str],
        ref: Callable[[str], str],
        attribute: Callable[[str, str], Any],
    ) -> Evaluator:
        pseudo = {
            "AWS::AccountId": self.account_id,
            "AWS::NotificationARNs": self.notification_arns,
            "AWS::Partition": "aws",
            "AWS::Region": self.region_name,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        return Evaluator(
            deployment.document,
            parameters=pseudo | deployment.parameters,
            exports=exports,
            ref=ref,
            attribute=attribute,
        )

    def _standing(self, logical_id: str) -> Resource:
        record = self.resources.get(logical_id)
        if record is None or record.resource is None or not record.stands or not record.physical_id:
            raise ValidationError(
                message=f"Template format error: Unresolved resource dependencies [{logical_id}]"
            )
        return record.resource

    def refresh_outputs(self, evaluator: Evaluator) -> None:
        """Evaluate Outputs, once the resources stand."""
        self._outputs, self._exports = [], []
        for key, output in (self.deployed().document.get("Outputs") or {}).items():
            if "Condition" in output and not evaluator.condition(output["Condition"]):
                continue
            value = template.str_of(evaluator.value(output["Value"]))
            shown = {"OutputKey": key, "OutputValue": value, "Description": output.get("Description")}
            if "Export" in output:
                shown["ExportName"] = evaluator.value(output["Export"]["Name"])
                self._exports.append(Export(self.stack_id, shown["ExportName"], value))
            self._outputs.append(shown)

    @property
    def outputs(self) -> list[dict[str, Any]] | None:
        return self._outputs or None

    @property
    def exports(self) -> list[Export]:
        return self._exports

    @property
    def parameter_list(self) -> list[dict[str, Any]]:
        deployment = self.deployed()
        declared = deployment.document.get("Parameters") or {}
        return [
            {
                "ParameterKey": name,
                "ParameterValue": "****"
                if slot.get("NoEcho") in (True, "true")
                else template.str_of(deployment.given_parameters.get(name, slot.get("Default"))),
            }
            for name, slot in declared.items()
        ]

    @property
    def stack_parameters(self) -> dict[str, Any]:
        return self.deployed().parameters

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    def verify_readiness(self) -> None:
        """moto completes a stack when a custom resource answers; here the operation does."""

    def is_created(self) -> bool:
        return self.status == "CREATE_COMPLETE"
