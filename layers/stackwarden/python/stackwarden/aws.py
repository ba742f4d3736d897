"""How Stackwarden talks to AWS: clients that retry throttling, and the names of expected errors."""

import functools
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

# https://docs.aws.amazon.com/boto3/latest/guide/retries.html: standard mode retries throttling with backoff.
# A guard has seconds, not minutes: what hangs for five seconds is tried again.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=3, read_timeout=5)
# Making clients from one session is not thread-safe: https://docs.aws.amazon.com/boto3/latest/guide/clients.html
_ONE_AT_A_TIME = threading.Lock()


@overload
def client(service: Literal["cloudformation"]) -> "CloudFormationClient": ...
@overload
def client(service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
@overload
def client(service: Literal["cognito-idp"]) -> "CognitoIdentityProviderClient": ...
@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["iam"]) -> "IAMClient": ...
@overload
def client(service: Literal["firehose"]) -> "FirehoseClient": ...
@overload
def client(service: Literal["kinesis"]) -> "KinesisClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["logs"]) -> "CloudWatchLogsClient": ...
@overload
def client(service: Literal["rds"]) -> "RDSClient": ...
@overload
def client(service: Literal["resourcegroupstaggingapi"]) -> "ResourceGroupsTaggingAPIClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["ssm"]) -> "SSMClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@overload  # their types are no development dependency
def client(service: Literal["apigateway", "apigatewayv2", "elbv2", "iot", "pipes", "scheduler"]) -> Any: ...
@functools.cache
def client(service: Any) -> Any:
    """Return the process's client of a service; made at first use, since each costs cold start time."""
    with _ONE_AT_A_TIME:
        return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=_CONFIG)


def pages(client: Any, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
    """Yield what all pages of an answer hold under a key."""
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page.get(key, [])


# SNS has a name of its own; Lambda and Step Functions have one for a key that the caller may not use.
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "KMSAccessDeniedException",
        "KmsAccessDeniedException",
        "UnauthorizedOperation",
    }
)


def code(error: ClientError) -> str:
    """Return AWS's name of an error."""
    return error.response["Error"]["Code"]


def is_access_denied(error: ClientError) -> bool:
    """Whether AWS refused the call for want of permission; query services leave `Exception` off."""
    return code(error) in _DENIED
