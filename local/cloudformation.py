"""CloudFormation as AWS runs it: operations in the background, step by step, with events and ways back.

Replaces the stack half of moto's backend (`moto/cloudformation/models.py`); stack sets stay moto's.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from moto.cloudformation import urls
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends
from moto.cloudformation.utils import generate_changeset_id, generate_stack_id
from moto.iam import models as iam_models

from local import cloudformation_operations as operations
from local import cloudformation_update as updates
from local.account import current
from local.cloudformation_change_sets import ChangeSetNotFound, PlannedUpdate, changes_between
from local.cloudformation_stack import DeployedStack, Deployment, new_deployment

if TYPE_CHECKING:
    from local.account import LocalAccount

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


def install(account: "LocalAccount") -> None:
    """Serve CloudFormation with the classes of this package."""
    from local.cloudformation_responses import StackResponse  # it needs this module's backend

    del account  # operations look up the running account
    cloudformation_backends.backend = StackBackend
    cloudformation_backends.clear()
    urls.url_paths["{0}/$"] = StackResponse.dispatch
    # the roles of AWS::Serverless::Function have AWS's policies, which moto only knows if told so
    setattr(iam_models, "load_iam_aws_managed_policies", lambda: True)  # noqa: B010  # moto does not export it


class StackBackend(CloudFormationBackend):
    """The stacks of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._plans: dict[str, PlannedUpdate] = {}

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

    def _new_stack(self, name: str, **details: Any) -> DeployedStack:
        stack_id = generate_stack_id(name, self.region_name, self.account_id)
        stack = DeployedStack(
            stack_id=stack_id, name=name, account_id=self.account_id, region_name=self.region_name, **details
        )
        self.stacks[stack_id] = stack
        return stack

    def _named(self, name: str) -> DeployedStack | None:
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
        if self._named(name):
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        deployment = self.deployment(template, parameters, tags or {})
        stack = self._new_stack(
            name,
            notification_arns=notification_arns,
            role_arn=role_arn,
            enable_termination_protection=bool(enable_termination_protection),
            timeout_in_mins=timeout_in_mins,
            stack_policy_body=stack_policy_body,
        )
        self._act_for(stack, client_request_token, identity)
        stack.deploy(deployment)
        stack.change_status("CREATE_IN_PROGRESS", "User Initiated")
        self._spawn(stack, operations.create, on_failure=on_failure)
        return stack

    @staticmethod
    def _spawn(stack: DeployedStack, work: Callable[..., None], **arguments: Any) -> None:
        """In the background, once no other operation works on the stack."""

        def run() -> None:
            with stack.operation:
                work(stack, **arguments)

        current().background.spawn(run)

    @staticmethod
    def _act_for(stack: DeployedStack, client_request_token: str, identity: dict[str, Any] | None) -> None:
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
        self._check_updatable(stack)
        if target.same_as(stack.deployed()):
            raise ValidationError(message="No updates are to be performed.")
        self._act_for(stack, client_request_token, identity)
        updates.begin_update(stack)
        self._spawn(stack, updates.update, target=target)

    @staticmethod
    def _check_updatable(stack: DeployedStack) -> None:
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
        stack = self.stacks.get(name_or_id) or self._named(name_or_id)
        if not isinstance(stack, DeployedStack) or stack.status == "DELETE_IN_PROGRESS":
            return
        self._check_deletable(stack, retain=list(retain), force=force)
        self._act_for(stack, client_request_token, identity)
        with stack.lock:
            stack.cancelled = stack.status == "CREATE_IN_PROGRESS"
            operations.begin_delete(stack)
        self._spawn(stack, operations.delete, retain=list(retain), force=force)

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

    def plan(
        self,
        stack_name: str,
        change_set_name: str,
        change_set_type: str,
        *,
        template: str,
        parameters: dict[str, str],
        tags: dict[str, str],
        description: str | None,
        notification_arns: list[str],
        role_arn: str | None,
    ) -> PlannedUpdate:
        """Create a change set; one of type CREATE makes a stack in REVIEW_IN_PROGRESS."""
        deployment = self.deployment(template, parameters, tags)
        if change_set_type == "CREATE":
            stack = self._stack_in_review(stack_name)
        else:
            stack = self.stack(stack_name)
            self._check_updatable(stack)
        if any(planned.change_set_name == change_set_name for planned in self.plans(stack)):
            raise AlreadyExistsException(f"ChangeSet {change_set_name} already exists")
        change_set_id = generate_changeset_id(change_set_name, self.region_name, self.account_id)
        planned = PlannedUpdate(
            change_set_id=change_set_id,
            change_set_name=change_set_name,
            change_set_type=change_set_type,
            stack=stack,
            deployment=deployment,
            description=description,
            changes=changes_between(stack, deployment),
            notification_arns=notification_arns,
            role_arn=role_arn,
        )
        planned.fail_if_empty()
        self._plans[change_set_id] = planned
        return planned

    def _stack_in_review(self, name: str) -> DeployedStack:
        stack = self._named(name)
        if stack is None:
            stack = self._new_stack(name)
            stack.change_status("REVIEW_IN_PROGRESS", "User Initiated")
        elif stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                message=f"Stack [{name}] already exists and cannot be created again with the changeSet."
            )
        return stack

    def plans(self, stack: DeployedStack) -> list[PlannedUpdate]:
        return [planned for planned in list(self._plans.values()) if planned.stack is stack]

    def forget_plan(self, planned: PlannedUpdate) -> None:
        del self._plans[planned.change_set_id]

    def planned(self, name_or_id: str, stack_name: str | None) -> PlannedUpdate:
        """Raises ChangeSetNotFound, ValidationError."""
        if name_or_id in self._plans:
            return self._plans[name_or_id]
        if not stack_name:
            raise ValidationError(
                message="StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        for planned in self.plans(self.stack(stack_name)):
            if planned.change_set_name == name_or_id:
                return planned
        raise ChangeSetNotFound(name_or_id)

    def execute(
        self,
        planned: PlannedUpdate,
        *,
        client_request_token: str,
        identity: dict[str, Any] | None,
        on_failure: str,
    ) -> None:
        """Raises ValidationError unless the change set is AVAILABLE."""
        if planned.execution_status != "AVAILABLE":
            raise ValidationError(
                message=f"ChangeSet [{planned.change_set_id}] cannot be executed in its current status "
                f"of [{planned.status}]"
            )
        stack = planned.stack
        if planned.change_set_type == "CREATE":
            self._act_for(stack, client_request_token, identity)
            stack.deploy(planned.deployment)
            stack.notification_arns = planned.notification_arns
            stack.change_status("CREATE_IN_PROGRESS", "User Initiated")
            self._spawn(stack, operations.create, on_failure=on_failure)
        else:
            self.start_update(
                stack, planned.deployment, client_request_token=client_request_token, identity=identity
            )
        planned.execution_status = "EXECUTE_COMPLETE"
        stack.change_set_id = planned.change_set_id
