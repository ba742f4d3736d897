"""State machines, and the wait condition handle that stands for "no resource at all".

moto reads a definition only from DefinitionString, and knows neither logging nor tracing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-stepfunctions-statemachine.html
"""

import json
from typing import Any

import yaml

from local.cloudformation.resources import Properties, ResourceRefused, ServiceResource, generated_name
from local.cloudformation.template import str_of


class StateMachine(ServiceResource):
    """AWS::StepFunctions::StateMachine. Ref is the ARN."""

    resource_type = "AWS::StepFunctions::StateMachine"
    name_property = "StateMachineName"
    name_length = 80
    immutable = frozenset({"StateMachineType"})

    def _definition(self, properties: Properties) -> str:
        """The definition as JSON, with its substitutions; an object in S3 may be JSON or YAML."""
        if "DefinitionString" in properties:
            text = str(properties["DefinitionString"])
        elif "Definition" in properties:
            text = json.dumps(properties["Definition"])
        elif "DefinitionS3Location" in properties:
            text = self._stored(properties["DefinitionS3Location"])
        else:
            raise ResourceRefused(
                "Exactly one of DefinitionString, Definition, DefinitionS3Location must be given"
            )
        for name, value in properties.get("DefinitionSubstitutions", {}).items():
            text = text.replace("${" + name + "}", str_of(value))
        return text

    def _stored(self, location: Properties) -> str:
        version = {"VersionId": location["Version"]} if "Version" in location else {}
        stored = self.call("s3", "GetObject", Bucket=location["Bucket"], Key=location["Key"], **version)
        text: str = stored["Body"].read().decode()
        return text if text.lstrip().startswith("{") else json.dumps(yaml.safe_load(text))

    def _specification(self, properties: Properties) -> dict[str, Any]:
        names = {
            "RoleArn": "roleArn",
            "StateMachineType": "type",
            "LoggingConfiguration": "loggingConfiguration",
            "TracingConfiguration": "tracingConfiguration",
            "EncryptionConfiguration": "encryptionConfiguration",
        }
        specified = {api: _lower_camel(properties[cfn]) for cfn, api in names.items() if cfn in properties}
        return {**specified, "definition": self._definition(properties)}

    def create(self) -> None:
        specified = self._specification(self.properties)
        tags = _tags(self.tags_for(self.properties))
        created = self.call("stepfunctions", "CreateStateMachine", name=self.name, tags=tags, **specified)
        self.physical_id = created["stateMachineArn"]
        self.attributes = {"Arn": self.physical_id, "Name": self.name}

    def update(self, properties: Properties) -> None:
        specified = self._specification(properties)
        self.call("stepfunctions", "UpdateStateMachine", stateMachineArn=self.physical_id, **specified)
        changed, removed = self.tag_changes(properties)
        if removed:
            self.call("stepfunctions", "UntagResource", resourceArn=self.physical_id, tagKeys=removed)
        if changed:
            self.call("stepfunctions", "TagResource", resourceArn=self.physical_id, tags=_tags(changed))

    def delete(self) -> None:
        self.call("stepfunctions", "DeleteStateMachine", stateMachineArn=self.physical_id)


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _lower_camel(value: Any) -> Any:
    """CloudFormation spells the members of these settings in PascalCase, Step Functions in camelCase."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lower_camel(item) for key, item in value.items()}
    return [_lower_camel(item) for item in value] if isinstance(value, list) else value


class WaitConditionHandle(ServiceResource):
    """AWS::CloudFormation::WaitConditionHandle. Ref is a URL; nobody waits for it here."""

    resource_type = "AWS::CloudFormation::WaitConditionHandle"

    def create(self) -> None:
        name = generated_name(self.place, 255)
        self.physical_id = f"https://cloudformation-waitcondition-{self.place.region}.s3.amazonaws.com/{name}"

    def update(self, properties: Properties) -> None:
        """It has no properties."""

    def delete(self) -> None:
        """There is nothing to delete."""
