"""What CloudFormation manages, one class a resource type.

moto has models for about 90 types; many neither update nor delete what they made. A type is added here, or
replaced, by a subclass of ServiceResource, which acts through the API of the service; the others stay moto's.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
"""

import string
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from moto.cloudformation.exceptions import ValidationError
from moto.moto_api._internal import mock_random

from local.cloudformation.calls import Calls

type Properties = dict[str, Any]

SUFFIX_LENGTH = 12
SUFFIX_CHARACTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Place:
    """Where a resource stands: its stack and its name in the template."""

    stack_id: str
    stack_name: str
    logical_id: str
    account_id: str
    region: str
    identity: dict[str, Any] | None = None
    system_tags: tuple[tuple[str, str], ...] = ()

    @property
    def call(self) -> Calls:
        return Calls(self.account_id, self.region, self.identity)


class Resource(ABC):
    """One resource of a stack. `physical_id` is what Ref gives; `attributes` what Fn::GetAtt gives."""

    def __init__(self, place: Place, properties: Properties) -> None:
        self.place = place
        self.properties = properties
        self._place_before = place
        self.physical_id = ""
        self.attributes: dict[str, Any] = {}
        self._made_up_name = ""

    def move(self, place: Place) -> None:
        """Take over new tags of the stack, and who is acting now."""
        self._place_before, self.place = self.place, place

    @abstractmethod
    def create(self) -> None:
        """Make it. Sets `physical_id` once something stands that a rollback has to delete, not before."""

    @abstractmethod
    def update(self, properties: Properties) -> None:
        """Change it in place from `self.properties` to these."""

    @abstractmethod
    def delete(self) -> None:
        """Remove it; raises what the service answers if it refuses."""

    @abstractmethod
    def requires_replacement(self, properties: Properties) -> bool:
        """Whether these properties can only be had by a new physical resource."""

    def check_replacement(self, properties: Properties) -> None:
        """Raises ResourceRefused where these properties would need a replacement that cannot be made."""
        del properties  # most types can always have one

    def attribute(self, name: str) -> Any:
        """The value of Fn::GetAtt. Raises ValidationError."""
        if name not in self.attributes:
            raise ValidationError(
                message=f"Template error: resource {self.place.logical_id} does not support "
                f"attribute type {name} in Fn::GetAtt"
            )
        return self.attributes[name]


class ServiceResource(Resource):
    """A resource made and changed by calls to its service."""

    resource_type: ClassVar[str]
    name_property: ClassVar[str] = ""
    name_length: ClassVar[int] = 255
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Properties whose update the documentation marks "Update requires: Replacement", besides the name."""

    @property
    def name(self) -> str:
        """The name given in the template, or one that CloudFormation makes up."""
        if self.name_property in self.properties:
            return str(self.properties[self.name_property])
        if not self._made_up_name:
            self._made_up_name = generated_name(self.place, self.name_length)
        return self._made_up_name

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.place.call(service, operation, **parameters)

    def tags_for(self, properties: Properties) -> dict[str, str]:
        """Tags of the resource, of its stack, and CloudFormation's own, as the service stores them.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
        """
        return dict(self.place.system_tags) | self._own_tags(properties)

    def plain_tags(self, properties: Properties) -> dict[str, str]:
        """For services whose API refuses keys that begin with aws:."""
        return {key: value for key, value in self.tags_for(properties).items() if not key.startswith("aws:")}

    def tag_list(self, properties: Properties) -> list[dict[str, str]]:
        return as_tag_list(self.tags_for(properties))

    @staticmethod
    def _own_tags(properties: Properties) -> dict[str, str]:
        given = properties.get("Tags", {})
        if isinstance(given, dict):
            return {str(key): str(value) for key, value in given.items()}
        return {str(tag["Key"]): str(tag["Value"]) for tag in given}

    def tag_changes(self, properties: Properties) -> tuple[dict[str, str], list[str]]:
        """Tags to set, and keys of tags to remove, on the way to these properties."""
        before = dict(self._place_before.system_tags) | self._own_tags(self.properties)
        after = self.tags_for(properties)
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        return changed, sorted(before.keys() - after.keys())

    def changed(self, properties: Properties, *names: str) -> bool:
        return any(self.properties.get(name) != properties.get(name) for name in names)

    def requires_replacement(self, properties: Properties) -> bool:
        if self.name_property and self.name_property in properties:
            return bool(properties[self.name_property] != self.name) or self.changed(
                properties, *self.immutable
            )
        return self.changed(properties, self.name_property, *self.immutable)

    def check_replacement(self, properties: Properties) -> None:
        """Raises ResourceRefused where old and new would have one name."""
        name = properties.get(self.name_property)
        if name is not None and name == self.name:
            raise ResourceRefused(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )


def as_tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def generated_name(place: Place, length: int) -> str:
    """`<stack>-<logical id>-<random>`, shortened as CloudFormation does where the service wants short names.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
    """
    suffix = "".join(mock_random.choice(SUFFIX_CHARACTERS) for _ in range(SUFFIX_LENGTH))
    room = length - SUFFIX_LENGTH - 2
    logical_id = place.logical_id[: max(room // 2, room - len(place.stack_name))]
    stack_name = place.stack_name[: room - len(logical_id)]
    return f"{stack_name}-{logical_id}-{suffix}"


class ResourceRefused(Exception):
    """A resource says in CloudFormation's words why it cannot be made, changed or deleted."""


class UnsupportedResourceType(ResourceRefused):
    """Neither this package nor moto can make a resource of this type."""
