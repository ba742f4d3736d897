"""Nested stacks in the local account."""

import json

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.local_stacks import (
    TABLE,
    TOPIC,
    Template,
    body,
    create,
    delete,
    history,
    physical_id,
    protected,
    status,
    statuses,
)

BUCKET = "templates"


def child(account: LocalAccount, template: Template, key: str = "child.json") -> str:
    """Stores a template; its URL, as `aws cloudformation package` writes it."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    return f"https://s3.us-east-1.amazonaws.com/{BUCKET}/{key}"


def nested(url: str, **parameters: object) -> Template:
    return {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, "Parameters": parameters},
    }


def with_table(table: Template = TABLE) -> Template:
    return {
        "Parameters": {"Name": {"Type": "String", "Default": "orders"}},
        "Resources": {
            "Table": {**table, "Properties": {**table["Properties"], "TableName": {"Ref": "Name"}}}
        },
        "Outputs": {"TableArn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}},
    }


def test_a_nested_stack_takes_parameters_and_gives_outputs(account: LocalAccount) -> None:
    url = child(account, with_table())
    arn = {"Fn::GetAtt": ["Data", "Outputs.TableArn"]}
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/arn", "Type": "String", "Value": arn},
    }

    root_id = create(account, "shop", body(Arn=parameter, Data=nested(url, Name="carts")))

    value = account.client("ssm").get_parameter(Name="/arn")["Parameter"]["Value"]
    assert value == "arn:aws:dynamodb:us-east-1:123456789012:table/carts"
    child_id = physical_id(account, "shop", "Data")
    described = account.client("cloudformation").describe_stacks(StackName=child_id)["Stacks"][0]
    assert (described["StackId"], described["ParentId"], described["RootId"]) == (child_id, root_id, root_id)
    assert described["StackName"].startswith("shop-Data-")
    assert described["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    "address",
    [
        "https://templates.s3.amazonaws.com/child.json",
        "https://templates.s3.us-east-1.amazonaws.com/child.json",
        "https://s3.amazonaws.com/templates/child.json",
        "{endpoint}/templates/child.json",
    ],
)
def test_a_template_url_has_either_style(account: LocalAccount, address: str) -> None:
    child(account, with_table())

    create(account, "shop", body(Data=nested(address.format(endpoint=account.endpoint))))

    assert status(account, "shop") == "CREATE_COMPLETE"


def test_a_failing_child_fails_its_parent(account: LocalAccount) -> None:
    url = child(account, {"Resources": {"Table": TABLE, "Odd": {"Type": "AWS::Odd::Thing"}}})

    create(account, "shop", body(Data=nested(url)))

    assert status(account, "shop") == "ROLLBACK_COMPLETE"
    assert ("Data", "CREATE_FAILED") in history(account, "shop")
    assert account.client("dynamodb").list_tables()["TableNames"] == []


def test_a_missing_template_fails_the_parent(account: LocalAccount) -> None:
    create(account, "shop", body(Data=nested("https://s3.amazonaws.com/nowhere/child.json")))

    assert status(account, "shop") == "ROLLBACK_COMPLETE"


def test_deleting_the_root_deletes_the_child(account: LocalAccount) -> None:
    root_id = create(account, "shop", body(Data=nested(child(account, with_table()))))
    child_id = physical_id(account, "shop", "Data")

    delete(account, "shop")

    assert (status(account, root_id), status(account, child_id)) == ("DELETE_COMPLETE", "DELETE_COMPLETE")


def test_a_protected_table_in_a_child_fails_both(account: LocalAccount) -> None:
    create(account, "shop", body(Data=nested(child(account, with_table(protected()))), Topic=TOPIC))
    child_id = physical_id(account, "shop", "Data")

    delete(account, "shop")

    assert status(account, child_id) == "DELETE_FAILED"
    assert status(account, "shop") == "DELETE_FAILED"
    assert statuses(account, "shop") == {"Data": "DELETE_FAILED", "Topic": "DELETE_COMPLETE"}
    dynamodb = account.client("dynamodb")
    dynamodb.update_table(TableName="orders", DeletionProtectionEnabled=False)
    dynamodb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 0.05})
    delete(account, "shop")
    assert status(account, child_id) == "DELETE_COMPLETE"


def test_termination_protection_belongs_to_the_root(account: LocalAccount) -> None:
    cloudformation = account.client("cloudformation")
    create(
        account,
        "shop",
        body(Data=nested(child(account, with_table()))),
        EnableTerminationProtection=True,
    )
    child_id = physical_id(account, "shop", "Data")

    described = cloudformation.describe_stacks(StackName=child_id)["Stacks"][0]
    assert described["EnableTerminationProtection"]
    with pytest.raises(ClientError, match="nested") as refused:
        cloudformation.update_termination_protection(StackName=child_id, EnableTerminationProtection=False)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName=child_id)


def test_a_new_child_template_updates_the_child(account: LocalAccount) -> None:
    template = body(Data=nested(child(account, with_table())))
    create(account, "shop", template)
    child_id = physical_id(account, "shop", "Data")
    url = child(account, with_table(protected()), key="next.json")

    account.client("cloudformation").update_stack(StackName="shop", TemplateBody=body(Data=nested(url)))
    account.drain()

    assert (status(account, "shop"), status(account, child_id)) == ("UPDATE_COMPLETE", "UPDATE_COMPLETE")
    described = account.client("dynamodb").describe_table(TableName="orders")["Table"]
    assert described["DeletionProtectionEnabled"]


def test_an_update_that_drops_the_child_deletes_it(account: LocalAccount) -> None:
    create(account, "shop", body(Topic=TOPIC, Data=nested(child(account, with_table()))))
    child_id = physical_id(account, "shop", "Data")

    account.client("cloudformation").update_stack(StackName="shop", TemplateBody=body(Topic=TOPIC))
    account.drain()

    assert status(account, child_id) == "DELETE_COMPLETE"


def test_a_failed_parent_update_takes_the_child_back(account: LocalAccount) -> None:
    create(account, "shop", body(Data=nested(child(account, with_table()))))
    child_id = physical_id(account, "shop", "Data")
    url = child(account, with_table(protected()), key="next.json")
    odd = {"Type": "AWS::Odd::Thing", "DependsOn": "Data"}

    account.client("cloudformation").update_stack(
        StackName="shop", TemplateBody=body(Data=nested(url), Odd=odd)
    )
    account.drain()

    assert status(account, "shop") == "UPDATE_ROLLBACK_COMPLETE"
    assert status(account, child_id) == "UPDATE_COMPLETE"
    described = account.client("dynamodb").describe_table(TableName="orders")["Table"]
    assert not described["DeletionProtectionEnabled"]


def test_deleting_the_root_cancels_the_creation_of_the_child(account: LocalAccount) -> None:
    many = {"Resources": {f"Table{number}": TABLE for number in range(3)}}
    template = body(Data=nested(child(account, many)))
    account.step_delay = 0.3
    root_id = account.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)[
        "StackId"
    ]
    account.background.pause(0.8)

    delete(account, "shop")

    assert status(account, root_id) == "DELETE_COMPLETE"
    assert account.client("dynamodb").list_tables()["TableNames"] == []
