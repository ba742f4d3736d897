"""Stacks for tests: templates, operations that are waited for, and what a stack tells about itself."""

import json
from typing import Any

from local.account import LocalAccount

Template = dict[str, Any]

TABLE: Template = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    },
}
TOPIC: Template = {"Type": "AWS::SNS::Topic"}


def protected(table: Template = TABLE) -> Template:
    return {**table, "Properties": {**table["Properties"], "DeletionProtectionEnabled": True}}


def body(**resources: Template) -> str:
    return json.dumps({"Resources": resources})


def create(account: LocalAccount, name: str, template: str, **arguments: Any) -> str:
    """Creates a stack and waits for the operation's end; its id."""
    stack_id: str = account.client("cloudformation").create_stack(
        StackName=name, TemplateBody=template, **arguments
    )["StackId"]
    account.drain()
    return stack_id


def delete(account: LocalAccount, name: str, **arguments: Any) -> None:
    account.client("cloudformation").delete_stack(StackName=name, **arguments)
    account.drain()


def status(account: LocalAccount, name: str) -> str:
    described = account.client("cloudformation").describe_stacks(StackName=name)
    return str(described["Stacks"][0]["StackStatus"])


def statuses(account: LocalAccount, name: str) -> dict[str, str]:
    """Status of each resource by logical id."""
    listed = account.client("cloudformation").list_stack_resources(StackName=name)
    return {entry["LogicalResourceId"]: entry["ResourceStatus"] for entry in listed["StackResourceSummaries"]}


def history(account: LocalAccount, name: str) -> list[tuple[str, str]]:
    """Logical id and status of each stack event, oldest first."""
    events = account.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]


def physical_id(account: LocalAccount, stack: str, logical_id: str) -> str:
    described = account.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=logical_id
    )
    return str(described["StackResourceDetail"]["PhysicalResourceId"])
