"""The deletion policies in a stack's template, JSON or YAML, whatever its resources are called."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.stacks import Policies, name_of, parse_policies

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Transform: [AWS::LanguageExtensions]
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Snapshot
    Properties:
      TableName: !Sub "${AWS::StackName}-orders"
      Tags:
        - {Key: env, Value: !If [IsProd, prod, !Ref Env]}
        - Key: !Select [0, !Split [",", !ImportValue names]]
          Value: !FindInMap {Map: a}
      KeySchema: !GetAtt Other.Arn
  On:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
  Yes: {Type: AWS::Kinesis::Stream, UpdateReplacePolicy: Retain}
  1234: {Type: AWS::Kinesis::Stream, DeletionPolicy: Delete}
  Chosen:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: !If [IsProd, Retain, Delete]
"""


def test_yaml_with_short_forms() -> None:
    policies = parse_policies(YAML)

    assert policies.on_delete == {"Orders": "Retain", "On": "RetainExceptOnCreate", "1234": "Delete"}
    assert policies.on_replace == {"Orders": "Snapshot", "Yes": "Retain"}


def test_json_as_boto3_decodes_it() -> None:
    body = {"Resources": {"Orders": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}}}

    assert parse_policies(body).on_delete == {"Orders": "Retain"}


def test_json_as_text() -> None:
    assert parse_policies('{"Resources": {"On": {"DeletionPolicy": "Retain"}}}').on_delete == {"On": "Retain"}


@pytest.mark.parametrize(
    "policy", [{"Fn::If": ["IsProd", "Retain", "Delete"]}, {"Ref": "Policy"}, None, ["Retain"], 7]
)
def test_a_policy_that_is_no_text_counts_as_none_so_that_the_data_is_protected(policy: object) -> None:
    policies = parse_policies({"Resources": {"Orders": {"DeletionPolicy": policy}}})

    assert not policies.retained("Orders")


@pytest.mark.parametrize(
    ("policy", "retained"),
    [
        ("Retain", True),
        ("RetainExceptOnCreate", True),
        ("Snapshot", False),
        ("Delete", False),
        ("retain", False),
    ],
)
def test_which_policies_keep_a_resource(policy: str, retained: bool) -> None:
    policies = Policies({"Orders": policy}, {"Orders": policy})

    assert policies.retained("Orders") == retained
    assert policies.retained_on_replace("Orders") == retained
    assert not policies.retained("Other")


@pytest.mark.parametrize("body", ["", "[]", "text", "Resources:", "Resources: []", {}, {"Resources": None}])
def test_a_template_without_resources_has_no_policies(body: object) -> None:
    assert parse_policies(body) == Policies()


def test_text_that_is_no_yaml_is_heard_of() -> None:
    with pytest.raises(yaml.YAMLError):
        parse_policies("Resources: [")


names = st.from_regex(r"[A-Za-z0-9]{1,12}", fullmatch=True)
policies = st.sampled_from(["Retain", "Delete", "Snapshot", "RetainExceptOnCreate"])


@given(st.dictionaries(names, policies, max_size=5))
def test_every_logical_id_survives_both_formats(wanted: dict[str, str]) -> None:
    template = {"Resources": {name: {"DeletionPolicy": policy} for name, policy in wanted.items()}}
    as_yaml = "Resources:\n" + "".join(f"  {name}:\n    DeletionPolicy: {p}\n" for name, p in wanted.items())

    assert parse_policies(template).on_delete == wanted
    assert parse_policies(as_yaml).on_delete == wanted


def test_the_name_in_an_id() -> None:
    assert name_of("arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1-2-3") == "shop"
