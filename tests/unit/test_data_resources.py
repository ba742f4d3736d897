"""The table of data resource types against the template's patterns and CloudFormation's own schemas."""

import json
from importlib.resources import files
from typing import Any

import pytest

from stackwarden.data_reader import DataReader
from stackwarden.policies.data_resources import (
    AT_RISK,
    TYPES,
    calls,
    resource_name,
    type_of_call,
)
from stackwarden.settings import Place
from tests import template

DATA_DELETION = "DataDeletionFunction"


def schema(type_: str) -> dict[str, Any]:
    """The registry schema of a type, as cfn-lint ships it."""
    name = type_.lower().replace("::", "-")
    text = files("cfnlint.data.schemas.providers.us_east_1").joinpath(f"{name}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def properties(paths: list[str]) -> set[str]:
    return {path.split("/")[2] for path in paths}


def detail(event: str) -> dict[str, Any]:
    found: dict[str, Any] = template.patterns()[f"{DATA_DELETION}.{event}"]["detail"]
    return found


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_the_properties_that_replace_are_those_of_cloudformations_schema(type_: str) -> None:
    described = schema(type_)
    always = properties(described.get("createOnlyProperties", []))
    sometimes = properties(described.get("conditionalCreateOnlyProperties", []))
    said = set(TYPES[type_].replaced_by)

    assert always <= said
    assert said <= always | sometimes


def test_a_changed_key_schema_replaces_a_table() -> None:
    assert "KeySchema" in TYPES["AWS::DynamoDB::Table"].replaced_by


def test_the_template_watches_exactly_the_types_that_can_lose_data() -> None:
    assert sorted(detail("ResourceOfAStack")["resource-type"]) == sorted(AT_RISK)


@pytest.mark.parametrize("part", ["eventName", "eventSource"])
def test_the_template_watches_exactly_the_calls_that_make_or_delete_data(part: str) -> None:
    index = {"eventSource": 0, "eventName": 1}[part]
    known = {call[index] for kind in ("create", "delete") for call in calls(kind)}
    listed = detail("DataCall")[part]

    assert set(listed) == known
    assert len(listed) == len(set(listed))


def test_the_template_watches_the_calls_that_switch_protection_off() -> None:
    known = {name for _, name, _ in calls("update")}

    assert set(detail("ProtectionSwitchedOff")["eventName"]) == {*known, "UpdateTerminationProtection"}


@pytest.mark.parametrize("event", ["DataCall", "ProtectionSwitchedOff"])
def test_a_patterns_source_says_the_same_as_its_event_source(event: str) -> None:
    pattern = template.patterns()[f"{DATA_DELETION}.{event}"]

    assert [f"{source.removeprefix('aws.')}.amazonaws.com" for source in pattern["source"]] == (
        pattern["detail"]["eventSource"]
    )


@pytest.mark.parametrize("event", ["StackDeletionCall", "ProtectionSwitchedOff", "DataCall"])
def test_no_rule_lets_a_failed_call_through(event: str) -> None:
    assert detail(event)["errorCode"] == [{"exists": False}]


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_says_how_it_is_protected_or_why_not(type_: str) -> None:
    row = TYPES[type_]

    assert bool(row.protection) + bool(row.unprotected_because) + bool(row.safe_because) == 1


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_has_an_arn(type_: str) -> None:
    arn = DataReader(Place("aws-cn", "cn-north-1", "123456789012")).arn(type_, "Data")

    assert arn.startswith("arn:aws-cn:")
    assert arn.lower().endswith("data")


def test_the_restore_command_names_everything_it_needs() -> None:
    for row in TYPES.values():
        text = row.restore.format(region="eu-west-1", name="n", backup="arn:b", engine="e")
        assert not row.restore or all(part in text for part in ("eu-west-1", " n", "arn:b"))
        assert "{" not in text
        assert bool(row.restore) == bool(row.protection)


@pytest.mark.parametrize(
    ("source", "name", "request_", "response", "found"),
    [
        ("dynamodb", "CreateTable", {"tableName": "orders"}, None, "orders"),
        ("dynamodb", "RestoreTableToPointInTime", {"targetTableName": "new"}, None, "new"),
        ("dynamodb", "ImportTable", {"tableCreationParameters": {"tableName": "new"}}, None, "new"),
        ("dynamodb", "DeleteTable", {"tableName": "arn:aws:dynamodb:r:1:table/orders"}, None, "orders"),
        ("rds", "RestoreDBInstanceToPointInTime", {"targetDBInstanceIdentifier": "new"}, None, "new"),
        ("rds", "DeleteDBInstance", {"dBInstanceIdentifier": "arn:aws:rds:r:1:db:billing"}, None, "billing"),
        ("kinesis", "DeleteStream", {"streamARN": "arn:aws:kinesis:r:1:stream/clicks"}, None, "clicks"),
        ("elasticfilesystem", "CreateFileSystem", {}, {"fileSystemId": "fs-1"}, "fs-1"),
        ("cognito-idp", "CreateUserPool", {"poolName": "x"}, {"userPool": {"id": "r_1"}}, "r_1"),
        ("dynamodb", "CreateTable", None, None, None),
        ("dynamodb", "CreateTable", {"tableName": 7}, {"tableDescription": "odd"}, None),
        ("dynamodb", "CreateTable", {"tableName": ""}, None, None),
    ],
)
def test_the_name_in_a_call(
    source: str,
    name: str,
    request_: dict[str, Any] | None,
    response: dict[str, Any] | None,
    found: str | None,
) -> None:
    known = type_of_call(f"{source}.amazonaws.com", name)
    assert known

    assert resource_name(known[1], request_, response) == found


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("kinesisvideo", "CreateStream"),
        ("dynamodb", "PutItem"),
        ("s3", "DeleteBucket"),
        ("rds", "CreateTable"),
    ],
)
def test_a_call_that_is_not_about_data(source: str, name: str) -> None:
    assert type_of_call(f"{source}.amazonaws.com", name) is None
