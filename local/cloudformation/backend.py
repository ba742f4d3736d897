"""The stacks of one account and Region.

Replaces the stack half of moto's backend (`moto/cloudformation/models.py`); stack sets stay moto's.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.cloudformation import urls
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.utils import generate_stack_id
from moto.moto_api._internal import mock_random

from local.account import current
from local.cloudformation import creation as cloudformation_creation
from local.cloudformation import update as cloudformation_update
from local.cloudformation.deletion import begin_delete, delete
from local.cloudformation.deployment import Deployment, new_deployment
from local.cloudformation.stack import DeployedStack

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
UNDELETABLE = ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")


class StackBackend(CloudFormationBackend):
    """The stacks of one account and Region."""

    @property
    def _url_module(self) -> Any:  # moto derives it from the module's name
        return urls

    def deployment(self, template: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> Deployment:
        """Raises ValidationError."""
        return new_deployment(template, parameters, tags, account_id=self.account_id, region=self.region_name)

    def stack(self, name_or_id: str) -> DeployedStack:
        """Deleted stacks are found by id only. Raises ValidationError."""
        found = self.get_stack(name_or_id)
        if not isinstance(found, DeployedStack):
            raise ValidationError(name_or_id)
        return found

    def new_stack(self, name: str, **details: Any) -> DeployedStack:
        stack_id = generate_stack_id(name, self.region_name, self.account_id)
        stack = DeployedStack(
            stack_id=stack_id, name=name, account_id=self.account_id, region_name=self.region_name, **details
        )
        self.stacks[stack_id] = stack
        return stack

    def named(self, name: str) -> DeployedStack | None:
        return next((stack for stack in self._deployed() if stack.name == name), None)

    def _deployed(self) -> list[DeployedStack]:
        return [stack for stack in list(self.stacks.values()) if isinstance(stack, DeployedStack)]

    def create_stack(
        self,
        name: str,
        template: str,
        parameters: dict[str, Any],
        notification_arns: list[str] | None = None,
        tags: dict[str, str] | None = None,
        role_arn: str | None = None,
        enable_termination_protection: bool | None = False,
        timeout_in_mins: int | None = None,
        stack_policy_body: str | None = None,
        *,
        client_request_token: str = "",
        identity: dict[str, Any] | None = None,
        on_failure: str = "ROLLBACK",
    ) -> DeployedStack:
        """Answers once the template is accepted; raises AlreadyExistsException, ValidationError."""
        if name.startswith(
            "StackSet:"
        ):  # moto's name of an instance, with a character that no stack may have
            name = f"StackSet-{name.removeprefix('StackSet:')}-{mock_random.uuid4()}"
        if self.named(name):
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        deployment = self.deployment(template, parameters, tags or {})
        stack = self.new_stack(
            name,
            notification_arns=notification_arns,
            role_arn=role_arn,
            enable_termination_protection=bool(enable_termination_protection),
            timeout_in_mins=timeout_in_mins,
            stack_policy_body=stack_policy_body,
        )
        self.act_for(stack, client_request_token, identity)
        stack.deploy(deployment)
        stack.change_status("CREATE_IN_PROGRESS", "User Initiated")
        self.spawn(stack, cloudformation_creation.create, on_failure=on_failure)
        return stack

    @staticmethod
    def spawn(stack: DeployedStack, work: Callable[..., None], **arguments: Any) -> None:
        """In the background, once no other operation works on the stack."""

        def run() -> None:
            with stack.operation:
                work(stack, **arguments)

        current().background.spawn(run)

    @staticmethod
    def act_for(stack: DeployedStack, client_request_token: str, identity: dict[str, Any] | None) -> None:
        stack.client_request_token = client_request_token
        stack.identity = identity

    def start_update(
        self,
        stack: DeployedStack,
        target: Deployment,
        *,
        client_request_token: str,
        identity: dict[str, Any] | None,
    ) -> None:
        """Raises ValidationError where there is nothing to do, or the stack is busy."""
        self.check_updatable(stack)
        if target.same_as(stack.deployed()):
            raise ValidationError(message="No updates are to be performed.")
        self.act_for(stack, client_request_token, identity)
        cloudformation_update.begin_update(stack)
        self.spawn(stack, cloudformation_update.update, target=target)

    @staticmethod
    def check_updatable(stack: DeployedStack) -> None:
        if stack.status not in UPDATABLE:
            raise ValidationError(
                message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
            )

    def start_delete(
        self,
        name_or_id: str,
        *,
        retain: Iterable[str] = (),
        force: bool = False,
        client_request_token: str = "",
        identity: dict[str, Any] | None = None,
    ) -> None:
        """A stack that does not exist is no error. Raises ValidationError for a protected stack."""
        stack = self.stacks.get(name_or_id) or self.named(name_or_id)
        if not isinstance(stack, DeployedStack) or stack.status == "DELETE_IN_PROGRESS":
            return
        self._check_deletable(stack, retain=list(retain), force=force)
        self.act_for(stack, client_request_token, identity)
        with stack.lock:
            stack.cancelled = stack.status == "CREATE_IN_PROGRESS"
            begin_delete(stack)
        self.spawn(stack, delete, retain=list(retain), force=force)

    @staticmethod
    def _check_deletable(stack: DeployedStack, *, retain: list[str], force: bool) -> None:
        if stack.is_protected:
            raise ValidationError(
                message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack.status in UNDELETABLE:
            raise ValidationError(
                message=f"Stack [{stack.name}] cannot be deleted while in status {stack.status}"
            )
        if (retain or force) and stack.status != "DELETE_FAILED":
            raise ValidationError(
                message=f"Invalid operation on stack [{stack.stack_id}]. When you delete a stack, specify "
                "which resources to retain only when the stack is in the DELETE_FAILED state."
            )

    def delete_stack(self, name_or_stack_id: str) -> None:
        """For moto's stack sets."""
        self.start_delete(name_or_stack_id)

    def set_termination_protection(self, name_or_id: str, *, enabled: bool) -> DeployedStack:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html"""
        stack = self.stack(name_or_id)
        if stack.parent:
            raise ValidationError(
                message=f"TerminationProtection cannot be set on the nested stack [{stack.stack_id}]; "
                f"set it on the root stack [{stack.root.stack_id}]"
            )
        if stack.status.startswith("DELETE_") and stack.status != "DELETE_FAILED":
            raise ValidationError(
                message=f"TerminationProtection of stack [{stack.name}] cannot be updated while in status "
                f"{stack.status}"
            )
        stack.protected = enabled
        return stack
