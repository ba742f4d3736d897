"""Templates and intrinsic functions, without any account."""

import json
from typing import Any

import pytest
from moto.cloudformation.exceptions import CloudFormationError

from local.cloudformation.intrinsics import NO_VALUE, Evaluator
from local.cloudformation.template import (
    Document,
    dependencies,
    in_dependency_order,
    parse,
    resolve_parameters,
)
from local.cloudformation.template_source import bucket_and_key

PARAMETERS = {"AWS::Region": "eu-west-1", "Stage": "prod", "Sizes": ["1", "2"], "Count": 3}
DOCUMENT = {
    "Mappings": {"Settings": {"prod": {"Days": 30}}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsTest": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
    },
}


@pytest.fixture
def evaluator() -> Evaluator:
    """Knows a resource `Table`."""

    def attribute(name: str, key: str) -> str:
        return f"{name}/{key}"

    return Evaluator(
        DOCUMENT,
        parameters=PARAMETERS,
        exports={"shared": "value"},
        ref={"Table": "orders"}.__getitem__,
        attribute=attribute,
    )


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("!Ref Stage", "prod"),
        ("!Ref Table", "orders"),
        ("!GetAtt Table.Arn", "Table/Arn"),
        ("!GetAtt [Table, Outputs.Arn]", "Table/Outputs.Arn"),
        ('!Sub "${Stage}-${Table}-${Table.Arn}-${Count}-${!Literal}"', "prod-orders-Table/Arn-3-${Literal}"),
        ('!Sub ["${Name}/${Stage}", {Name: !Ref Table}]', "orders/prod"),
        ('!Join [",", [a, !Ref Stage, !Ref Count]]', "a,prod,3"),
        ('!Select [1, !Split ["-", a-b]]', "b"),
        ("!Select [0, !Ref Sizes]", "1"),
        ("!If [IsProd, 1, 2]", 1),
        ("!If [IsTest, 1, 2]", 2),
        ("!If [Both, 1, 2]", 2),
        ("!If [Either, 1, 2]", 1),
        ("!FindInMap [Settings, !Ref Stage, Days]", 30),
        ("!ImportValue shared", "value"),
        ("!Base64 a", "YQ=="),
        ('!GetAZs ""', ["eu-west-1a", "eu-west-1b", "eu-west-1c", "eu-west-1d"]),
        ("{a: !Ref AWS::NoValue, b: 1}", {"b": 1}),
        ("[1, !Ref AWS::NoValue, !If [IsTest, 2, !Ref AWS::NoValue]]", [1]),
        ("{Condition: {StringEquals: {a: b}}}", {"Condition": {"StringEquals": {"a": "b"}}}),
        ("{Fn::ToJsonString: {a: !Ref Stage}}", '{"a": "prod"}'),
    ],
)
def test_intrinsic_functions_are_evaluated(evaluator: Evaluator, part: str, expected: Any) -> None:
    document = parse("Resources: {A: {Properties: " + part + "}}")

    assert evaluator.value(document["Resources"]["A"]["Properties"]) == expected


def test_no_value_alone_is_recognizable(evaluator: Evaluator) -> None:
    assert evaluator.value({"Ref": "AWS::NoValue"}) is NO_VALUE


@pytest.mark.parametrize(
    "part",
    [
        {"Fn::FindInMap": ["Settings", "test", "Days"]},
        {"Fn::ImportValue": "missing"},
        {"Fn::If": ["Missing", 1, 2]},
        {"Fn::Select": ["5", ["a"]]},
        {"Fn::Unheard": "of"},
    ],
)
def test_what_cannot_be_resolved_is_an_error(evaluator: Evaluator, part: Document) -> None:
    with pytest.raises(CloudFormationError):
        evaluator.value(part)


def test_dates_stay_text() -> None:
    document = parse("AWSTemplateFormatVersion: 2010-09-09\nResources: {A: {Type: T, V: 2012-10-17}}")

    assert document["AWSTemplateFormatVersion"] == "2010-09-09"
    assert document["Resources"]["A"]["V"] == "2012-10-17"


def test_json_and_yaml_are_one() -> None:
    document = {"Resources": {"A": {"Type": "T", "Properties": {"Fn::Sub": "${B}"}}}}

    assert (
        parse(json.dumps(document)) == document == parse("Resources: {A: {Type: T, Properties: !Sub '${B}'}}")
    )


def test_parameters_have_the_declared_type() -> None:
    document = {
        "Parameters": {
            "Number": {"Type": "Number", "Default": 1.5},
            "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
            "Numbers": {"Type": "List<Number>"},
            "Flag": {"Type": "String", "Default": True},
        }
    }

    values = resolve_parameters(document, {"Numbers": "1,2"}, account_id="1", region="eu-west-1")

    assert values == {"Number": 1.5, "List": ["a", "b"], "Numbers": [1, 2], "Flag": "true"}


def test_dependencies_come_from_every_kind_of_reference() -> None:
    resources = parse(
        """
        Resources:
          Last: {Type: T, Properties: {A: !Sub "${ByAttribute.Arn}", B: !If [X, !Ref ByRef, a]}}
          ByAttribute: {Type: T, Properties: {A: !GetAtt First.Arn}}
          ByRef: {Type: T, DependsOn: [First], Properties: {A: !Ref SomeParameter}}
          First: {Type: T}
        """
    )["Resources"]

    assert dependencies(resources)["Last"] == {"ByAttribute", "ByRef"}
    ordered = in_dependency_order(resources)
    assert ordered[0] == "First"
    assert ordered[-1] == "Last"


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/bucket/folder/key.json",
        "https://s3.eu-west-1.amazonaws.com/bucket/folder/key.json",
        "https://s3-eu-west-1.amazonaws.com/bucket/folder/key.json",
        "https://bucket.s3.amazonaws.com/folder/key.json",
        "https://bucket.s3.eu-west-1.amazonaws.com/folder/key.json",
        "https://bucket.s3-eu-west-1.amazonaws.com/folder/key.json",
        "http://127.0.0.1:4566/bucket/folder/key.json",
        "http://localhost:4566/bucket/folder/key.json",
        "s3://bucket/folder/key.json",
    ],
)
def test_a_template_url_names_bucket_and_key(url: str) -> None:
    assert bucket_and_key(url) == ("bucket", "folder/key.json")
