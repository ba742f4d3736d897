"""Templates of a careless developer, made so that a test decides how far CloudFormation has got.

`slow` resources take `account.step_delay` each: a long delay keeps an operation where it is for as long as a
test looks, and setting it to 0 lets the rest of it run at once.
"""

import json
from typing import Any

type Json = dict[str, Any]

SLOW_RESOURCES = 130
"""How many steps hold an operation; with HOLD seconds each, longer than any deadline."""
HOLD = 0.5


def table_properties(**properties: Any) -> Json:
    """What CreateTable and AWS::DynamoDB::Table need, and no protection unless it is given."""
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        **properties,
    }


def table(name: str, *, attributes: Json | None = None, **properties: Any) -> Json:
    """A table; `attributes` are those of the resource, such as DeletionPolicy or DependsOn."""
    return {
        "Type": "AWS::DynamoDB::Table",
        **(attributes or {}),
        "Properties": table_properties(TableName=name, **properties),
    }


def database_properties(**properties: Any) -> Json:
    """What CreateDBInstance and AWS::RDS::DBInstance need."""
    return {
        "DBInstanceClass": "db.t3.micro",
        "Engine": "mysql",
        "AllocatedStorage": 10,
        "MasterUsername": "owner",
        "MasterUserPassword": "secret-123",
        **properties,
    }


def slow(*, after: list[str], prefix: str = "Slow") -> Json:
    """Topics one after another: made after the resources `after`, and deleted before them."""
    names = [f"{prefix}{number}" for number in range(SLOW_RESOURCES)]
    needed = [after, *([name] for name in names[:-1])]
    return {
        name: {"Type": "AWS::SNS::Topic", "DependsOn": of} for name, of in zip(names, needed, strict=True)
    }


def last_slow(prefix: str = "Slow") -> str:
    """The logical id of the slow resource that is made last."""
    return f"{prefix}{SLOW_RESOURCES - 1}"


def function(*, after: list[str]) -> Json:
    """A function and its role, made after what it uses and deleted before it."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
        },
        "Checkout": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": after,
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context):\n    return event\n"},
            },
        },
    }


def impossible(*, after: list[str]) -> Json:
    """A policy for a role that does not exist: CloudFormation fails at it, whatever it has made before."""
    return {
        "Type": "AWS::IAM::Policy",
        "DependsOn": after,
        "Properties": {
            "PolicyName": "impossible",
            "Roles": ["a-role-that-does-not-exist"],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}],
            },
        },
    }


def body(**resources: Json) -> str:
    """A template's text."""
    return json.dumps({"Resources": resources})
