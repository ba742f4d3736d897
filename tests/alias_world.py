"""A small world for the policy `missing-alias`: a function, who invokes it, and what the workflow does to it.

It obeys as AWS does: a version is a snapshot, a permission's statement id may be there once, a mapping that
is being changed refuses a change, and a bucket's notifications are replaced as a whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from stackwarden.finding import Action, ActionKind, Attempt
from stackwarden.lambda_names import LATEST, from_arn
from stackwarden.policies.alias_state import (
    Alias,
    Code,
    Function,
    Invoker,
    Kind,
    Permission,
    Version,
)
from stackwarden.policies.missing_alias import Case, Judgement, judge
from tests.alias_cases import ORDERS, bucket_arn, subscription_arn, tried

BUSY = "Lambda.ResourceConflictException: busy"
FULL = "Lambda.CodeStorageExceededException: Code storage limit exceeded."
type Runs = tuple[str, str]  # code and settings


class Refused(Exception):
    """What AWS answers; the text is the error's name and message."""


@dataclass
class World:
    """The function and its invokers as they are. Chances are between 0 and 1.

    case: the first one. refuses: a change fails. hides: what the guard reads is as it was a round ago.
    prepares: rounds that a new version is Pending for, and a mapping Updating. full: no version can be
    published. meddles: changes that somebody else makes, in order, at one chance in two a round.
    """

    case: Case
    random: Random
    refuses: float = 0.0
    hides: float = 0.0
    prepares: int = 0
    full: bool = False
    meddles: tuple[str, ...] = ()
    attempts: list[Attempt] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    now: Function = field(default_factory=lambda: Function(ORDERS))
    notifications: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)

    def judgements(self) -> Iterator[tuple[Case, Judgement]]:
        """Yield each judgement with what was judged, until one is done."""
        self.now = self.case.function
        buckets = [i for i in self.now.invokers if i.kind is Kind.BUCKET]
        self.notifications = {i.source: dict(i.config) for i in buckets}
        before, round_ = self.now, 0
        while True:
            seen = before if self.random.random() < self.hides else self.now
            seen = replace(seen, code=self._code_as_it_is(seen), stack=self.now.stack)
            judged = replace(self.case, function=seen, attempts=tuple(self.attempts), round=round_)
            judgement = judge(judged)
            yield judged, judgement
            if judgement.next == "done":
                return
            before = self.now
            for action in judgement.actions if judgement.next == "act" else ():
                self._try(action, round_)
            self._go_on(round_)
            round_ += 1

    def _code_as_it_is(self, seen: Function) -> Code | None:
        """What is live is never read late here: nobody could act on that."""
        if seen.code is None or self.now.code is None:
            return seen.code
        return replace(seen.code, latest=self.now.code.latest)

    def runs(self) -> dict[str, Runs | None]:
        """What each invoker runs, by what it is; an alias that is missing runs nothing."""
        return {_identity(i): self._runs(i.qualifier) for i in self.now.invokers if i.kind is not Kind.PEOPLE}

    def _runs(self, qualifier: str | None) -> Runs | None:
        assert self.now.code is not None
        alias = self.now.aliases.get(qualifier or "")
        number = alias.version if alias else qualifier
        known = {**self.now.code.versions, LATEST: self.now.code.latest}
        found = known.get(number or LATEST)
        return (found.code_sha256, found.configuration) if found else None

    def _try(self, action: Action, round_: int) -> None:
        before = self.runs()
        error = BUSY if self.random.random() < self.refuses else ""
        try:
            if not error:
                DO[action.kind](self, action.parameters, action.target, round_)
        except Refused as refused:
            error = str(refused)
        self.attempts.append(tried(action, error=error, in_round=round_))
        after = self.runs()
        for who in before.keys() & after.keys():
            if before[who] != after[who] and before[who] is not None:
                self.broken.append(f"{action.kind}: {who} ran {before[who]}, now {after[who]}")

    def _go_on(self, round_: int) -> None:
        code = self.now.code
        assert code is not None
        ripe = {name for name, until in self.due.items() if until <= round_}
        versions = {
            number: replace(each, state="Active") if number in ripe else each
            for number, each in code.versions.items()
        }
        self.now = replace(self.now, code=replace(code, versions=versions, newest=_newest(versions)))
        self._change(
            lambda i: i.kind is Kind.MAPPING and i.id in ripe,
            lambda i: replace(i, config={**i.config, "State": "Enabled"}),
        )
        if self.meddles and self.random.random() < 0.5:
            meddle, *rest = self.meddles
            self.meddles = tuple(rest)
            MEDDLE[meddle](self)

    def _change(self, which: Callable[[Invoker], bool], how: Callable[[Invoker], Invoker]) -> None:
        self.now = replace(self.now, invokers=tuple(how(i) if which(i) else i for i in self.now.invokers))

    def publish(self, parameters: Mapping[str, Any], _: str, round_: int) -> None:
        """The same code and settings are the same version."""
        code = self.now.code
        assert code is not None
        if code.latest.code_sha256 != parameters["code_sha256"]:
            raise Refused("Lambda.InvalidParameterValueException: CodeSha256 is different")
        if code.newest and code.newest.runs_the_same_as(code.latest):
            return
        if self.full:
            raise Refused(FULL)
        number = str(int(code.newest.number) + 1 if code.newest else 1)
        state = "Pending" if self.prepares else "Active"
        new = Version(number, code.latest.code_sha256, code.latest.configuration, state)
        self.due[number] = round_ + self.prepares
        versions = {**code.versions, number: new}
        self.now = replace(self.now, code=replace(code, versions=versions, newest=new))

    def create_alias(self, parameters: Mapping[str, Any], _: str, __: int) -> None:
        """An alias is made once, and on a version that exists."""
        if parameters["name"] in self.now.aliases:
            raise Refused("Lambda.ResourceConflictException: Alias already exists")
        self._set_alias(parameters)

    def update_alias(self, parameters: Mapping[str, Any], _: str, __: int) -> None:
        """An alias that is there is moved."""
        if parameters["name"] not in self.now.aliases:
            raise Refused("Lambda.ResourceNotFoundException: Alias not found")
        self._set_alias(parameters)

    def _set_alias(self, parameters: Mapping[str, Any]) -> None:
        name, number = parameters["name"], parameters["version"]
        version = self.now.code.versions.get(number) if self.now.code else None
        if version is None:
            raise Refused("Lambda.ResourceNotFoundException: Function not found")
        if version.state != "Active":
            self.broken.append(f"the alias is on version {number}, which is {version.state}")
        self.now = replace(self.now, aliases={**self.now.aliases, name: Alias(name, number)})

    def repoint_mapping(self, parameters: Mapping[str, Any], target: str, round_: int) -> None:
        """A mapping that Lambda is working on refuses."""
        mappings = [i for i in self.now.invokers if i.kind is Kind.MAPPING and i.id == target]
        if not mappings:
            raise Refused("Lambda.ResourceNotFoundException: no such mapping")
        if mappings[0].config["State"] == "Updating":
            raise Refused("Lambda.ResourceInUseException: the mapping is being changed")
        qualifier = self._checked(parameters["function"])
        self.due[target] = round_ + self.prepares
        state = "Updating" if self.prepares else "Enabled"
        self._change(
            lambda i: i in mappings, lambda i: replace(i, qualifier=qualifier, config={"State": state})
        )

    def _checked(self, arn: str) -> str | None:
        """What is invoked from now on has to exist and to be Active."""
        function = from_arn(arn)
        assert function is not None
        alias = self.now.aliases.get(function.qualifier or "")
        version = self.now.code.versions.get(alias.version) if alias and self.now.code else None
        if version is None or version.state != "Active":
            self.broken.append(f"something was moved to {arn}, which is on {version}")
        return function.qualifier

    def permit(self, parameters: Mapping[str, Any], _: str, __: int) -> None:
        """A statement id may be there once."""
        statement = parameters["statement"]
        if any(each.sid == statement["StatementId"] for each in self.now.granted):
            raise Refused("Lambda.ResourceConflictException: The statement id exists")
        granted = Permission(
            sid=statement["StatementId"],
            action=statement["Action"],
            principal=statement["Principal"],
            source_arn=statement.get("SourceArn"),
            source_account=statement.get("SourceAccount"),
        )
        if any(granted.allows_as(each) for each in self.now.granted):
            self.broken.append(f"{granted} was there")
        self.now = replace(self.now, granted=(*self.now.granted, granted))

    def _let_in(self, principal: str, source: str) -> None:
        allowed = [each.source_arn for each in self.now.granted if each.principal == principal]
        if source not in allowed:
            self.broken.append(f"{source} was moved, but the alias does not let it in")

    def put_notifications(self, parameters: Mapping[str, Any], target: str, _: int) -> None:
        """All of a bucket's notifications are replaced."""
        source, written = bucket_arn(target), parameters["configuration"]
        self._let_in("s3.amazonaws.com", source)
        kept = self.notifications[source]
        if [*_of_others(written)] != [*_of_others(kept)] or len(_entries(written)) != len(_entries(kept)):
            self.broken.append(f"{source}: what is another function's was changed")
        self.notifications[source] = written
        moved = [each for each in _entries(written) if each not in _entries(kept)]
        qualifiers = {each["Id"]: _qualifier(each) for each in _entries(written)}
        for each in moved:
            self._checked(each["LambdaFunctionArn"])
        self._change(
            lambda i: i.kind is Kind.BUCKET and i.source == source,
            lambda i: replace(i, qualifier=qualifiers[i.id], config=written),
        )

    def put_target(self, parameters: Mapping[str, Any], target: str, _: int) -> None:
        """A target with the same id is replaced."""
        [written] = parameters["targets"]
        qualifier = self._checked(written["Arn"])
        for invoker in self.now.invokers:
            if invoker.kind is Kind.RULE and invoker.id == written["Id"]:
                assert invoker.source.endswith(f"/{target}")
                self._let_in("events.amazonaws.com", invoker.source)
        self._change(
            lambda i: i.kind is Kind.RULE and i.id == written["Id"],
            lambda i: replace(i, qualifier=qualifier, config=written),
        )

    def subscribe(self, parameters: Mapping[str, Any], target: str, _: int) -> None:
        """Subscribing again is the same subscription."""
        self._let_in("sns.amazonaws.com", target)
        qualifier = self._checked(parameters["function"])
        name = subscription_arn(target.rsplit(":", 1)[-1], f"of-{qualifier}")
        if any(i.id == name for i in self.now.invokers):
            return
        new = Invoker(Kind.TOPIC, target, name, qualifier, config=parameters["attributes"])
        self.now = replace(self.now, invokers=(*self.now.invokers, new))

    def unsubscribe(self, parameters: Mapping[str, Any], target: str, _: int) -> None:
        """Somebody else has to be told what this subscription was told."""
        kept = tuple(i for i in self.now.invokers if i.id != target)
        if not any(i.kind is Kind.TOPIC and i.source == parameters["topic"] for i in kept):
            self.broken.append(f"nobody is told any more of {parameters['topic']}")
        self.now = replace(self.now, invokers=kept)

    def deploy(self) -> None:
        """The owner changes the code."""
        assert self.now.code is not None
        latest = replace(self.now.code.latest, code_sha256=f"{self.now.code.latest.code_sha256}+")
        self.now = replace(self.now, code=replace(self.now.code, latest=latest))

    def add_mapping(self) -> None:
        """The owner adds a mapping without a qualifier."""
        new = Invoker(Kind.MAPPING, "a new queue", f"m-{len(self.now.invokers)}-new", None)
        new = replace(new, config={"State": "Enabled"})
        self.now = replace(self.now, invokers=(*self.now.invokers, new))

    def remove(self) -> None:
        """The owner removes what invokes the function, but its notifications."""
        kept = tuple(i for i in self.now.invokers if i.kind is Kind.BUCKET)
        self.now = replace(self.now, invokers=kept)

    def start_a_deployment(self) -> None:
        """The owner's stack is changed."""
        if self.now.stack:
            self.now = replace(self.now, stack=replace(self.now.stack, settled=False))


def _qualifier(entry: Mapping[str, Any]) -> str | None:
    function = from_arn(entry["LambdaFunctionArn"])
    return function.qualifier if function else None


def _identity(invoker: Invoker) -> str:
    return f"{invoker.kind} {invoker.id}"


def _newest(versions: Mapping[str, Version]) -> Version | None:
    return max(versions.values(), key=lambda each: int(each.number), default=None)


def _entries(configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*configuration["LambdaFunctionConfigurations"]]


def _of_others(configuration: Mapping[str, Any]) -> Iterator[object]:
    for each in _entries(configuration):
        function = from_arn(each["LambdaFunctionArn"])
        if function is None or function.arn != ORDERS:
            yield each
    yield {key: value for key, value in configuration.items() if key != "LambdaFunctionConfigurations"}


type Change = Callable[[World, Mapping[str, Any], str, int], None]
DO: dict[ActionKind, Change] = {
    ActionKind.PUBLISH_VERSION: World.publish,
    ActionKind.CREATE_ALIAS: World.create_alias,
    ActionKind.UPDATE_ALIAS: World.update_alias,
    ActionKind.REPOINT_MAPPING: World.repoint_mapping,
    ActionKind.ADD_PERMISSION: World.permit,
    ActionKind.REPOINT_NOTIFICATION: World.put_notifications,
    ActionKind.REPOINT_TARGET: World.put_target,
    ActionKind.REPOINT_SUBSCRIPTION: World.subscribe,
    ActionKind.END_SUBSCRIPTION: World.unsubscribe,
}
MEDDLE: dict[str, Callable[[World], None]] = {
    "deploy": World.deploy,
    "add": World.add_mapping,
    "remove": World.remove,
    "start": World.start_a_deployment,
}
