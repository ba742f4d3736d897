"""Which permissions one API call needs: IAM's names of actions, where they are not those of the API.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from local.authorization.resources import resource_arns, role_arn
from local.cloudtrail.call import ApiCall

# IAM's prefix where it is not the signing name.
PREFIXES = {
    "cloudwatch": "cloudwatch",
    "dynamodbstreams": "dynamodb",
    "resourcegroupstaggingapi": "tag",
    "sesv2": "ses",
    "sns": "SNS",
    "stepfunctions": "states",
}
ACTIONS = {
    "lambda": {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"},
    "s3": {
        "ListBuckets": "ListAllMyBuckets",
        "HeadBucket": "ListBucket",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "ListParts": "ListMultipartUploadParts",
        "HeadObject": "GetObject",
        "CopyObject": "PutObject",
        "DeleteObjects": "DeleteObject",
        "CreateMultipartUpload": "PutObject",
        "UploadPart": "PutObject",
        "CompleteMultipartUpload": "PutObject",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketTagging": "PutBucketTagging",
        "PutBucketReplication": "PutReplicationConfiguration",
        "GetBucketReplication": "GetReplicationConfiguration",
        "PutBucketCors": "PutBucketCORS",
        "GetBucketCors": "GetBucketCORS",
        "DeleteBucketCors": "PutBucketCORS",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    },
}
# Calls that need another permission where they name a version of an object.
OF_VERSION = {
    name: name.replace("Object", "ObjectVersion", 1)
    for name in (
        "DeleteObject",
        "DeleteObjectTagging",
        "GetObject",
        "GetObjectAcl",
        "GetObjectTagging",
        "PutObjectAcl",
        "PutObjectTagging",
    )
}
# Headers of a new object that need a permission besides.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
WITH_OBJECT = {"ACL": "s3:PutObjectAcl", "Tagging": "s3:PutObjectTagging"}
# Services whose actions are the methods of HTTP.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
BY_METHOD = frozenset({"apigateway", "apigatewayv2"})
# Calls for which no permission is needed.
FREE_CALLS = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
# Calls that hand a role to a service: the parameter with the role, and the service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
PASSED_ROLES = {
    ("lambda", "CreateFunction"): ("Role", "lambda.amazonaws.com"),
    ("lambda", "UpdateFunctionConfiguration"): ("Role", "lambda.amazonaws.com"),
    ("stepfunctions", "CreateStateMachine"): ("roleArn", "states.amazonaws.com"),
    ("stepfunctions", "UpdateStateMachine"): ("roleArn", "states.amazonaws.com"),
    ("firehose", "CreateDeliveryStream"): ("RoleARN", "firehose.amazonaws.com"),
    ("firehose", "UpdateDestination"): ("RoleARN", "firehose.amazonaws.com"),
    ("kinesis", "CreateChannel"): ("ServiceExecutionRoleARN", "kinesis.amazonaws.com"),
    ("events", "PutTargets"): ("RoleArn", "events.amazonaws.com"),
    ("pipes", "CreatePipe"): ("RoleArn", "pipes.amazonaws.com"),
    ("pipes", "UpdatePipe"): ("RoleArn", "pipes.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("RoleArn", "scheduler.amazonaws.com"),
    ("scheduler", "UpdateSchedule"): ("RoleArn", "scheduler.amazonaws.com"),
    ("cloudformation", "CreateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "UpdateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "DeleteStack"): ("RoleARN", "cloudformation.amazonaws.com"),
}
# TagResources needs the permission of the resource's own service, too, by the service in the ARN.
# https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
TAGGING_ACTIONS = {
    "cloudformation": "cloudformation:UpdateStack",
    "dynamodb": "dynamodb:TagResource",
    "firehose": "firehose:TagDeliveryStream",
    "kinesis": "kinesis:AddTagsToStream",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "rds": "rds:AddTagsToResource",
    "s3": "s3:PutBucketTagging",
    "sns": "SNS:TagResource",
    "sqs": "sqs:TagQueue",
    "states": "states:TagResource",
}
# Calls that need another permission where they set tags.
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
TAGGING_CREATIONS = {
    ("firehose", "CreateDeliveryStream"): "firehose:TagDeliveryStream",
    ("kinesis", "CreateStream"): "kinesis:AddTagsToStream",
}
TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


@dataclass(frozen=True)
class Permission:
    """One action on one resource, and the condition keys that only this action has."""

    action: str
    resource: str
    context: dict[str, list[str]] = field(default_factory=dict)


def permissions(call: ApiCall) -> list[Permission]:
    """All that the call needs; each must be allowed."""
    if (call.service, call.name) in FREE_CALLS:
        return []
    if call.name in ("TransactWriteItems", "TransactGetItems"):
        return list(_transaction(call))
    name = ACTIONS.get(call.service, {}).get(call.name, call.name)
    if call.service == "s3" and call.parameters.get("VersionId"):
        name = OF_VERSION.get(name, name)
    if call.service in BY_METHOD:
        name = str(call.environ["REQUEST_METHOD"])
    action = f"{prefix(call)}:{name}"
    needed = [Permission(action, arn) for arn in resource_arns(call)]
    return [*needed, *_passed_roles(call), *_tagged_resources(call), *_with_object(call)]


def prefix(call: ApiCall) -> str:
    """IAM's prefix of the service, such as `states` for Step Functions."""
    return PREFIXES.get(call.service, str(call.operation.service_model.signing_name))


def _transaction(call: ApiCall) -> Iterator[Permission]:
    for item in call.parameters["TransactItems"]:
        for kind, request in item.items():
            table = f"arn:aws:dynamodb:{call.region}:{call.account}:table/{request['TableName']}"
            yield Permission(f"dynamodb:{TRANSACTION_ACTIONS[kind]}", table)


def _passed_roles(call: ApiCall) -> Iterator[Permission]:
    if (passed := PASSED_ROLES.get((call.service, call.name))) is None:
        return
    parameter, service = passed
    for role in dict.fromkeys(_found(call.parameters, parameter)):
        yield Permission("iam:PassRole", role_arn(role, call.account), {"iam:passedtoservice": [service]})


def _with_object(call: ApiCall) -> Iterator[Permission]:
    """What making an object needs besides s3:PutObject: its source, its ACL, its tags.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    if call.service != "s3" or call.name not in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        return
    for parameter, action in WITH_OBJECT.items():
        if call.parameters.get(parameter):
            yield Permission(action, resource_arns(call)[0])
    if source := call.parameters.get("CopySource"):
        key, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield Permission("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{key}")


def _tagged_resources(call: ApiCall) -> Iterator[Permission]:
    if call.parameters.get("Tags") and (action := TAGGING_CREATIONS.get((call.service, call.name))):
        yield from (Permission(action, arn) for arn in resource_arns(call))
    if (call.service, call.name) != ("resourcegroupstaggingapi", "TagResources"):
        return
    for arn in call.parameters["ResourceARNList"]:
        if action := TAGGING_ACTIONS.get(arn.split(":")[2]):
            yield Permission(action, arn)


def _found(value: Any, name: str) -> Iterator[str]:
    """Every value of a parameter, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name and isinstance(inner, str):
                yield inner
            else:
                yield from _found(inner, name)
    elif isinstance(value, list):
        for item in value:
            yield from _found(item, name)
