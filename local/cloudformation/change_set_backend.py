"""The change sets of one account and Region: made, found, executed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from typing import Any

from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.utils import generate_changeset_id

from local.cloudformation import creation as cloudformation_creation
from local.cloudformation.backend import StackBackend
from local.cloudformation.change_sets import ChangeSetNotFound, PlannedUpdate, changes_between
from local.cloudformation.stack import DeployedStack


class ChangeSetBackend(StackBackend):
    """Adds change sets to stacks."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._plans: dict[str, PlannedUpdate] = {}

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
            self.check_updatable(stack)
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
        stack = self.named(name)
        if stack is None:
            stack = self.new_stack(name)
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
            self.act_for(stack, client_request_token, identity)
            stack.deploy(planned.deployment)
            stack.notification_arns = planned.notification_arns
            stack.change_status("CREATE_IN_PROGRESS", "User Initiated")
            self.spawn(stack, cloudformation_creation.create, on_failure=on_failure)
        else:
            self.start_update(
                stack, planned.deployment, client_request_token=client_request_token, identity=identity
            )
        planned.execution_status = "EXECUTE_COMPLETE"
        stack.change_set_id = planned.change_set_id
