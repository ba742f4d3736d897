"""Updates of stacks in the local account: in place, by replacement, and back."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.local_stacks import (
    TABLE,
    TOPIC,
    Template,
    body,
    create,
    history,
    physical_id,
    protected,
    status,
    statuses,
)

ODD = {"Type": "AWS::Odd::Thing"}
OTHER_KEY = [{"AttributeName": "other", "KeyType": "HASH"}]
OTHER_ATTRIBUTE = [{"AttributeName": "other", "AttributeType": "S"}]


def with_properties(resource: Template, **properties: Any) -> Template:
    return {**resource, "Properties": {**resource.get("Properties", {}), **properties}}


REKEYED = with_properties(TABLE, KeySchema=OTHER_KEY, AttributeDefinitions=OTHER_ATTRIBUTE)


def update(account: LocalAccount, name: str, template: str, **arguments: Any) -> None:
    account.client("cloudformation").update_stack(StackName=name, TemplateBody=template, **arguments)
    account.drain()


def tables(account: LocalAccount) -> list[str]:
    names: list[str] = account.client("dynamodb").list_tables()["TableNames"]
    return names


def is_protected(account: LocalAccount, table: str) -> bool:
    described = account.client("dynamodb").describe_table(TableName=table)
    return bool(described["Table"]["DeletionProtectionEnabled"])


def test_deletion_protection_is_changed_in_place(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    before = physical_id(account, "shop", "Table")

    update(account, "shop", body(Table=protected()))

    assert status(account, "shop") == "UPDATE_COMPLETE"
    assert (physical_id(account, "shop", "Table"), tables(account)) == (before, [before])
    assert is_protected(account, before)
    update(account, "shop", body(Table=TABLE))
    assert not is_protected(account, before)


def test_point_in_time_recovery_is_changed_in_place(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    table = physical_id(account, "shop", "Table")

    update(
        account,
        "shop",
        body(
            Table=with_properties(
                TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": "true"}
            )
        ),
    )

    backups = account.client("dynamodb").describe_continuous_backups(TableName=table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_new_key_replaces_the_table(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    before = physical_id(account, "shop", "Table")

    update(account, "shop", body(Table=REKEYED))

    after = physical_id(account, "shop", "Table")
    assert after != before
    assert tables(account) == [after]
    assert history(account, "shop")[-8:] == [
        ("shop", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_COMPLETE"),
        ("shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Table", "DELETE_IN_PROGRESS"),
        ("Table", "DELETE_COMPLETE"),
        ("shop", "UPDATE_COMPLETE"),
    ]


def test_update_replace_policy_keeps_the_replaced_table(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    before = physical_id(account, "shop", "Table")

    update(account, "shop", body(Table={**REKEYED, "UpdateReplacePolicy": "Retain"}))

    assert sorted(tables(account)) == sorted([before, physical_id(account, "shop", "Table")])
    assert ("Table", "DELETE_SKIPPED") in history(account, "shop")


def test_deletion_policy_does_not_keep_a_replaced_table(account: LocalAccount) -> None:
    create(account, "shop", body(Table={**TABLE, "DeletionPolicy": "Retain"}))

    update(account, "shop", body(Table={**REKEYED, "DeletionPolicy": "Retain"}))

    assert tables(account) == [physical_id(account, "shop", "Table")]


def test_a_table_with_a_name_of_its_own_cannot_be_replaced(account: LocalAccount) -> None:
    create(account, "shop", body(Table=with_properties(TABLE, TableName="orders")))

    update(account, "shop", body(Table=with_properties(REKEYED, TableName="orders")))

    assert status(account, "shop") == "UPDATE_ROLLBACK_COMPLETE"
    described = account.client("dynamodb").describe_table(TableName="orders")["Table"]
    assert described["KeySchema"] == TABLE["Properties"]["KeySchema"]


def test_a_removed_resource_is_deleted_in_the_cleanup(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE, Topic=TOPIC))

    update(account, "shop", body(Topic=TOPIC))

    assert history(account, "shop")[-5:] == [
        ("shop", "UPDATE_IN_PROGRESS"),
        ("shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Table", "DELETE_IN_PROGRESS"),
        ("Table", "DELETE_COMPLETE"),
        ("shop", "UPDATE_COMPLETE"),
    ]
    assert tables(account) == []


def test_a_removed_resource_is_kept_by_its_deletion_policy(account: LocalAccount) -> None:
    create(account, "shop", body(Table={**TABLE, "DeletionPolicy": "Retain"}, Topic=TOPIC))
    table = physical_id(account, "shop", "Table")

    update(account, "shop", body(Topic=TOPIC))

    assert tables(account) == [table]
    assert statuses(account, "shop")["Table"] == "DELETE_SKIPPED"


def test_a_removed_resource_that_refuses_does_not_fail_the_update(account: LocalAccount) -> None:
    create(account, "shop", body(Table=protected(), Topic=TOPIC))

    update(account, "shop", body(Topic=TOPIC))

    described = account.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]
    assert described["StackStatus"] == "UPDATE_COMPLETE"
    assert described["StackStatusReason"] == "Update successful. One or more resources could not be deleted."
    assert len(tables(account)) == 1


def test_a_failed_update_is_taken_back(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE, Topic=TOPIC))
    table = physical_id(account, "shop", "Table")

    update(
        account,
        "shop",
        body(Table=protected(), Topic=TOPIC, New=TABLE, Odd={**ODD, "DependsOn": ["New", "Table"]}),
    )

    assert status(account, "shop") == "UPDATE_ROLLBACK_COMPLETE"
    assert tables(account) == [table]
    assert not is_protected(account, table)
    stack_history = [state for name, state in history(account, "shop") if name == "shop"]
    assert stack_history[-4:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert set(statuses(account, "shop")) == {"Table", "Topic"}
    update(account, "shop", body(Table=protected(), Topic=TOPIC))
    assert status(account, "shop") == "UPDATE_COMPLETE"


def test_a_failed_replacement_is_taken_back(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    before = physical_id(account, "shop", "Table")

    update(account, "shop", body(Table=REKEYED, Odd={**ODD, "DependsOn": "Table"}))

    assert physical_id(account, "shop", "Table") == before
    assert tables(account) == [before]


def test_nothing_to_update_is_refused(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))

    with pytest.raises(ClientError, match="No updates are to be performed") as refused:
        update(account, "shop", body(Table=TABLE))
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_busy_stack_cannot_be_updated(account: LocalAccount) -> None:
    account.step_delay = 60
    account.client("cloudformation").create_stack(StackName="shop", TemplateBody=body(Table=TABLE))

    with pytest.raises(ClientError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        account.client("cloudformation").update_stack(StackName="shop", TemplateBody=body(Topic=TOPIC))


def test_parameters_keep_their_previous_value(account: LocalAccount) -> None:
    template = json.dumps(
        {
            "Parameters": {"Name": {"Type": "String"}, "Protect": {"Type": "String", "Default": "false"}},
            "Resources": {
                "Table": with_properties(
                    TABLE, TableName={"Ref": "Name"}, DeletionProtectionEnabled={"Ref": "Protect"}
                )
            },
        }
    )
    create(account, "shop", template, Parameters=[{"ParameterKey": "Name", "ParameterValue": "orders"}])

    account.client("cloudformation").update_stack(
        StackName="shop",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Name", "UsePreviousValue": True},
            {"ParameterKey": "Protect", "ParameterValue": "true"},
        ],
    )
    account.drain()

    assert is_protected(account, "orders")


def test_new_tags_of_the_stack_reach_its_tables(account: LocalAccount) -> None:
    stack_id = create(account, "shop", body(Table=TABLE), Tags=[{"Key": "team", "Value": "a"}])
    dynamodb = account.client("dynamodb")
    arn = dynamodb.describe_table(TableName=physical_id(account, "shop", "Table"))["Table"]["TableArn"]

    update(account, "shop", body(Table=TABLE), Tags=[{"Key": "owner", "Value": "b"}])

    tags = {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]}
    assert tags == {
        "owner": "b",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:stack-name": "shop",
        "aws:cloudformation:logical-id": "Table",
    }


def test_a_change_set_creates_a_stack(account: LocalAccount) -> None:
    cloudformation = account.client("cloudformation")
    created = cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body(Table=TABLE)
    )

    assert status(account, "shop") == "REVIEW_IN_PROGRESS"
    described = cloudformation.describe_change_set(ChangeSetName="first", StackName="shop")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [change["ResourceChange"]["Action"] for change in described["Changes"]] == ["Add"]
    cloudformation.execute_change_set(ChangeSetName=created["Id"])
    account.drain()
    assert status(account, "shop") == "CREATE_COMPLETE"


def test_a_change_set_names_replacements_and_removals(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE, Topic=TOPIC, Same=TOPIC, Changed=TABLE))
    cloudformation = account.client("cloudformation")

    cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="next",
        TemplateBody=body(Table=REKEYED, Same=TOPIC, Changed=protected(), New=TOPIC),
    )

    changes = cloudformation.describe_change_set(StackName="shop", ChangeSetName="next")["Changes"]
    found = {
        change["ResourceChange"]["LogicalResourceId"]: (
            change["ResourceChange"]["Action"],
            change["ResourceChange"].get("Replacement"),
        )
        for change in changes
    }
    assert found == {
        "Table": ("Modify", "True"),
        "Changed": ("Modify", "False"),
        "New": ("Add", None),
        "Topic": ("Remove", None),
    }
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="next")
    account.drain()
    assert status(account, "shop") == "UPDATE_COMPLETE"
    assert set(statuses(account, "shop")) >= {"Table", "Same", "Changed", "New"}


def test_an_empty_change_set_fails(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    cloudformation = account.client("cloudformation")

    cloudformation.create_change_set(StackName="shop", ChangeSetName="same", TemplateBody=body(Table=TABLE))

    described = cloudformation.describe_change_set(StackName="shop", ChangeSetName="same")
    assert described["Status"] == "FAILED"
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        cloudformation.execute_change_set(StackName="shop", ChangeSetName="same")


def test_an_update_can_fail_at_its_outputs(account: LocalAccount) -> None:
    create(account, "shop", body(Table=TABLE))
    wrong = {"Arn": {"Value": {"Fn::GetAtt": ["Table", "Nonsense"]}}}

    update(account, "shop", json.dumps({"Resources": {"Table": protected()}, "Outputs": wrong}))

    assert status(account, "shop") == "UPDATE_ROLLBACK_COMPLETE"
    assert not is_protected(account, physical_id(account, "shop", "Table"))


def test_exports_are_shared_and_unique(account: LocalAccount) -> None:
    outputs = {"Name": {"Value": {"Ref": "Table"}, "Export": {"Name": "orders"}}}
    exporting = json.dumps({"Resources": {"Table": TABLE}, "Outputs": outputs})
    create(account, "data", exporting)

    value = {"Fn::ImportValue": "orders"}
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/t", "Type": "String", "Value": value},
    }
    create(account, "shop", body(Parameter=parameter))
    create(account, "again", exporting)

    stored = account.client("ssm").get_parameter(Name="/t")["Parameter"]["Value"]
    assert stored == physical_id(account, "data", "Table")
    assert status(account, "again") == "ROLLBACK_COMPLETE"
    exports = account.client("cloudformation").list_exports()["Exports"]
    assert [(export["Name"], export["Value"]) for export in exports] == [("orders", stored)]
