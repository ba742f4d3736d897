"""AWS::CloudFormation::Stack: a stack that its parent creates, waits for, updates and deletes.

moto makes an unrelated stack, replaces it at each update, and calls it by its name instead of its id.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.utils import generate_stack_id

from local.cloudformation.deletion import begin_delete, delete
from local.cloudformation.deployment import Deployment, new_deployment
from local.cloudformation.resources import Properties, ResourceRefused, ServiceResource
from local.cloudformation.stack import DeployedStack
from local.cloudformation.template import str_of
from local.cloudformation.template_source import template_at


class NestedStack(ServiceResource):
    """Its physical id is the child's stack id, its attributes are the child's outputs."""

    resource_type = "AWS::CloudFormation::Stack"
    name_length = 128

    @property
    def _backend(self) -> Any:
        return cloudformation_backends[self.place.account_id][self.place.region]

    @property
    def _child(self) -> DeployedStack:
        child: DeployedStack = self._backend.get_stack(self.physical_id)
        return child

    def _deployment(self, properties: Properties) -> Deployment:
        place = self.place
        parameters = {name: str_of(value) for name, value in properties.get("Parameters", {}).items()}
        own = {name: value for name, value in self.place.system_tags if not name.startswith("aws:")}
        return new_deployment(
            template_at(properties["TemplateURL"], account_id=place.account_id, region=place.region),
            parameters,
            own | self._own_tags(properties),
            account_id=place.account_id,
            region=place.region,
        )

    def create(self) -> None:
        from local.cloudformation import (
            creation as cloudformation_creation,  # which makes resources, also by this class
        )

        place = self.place
        deployment = self._deployment(self.properties)
        parent: DeployedStack = self._backend.get_stack(place.stack_id)
        child = DeployedStack(
            stack_id=generate_stack_id(self.name, place.region, place.account_id),
            name=self.name,
            account_id=place.account_id,
            region_name=place.region,
            parent=parent,
            notification_arns=self.properties.get("NotificationARNs"),
            role_arn=parent.role_arn,
        )
        child.identity = parent.identity
        child.client_request_token = parent.client_request_token
        child.deploy(deployment)
        self._backend.stacks[child.stack_id] = child
        self.physical_id = child.stack_id
        child.change_status("CREATE_IN_PROGRESS", "User Initiated")
        cloudformation_creation.create(child, on_failure="DO_NOTHING")
        self._expect(child, "CREATE_COMPLETE", "created")

    def update(self, properties: Properties) -> None:
        from local.cloudformation import update as updates  # for the same reason

        child = self._child
        target = self._deployment(properties)
        if target.same_as(child.deployed()):
            return
        child.identity = self.place.identity
        updates.begin_update(child)
        updates.update(child, target=target)
        self._expect(child, "UPDATE_COMPLETE", "updated")

    def delete(self) -> None:
        if self.physical_id in self._backend.deleted_stacks:
            return
        child = self._child
        child.identity = self.place.identity
        begin_delete(child)
        delete(child)
        self._expect(child, "DELETE_COMPLETE", "deleted")

    def _expect(self, child: DeployedStack, status: str, done: str) -> None:
        if child.status != status:
            reason = child.status_reason or ""
            raise ResourceRefused(f"Embedded stack {child.stack_id} was not successfully {done}: {reason}")

    def attribute(self, name: str) -> Any:
        outputs = {output["OutputKey"]: output["OutputValue"] for output in self._child.outputs or []}
        key = name.removeprefix("Outputs.")
        if key not in outputs:
            raise ValidationError(message=f"Output '{key}' not found in stack '{self.physical_id}'")
        return outputs[key]
