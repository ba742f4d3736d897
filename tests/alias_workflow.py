"""What the workflow does for `missing-alias`: the calls of statemachines/remediation.asl.json."""

from collections.abc import Callable, Mapping
from typing import Any


def do(action: dict[str, Any], *, lambda_: Any, s3: Any, sns: Any, events: Any) -> None:
    """Do one action, with the clients of whoever does it."""
    target, given = action["target"], action["parameters"]
    calls: Mapping[str, Callable[[], Any]] = {
        "publish-version": lambda: lambda_.publish_version(
            FunctionName=target, CodeSha256=given["code_sha256"]
        ),
        "create-alias": lambda: lambda_.create_alias(
            FunctionName=target, Name=given["name"], FunctionVersion=given["version"]
        ),
        "update-alias": lambda: lambda_.update_alias(
            FunctionName=target, Name=given["name"], FunctionVersion=given["version"]
        ),
        "add-permission": lambda: lambda_.add_permission(**given["statement"]),
        "repoint-mapping": lambda: lambda_.update_event_source_mapping(
            UUID=target, FunctionName=given["function"]
        ),
        "repoint-notification": lambda: s3.put_bucket_notification_configuration(
            Bucket=target,
            NotificationConfiguration=given["configuration"],
            ExpectedBucketOwner=given["account"],
        ),
        "repoint-target": lambda: events.put_targets(
            Rule=target, EventBusName=given["bus"], Targets=given["targets"]
        ),
        "repoint-subscription": lambda: sns.subscribe(
            TopicArn=target,
            Protocol="lambda",
            Endpoint=given["function"],
            Attributes=given["attributes"],
            ReturnSubscriptionArn=True,
        ),
        "end-subscription": lambda: sns.unsubscribe(SubscriptionArn=target),
    }
    calls[action["kind"]]()
