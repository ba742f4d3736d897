"""CloudFormation as AWS runs it: operations in the background, step by step, with events and ways back.

A request goes from `cloudformation_responses` to `cloudformation_backend`, which starts an operation
(`cloudformation_creation`, `_update`, `_deletion`) on a stack (`cloudformation_stack`), made of resources
(`cloudformation_resources`, listed in `cloudformation_types`).
"""

from typing import TYPE_CHECKING

from moto.cloudformation import urls
from moto.cloudformation.models import cloudformation_backends
from moto.iam import models as iam_models

from local.cloudformation.change_set_backend import ChangeSetBackend
from local.cloudformation.responses import StackResponse

if TYPE_CHECKING:
    from local.account import LocalAccount


def install(account: "LocalAccount") -> None:
    """Serve CloudFormation with the classes of this package."""
    del account  # operations look up the running account
    cloudformation_backends.backend = ChangeSetBackend
    cloudformation_backends.clear()
    urls.url_paths["{0}/$"] = StackResponse.dispatch
    # the roles of AWS::Serverless::Function have AWS's policies, which moto only knows if told so
    setattr(iam_models, "load_iam_aws_managed_policies", lambda: True)  # noqa: B010  # moto does not export it
