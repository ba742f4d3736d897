"""What a stack is made from, read and checked before anything is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cloudformation import template
from local.cloudformation.template import Document
from local.cloudformation.transform import processed


@dataclass(frozen=True)
class Deployment:
    """What a stack is made from: a template with its parameters and tags."""

    body: str
    document: Document
    given_parameters: dict[str, str]
    parameters: dict[str, Any]
    tags: dict[str, str]

    def same_as(self, other: "Deployment") -> bool:
        """Whether there is nothing to update."""
        mine = (self.document, self.parameters, self.tags)
        return mine == (other.document, other.parameters, other.tags)


def new_deployment(
    body: str, parameters: Mapping[str, str], tags: Mapping[str, str], *, account_id: str, region: str
) -> Deployment:
    """Reads, transforms and checks a template. Raises ValidationError."""
    original = template.parse(body)
    values = template.resolve_parameters(original, parameters, account_id=account_id, region=region)
    document = processed(original, values, region=region)
    # the transform may bring parameters of its own
    values = template.resolve_parameters(document, parameters, account_id=account_id, region=region)
    template.check_references(document)
    template.in_dependency_order(document["Resources"])
    return Deployment(body, document, dict(parameters), values, dict(tags))
