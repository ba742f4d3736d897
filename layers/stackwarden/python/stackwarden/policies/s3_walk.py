"""From a function through the buckets that it may write to whatever these trigger, and back: loops.

Pure. The walk knows an Estate, which is what was read so far, and says what else it needs (`Survey.unread`);
whoever reads adds that and walks again, until nothing is unread or the bound on calls is reached. A template
is an estate in which everything was read.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from stackwarden.policies.s3_invokers import may_invoke
from stackwarden.policies.s3_permissions import Grant, NotDecided, buckets_named, grant
from stackwarden.policies.s3_rules import triggers as triggers_of_rule
from stackwarden.policies.s3_state import (
    RAISED_BY,
    Bucket,
    Caller,
    Event,
    Function,
    Role,
    Route,
    Rule,
    Statement,
    Trigger,
    unqualified,
)

MOST_HOPS = 4
MOST_GRANTS = 2000  # judgements of a role against a trigger in one walk
MOST_STEPS = 20_000  # hops gone in one walk; a hop is gone once for each way to it
MOST_LOOPS = 25  # through one function, beyond which only proven ones are told
_FEW = 5
_ACTIONS = frozenset(action for actions in RAISED_BY.values() for action in actions)


class Kind(StrEnum):
    """What can be read, each by itself."""

    FUNCTION = "function"
    ROLE = "role"
    ROLE_DETAILS = "role details"
    BUCKET = "bucket"
    BUCKET_POLICY = "bucket policy"
    BUCKETS = "names of all buckets"
    RULES = "EventBridge rules"
    TOPIC = "topic"
    QUEUE = "queue"
    INVOKERS = "function policy"


class Ref(NamedTuple):
    """Names one thing to read. name: an ARN, a bucket's name, or empty."""

    kind: Kind
    name: str = ""


@dataclass
class Estate:
    """What is known. A value of None: it does not exist, or is another account's.

    roles: without boundary and tags until in `detailed`. invokers: the resource policy of a
    function exactly as it is named. refused: (function, role, action, object) that IAM did not confirm.
    """

    functions: dict[str, Function | None] = field(default_factory=dict)
    roles: dict[str, Role | None] = field(default_factory=dict)
    detailed: set[str] = field(default_factory=set)
    buckets: dict[str, Bucket | None] = field(default_factory=dict)
    bucket_policies: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    own_buckets: tuple[str, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    topics: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    queues: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    invokers: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    refused: set[tuple[str, str, str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Hop:
    """A function may write what triggers the next one.

    caller: the function that writes, with its role. via: the topics and queues between. target: the function
    that is invoked, as the trigger names it.
    """

    caller: Caller
    function: str
    event: Event
    grant: Grant
    trigger: Trigger
    via: tuple[str, ...]
    target: str
    doubts: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """Whether a statement names the bucket, and nothing is in doubt."""
        return self.grant.names_bucket and not self.doubts


@dataclass(frozen=True)
class Loop:
    """Hops that end at the function where they began; told from the same one, however the loop was found."""

    hops: tuple[Hop, ...]

    @property
    def proven(self) -> bool:
        """Whether every hop is proven; else the loop is only possible."""
        return all(hop.proven for hop in self.hops)

    @property
    def functions(self) -> tuple[str, ...]:
        """The unqualified ARNs of its functions."""
        return tuple(dict.fromkeys(unqualified(hop.function) for hop in self.hops))

    @property
    def cycle(self) -> tuple[str, ...]:
        """What tells one loop from another: function, bucket, function, bucket, …"""
        return tuple(part for hop in self.hops for part in (unqualified(hop.function), hop.trigger.bucket))


@dataclass(frozen=True)
class Survey:
    """Loops through a function. unread: what the walk needs, most promising first. cut: where it stopped."""

    loops: tuple[Loop, ...]
    unread: tuple[Ref, ...]
    cut: tuple[str, ...]


def survey(start: str, estate: Estate) -> Survey:
    """Look for loops through a function, named as a trigger names it or unqualified."""
    walk = _Walk(estate, unqualified(start))
    starts, done = [start], set[str]()
    while starts:
        function = starts.pop(0)
        if function not in done:
            done.add(function)
            walk.begin(function)
            starts += sorted(walk.other_names - done)
    return Survey(_least(walk.loops.values()), tuple(walk.unread), tuple(walk.cut))


def _least(loops: Collection[Loop]) -> tuple[Loop, ...]:
    """Leave out what passes one function twice, under two names, where it need not."""
    simple = [set(loop.cycle) for loop in loops if len(loop.functions) == len(loop.hops)]
    return tuple(
        loop
        for loop in loops
        if len(loop.functions) == len(loop.hops) or not any(each <= set(loop.cycle) for each in simple)
    )


class _Walk:
    """One walk; collects loops by their cycle, and notes what it could not know."""

    def __init__(self, estate: Estate, home: str) -> None:
        self._estate = estate
        self._home = home
        self._start = ""
        self._grants = 0
        self._went = 0
        self._from: dict[str, list[Hop]] = {}
        self.loops: dict[tuple[str, ...], Loop] = {}
        self.other_names = set[str]()  # the start under another qualifier: another role, perhaps
        self.unread: dict[Ref, None] = {}
        self.cut: dict[str, None] = {}

    def begin(self, start: str) -> None:
        """Walk, the shortest ways first, until there is no way left, or loops enough."""
        self._start = start
        ways: deque[tuple[str, tuple[Hop, ...]]] = deque([(start, ())])
        while ways:
            function, path = ways.popleft()
            for hop in self._hops(function):
                self._went += 1
                if self._went > MOST_STEPS:
                    self.cut["the walk stopped at its bound; longer loops were not looked for"] = None
                    return
                ways.extend(self._after(hop, path))

    def _after(self, hop: Hop, path: tuple[Hop, ...]) -> list[tuple[str, tuple[Hop, ...]]]:
        """Close a loop, or say where to go on."""
        target, way = hop.target, (*path, hop)
        if target == self._start:
            self._close(way)
            return []
        if target in [passed.function for passed in way]:
            return []  # a loop, but not one through the start
        if len(way) >= MOST_HOPS:
            self.cut[f"the walk went over {MOST_HOPS} functions and not further"] = None
            return []
        return [(target, way)]

    def _hops(self, function: str) -> list[Hop]:
        """The hops from a function, each judged once however many ways lead to it."""
        if function not in self._from:
            caller = self._caller(function)
            steps = [] if caller is None else list(self._steps(caller, function))
            self._from[function] = [hop for step in steps if (hop := self._granted(step))]
        return self._from[function]

    def _steps(self, caller: Caller, function: str) -> Iterator["_Step"]:
        for bucket in self._buckets(caller, function):
            for trigger in self._triggers(bucket, caller):
                for route in routes(trigger.target, self._estate, self.unread):
                    if unqualified(route[-1].target) == self._home != route[-1].target:
                        self.other_names.add(route[-1].target)
                    yield _Step(caller, function, trigger, route)

    def _close(self, hops: tuple[Hop, ...]) -> None:
        """Take the loop, once everything that could speak against it was read."""
        missing = [ref for hop in hops for ref in self._missing(hop)]
        self.unread = {**dict.fromkeys(missing), **self.unread}
        if missing or not all(self._invoked(hop) for hop in hops):
            return
        first = min(range(len(hops)), key=lambda index: hops[index].function)
        loop = Loop((*hops[first:], *hops[:first]))
        if not loop.proven and len(self.loops) >= MOST_LOOPS:
            self.cut[f"the walk tells {MOST_LOOPS} possible loops and no more"] = None
            return
        known = self.loops.get(loop.cycle)
        if known is None or (loop.proven and not known.proven):
            self.loops[loop.cycle] = loop

    def _missing(self, hop: Hop) -> Iterator[Ref]:
        estate, role = self._estate, hop.caller.role.arn
        if role not in estate.detailed:
            yield Ref(Kind.ROLE_DETAILS, role)
        if hop.trigger.bucket not in estate.bucket_policies:
            yield Ref(Kind.BUCKET_POLICY, hop.trigger.bucket)
        if _invoker(hop) and hop.target not in estate.invokers:
            yield Ref(Kind.INVOKERS, hop.target)

    def _invoked(self, hop: Hop) -> bool:
        """Whether the function lets what triggers it invoke it; Lambda polls a queue with its role."""
        invoker = _invoker(hop)
        if invoker is None:
            return True
        return may_invoke(self._estate.invokers[hop.target], *invoker, account=hop.caller.account)

    def _granted(self, step: "_Step") -> Hop | None:
        """The best grant over the events of the trigger: proven before possible."""
        found: list[Hop] = []
        for event, actions in _by_actions(step.trigger.events):
            self._grants += 1
            if self._grants > MOST_GRANTS:
                self.cut[f"the walk judged {MOST_GRANTS} pairs of a role and a trigger and no more"] = None
                break
            hop = self._hop_for(step, event, actions)
            if hop and hop.proven:
                return hop
            found += [hop] if hop else []
        return found[0] if found else None

    def _hop_for(self, step: "_Step", event: Event, actions: tuple[str, ...]) -> Hop | None:
        who = (step.caller.arn, step.caller.role.arn)
        granted = grant(
            step.caller,
            actions,
            step.trigger.bucket,
            step.trigger.filters,
            self._estate.bucket_policies.get(step.trigger.bucket, ()),
            {(action, key) for *refused, action, key in self._estate.refused if tuple(refused) == who},
        )
        if isinstance(granted, NotDecided):
            self.cut[f"{step.caller.name} on bucket {step.trigger.bucket}: {granted.reason}"] = None
            return None
        if granted is None:
            return None
        doubts = (*granted.doubts, step.trigger.doubt, *(part.doubt for part in step.route))
        return Hop(
            caller=step.caller,
            function=step.function,
            event=event,
            grant=granted,
            trigger=step.trigger,
            via=tuple(part.name for part in step.route[:-1]),
            target=step.route[-1].target,
            doubts=tuple(dict.fromkeys(doubt for doubt in doubts if doubt)),
        )

    def _caller(self, function: str) -> Caller | None:
        known = self._known(Ref(Kind.FUNCTION, function), self._estate.functions)
        if known is None:
            return None
        role = self._known(Ref(Kind.ROLE, known.role_arn), self._estate.roles)
        return Caller(known.unqualified, role, known.in_vpc) if role else None

    def _buckets(self, caller: Caller, function: str) -> list[str]:
        """Those that the role may write, and those whose own policy is known; most promising first."""
        named, patterns = buckets_named(caller.role, _ACTIONS, caller.partition)
        found = [*sorted(named), *self._estate.bucket_policies]
        if patterns and self._estate.own_buckets is None:
            self.unread[Ref(Kind.BUCKETS)] = None
        if patterns:
            own = self._estate.own_buckets or ()
            found += [bucket for bucket in own if any(pattern.matches(bucket) for pattern in patterns)]
        if patterns or len(named) > _FEW:
            # Most loops have one hop: the buckets that may invoke the function are looked at first.
            invokers = self._known(Ref(Kind.INVOKERS, function), self._estate.invokers) or ()
            sources = {bucket for statement in invokers for bucket in _bucket_sources(statement)}
            found = sorted(found, key=lambda bucket: bucket not in sources)
        return list(dict.fromkeys(found))

    def _triggers(self, name: str, caller: Caller) -> Iterable[Trigger]:
        bucket = self._known(Ref(Kind.BUCKET, name), self._estate.buckets)
        return triggers_of(bucket, self._estate, self.unread, caller.arn) if bucket else ()

    def _known[T](self, ref: Ref, known: Mapping[str, T | None]) -> T | None:
        if ref.name not in known:
            self.unread[ref] = None
        return known.get(ref.name)


@dataclass(frozen=True)
class _Step:
    """A hop that is not judged yet. route: what lies between trigger and function; the last one is it."""

    caller: Caller
    function: str
    trigger: Trigger
    route: tuple[Route, ...]


def routes(
    target: str, estate: Estate, unread: dict[Ref, None], passed: tuple[Route, ...] = ()
) -> Iterator[tuple[Route, ...]]:
    """Yield the ways from a target to functions, noting in `unread` which topics and queues are not known."""
    service = target.split(":")[2] if target.startswith("arn:") else ""
    if service == "lambda":
        yield (*passed, Route(target, target))
        return
    between = {"sns": (Kind.TOPIC, estate.topics), "sqs": (Kind.QUEUE, estate.queues)}.get(service)
    if between is None:
        return
    kind, known = between
    if target not in known:
        unread[Ref(kind, target)] = None
    for route in known.get(target, ()):
        here = Route(target, target, route.doubt)
        yield from routes(route.target, estate, unread, (*passed, here))


def triggers_of(bucket: Bucket, estate: Estate, unread: dict[Ref, None], near: str) -> list[Trigger]:
    """Return what a bucket tells whom of what functions do; `near`: any ARN of its account and Region."""
    triggers = [trigger for trigger in bucket.triggers if trigger.events]
    if bucket.to_eventbridge:
        if estate.rules is None:
            unread[Ref(Kind.RULES)] = None
        _, partition, _, region, account, *_ = near.split(":")
        for rule in estate.rules or ():
            triggers += triggers_of_rule(rule, bucket, account=account, region=region, partition=partition)
    return triggers


def _by_actions(events: Collection[Event]) -> list[tuple[Event, tuple[str, ...]]]:
    """One event for each set of permissions: four kinds of creation need the same one."""
    by_actions: dict[tuple[str, ...], Event] = {}
    for event in events:
        by_actions.setdefault(RAISED_BY[event], event)
    return [(event, actions) for actions, event in by_actions.items()]


def _invoker(hop: Hop) -> tuple[str, str] | None:
    """Who needs the function's permission: service principal and ARN. None: Lambda polls, or a role calls."""
    last = hop.via[-1] if hop.via else ""
    if last:
        service = last.split(":")[2]
        return None if service == "sqs" else ("sns.amazonaws.com", last)
    if hop.trigger.by_role:
        return None
    if hop.trigger.kind == "rule":
        return "events.amazonaws.com", hop.trigger.source_arn
    return "s3.amazonaws.com", hop.trigger.source_arn


def _bucket_sources(statement: Statement) -> Iterator[str]:
    for condition in statement.conditions:
        if condition.key.lower() == "aws:sourcearn":
            yield from (value.split(":::")[-1] for value in condition.values)
