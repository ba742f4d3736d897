"""Stacks, resources, events and change sets as the CloudFormation API describes them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Types.html
"""

import json
from typing import Any

from moto.cloudformation.models import Event

from local.cloudformation import template as templates
from local.cloudformation.change_sets import PlannedUpdate
from local.cloudformation.deployment import Deployment
from local.cloudformation.stack import DeployedStack, StackResource
from local.cloudformation.transform import names_of

type Described = dict[str, Any]


def _present(described: Described) -> Described:
    return {key: value for key, value in described.items() if value is not None}


def stack(of: DeployedStack) -> Described:
    deployed = of.deployment is not None
    return _present(
        {
            "StackId": of.stack_id,
            "StackName": of.name,
            "ChangeSetId": of.change_set_id,
            "Description": of.description,
            "Parameters": of.parameter_list if deployed else [],
            "CreationTime": of.creation_time,
            "DeletionTime": of.deletion_time,
            "LastUpdatedTime": of.last_updated_time,
            "RollbackConfiguration": {},
            "StackStatus": of.status,
            "StackStatusReason": of.status_reason,
            "DisableRollback": False,
            "NotificationARNs": of.notification_arns,
            "TimeoutInMinutes": of.timeout_in_minutes,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Outputs": [_present(output) for output in of.outputs or []],
            "RoleARN": of.role_arn,
            "Tags": [{"Key": key, "Value": value} for key, value in of.tags.items()],
            "EnableTerminationProtection": of.is_protected,
            "ParentId": of.parent.stack_id if of.parent else None,
            "RootId": of.root.stack_id if of.parent else None,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def summary(of: DeployedStack) -> Described:
    described = stack(of)
    keys = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "ParentId",
        "RootId",
        "DriftInformation",
    )
    return {key: described[key] for key in keys if key in described} | {
        "TemplateDescription": of.description or ""
    }


def event(of: Event) -> Described:
    return _present(
        {
            "StackId": of.stack_id,
            "EventId": str(of.event_id),
            "StackName": of.stack_name,
            "LogicalResourceId": of.logical_resource_id,
            "PhysicalResourceId": of.physical_resource_id,
            "ResourceType": of.resource_type,
            "Timestamp": of.timestamp,
            "ResourceStatus": of.resource_status,
            "ResourceStatusReason": of.resource_status_reason,
            "ClientRequestToken": of.client_request_token,
        }
    )


def _resource(of: StackResource, timestamp_key: str) -> Described:
    return _present(
        {
            "LogicalResourceId": of.logical_id,
            "PhysicalResourceId": of.physical_id or None,
            "ResourceType": of.resource_type,
            timestamp_key: of.timestamp,
            "ResourceStatus": of.status,
            "ResourceStatusReason": of.status_reason,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def resource(in_stack: DeployedStack, of: StackResource) -> Described:
    return {"StackName": in_stack.name, "StackId": in_stack.stack_id, **_resource(of, "Timestamp")}


def resource_detail(in_stack: DeployedStack, of: StackResource) -> Described:
    described = _resource(of, "LastUpdatedTimestamp")
    return {"StackName": in_stack.name, "StackId": in_stack.stack_id, **described}


def resource_summary(of: StackResource) -> Described:
    return _resource(of, "LastUpdatedTimestamp")


def template(of: Deployment, *, original: bool) -> Described:
    """The processed template is JSON, if there was a transform; without one it is what was submitted."""
    transformed = bool(names_of(templates.parse(of.body)))
    body = templates.as_text(of.document) if transformed and not original else of.body
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


def template_summary(document: templates.Document) -> Described:
    parameters = [
        _present(
            {
                "ParameterKey": name,
                "DefaultValue": templates.str_of(slot["Default"]) if "Default" in slot else None,
                "ParameterType": slot["Type"],
                "NoEcho": slot.get("NoEcho") in (True, "true"),
                "Description": slot.get("Description"),
                "ParameterConstraints": {
                    "AllowedValues": [templates.str_of(value) for value in slot.get("AllowedValues", [])]
                },
            }
        )
        for name, slot in (document.get("Parameters") or {}).items()
    ]
    types = sorted({definition["Type"] for definition in document["Resources"].values()})
    return _present(
        {
            "Parameters": parameters,
            "Description": document.get("Description"),
            "ResourceTypes": types,
            "Version": document.get("AWSTemplateFormatVersion"),
            "DeclaredTransforms": names_of(document),
            "Metadata": json.dumps(document["Metadata"]) if document.get("Metadata") else None,
        }
    )


def change_set(of: PlannedUpdate) -> Described:
    parameters = [
        {"ParameterKey": name, "ParameterValue": templates.str_of(value)}
        for name, value in of.deployment.parameters.items()
    ]
    return {
        **change_set_summary(of),
        "Parameters": parameters,
        "NotificationARNs": of.notification_arns,
        "Tags": [{"Key": key, "Value": value} for key, value in of.deployment.tags.items()],
        "Changes": of.changes,
    }


def change_set_summary(of: PlannedUpdate) -> Described:
    return _present(
        {
            "StackId": of.stack.stack_id,
            "StackName": of.stack.name,
            "ChangeSetId": of.change_set_id,
            "ChangeSetName": of.change_set_name,
            "ExecutionStatus": of.execution_status,
            "Status": of.status,
            "StatusReason": of.status_reason,
            "CreationTime": of.creation_time,
            "Description": of.description,
        }
    )
