"""Reading what invokes functions at its own side: which functions a bucket, a topic, a rule, … names."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.alias_apis import of_api
from stackwarden.alias_subject import DEFAULT, Seed
from stackwarden.policies.alias_definitions import of_definition
from stackwarden.policies.alias_invokers import (
    Reference,
    of_iot_rule,
    of_mappings,
    of_notification,
    of_pipe,
    of_schedule,
    of_subscription_filters,
    of_subscriptions,
    of_target_health,
    of_targets,
    of_user_pool,
)
from stackwarden.policies.alias_state import Kind
from stackwarden.settings import Place

_SUBSCRIBED_WITH: Final = ("FilterPolicy", "FilterPolicyScope", "RedrivePolicy")


class SourceReader:
    """Reads sources. push: also what it takes to move the subscriptions of a topic."""

    def __init__(self, place: Place, push: bool = False) -> None:
        self._place = place
        self._push = push

    def read(self, seed: Seed) -> tuple[Reference, ...]:
        """Read which functions a source of this account and Region names; none if it does not exist.

        Raises ClientError; alias_seeds.py tells which of them say that it may not be read.
        """
        return _READ[seed.kind](self, seed.name)

    def _mapping(self, uuid: str) -> tuple[Reference, ...]:
        client = aws.client("lambda")
        try:
            return of_mappings([client.get_event_source_mapping(UUID=uuid)])
        except client.exceptions.ResourceNotFoundException:
            return ()

    def _bucket(self, name: str) -> tuple[Reference, ...]:
        client = aws.client("s3")
        try:
            found = client.get_bucket_notification_configuration(
                Bucket=name, ExpectedBucketOwner=self._place.account
            )
        except ClientError as error:
            if aws.code(error) == "NoSuchBucket":
                return ()
            raise
        return of_notification(name, found)

    def _topic(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("sns")
        try:
            found = of_subscriptions(
                arn, aws.pages(client, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
            )
        except client.exceptions.NotFoundException:
            return ()
        return tuple(_with_attributes(found)) if self._push else found

    def _rule(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("events")
        *within, name = arn.split(":rule/", 1)[1].rsplit("/", 1)
        bus = within[0] if within else DEFAULT
        try:
            targets = list(aws.pages(client, "list_targets_by_rule", "Targets", Rule=name, EventBusName=bus))
            if not of_targets(arn, targets):
                return ()
            enabled = client.describe_rule(Name=name, EventBusName=bus).get("State") != "DISABLED"
        except client.exceptions.ResourceNotFoundException:
            return ()
        return of_targets(arn, targets, enabled)

    def _schedule(self, name: str) -> tuple[Reference, ...]:
        client = aws.client("scheduler")
        group, name = name.rsplit("/", 1)
        try:
            return of_schedule(client.get_schedule(GroupName=group, Name=name), self._place)
        except client.exceptions.ResourceNotFoundException:
            return ()

    def _api(self, name: str) -> tuple[Reference, ...]:
        return of_api(name, self._place)

    def _pipe(self, name: str) -> tuple[Reference, ...]:
        client = aws.client("pipes")
        try:
            return of_pipe(client.describe_pipe(Name=name))
        except client.exceptions.NotFoundException:
            return ()

    def _state_machine(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("stepfunctions")
        try:
            definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
        except client.exceptions.StateMachineDoesNotExist:
            return ()
        return of_definition(arn, definition, self._place)

    def _target_group(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("elbv2")
        try:
            found = client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        except client.exceptions.TargetGroupNotFoundException:
            return ()
        return of_target_health(arn, found)

    def _log_group(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("logs")
        name = arn.split(":log-group:", 1)[1]
        try:
            found = aws.pages(
                client, "describe_subscription_filters", "subscriptionFilters", logGroupName=name
            )
            return of_subscription_filters(arn, found)
        except client.exceptions.ResourceNotFoundException:
            return ()

    def _user_pool(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("cognito-idp")
        try:
            pool = client.describe_user_pool(UserPoolId=arn.rsplit("/", 1)[-1])["UserPool"]
        except client.exceptions.ResourceNotFoundException:
            return ()
        return of_user_pool(arn, pool.get("LambdaConfig", {}))

    def _iot_rule(self, arn: str) -> tuple[Reference, ...]:
        client = aws.client("iot")
        name = arn.rsplit("/", 1)[-1]
        try:
            return of_iot_rule(arn, client.get_topic_rule(ruleName=name).get("rule", {}))
        except client.exceptions.UnauthorizedException:
            # IoT says so of a rule that does not exist, too; the list tells them apart.
            if any(rule["ruleName"] == name for rule in aws.pages(client, "list_topic_rules", "rules")):
                raise
            return ()


_READ: Final[Mapping[Kind, Callable[[SourceReader, str], tuple[Reference, ...]]]] = {
    Kind.MAPPING: SourceReader._mapping,
    Kind.BUCKET: SourceReader._bucket,
    Kind.TOPIC: SourceReader._topic,
    Kind.RULE: SourceReader._rule,
    Kind.SCHEDULE: SourceReader._schedule,
    Kind.PIPE: SourceReader._pipe,
    Kind.STATE_MACHINE: SourceReader._state_machine,
    Kind.REST_API: SourceReader._api,
    Kind.HTTP_API: SourceReader._api,
    Kind.TARGET_GROUP: SourceReader._target_group,
    Kind.LOG_GROUP: SourceReader._log_group,
    Kind.USER_POOL: SourceReader._user_pool,
    Kind.IOT_RULE: SourceReader._iot_rule,
}


def subscription(arn: str) -> tuple[Reference, ...]:
    """Read one subscription of a topic of this account and Region: the function that it tells."""
    topic = ":".join(arn.split(":")[:6])
    found = _attributes(arn)
    return of_subscriptions(topic, [{**found, "SubscriptionArn": arn}]) if found else ()


def schedules(name: str) -> tuple[Seed, ...]:
    """Return the schedules of a name, whichever groups they are in: a stack tells the name alone."""
    client = aws.client("scheduler")
    found = aws.pages(client, "list_schedules", "Schedules", NamePrefix=name)
    return tuple(Seed(Kind.SCHEDULE, f"{each['GroupName']}/{name}") for each in found if each["Name"] == name)


def _with_attributes(references: Iterable[Reference]) -> Iterator[Reference]:
    """Without its filter, the subscription that takes another's place would tell of more."""
    for reference in references:
        invoker = reference.invoker
        attributes = _attributes(invoker.id) if invoker.enabled else {}
        if attributes is not None:
            kept = {key: attributes[key] for key in _SUBSCRIBED_WITH if key in attributes}
            yield reference._replace(invoker=replace(invoker, config=kept))


def _attributes(subscription_arn: str) -> Mapping[str, str] | None:
    client = aws.client("sns")
    try:
        return client.get_subscription_attributes(SubscriptionArn=subscription_arn)["Attributes"]
    except client.exceptions.NotFoundException:
        return None
