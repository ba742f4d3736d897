"""Reading a function for the judgement of `missing-alias`: first who invokes it, then what it runs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import ClientError, EndpointConnectionError

from stackwarden import alias_code, aws
from stackwarden.alias_seeds import is_here, is_refused, refusal, source_of
from stackwarden.alias_sources import SourceReader
from stackwarden.alias_stack import stack_place
from stackwarden.alias_subject import Seed, rule_arn
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_invokers import Reference, invokers, of_mappings, of_pipe, of_url
from stackwarden.policies.alias_permissions import of_permission, permissions, service_of
from stackwarden.policies.alias_state import Alias, Function, Invoker, Kind, Permission
from stackwarden.policies.alias_steps import SERVICES
from stackwarden.settings import Place
from stackwarden.stacks import StackReader

MOST_SOURCES: Final = 50  # sources to read for one function


class FunctionReader:
    """Reads functions. Raises ClientError where the function itself may not be read."""

    def __init__(self, place: Place, stacks: StackReader) -> None:
        self._place = place
        self._stacks = stacks

    def invoked(
        self, arn: str, seeds: Iterable[Seed] = (), push: bool = False, every: bool = False, deleted: str = ""
    ) -> Function | None:
        """Read who invokes a function, by its ARN without a qualifier; None: it does not exist.

        push: also all that it takes to move what pushes events. every: also what goes through aliases on
        versions. deleted: an alias that is gone; what names it still is found. What may not be read of the
        sources is in `unread`, and the permission that lets the source in is then the invoker itself.
        """
        aliases = _aliases(arn)
        if aliases is None:
            return None
        walk = _Walk(arn, self._place, push)
        walk.add(_mappings(arn, dict.fromkeys((*aliases, *([deleted] if deleted else [])))))
        walked = (None, *_walked(aliases.values(), every))
        granted = {qualifier: _policy(arn, qualifier) for qualifier in walked}
        for seed in seeds:
            walk.source(seed)
        for qualifier in walked:
            walk.url(qualifier)
            walk.targets(qualifier)
        if deleted and deleted not in walked:  # its policy and its URL went with it
            walk.targets(deleted)
        walk.pipes()
        for qualifier, allowed in granted.items():
            # Sources first: what they say tells what a permission that names none is for.
            for permission in sorted(allowed, key=lambda each: each.source_arn is None):
                walk.permission(permission, qualifier)
        return Function(
            arn, walk.invokers, aliases, permissions=granted[None], unread=tuple(dict.fromkeys(walk.unread))
        )

    def complete(self, function: Function, alias: str) -> Function | None:
        """Add tags, stack, code, and what an alias has of its own; None: the function is gone meanwhile."""
        tags = self.tags(function.arn)
        if tags is None:
            return None
        try:
            code = alias_code.code_of(function, alias)
            missing = alias_code.async_settings_missing(function, alias)
        except aws.client("lambda").exceptions.ResourceNotFoundException:
            return None
        return replace(
            function,
            tags=tags,
            code=code,
            granted=_policy(function.arn, alias) if alias in function.aliases else (),
            async_settings_missing=missing,
            stack=stack_place(self._stacks, tags),
        )

    def tags(self, arn: str) -> Mapping[str, str] | None:
        """Read the tags of a function, by its ARN without a qualifier; None: it does not exist."""
        client = aws.client("lambda")
        try:
            return client.list_tags(Resource=arn).get("Tags", {})
        except client.exceptions.ResourceNotFoundException:
            return None


class _Walk:
    """What invokes one function, as far as it was read; each source is read once."""

    def __init__(self, arn: str, place: Place, push: bool) -> None:
        self._arn = arn
        self._place = place
        self._sources = SourceReader(place, push)
        self._found = dict[Invoker, None]()
        self._read = dict[Seed, bool]()
        self.unread: list[str] = []

    @property
    def invokers(self) -> tuple[Invoker, ...]:
        """What was found."""
        return tuple(self._found)

    def add(self, references: Iterable[Reference]) -> None:
        """Add what invokes the function, out of what was read."""
        self._found.update(dict.fromkeys(invokers(references, self._arn)))

    def source(self, seed: Seed) -> bool:
        """Read a source, unless it was before; False: it may not be read."""
        if seed not in self._read:
            self._read[seed] = self._reads(seed)
        return self._read[seed]

    def _reads(self, seed: Seed) -> bool:
        if not is_here(seed, self._place):
            self.unread.append(f"{seed.name} is in another account or Region")
            return False
        if len(self._read) >= MOST_SOURCES:
            self.unread.append(f"only the first {MOST_SOURCES} sources of its permissions were read")
            return False
        try:
            self.add(self._sources.read(seed))
        except ClientError as error:
            if not (sentence := refusal(error, seed)):
                raise
            self.unread.append(sentence)
            return False
        return True

    def permission(self, permission: Permission, qualifier: str | None) -> None:
        """Read the source that a permission lets in; the permission stands for what cannot be read."""
        seed = source_of(permission)
        foreign = permission.source_account not in (None, self._place.account)
        if not foreign and permission.source_arn is None and self._has_source(permission):
            return
        if foreign or seed is None or not self.source(seed):
            self._found[of_permission(permission, qualifier)] = None

    def _has_source(self, permission: Permission) -> bool:
        """Whether a source is known that a permission without a SourceArn lets in, such as SAM makes for S3.

        https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-s3.html
        """
        service = service_of(permission)
        return any(SERVICES.get(i.kind, "-").partition(".")[0] == service for i in self._found)

    def url(self, qualifier: str | None) -> None:
        """Read the URL of the function, or of a qualifier; some Regions have none and deny the call.

        https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
        """
        with self._noting(f"lambda:GetFunctionUrlConfig on {self._arn}"):
            self.add(_url(self._arn, qualifier))

    def targets(self, qualifier: str | None) -> None:
        """Read the rules of the default bus that name it; those with a role need no permission."""
        events = aws.client("events")
        arn = self._arn if qualifier is None else f"{self._arn}:{qualifier}"
        with self._noting(f"events:ListRuleNamesByTarget on {arn}"):
            for name in list(aws.pages(events, "list_rule_names_by_target", "RuleNames", TargetArn=arn)):
                self.source(Seed(Kind.RULE, rule_arn(name, "", self._place)))

    def pipes(self) -> None:
        """Read the pipes that name the function as their target, through whichever qualifier."""
        with self._noting(f"pipes:ListPipes for {self._arn}"):
            for pipe in list(aws.pages(aws.client("pipes"), "list_pipes", "Pipes", TargetPrefix=self._arn)):
                self.add(of_pipe(pipe))

    @contextmanager
    def _noting(self, call: str) -> Iterator[None]:
        try:
            yield
        except EndpointConnectionError:
            self.unread.append(f"{call} is not possible in this Region")
        except ClientError as error:
            if not is_refused(error):
                raise
            self.unread.append(f"{call} is denied")


def _aliases(arn: str) -> dict[str, Alias] | None:
    client = aws.client("lambda")
    try:
        found = list(aws.pages(client, "list_aliases", "Aliases", FunctionName=_name(arn)))
    except client.exceptions.ResourceNotFoundException:
        return None
    return {
        each["Name"]: Alias(
            each["Name"],
            each["FunctionVersion"],
            (each.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {},
        )
        for each in found
    }


def _walked(aliases: Iterable[Alias], every: bool) -> tuple[str, ...]:
    """Name the aliases to follow; those on `$LATEST` first, since the number of sources is bounded."""
    latest_first = sorted(aliases, key=lambda alias: not alias.is_latest)
    return tuple(alias.name for alias in latest_first if every or alias.is_latest)


def _mappings(arn: str, aliases: Iterable[str]) -> tuple[Reference, ...]:
    """Ask for those of each qualifier, too: whether the function's are all of them is not documented."""
    client = aws.client("lambda")
    found: dict[str, Any] = {}
    for name in (_name(arn), *(f"{_name(arn)}:{qualifier}" for qualifier in (LATEST, *aliases))):
        with suppress(client.exceptions.ResourceNotFoundException):  # the alias is gone meanwhile
            for each in aws.pages(
                client, "list_event_source_mappings", "EventSourceMappings", FunctionName=name
            ):
                found[each["UUID"]] = each
    return of_mappings(found.values())


def _policy(arn: str, qualifier: str | None) -> tuple[Permission, ...]:
    client = aws.client("lambda")
    try:
        policy = client.get_policy(FunctionName=_name(arn), **_qualified(qualifier))["Policy"]
    except client.exceptions.ResourceNotFoundException:  # of a function that is there: it has no policy
        return ()
    return permissions(policy, qualifier)


def _url(arn: str, qualifier: str | None) -> tuple[Reference, ...]:
    client = aws.client("lambda")
    try:
        return of_url(client.get_function_url_config(FunctionName=_name(arn), **_qualified(qualifier)))
    except client.exceptions.ResourceNotFoundException:
        return ()


def _qualified(qualifier: str | None) -> Any:
    return {} if qualifier is None else {"Qualifier": qualifier}


def _name(arn: str) -> str:
    return arn.split(":")[6]
