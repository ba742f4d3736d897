"""From where an event points to the functions that may be part of a loop."""

from collections.abc import Iterable, Iterator
from typing import Final

from stackwarden import aws
from stackwarden.policies.s3_state import unqualified
from stackwarden.policies.s3_walk import Kind as Read
from stackwarden.policies.s3_walk import Ref, routes, triggers_of
from stackwarden.s3_reader import EstateReader
from stackwarden.s3_roles import RoleReader, name_of
from stackwarden.s3_subject import OF_STACK, Kind, Start
from stackwarden.settings import Place
from stackwarden.stacks import StackReader

FINDING_TAG: Final = "stackwarden:finding"
CAP_TAG: Final = "stackwarden:concurrency-cap"


class Starts:
    """Finds where walks begin. Every method raises ClientError."""

    def __init__(self, place: Place, stacks: StackReader, roles: RoleReader, reader: EstateReader) -> None:
        self._place = place
        self._stacks = stacks
        self._roles = roles
        self._reader = reader
        self._here = f"arn:{place.partition}:lambda:{place.region}:{place.account}:function:"

    def functions(self, start: Start) -> tuple[str, ...]:
        """Return the ARNs of functions to look at, as a trigger may name them."""
        return tuple(dict.fromkeys(self._pointed_at(start)))

    def capped(self) -> dict[str, str]:
        """Return the functions that bear the tag of a cap, and the finding that another tag names.

        Anybody may tag: the tags only point to the ledger, which knows.
        """
        pages = (
            aws.client("resourcegroupstaggingapi")
            .get_paginator("get_resources")
            .paginate(TagFilters=[{"Key": CAP_TAG}], ResourceTypeFilters=["lambda:function"])
        )
        return {
            mapping["ResourceARN"]: next(
                (tag["Value"] for tag in mapping["Tags"] if tag["Key"] == FINDING_TAG), ""
            )
            for page in pages
            for mapping in page["ResourceTagMappingList"]
        }

    def _pointed_at(self, start: Start) -> Iterable[str]:
        match start.kind:
            case Kind.FUNCTION:
                return [start.name if start.name.startswith("arn:") else self._here + start.name]
            case Kind.BUCKET:
                return self._triggered_by(start.name)
            case Kind.ROLE:
                return self._with_roles({start.name}) if self._roles.of_lambda(start.name) else ()
            case Kind.POLICY:
                return self._with_roles(set(self._roles.using_policy(start.name)))
            case Kind.TOPIC | Kind.QUEUE:
                return self._behind(self._arn(start))
            case Kind.RULE:
                return self._targeted_by(start.name)
            case Kind.MAPPING:
                return self._mapped(start.name)
            case Kind.STACK:
                return self._of_stack(start.name)

    def _triggered_by(self, bucket: str) -> Iterator[str]:
        self._reader.read_all([Ref(Read.BUCKET, bucket), Ref(Read.BUCKET_POLICY, bucket)])
        found = self._reader.estate.buckets.get(bucket)
        if found is None:
            return
        unread: dict[Ref, None] = {}
        triggers = triggers_of(found, self._reader.estate, unread, self._here)
        if self._reader.read_all(unread):
            triggers = triggers_of(found, self._reader.estate, {}, self._here)
        for trigger in triggers:
            yield from self._behind(trigger.target)

    def _behind(self, target: str) -> list[str]:
        """The functions that a topic or a queue leads to, or the target itself."""
        while True:
            unread: dict[Ref, None] = {}
            found = [route[-1].target for route in routes(target, self._reader.estate, unread)]
            if not self._reader.read_all(unread):
                return found

    def _with_roles(self, roles: set[str]) -> Iterator[str]:
        if not roles:
            return
        for page in aws.client("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if name_of(function["Role"]) in roles:
                    arn = unqualified(function["FunctionArn"])
                    self._reader.know(arn, function)
                    yield arn

    def _targeted_by(self, rule: str) -> Iterator[str]:
        events = aws.client("events")
        try:
            pages = list(events.get_paginator("list_targets_by_rule").paginate(Rule=rule))
        except events.exceptions.ResourceNotFoundException:
            return
        for target in (target for page in pages for target in page["Targets"]):
            yield from self._behind(target["Arn"])

    def _mapped(self, uuid: str) -> list[str]:
        client = aws.client("lambda")
        try:
            return [client.get_event_source_mapping(UUID=uuid)["FunctionArn"]]
        except client.exceptions.ResourceNotFoundException:
            return []

    def _of_stack(self, stack_id: str) -> Iterator[str]:
        stack = self._stacks.describe(stack_id)
        if stack is None or stack.nested:  # the root completes later, with all that is nested in it
            return
        found = [
            Start(OF_STACK[resource.type], resource.physical_id)
            for resource in self._stacks.resources(stack)
            if resource.type in OF_STACK
            and resource.status != "DELETE_COMPLETE"
            # S3 tells the default bus; the id of a rule on another one is `<bus>|<rule>`.
            and not (resource.type == "AWS::Events::Rule" and "|" in resource.physical_id)
        ]
        roles = {start.name for start in found if start.kind is Kind.ROLE}
        policies = [start.name for start in found if start.kind is Kind.POLICY]
        roles.update(role for policy in policies for role in self._roles.using_policy(policy))
        yield from self._with_roles(roles)  # one listing for all of them
        for start in found:
            if start.kind not in (Kind.ROLE, Kind.POLICY):
                self._reader.begin()
                yield from self._pointed_at(start)

    def _arn(self, start: Start) -> str:
        """A stack names a queue by its URL, and a subscription by its ARN."""
        if start.kind is Kind.QUEUE and start.name.startswith("http"):
            place = self._place
            queue = start.name.rsplit("/", 1)[-1]
            return f"arn:{place.partition}:sqs:{place.region}:{place.account}:{queue}"
        return ":".join(start.name.split(":")[:6])
