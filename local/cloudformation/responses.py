"""The CloudFormation API for stacks and change sets.

moto answers from objects that have one status for all resources, and lacks UpdateTerminationProtection.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable
from typing import Any

from moto.cloudformation.exceptions import MissingParameterError, ValidationError
from moto.cloudformation.models import Event, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult

from local.cloudformation import descriptions as describe
from local.cloudformation import template
from local.cloudformation.change_set_backend import ChangeSetBackend
from local.cloudformation.stack import DeployedStack
from local.cloudformation.template_source import template_at
from local.cloudtrail import service as cloudtrail

PAGE = 100


class StackResponse(CloudFormationResponse):
    """Parses requests, asks the backend, describes the answer."""

    # moto's transformers fit moto's objects; these answers are spelled as in the API
    RESPONSE_KEY_PATH_TO_TRANSFORMER: dict[str, Callable[..., Any]] = {  # noqa: RUF012
        key: transformer
        for key, transformer in CloudFormationResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER.items()
        if "StackSet" in key
    }

    @property
    def backend(self) -> ChangeSetBackend:
        backend = cloudformation_backends[self.current_account][self.region]
        if not isinstance(backend, ChangeSetBackend):
            raise TypeError("local.cloudformation is not installed")
        return backend

    def _caller(self) -> dict[str, Any]:
        return {
            "client_request_token": self._get_param("ClientRequestToken") or "",
            "identity": cloudtrail.current_identity(),
        }

    def _tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}

    def _template(self, previous: DeployedStack | None = None) -> str:
        use_previous: bool = self._get_bool_param("UsePreviousTemplate", False)
        if previous and use_previous:
            return previous.deployed().body
        url = self._get_param("TemplateURL")
        body = template_at(url, account_id=self.current_account, region=self.region) if url else None
        body = body or self._get_param("TemplateBody")
        if not body:
            raise ValidationError(message="Either Template URL or Template Body must be specified.")
        return str(body)

    def _parameters(self, previous: DeployedStack | None = None) -> dict[str, str]:
        before = previous.deployed().given_parameters if previous and previous.deployment else {}
        defaults = previous.stack_parameters if previous and previous.deployment else {}
        given = {}
        for parameter in self._get_param("Parameters", []):
            name = parameter["ParameterKey"]
            if not parameter.get("UsePreviousValue"):
                given[name] = template.str_of(parameter.get("ParameterValue", ""))
            elif name in before:
                given[name] = before[name]
            elif name not in defaults:
                raise MissingParameterError(name)
        return given

    def _on_failure(self) -> str:
        if self._get_bool_param("DisableRollback", False):
            return "DO_NOTHING"
        return str(self._get_param("OnFailure") or self._get_param("OnStackFailure") or "ROLLBACK")

    def create_stack(self) -> ActionResult:
        stack = self.backend.create_stack(
            name=self._get_param("StackName"),
            template=self._template(),
            parameters=self._parameters(),
            notification_arns=self._get_param("NotificationARNs", []),
            tags=self._tags(),
            role_arn=self._get_param("RoleARN"),
            enable_termination_protection=self._get_bool_param("EnableTerminationProtection", False),
            timeout_in_mins=self._get_param("TimeoutInMinutes"),
            stack_policy_body=self._get_param("StackPolicyBody"),
            on_failure=self._on_failure(),
            **self._caller(),
        )
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        stack = self.backend.stack(self._get_param("StackName"))
        tags = self._tags() or stack.tags
        target = self.backend.deployment(self._template(stack), self._parameters(stack), tags)
        self.backend.start_update(stack, target, **self._caller())
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self) -> ActionResult:
        self.backend.start_delete(
            self._get_param("StackName"),
            retain=self._get_param("RetainResources", []),
            force=self._get_param("DeletionMode") == "FORCE_DELETE_STACK",
            **self._caller(),
        )
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        enabled = self._get_bool_param("EnableTerminationProtection", False)
        stack = self.backend.set_termination_protection(self._get_param("StackName"), enabled=enabled)
        return ActionResult({"StackId": stack.stack_id})

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        found = [self.backend.stack(name)] if name else self.backend.describe_stacks(name)
        described = [describe.stack(stack) for stack in found if isinstance(stack, DeployedStack)]
        return self._page("Stacks", described)

    def list_stacks(self) -> ActionResult:
        found = self.backend.list_stacks(self._get_param("StackStatusFilter", []))
        summaries = [describe.summary(stack) for stack in found if isinstance(stack, DeployedStack)]
        return self._page("StackSummaries", summaries)

    def describe_stack_events(self) -> ActionResult:
        stack = self.backend.stack(self._get_param("StackName"))
        newest_first: list[Event] = stack.events[::-1]
        return self._page("StackEvents", [describe.event(event) for event in newest_first])

    def describe_stack_resource(self) -> ActionResult:
        stack = self.backend.stack(self._get_param("StackName"))
        logical_id = self._get_param("LogicalResourceId")
        if logical_id not in stack.resources:
            raise ValidationError(message=f"Resource {logical_id} does not exist for stack {stack.name}")
        return ActionResult(
            {"StackResourceDetail": describe.resource_detail(stack, stack.resources[logical_id])}
        )

    def describe_stack_resources(self) -> ActionResult:
        name, physical_id = self._get_param("StackName"), self._get_param("PhysicalResourceId")
        if bool(name) == bool(physical_id):
            raise ValidationError(
                message="Either StackName or PhysicalResourceId must be specified, not both"
            )
        stack = self.backend.stack(name) if name else self._stack_with(physical_id)
        logical_id = self._get_param("LogicalResourceId")
        found = [record for record in stack.resources.values() if logical_id in (None, record.logical_id)]
        return ActionResult({"StackResources": [describe.resource(stack, record) for record in found[:PAGE]]})

    def _stack_with(self, physical_id: str) -> DeployedStack:
        for stack in self.backend.describe_stacks(""):
            if isinstance(stack, DeployedStack) and any(
                record.physical_id == physical_id and record.stands for record in stack.resources.values()
            ):
                return stack
        raise ValidationError(message=f"Stack for {physical_id} does not exist")

    def list_stack_resources(self) -> ActionResult:
        stack = self.backend.stack(self._get_param("StackName"))
        summaries = [describe.resource_summary(record) for record in stack.resources.values()]
        return self._page("StackResourceSummaries", summaries)

    def get_template(self) -> ActionResult:
        change_set = self._get_param("ChangeSetName")
        name = self._get_param("StackName")
        if change_set:
            deployment = self.backend.planned(change_set, name).deployment
        else:
            deployment = self.backend.stack(name).deployed()
        original = self._get_param("TemplateStage") == "Original"
        return ActionResult(describe.template(deployment, original=original))

    def create_change_set(self) -> ActionResult:
        name, change_set_type = self._get_param("StackName"), self._get_param("ChangeSetType", "UPDATE")
        previous = self.backend.stack(name) if change_set_type == "UPDATE" else None
        tags = self._tags() or (previous.tags if previous else {})
        planned = self.backend.plan(
            name,
            self._get_param("ChangeSetName"),
            change_set_type,
            template=self._template(previous),
            parameters=self._parameters(previous),
            tags=tags,
            description=self._get_param("Description"),
            notification_arns=self._get_param("NotificationARNs", []),
            role_arn=self._get_param("RoleARN"),
        )
        return ActionResult({"Id": planned.change_set_id, "StackId": planned.stack.stack_id})

    def describe_change_set(self) -> ActionResult:
        planned = self.backend.planned(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return ActionResult(describe.change_set(planned))

    def list_change_sets(self) -> ActionResult:
        stack = self.backend.stack(self._get_param("StackName"))
        return self._page(
            "Summaries", [describe.change_set_summary(one) for one in self.backend.plans(stack)]
        )

    def delete_change_set(self) -> ActionResult:
        planned = self.backend.planned(self._get_param("ChangeSetName"), self._get_param("StackName"))
        self.backend.forget_plan(planned)
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        planned = self.backend.planned(self._get_param("ChangeSetName"), self._get_param("StackName"))
        self.backend.execute(planned, on_failure=self._on_failure(), **self._caller())
        return EmptyResult()

    def get_template_summary(self) -> ActionResult:
        name = self._get_param("StackName")
        body = self.backend.stack(name).deployed().body if name else self._template()
        return ActionResult(describe.template_summary(template.parse(body)))

    def validate_template(self) -> ActionResult:
        """What is a template and refers only to what it holds; moto runs all of cfn-lint."""
        document = template.parse(self._template())
        template.check_references(document)
        return ActionResult(describe.template_summary(document))

    def _page(self, key: str, entries: list[dict[str, Any]]) -> ActionResult:
        token = self._get_param("NextToken") or "0"
        if not token.isdigit():
            raise ValidationError(message="The specified NextToken is not valid")
        start = int(token)
        result: dict[str, Any] = {key: entries[start : start + PAGE]}
        if len(entries) > start + PAGE:
            result["NextToken"] = str(start + PAGE)
        return ActionResult(result)
