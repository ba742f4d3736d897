"""Reading what the walk of `s3-recursion` asks for, one thing at a time, within a bound."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.s3_rules import matches
from stackwarden.policies.s3_state import (
    Bucket,
    Function,
    KeyFilter,
    Role,
    Route,
    Rule,
    Statement,
    Trigger,
    events_of,
    statements,
)
from stackwarden.policies.s3_walk import Estate, Kind, Ref
from stackwarden.s3_roles import RoleReader
from stackwarden.settings import Place

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import NotificationConfigurationResponseTypeDef

MOST_READS: Final = 150  # things to read in one walk; a role with some policies is one thing
_TARGETS: Final = (
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ("TopicConfigurations", "TopicArn"),
    ("QueueConfigurations", "QueueArn"),
)


class EstateReader:
    """Reads into an Estate. Raises ClientError for whatever is not one of the expected answers."""

    def __init__(self, place: Place, roles: RoleReader, most: int = MOST_READS) -> None:
        self._place = place
        self._roles = roles
        self._most = self._left = most
        self.estate = Estate()

    def read(self, ref: Ref) -> bool:
        """Read one thing; False: the bound is reached, and it was not read."""
        if self._left <= 0:
            return False
        self._left -= 1
        _READ[ref.kind](self, ref.name)
        return True

    def begin(self) -> None:
        """Begin another walk: it may read as much as the first; what was read is known."""
        self._left = self._most

    def read_all(self, refs: Iterable[Ref]) -> int:
        """Read one after the other while the bound allows; return how many were read."""
        return sum([self.read(ref) for ref in refs])

    def _function(self, arn: str) -> None:
        self.estate.functions[arn] = self._read_function(arn)

    def _read_function(self, arn: str) -> Function | None:
        name, qualifier = _qualified(arn)
        if arn.split(":")[3:5] != [self._place.region, self._place.account]:
            return None
        client = aws.client("lambda")
        try:
            found = client.get_function_configuration(FunctionName=name, **qualifier)
        except client.exceptions.ResourceNotFoundException:
            return None
        return _function_of(arn, found)

    def know(self, arn: str, found: Mapping[str, Any]) -> None:
        """Take a function from a listing."""
        self.estate.functions[arn] = _function_of(arn, found)

    def _role(self, arn: str) -> None:
        role = self._roles.permissions(arn)
        self.estate.roles[arn] = role
        if role and any(_may_need_details(statement) for statement in role.statements):
            self._role_details(arn)

    def _role_details(self, arn: str) -> None:
        role: Role | None = self.estate.roles.get(arn)
        self.estate.roles[arn] = self._roles.details(role) if role else None
        self.estate.detailed.add(arn)

    def _bucket(self, name: str) -> None:
        client = aws.client("s3")
        owner = self._place.account
        try:
            found = client.get_bucket_notification_configuration(Bucket=name, ExpectedBucketOwner=owner)
        except ClientError as error:
            if not self._absent(error, name):
                raise
            self.estate.buckets[name] = None
            return
        arn = f"arn:{self._place.partition}:s3:::{name}"
        triggers = tuple(_notifications(name, arn, found))
        # A bucket of another Region tells that Region's bus.
        told = "EventBridgeConfiguration" in found and name in self._own_buckets(name)
        self.estate.buckets[name] = Bucket(name, triggers, told)

    def _absent(self, error: ClientError, bucket: str) -> bool:
        """Whether a bucket does not exist or is another account's, as opposed to one that may not be read."""
        if aws.code(error) == "NoSuchBucket":
            return True
        return aws.is_access_denied(error) and bucket not in self._own_buckets(bucket)

    def _own_buckets(self, prefix: str = "") -> list[str]:
        paginator = aws.client("s3").get_paginator("list_buckets")
        only: Any = {"Prefix": prefix} if prefix else {}
        pages = paginator.paginate(BucketRegion=self._place.region, **only)
        return [bucket["Name"] for page in pages for bucket in page.get("Buckets", [])]

    def _buckets(self, _: str) -> None:
        self.estate.own_buckets = tuple(self._own_buckets())

    def _bucket_policy(self, name: str) -> None:
        self.estate.bucket_policies[name] = self._read_bucket_policy(name)

    def _read_bucket_policy(self, name: str) -> tuple[Statement, ...]:
        try:
            answer = aws.client("s3").get_bucket_policy(Bucket=name, ExpectedBucketOwner=self._place.account)
        except ClientError as error:
            if aws.code(error) == "NoSuchBucketPolicy" or self._absent(error, name):
                return ()
            raise
        return statements(f"the policy of bucket {name}", json.loads(answer["Policy"]))

    def _rules(self, _: str) -> None:
        events = aws.client("events")
        found = []
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                pattern = json.loads(rule.get("EventPattern") or "null")
                if rule.get("State") != "DISABLED" and pattern and self._about_s3(pattern):
                    found.append(self._rule(rule["Name"], rule["Arn"], pattern))
        self.estate.rules = tuple(found)

    def _about_s3(self, pattern: Mapping[str, Any]) -> bool:
        """Whether an event of some bucket may match, so that the targets are worth a call."""
        envelope = {key: value for key, value in pattern.items() if key in ("source", "detail-type")}
        place = self._place
        return bool(matches(envelope, bucket="any", account=place.account, region=place.region))

    def _rule(self, name: str, arn: str, pattern: Mapping[str, Any]) -> Rule:
        pages = aws.client("events").get_paginator("list_targets_by_rule").paginate(Rule=name)
        targets = [target for page in pages for target in page["Targets"]]
        by_role = frozenset(target["Arn"] for target in targets if target.get("RoleArn"))
        return Rule(name, arn, pattern, tuple(target["Arn"] for target in targets), by_role)

    def _topic(self, arn: str) -> None:
        here = [self._place.region, self._place.account]
        self.estate.topics[arn] = tuple(self._subscriptions(arn)) if arn.split(":")[3:5] == here else ()

    def _subscriptions(self, arn: str) -> Iterator[Route]:
        client = aws.client("sns")
        try:
            pages = list(client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn))
        except client.exceptions.NotFoundException:
            return
        for subscription in (subscription for page in pages for subscription in page["Subscriptions"]):
            confirmed = subscription["SubscriptionArn"].startswith("arn:")
            if confirmed and subscription["Protocol"] in ("lambda", "sqs"):
                arn = subscription["SubscriptionArn"]
                yield Route(subscription["Endpoint"], arn, _filter_of(arn))

    def _queue(self, arn: str) -> None:
        pages = aws.client("lambda").get_paginator("list_event_source_mappings").paginate(EventSourceArn=arn)
        self.estate.queues[arn] = tuple(
            Route(
                mapping["FunctionArn"],
                mapping["UUID"],
                f"event source mapping {mapping['UUID']} has filter criteria"
                if mapping.get("FilterCriteria", {}).get("Filters")
                else "",
            )
            for page in pages
            for mapping in page["EventSourceMappings"]
            if mapping["State"] not in ("Disabled", "Disabling", "Deleting")
        )

    def _invokers(self, arn: str) -> None:
        name, qualifier = _qualified(arn)
        client = aws.client("lambda")
        try:
            policy = client.get_policy(FunctionName=name, **qualifier)["Policy"]
        except client.exceptions.ResourceNotFoundException:
            self.estate.invokers[arn] = ()
            return
        self.estate.invokers[arn] = statements(f"the policy of function {name}", json.loads(policy))


_READ: Final[Mapping[Kind, Callable[[EstateReader, str], None]]] = {
    Kind.FUNCTION: EstateReader._function,
    Kind.ROLE: EstateReader._role,
    Kind.ROLE_DETAILS: EstateReader._role_details,
    Kind.BUCKET: EstateReader._bucket,
    Kind.BUCKET_POLICY: EstateReader._bucket_policy,
    Kind.BUCKETS: EstateReader._buckets,
    Kind.RULES: EstateReader._rules,
    Kind.TOPIC: EstateReader._topic,
    Kind.QUEUE: EstateReader._queue,
    Kind.INVOKERS: EstateReader._invokers,
}


def _function_of(arn: str, found: Mapping[str, Any]) -> Function:
    return Function(arn, found["Role"], in_vpc=bool(found.get("VpcConfig", {}).get("VpcId")))


def _filter_of(subscription: str) -> str:
    """Say what keeps a subscription from passing everything on; another account's does not tell."""
    try:
        attributes = aws.client("sns").get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    except ClientError as error:
        if not aws.is_access_denied(error):
            raise
        return f"subscription {subscription} may not be read"
    filtered = attributes.get("FilterPolicy", "{}") not in ("", "{}")
    return f"subscription {subscription} has a filter policy" if filtered else ""


def _may_need_details(statement: Statement) -> bool:
    """A policy variable, or a condition, may be about one of the role's tags or its id."""
    return bool(statement.conditions) or "${" in "".join((*statement.resources, *statement.not_resources))


def _qualified(arn: str) -> tuple[str, Any]:
    """Split a function's ARN into what FunctionName and Qualifier take."""
    parts = arn.split(":")
    return parts[6], {"Qualifier": parts[7]} if len(parts) > 7 else {}


def _notifications(
    bucket: str, arn: str, configuration: "NotificationConfigurationResponseTypeDef"
) -> Iterator[Trigger]:
    found: Mapping[str, Any] = configuration
    for key, target in _TARGETS:
        for entry in found.get(key, []):
            yield Trigger(
                bucket=bucket,
                kind="notification",
                name=entry.get("Id", ""),
                target=entry[target],
                events=events_of(tuple(entry["Events"])),
                source_arn=arn,
                filters=(key_filter(entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])),),
            )


def key_filter(rules: list[dict[str, str]]) -> KeyFilter:
    """Read the filter rules of a notification; their values are URL-encoded, and a space is a `+`.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    """
    values = {rule["Name"].lower(): unquote_plus(rule["Value"]) for rule in rules}
    return KeyFilter.of(values.get("prefix", ""), values.get("suffix", ""))
