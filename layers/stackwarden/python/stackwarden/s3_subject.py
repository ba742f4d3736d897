"""Where an event points: to functions, buckets, roles and whatever else lies on the way of a loop."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from stackwarden import lambda_names
from stackwarden.events import ApiCall, ResourceStatusChange, StackStatusChange
from stackwarden.settings import Place


class Kind(StrEnum):
    """What an event may point at."""

    FUNCTION = "function"  # an ARN, with a qualifier if it is named with one
    BUCKET = "bucket"
    ROLE = "role"  # a name
    POLICY = "policy"  # the ARN of a managed one
    TOPIC = "topic"
    QUEUE = "queue"
    RULE = "rule"  # a name
    MAPPING = "event source mapping"  # a UUID
    STACK = "stack"


class Start(NamedTuple):
    """One thing to begin at."""

    kind: Kind
    name: str

    @property
    def is_function(self) -> bool:
        """Whether the event is about one function alone."""
        return self.kind is Kind.FUNCTION


# The call: what it may have opened or closed, and the parameter that names it. Lambda's names carry a date.
_CALLS: Final[Mapping[str, Mapping[str, tuple[Kind, str]]]] = {
    "s3.amazonaws.com": {
        "PutBucketNotification": (Kind.BUCKET, "bucketName"),
        "PutBucketPolicy": (Kind.BUCKET, "bucketName"),
        "DeleteBucketPolicy": (Kind.BUCKET, "bucketName"),
        "DeleteBucket": (Kind.BUCKET, "bucketName"),
    },
    "lambda.amazonaws.com": {
        "CreateFunction": (Kind.FUNCTION, "functionName"),
        "UpdateFunctionConfiguration": (Kind.FUNCTION, "functionName"),
        "PutFunctionConcurrency": (Kind.FUNCTION, "functionName"),
        "DeleteFunctionConcurrency": (Kind.FUNCTION, "functionName"),
        "PutFunctionRecursionConfig": (Kind.FUNCTION, "functionName"),
        "AddPermission": (Kind.FUNCTION, "functionName"),
        "RemovePermission": (Kind.FUNCTION, "functionName"),
        "CreateAlias": (Kind.FUNCTION, "functionName"),
        "UpdateAlias": (Kind.FUNCTION, "functionName"),
        "CreateEventSourceMapping": (Kind.FUNCTION, "functionName"),
        "UpdateEventSourceMapping": (Kind.MAPPING, "uUID"),
        "DeleteEventSourceMapping": (Kind.MAPPING, "uUID"),
    },
    "sns.amazonaws.com": {
        "Subscribe": (Kind.TOPIC, "topicArn"),
        "Unsubscribe": (Kind.TOPIC, "subscriptionArn"),
    },
    "events.amazonaws.com": {
        "PutRule": (Kind.RULE, "name"),
        "EnableRule": (Kind.RULE, "name"),
        "DisableRule": (Kind.RULE, "name"),
        "DeleteRule": (Kind.RULE, "name"),
        "PutTargets": (Kind.RULE, "rule"),
        "RemoveTargets": (Kind.RULE, "rule"),
    },
    "iam.amazonaws.com": {
        "PutRolePolicy": (Kind.ROLE, "roleName"),
        "DeleteRolePolicy": (Kind.ROLE, "roleName"),
        "AttachRolePolicy": (Kind.ROLE, "roleName"),
        "DetachRolePolicy": (Kind.ROLE, "roleName"),
        "PutRolePermissionsBoundary": (Kind.ROLE, "roleName"),
        "DeleteRolePermissionsBoundary": (Kind.ROLE, "roleName"),
        "TagRole": (Kind.ROLE, "roleName"),
        "UntagRole": (Kind.ROLE, "roleName"),
        "CreatePolicyVersion": (Kind.POLICY, "policyArn"),
        "SetDefaultPolicyVersion": (Kind.POLICY, "policyArn"),
    },
}
# What in a stack may be a part of a loop, and what its physical id is.
OF_STACK: Final[Mapping[str, Kind]] = {
    "AWS::Lambda::Function": Kind.FUNCTION,
    "AWS::Lambda::Alias": Kind.FUNCTION,
    "AWS::Lambda::EventSourceMapping": Kind.MAPPING,
    "AWS::S3::Bucket": Kind.BUCKET,
    "AWS::IAM::Role": Kind.ROLE,
    "AWS::IAM::ManagedPolicy": Kind.POLICY,
    "AWS::SNS::Topic": Kind.TOPIC,
    "AWS::SNS::Subscription": Kind.TOPIC,
    "AWS::SQS::Queue": Kind.QUEUE,
    "AWS::Events::Rule": Kind.RULE,
}


def start_of(event: ApiCall | StackStatusChange | ResourceStatusChange, place: Place) -> Start | None:
    """Say where to begin; None: the event is not about anything that closes or opens a loop."""
    if isinstance(event, StackStatusChange):
        return Start(Kind.STACK, event.stack_id)
    # By lower case: how CloudTrail spells a parameter that begins with an abbreviation is not documented.
    request = {key.lower(): value for key, value in (event.request or {}).items()}
    found = _CALLS.get(event.source, {}).get(event.undated_name)
    if found is None:
        return None
    kind, parameter = found
    name = request.get(parameter.lower())
    if kind is Kind.RULE and str(request.get("eventbusname") or "default").rsplit("/", 1)[-1] != "default":
        return None  # S3 tells the default bus, which may be named by its ARN
    return Start(kind, _spelt(kind, str(name), request, place)) if name else None


def _spelt(kind: Kind, name: str, request: Mapping[str, Any], place: Place) -> str:
    if kind is Kind.TOPIC:
        return ":".join(name.split(":")[:6])  # a subscription's ARN is the topic's, and a UUID
    if kind is not Kind.FUNCTION:
        return name
    function = lambda_names.parse(name, place)
    qualifier = request.get("qualifier") or request.get("name") or function.qualifier
    return f"{function.arn}:{qualifier}" if qualifier else function.arn
