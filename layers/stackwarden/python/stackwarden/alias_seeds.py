"""Sources of invocations by name: which one a permission names, where it is, and what may not be read."""

import re
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.alias_subject import Seed
from stackwarden.policies.alias_permissions import service_of
from stackwarden.policies.alias_state import Kind, Permission
from stackwarden.settings import Place

# What a SourceArn may be, and what in it names the source; with a wildcard it names none.
_SOURCES: Final[Mapping[str, tuple[Kind, re.Pattern[str]]]] = {
    service: (kind, re.compile(rf"arn:[\w-]+:{pattern}"))
    for service, kind, pattern in (
        ("s3", Kind.BUCKET, r"s3:::(?P<name>[\w.-]{3,255})"),
        ("sns", Kind.TOPIC, r"sns:[\w-]+:\d{12}:[\w-]{1,256}(?:\.fifo)?"),
        ("events", Kind.RULE, r"events:[\w-]+:\d{12}:rule/[/.\w-]+"),
        ("apigateway", Kind.REST_API, r"execute-api:[\w-]+:\d{12}:(?P<name>[a-z0-9]+)(?:/.*)?"),
        (
            "elasticloadbalancing",
            Kind.TARGET_GROUP,
            r"elasticloadbalancing:[\w-]+:\d{12}:targetgroup/[\w/-]+",
        ),
        ("logs", Kind.LOG_GROUP, r"logs:[\w-]+:\d{12}:log-group:[.\-/#\w]+(?::\*)?"),
        ("cognito-idp", Kind.USER_POOL, r"cognito-idp:[\w-]+:\d{12}:userpool/[\w-]+"),
        ("iot", Kind.IOT_RULE, r"iot:[\w-]+:\d{12}:rule/\w+"),
    )
}
# Not access denied by name, but it means the same; IoT and S3 say so for what is elsewhere, too.
_REFUSED: Final = (
    "NotAuthorizedException",
    "PermanentRedirect",
    "UnauthorizedException",
    "UnknownOperationException",  # a Region that lacks the feature
)
_PREFIX: Final[Mapping[Kind, str]] = {
    Kind.MAPPING: "lambda",
    Kind.BUCKET: "s3",
    Kind.TOPIC: "sns",
    Kind.RULE: "events",
    Kind.SCHEDULE: "scheduler",
    Kind.PIPE: "pipes",
    Kind.STATE_MACHINE: "states",
    Kind.REST_API: "apigateway",
    Kind.HTTP_API: "apigateway",
    Kind.TARGET_GROUP: "elasticloadbalancing",
    Kind.LOG_GROUP: "logs",
    Kind.USER_POOL: "cognito-idp",
    Kind.IOT_RULE: "iot",
}
# Where IAM has another name for it than the API.
_ACTIONS: Final[Mapping[str, str]] = {
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetResources": "GET",
    "GetIntegrations": "GET",
    "GetAuthorizers": "GET",
}


def source_of(permission: Permission) -> Seed | None:
    """Return the source that a permission names, as far as it is of a kind that can be read."""
    kind, pattern = _SOURCES.get(service_of(permission), (None, None))
    found = pattern and pattern.fullmatch(permission.source_arn or "")
    if kind is None or not found:
        return None
    return Seed(kind, found.groupdict().get("name") or found[0].removesuffix(":*"))


def is_here(seed: Seed, place: Place) -> bool:
    """Whether a source is of this account and Region, as far as its name says."""
    if not seed.name.startswith("arn:"):
        return True
    _, partition, _, region, account, *_ = seed.name.split(":")
    return Place(partition, region, account) == place


def is_refused(error: ClientError) -> bool:
    """Whether a source may not be read, by whatever name its service has for that."""
    return aws.is_access_denied(error) or aws.code(error) in _REFUSED


def refusal(error: ClientError, seed: Seed) -> str:
    """Say in a sentence what may not be read; "" if the error is another one."""
    if not is_refused(error):
        return ""
    action = _ACTIONS.get(error.operation_name, error.operation_name)
    return f"{_PREFIX[seed.kind]}:{action} on {seed.name} is denied"
