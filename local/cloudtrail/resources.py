"""Which resources a call is about: `resources` of a record, and the names by which LookupEvents finds it.

CloudTrail fills `resources` for few services; here for S3, Systems Manager (as recorded) and DynamoDB.
"""

from collections.abc import Mapping
from typing import Any

from moto.core.model import OperationModel

# Keys of requestParameters, and the resource type that LookupEvents gives for them.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-supported-resource-types.html
RESOURCE_TYPES = {
    "bucketName": "AWS::S3::Bucket",
    "functionName": "AWS::Lambda::Function",
    "tableName": "AWS::DynamoDB::Table",
    "stackName": "AWS::CloudFormation::Stack",
    "roleName": "AWS::IAM::Role",
    "userName": "AWS::IAM::User",
    "policyArn": "AWS::IAM::Policy",
    "dBInstanceIdentifier": "AWS::RDS::DBInstance",
    "dBClusterIdentifier": "AWS::RDS::DBCluster",
    "streamName": "AWS::Kinesis::Stream",
    "topicArn": "AWS::SNS::Topic",
}


def resources(
    operation: OperationModel, parameters: Mapping[str, Any], account: str, region: str
) -> list[dict[str, str]]:
    """`resources` of a record; `parameters` are spelt as in the API."""
    match operation.service_model.service_name:
        case "s3":
            bucket = parameters.get("Bucket")
            if not bucket or operation.name == "CreateBucket":
                return []
            return [{"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}]
        case "dynamodb" if (table := parameters.get("TableName")) is not None:
            arn = table if table.startswith("arn:") else f"arn:aws:dynamodb:{region}:{account}:table/{table}"
            return [{"accountId": account, "type": "AWS::DynamoDB::Table", "ARN": arn}]
        case "ssm" if str(operation.name).endswith(("Parameter", "Parameters")):
            names = [parameters["Name"]] if "Name" in parameters else parameters.get("Names", [])
            prefix = f"arn:aws:ssm:{region}:{account}:parameter/"
            return [{"accountId": account, "ARN": f"{prefix}{name.lstrip('/')}"} for name in names]
    return []


def lookup_resources(event: Mapping[str, Any]) -> list[dict[str, str]]:
    """`Resources` of an event in LookupEvents: type and name."""
    named = [
        {"ResourceType": type_, "ResourceName": value}
        for key, value in (event["requestParameters"] or {}).items()
        if (type_ := RESOURCE_TYPES.get(key)) is not None and isinstance(value, str)
    ]
    listed = [
        {"ResourceType": it.get("type", ""), "ResourceName": it["ARN"]} for it in event.get("resources", [])
    ]
    return [*named, *listed]
