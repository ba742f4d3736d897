"""Resources of the types that only moto's own models know."""

from time import monotonic
from typing import Any

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel

from local.account import current
from local.cloudformation.resources import Place, Properties, Resource, ResourceRefused, generated_name

CUSTOM_RESOURCE_SECONDS = 60.0


class MotoResource(Resource):
    """A resource of a type that only moto's own model knows."""

    def __init__(
        self, model_class: type[CloudFormationModel], resource_type: str, place: Place, properties: Properties
    ) -> None:
        super().__init__(place, properties)
        self.model: Any = None
        self._model_class = model_class
        self.resource_type = resource_type

    @property
    def _name_property(self) -> str:
        return self._model_class.cloudformation_name_type() or ""

    def _json(self, properties: Properties) -> dict[str, Any]:
        return {"Type": self.resource_type, "Properties": dict(properties)}

    def _name(self, properties: Properties) -> str:
        lower = self.resource_type.startswith(("AWS::RDS", "AWS::ECR", "AWS::ElasticLoadBalancing"))
        made_up = generated_name(self.place, 32 if lower else 63)
        return str(properties.get(self._name_property) or (made_up.lower() if lower else made_up))

    def create(self) -> None:
        self.model = self._model_class.create_from_cloudformation_json(
            self._name(self.properties),
            self._json(self.properties),
            self.place.account_id,
            self.place.region,
            LogicalId=self.place.logical_id,
            StackId=self.place.stack_id,
            ResourceType=self.resource_type,
        )
        self._take(self.model)
        self._wait()

    def _wait(self) -> None:
        """For the answer of a custom resource's function. Raises ResourceRefused."""
        deadline = monotonic() + CUSTOM_RESOURCE_SECONDS
        while not self.model.is_created():
            if monotonic() > deadline:
                raise ResourceRefused(
                    "CloudFormation did not receive a response from your Custom Resource. "
                    f"Please check your logs for requestId [{self.model.request_id}]."
                )
            current().background.pause(0.05)

    def _take(self, model: Any) -> None:
        self.model = model
        model.cf_resource_type = self.resource_type
        model.logical_resource_id = self.place.logical_id
        known = getattr(model, "physical_resource_id", None)
        self.physical_id = str(known or self.physical_id or generated_name(self.place, 63))

    def update(self, properties: Properties) -> None:
        self._take(
            self._model_class.update_from_cloudformation_json(
                self.model,
                self._name(properties),
                self._json(properties),
                self.place.account_id,
                self.place.region,
            )
        )

    def delete(self) -> None:
        if self.model is None:
            return
        if hasattr(self.model, "delete"):
            self.model.delete(self.place.account_id, self.place.region)
        elif not _is_abstract(self._model_class.delete_from_cloudformation_json):
            self._model_class.delete_from_cloudformation_json(
                self.physical_id, self._json(self.properties), self.place.account_id, self.place.region
            )

    def requires_replacement(self, properties: Properties) -> bool:
        if _is_abstract(self._model_class.update_from_cloudformation_json):
            return True
        name = self._name_property
        return bool(name) and self.properties.get(name) != properties.get(name)

    def attribute(self, name: str) -> Any:
        try:
            return self.model.get_cfn_attribute(name)
        except (UnformattedGetAttTemplateException, NotImplementedError, AttributeError):
            return super().attribute(name)


def _is_abstract(method: Any) -> bool:
    return hasattr(method, "__isabstractmethod__")
