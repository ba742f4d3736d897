"""Stacks in the local account: creating, deleting, protecting, and what they tell about it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.cloudtrail import service as cloudtrail
from local.eventbridge import service as eventbridge
from local.identity import role_session
from tests.integration.local_stacks import (
    TABLE,
    TOPIC,
    body,
    create,
    delete,
    history,
    physical_id,
    protected,
    status,
    statuses,
)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation puts on the default bus."""
    events: list[dict[str, Any]] = []
    genuine: Callable[..., None] = eventbridge.publish

    def publish(event: dict[str, Any], **place: Any) -> None:
        events.append(event)
        genuine(event, **place)

    monkeypatch.setattr(eventbridge, "publish", publish)
    return events


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Calls that CloudFormation makes on behalf of its caller."""
    calls: list[dict[str, Any]] = []
    genuine: Callable[..., None] = cloudtrail.record_service_call

    def record(**call: Any) -> None:
        calls.append(call)
        genuine(**call)

    monkeypatch.setattr(cloudtrail, "record_service_call", record)
    return calls


def test_a_stack_is_created_in_the_background(account: LocalAccount) -> None:
    account.step_delay = 60
    cloudformation = account.client("cloudformation")

    cloudformation.create_stack(StackName="shop", TemplateBody=body(Table=TABLE))

    assert status(account, "shop") == "CREATE_IN_PROGRESS"
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_resources_are_created_after_what_they_depend_on(account: LocalAccount) -> None:
    by_ref = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Table"}}}
    by_sub = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::Sub": "${A} and ${!B}"}},
    }

    create(account, "shop", body(B=by_sub, A=by_ref, First={**TOPIC, "DependsOn": ["B"]}, Table=TABLE))

    completed = [name for name, state in history(account, "shop") if state == "CREATE_COMPLETE"]
    assert completed == ["Table", "A", "B", "First", "shop"]


def test_a_failed_creation_is_rolled_back(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE, Odd={"Type": "AWS::Odd::Thing", "DependsOn": "Table"}))

    assert history(account, "shop") == [
        ("shop", "CREATE_IN_PROGRESS"),
        ("Table", "CREATE_IN_PROGRESS"),
        ("Table", "CREATE_IN_PROGRESS"),
        ("Table", "CREATE_COMPLETE"),
        ("Odd", "CREATE_IN_PROGRESS"),
        ("Odd", "CREATE_FAILED"),
        ("shop", "ROLLBACK_IN_PROGRESS"),
        ("Odd", "DELETE_COMPLETE"),
        ("Table", "DELETE_IN_PROGRESS"),
        ("Table", "DELETE_COMPLETE"),
        ("shop", "ROLLBACK_COMPLETE"),
    ]
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_an_unknown_resource_type_says_so(account: LocalAccount) -> None:
    create(account, "shop", body(Odd={"Type": "AWS::Odd::Thing"}))

    events = account.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    reasons = [
        event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert reasons == ["The local account cannot make resources of type AWS::Odd::Thing"]


def test_rolling_back_fails_on_a_protected_table(account: LocalAccount) -> None:
    create(account, "shop", body(Table=protected(), Odd={"Type": "AWS::Odd::Thing", "DependsOn": "Table"}))

    assert status(account, "shop") == "ROLLBACK_FAILED"
    assert len(account.client("dynamodb").list_tables()["TableNames"]) == 1


def test_rolling_back_spares_a_table_that_was_there_before(account: LocalAccount) -> None:
    table = {**TABLE, "Properties": {**TABLE["Properties"], "TableName": "orders"}}
    create(account, "first", body(Table=table))

    create(account, "second", body(Table=table))

    assert status(account, "second") == "ROLLBACK_COMPLETE"
    assert account.client("dynamodb").list_tables()["TableNames"] == ["orders"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"DisableRollback": True}, "CREATE_FAILED"), ({"OnFailure": "DELETE"}, "DELETE_COMPLETE")],
)
def test_the_caller_chooses_what_a_failure_leads_to(
    account: LocalAccount, arguments: dict[str, Any], expected: str
) -> None:
    stack_id = create(account, "shop", body(Odd={"Type": "AWS::Odd::Thing"}), **arguments)

    assert status(account, stack_id) == expected


def test_dependents_are_deleted_first(account: LocalAccount) -> None:
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Table"}}}
    stack_id = create(account, "shop", body(Parameter=parameter, Table=TABLE))

    delete(account, "shop")

    assert history(account, stack_id)[-6:] == [
        ("shop", "DELETE_IN_PROGRESS"),
        ("Parameter", "DELETE_IN_PROGRESS"),
        ("Parameter", "DELETE_COMPLETE"),
        ("Table", "DELETE_IN_PROGRESS"),
        ("Table", "DELETE_COMPLETE"),
        ("shop", "DELETE_COMPLETE"),
    ]


def test_a_deleted_stack_is_found_by_id_only(account: LocalAccount) -> None:
    stack_id = create(account, "shop", body(Table=TABLE))
    delete(account, "shop")

    described = account.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"][0]
    assert described["StackStatus"] == "DELETE_COMPLETE"
    assert described["DeletionTime"] >= described["CreationTime"]
    with pytest.raises(ClientError, match="Stack with id shop does not exist") as refused:
        status(account, "shop")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_protected_table_fails_the_deletion_and_the_others_go(account: LocalAccount) -> None:
    create(account, "shop", body(Table=protected(), Other=TABLE, Topic=TOPIC))

    delete(account, "shop")

    described = account.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]
    assert described["StackStatus"] == "DELETE_FAILED"
    assert described["StackStatusReason"] == "The following resource(s) failed to delete: [Table]. "
    assert statuses(account, "shop") == {
        "Table": "DELETE_FAILED",
        "Other": "DELETE_COMPLETE",
        "Topic": "DELETE_COMPLETE",
    }
    reason = account.client("cloudformation").describe_stack_resource(
        StackName="shop", LogicalResourceId="Table"
    )["StackResourceDetail"]["ResourceStatusReason"]
    assert "Resource cannot be deleted as it is currently protected against deletion." in reason


def test_a_protected_database_fails_the_deletion(account: LocalAccount) -> None:
    database = {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "Engine": "postgres",
            "DBInstanceClass": "db.t3.micro",
            "AllocatedStorage": "20",
            "MasterUsername": "admin1",
            "MasterUserPassword": "passw0rd1",
            "DeletionProtection": "true",
        },
    }
    create(account, "shop", body(Database=database))

    delete(account, "shop")

    assert statuses(account, "shop") == {"Database": "DELETE_FAILED"}


def test_what_a_refusing_resource_depends_on_is_left_alone(account: LocalAccount) -> None:
    create(account, "shop", body(Topic=TOPIC, Table={**protected(), "DependsOn": "Topic"}))

    delete(account, "shop")

    assert statuses(account, "shop") == {"Topic": "CREATE_COMPLETE", "Table": "DELETE_FAILED"}


def test_deleting_again_retries(account: LocalAccount) -> None:
    stack_id = create(account, "shop", body(Table=protected()))
    delete(account, "shop")
    dynamodb, table = account.client("dynamodb"), physical_id(account, "shop", "Table")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 0.05})

    delete(account, "shop")

    assert status(account, stack_id) == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    "arguments", [{"RetainResources": ["Table"]}, {"DeletionMode": "FORCE_DELETE_STACK"}]
)
def test_a_failed_deletion_is_finished_by_retaining(account: LocalAccount, arguments: dict[str, Any]) -> None:
    stack_id = create(account, "shop", body(Table=protected()))
    delete(account, "shop")

    delete(account, "shop", **arguments)

    assert status(account, stack_id) == "DELETE_COMPLETE"
    assert statuses(account, stack_id) == {"Table": "DELETE_SKIPPED"}
    assert len(account.client("dynamodb").list_tables()["TableNames"]) == 1


def test_retaining_needs_a_failed_deletion(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))

    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        delete(account, "shop", RetainResources=["Table"])


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_deletion_policy_keeps_a_resource(account: LocalAccount, policy: str) -> None:
    stack_id = create(account, "shop", body(Table={**TABLE, "DeletionPolicy": policy}))

    delete(account, "shop")

    assert statuses(account, stack_id) == {"Table": "DELETE_SKIPPED"}
    assert len(account.client("dynamodb").list_tables()["TableNames"]) == 1


def test_a_resource_that_is_gone_already_is_no_failure(account: LocalAccount) -> None:
    stack_id = create(account, "shop", body(Table=TABLE))
    dynamodb, table = account.client("dynamodb"), physical_id(account, "shop", "Table")
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig={"Delay": 0.05})

    delete(account, "shop")

    assert status(account, stack_id) == "DELETE_COMPLETE"


def test_protection_set_while_the_stack_is_deleted_saves_the_table(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE, Last={**TOPIC, "DependsOn": "Table"}))
    table = physical_id(account, "shop", "Table")
    account.step_delay = 0.5

    account.client("cloudformation").delete_stack(StackName="shop")
    account.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=True)
    account.drain()

    assert statuses(account, "shop") == {"Table": "DELETE_FAILED", "Last": "DELETE_COMPLETE"}


def test_deleting_a_stack_cancels_its_creation(account: LocalAccount) -> None:
    account.step_delay = 0.2
    cloudformation = account.client("cloudformation")
    resources = {f"Table{number}": TABLE for number in range(3)}
    stack_id = cloudformation.create_stack(StackName="shop", TemplateBody=body(**resources))["StackId"]

    delete(account, "shop")

    assert status(account, stack_id) == "DELETE_COMPLETE"
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_termination_protection_refuses_the_deletion(account: LocalAccount) -> None:
    cloudformation = account.client("cloudformation")
    stack_id = create(account, "shop", body(Table=TABLE), EnableTerminationProtection=True)

    assert cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["EnableTerminationProtection"]
    with pytest.raises(ClientError) as refused:
        delete(account, "shop")
    assert refused.value.response["Error"]["Message"] == (
        "Stack [shop] cannot be deleted while TerminationProtection is enabled"
    )
    assert refused.value.response["Error"]["Code"] == "ValidationError"

    lifted = cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    delete(account, "shop")
    assert lifted["StackId"] == stack_id
    assert status(account, stack_id) == "DELETE_COMPLETE"


def test_termination_protection_comes_too_late_once_deletion_runs(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    account.step_delay = 60
    cloudformation = account.client("cloudformation")
    cloudformation.delete_stack(StackName="shop")

    with pytest.raises(ClientError, match="DELETE_IN_PROGRESS"):
        cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=True)


def test_status_changes_are_on_the_default_bus(
    account: LocalAccount, published: list[dict[str, Any]]
) -> None:
    stack_id = create(account, "shop", body(Table=TABLE), ClientRequestToken="token-1")

    ours = [event for event in published if event["detail-type"].endswith("Status Change")]
    assert [(event["detail-type"], event["detail"]["status-details"]["status"]) for event in ours] == [
        ("CloudFormation Stack Status Change", "CREATE_IN_PROGRESS"),
        ("CloudFormation Resource Status Change", "CREATE_IN_PROGRESS"),
        ("CloudFormation Resource Status Change", "CREATE_IN_PROGRESS"),
        ("CloudFormation Resource Status Change", "CREATE_COMPLETE"),
        ("CloudFormation Stack Status Change", "CREATE_COMPLETE"),
    ]
    assert ours[-2]["resources"] == [stack_id]
    assert ours[-2]["detail"] == {
        "stack-id": stack_id,
        "logical-resource-id": "Table",
        "physical-resource-id": physical_id(account, "shop", "Table"),
        "resource-type": "AWS::DynamoDB::Table",
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
        "client-request-token": "token-1",
    }


def test_calls_on_behalf_of_the_caller_are_recorded(
    account: LocalAccount, recorded: list[dict[str, Any]]
) -> None:
    create(account, "shop", body(Table=protected()))
    delete(account, "shop")

    assert [(call["service"], call["operation"]) for call in recorded] == [
        ("dynamodb", "CreateTable"),
        ("dynamodb", "DeleteTable"),
    ]
    assert recorded[0]["parameters"]["DeletionProtectionEnabled"] is True
    assert recorded[0]["identity"]["userName"] == "developer"
    assert recorded[0]["error"] is None
    assert recorded[1]["error"][0] == "ValidationException"


def test_events_and_resources_come_in_pages(account: LocalAccount) -> None:
    account.step_delay = 0
    cloudformation = account.client("cloudformation")
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    create(account, "big", body(**{f"Handle{number}": handle for number in range(120)}))

    first = cloudformation.list_stack_resources(StackName="big")
    second = cloudformation.list_stack_resources(StackName="big", NextToken=first["NextToken"])
    assert (len(first["StackResourceSummaries"]), len(second["StackResourceSummaries"])) == (100, 20)
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName="big")
    events = [event for page in pages for event in page["StackEvents"]]
    assert len(events) == 2 + 3 * 120
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert events[-1]["ResourceStatusReason"] == "User Initiated"


def test_a_stack_is_found_by_the_physical_id_of_a_resource(account: LocalAccount) -> None:
    create(account, "other", body(Table=TABLE))
    stack_id = create(account, "shop", body(Table=TABLE))

    described = account.client("cloudformation").describe_stack_resources(
        PhysicalResourceId=physical_id(account, "shop", "Table")
    )

    assert [resource["StackId"] for resource in described["StackResources"]] == [stack_id]


def test_records_name_who_asked_cloudformation(
    account: LocalAccount, role_arn: str, recorded: list[dict[str, Any]]
) -> None:
    session = role_session(role_arn, "clean-up", account.region)
    create(account, "shop", body(Table=TABLE))

    account.client("cloudformation", access_key_id=session.access_key_id).delete_stack(StackName="shop")
    account.drain()

    callers = {call["operation"]: call["identity"]["arn"] for call in recorded}
    assert callers["CreateTable"].endswith(":user/developer")
    assert callers["DeleteTable"].endswith(":assumed-role/everything/clean-up")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({}, "At least one Resources member must be defined"),
        ({"A": {**TOPIC, "Properties": {"TopicName": {"Ref": "Nothing"}}}}, r"dependencies \[Nothing\]"),
        ({"A": {**TOPIC, "DependsOn": "B"}, "B": {**TOPIC, "DependsOn": "A"}}, "Circular dependency"),
    ],
)
def test_a_wrong_template_is_refused_at_once(
    account: LocalAccount, template: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        create(account, "shop", body(**template))


def test_parameters_are_checked(account: LocalAccount) -> None:
    template = json.dumps(
        {"Parameters": {"Stage": {"Type": "String", "AllowedValues": ["a"]}}, "Resources": {"Topic": TOPIC}}
    )

    def parameter(name: str, value: str) -> dict[str, Any]:
        return {"Parameters": [{"ParameterKey": name, "ParameterValue": value}]}

    with pytest.raises(ClientError, match=r"Parameters: \[Stage\] must have values"):
        create(account, "shop", template)
    with pytest.raises(ClientError, match="must be one of AllowedValues"):
        create(account, "shop", template, **parameter("Stage", "b"))
    with pytest.raises(ClientError, match=r"Parameters: \[Other\] do not exist in the template"):
        create(account, "shop", template, **parameter("Other", "b"))
    create(account, "shop", template, **parameter("Stage", "a"))
    assert status(account, "shop") == "CREATE_COMPLETE"


def test_a_self_managed_stack_set_makes_stacks_in_other_accounts(account: LocalAccount) -> None:
    other = "111111111111"
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack_set(StackSetName="baseline", TemplateBody=body(Topic=TOPIC))

    cloudformation.create_stack_instances(StackSetName="baseline", Accounts=[other], Regions=[account.region])
    account.drain()

    stacks = account.client("cloudformation", access_key_id=other).describe_stacks()["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    assert stacks[0]["StackName"].startswith("StackSet-baseline-")
    assert len(account.client("sns", access_key_id=other).list_topics()["Topics"]) == 1
