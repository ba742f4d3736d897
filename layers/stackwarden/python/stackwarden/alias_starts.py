"""From where an event points to the functions that may be invoked through no alias."""

from collections.abc import Iterator, Mapping
from typing import Final

from botocore.exceptions import ClientError

from stackwarden import aws, lambda_names
from stackwarden.alias_seeds import is_here, is_refused
from stackwarden.alias_sources import SourceReader, schedules, subscription
from stackwarden.alias_subject import Seed, Start, Target, rule_arn
from stackwarden.policies.alias_invokers import functions as named_by
from stackwarden.policies.alias_state import Kind
from stackwarden.settings import Place
from stackwarden.stacks import StackReader, StackResource

_KIND: Final[Mapping[Target, Kind]] = {
    Target.MAPPING: Kind.MAPPING,
    Target.BUCKET: Kind.BUCKET,
    Target.TOPIC: Kind.TOPIC,
    Target.RULE: Kind.RULE,
    Target.SCHEDULE: Kind.SCHEDULE,
    Target.PIPE: Kind.PIPE,
    Target.STATE_MACHINE: Kind.STATE_MACHINE,
}
_FUNCTION: Final = "AWS::Lambda::Function"
_OF_FUNCTION: Final = ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Url")  # by the ARN
_RULE: Final = "AWS::Events::Rule"
_SCHEDULE: Final = "AWS::Scheduler::Schedule"
_SUBSCRIPTION: Final = "AWS::SNS::Subscription"
# What in a stack may invoke functions, and is known by its physical id as it stands.
_OF_STACK: Final[Mapping[str, Kind]] = {
    "AWS::Lambda::EventSourceMapping": Kind.MAPPING,
    "AWS::S3::Bucket": Kind.BUCKET,
    "AWS::SNS::Topic": Kind.TOPIC,
    "AWS::Pipes::Pipe": Kind.PIPE,
    "AWS::StepFunctions::StateMachine": Kind.STATE_MACHINE,
    "AWS::ApiGateway::RestApi": Kind.REST_API,
    "AWS::ApiGatewayV2::Api": Kind.HTTP_API,
    "AWS::ElasticLoadBalancingV2::TargetGroup": Kind.TARGET_GROUP,
}


class Starts:
    """Finds the functions to judge. Every method raises ClientError."""

    def __init__(self, place: Place, stacks: StackReader) -> None:
        self._place = place
        self._stacks = stacks
        self._sources = SourceReader(place)

    def functions(self, start: Start) -> Iterator[tuple[str, tuple[Seed, ...]]]:
        """Yield each function of this account and Region once, unqualified, with the sources that name it.

        What of a stack may not be read is raised last, after all functions that are known without it.
        """
        match start.kind:
            case Target.FUNCTION:
                yield start.name, ()
            case Target.STACK:
                yield from self._of_stack(start.name)
            case kind:
                seed = Seed(_KIND[kind], start.name)
                for function in self._named_by(seed):
                    yield function, (seed,)

    def _named_by(self, seed: Seed) -> tuple[str, ...]:
        if not is_here(seed, self._place):
            return ()
        return named_by(self._sources.read(seed), self._place)

    def _of_stack(self, stack_id: str) -> Iterator[tuple[str, tuple[Seed, ...]]]:
        stack = self._stacks.describe(stack_id)
        if stack is None or stack.nested:  # the root completes later, with all that is nested in it
            return
        found: dict[str, dict[Seed, None]] = {}
        sources: list[StackResource] = []
        for resource in self._stacks.resources(stack):
            if resource.status == "DELETE_COMPLETE":
                continue
            if function := self._function(resource):
                found.setdefault(function, {})
            else:
                sources.append(resource)
        denied: ClientError | None = None
        for resource in sources:
            try:
                for function, seed in self._told_by(resource):
                    found.setdefault(function, {})[seed] = None
            except ClientError as error:
                if not is_refused(error):
                    raise
                denied = denied or error
        yield from ((function, tuple(seeds)) for function, seeds in found.items())
        if denied and aws.is_access_denied(denied):  # the others name what this place does not have
            raise denied

    def _function(self, resource: StackResource) -> str:
        if resource.type == _FUNCTION:
            return lambda_names.parse(resource.physical_id, self._place).arn
        named = lambda_names.from_arn(resource.physical_id) if resource.type in _OF_FUNCTION else None
        return named.arn if named else ""

    def _told_by(self, resource: StackResource) -> Iterator[tuple[str, Seed]]:
        if resource.type == _SUBSCRIPTION:
            yield from self._subscribed(resource.physical_id)
        for seed in self._seeds(resource):
            for function in self._named_by(seed):
                yield function, seed

    def _subscribed(self, arn: str) -> Iterator[tuple[str, Seed]]:
        """Only the one: the topic's other subscriptions are no part of the stack."""
        seed = Seed(Kind.TOPIC, ":".join(arn.split(":")[:6]))
        if arn.startswith("arn:") and is_here(seed, self._place):  # it has no ARN until it is confirmed
            for function in named_by(subscription(arn), self._place):
                yield function, seed

    def _seeds(self, resource: StackResource) -> tuple[Seed, ...]:
        name = resource.physical_id
        if kind := _OF_STACK.get(resource.type):
            return (Seed(kind, name),)
        if resource.type == _RULE:  # `bus|name`, or the name alone of one on the default bus
            bus, _, name = name.rpartition("|")
            return (Seed(Kind.RULE, rule_arn(name, bus, self._place)),)
        return schedules(name) if resource.type == _SCHEDULE else ()
