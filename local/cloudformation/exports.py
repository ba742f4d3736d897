"""Exports: what stacks of one account and Region tell each other.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from collections.abc import Mapping

from moto.cloudformation.exceptions import CloudFormationError
from moto.cloudformation.models import cloudformation_backends

from local.cloudformation.failures import OperationFailed
from local.cloudformation.stack import DeployedStack


def exports_visible_to(stack: DeployedStack) -> Mapping[str, str]:
    """What Fn::ImportValue can read: the exports of the stack's account and Region."""
    backend = cloudformation_backends[stack.account_id][stack.region_name]
    return {name: export.value for name, export in backend.exports.items()}


def publish_outputs(stack: DeployedStack) -> None:
    """Evaluate Outputs and export them. Raises OperationFailed."""
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    try:
        stack.refresh_outputs(stack.evaluator(exports_visible_to(stack)))
    except CloudFormationError as wrong:
        raise OperationFailed(f"{wrong.message} ") from wrong
    withdraw_exports(stack)
    for export in stack.exports:
        if export.name in exports:
            taken_by = exports[export.name].exporting_stack_id
            raise OperationFailed(f"Export with name {export.name} is already exported by stack {taken_by}. ")
        exports[export.name] = export


def withdraw_exports(stack: DeployedStack) -> None:
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    for name in [name for name, export in exports.items() if export.exporting_stack_id == stack.stack_id]:
        del exports[name]
