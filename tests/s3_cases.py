"""Building blocks for what the policy `s3-recursion` judges: an account in a few lines, by plain names.

`Account` is filled by names; ARNs are made here, so that a test speaks of `resize` and `uploads` only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, Attempt, Exemption
from stackwarden.policies.s3_recursion import Cap, Case, FunctionState, Hazard, Situation
from stackwarden.policies.s3_state import (
    Bucket,
    Condition,
    Function,
    KeyFilter,
    Role,
    Route,
    Rule,
    Statement,
    Trigger,
    events_of,
)
from stackwarden.policies.s3_walk import Estate, Kind, Loop, Ref, Survey, survey

ACCOUNT, REGION = "123456789012", "eu-central-1"
CREATED = ("s3:ObjectCreated:*",)
SERVICES = {"s3": "s3.amazonaws.com", "sns": "sns.amazonaws.com", "events": "events.amazonaws.com"}


def function_arn(name: str) -> str:
    """The ARN of a function; the name may have a qualifier: `resize:live`."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def role_arn(name: str) -> str:
    """The ARN of a role."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def bucket_arn(name: str) -> str:
    """The ARN of a bucket."""
    return f"arn:aws:s3:::{name}"


def topic_arn(name: str) -> str:
    """The ARN of a topic."""
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def queue_arn(name: str) -> str:
    """The ARN of a queue."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def rule_arn(name: str) -> str:
    """The ARN of a rule of the default bus."""
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"


def allow(*resources: str, action: str = "s3:PutObject", **changes: Any) -> Statement:
    """An Allow of objects, `uploads/in/*`, in the statement Write of the policy s3-access."""
    return _statement("Allow", resources, action, changes)


def deny(*resources: str, action: str = "s3:PutObject", **changes: Any) -> Statement:
    """The same as a Deny."""
    return _statement("Deny", resources, action, changes)


def _statement(
    effect: Literal["Allow", "Deny"], resources: Iterable[str], action: str, changes: dict[str, Any]
) -> Statement:
    arns = tuple(resource if resource == "*" else bucket_arn(resource) for resource in resources)
    known: dict[str, Any] = {"source": "policy s3-access", "sid": "Write", "actions": (action,)}
    return Statement(effect=effect, resources=arns, **known | changes)


def permission(service: str, source: str, **conditions: str) -> Statement:
    """What `add-permission` writes into a function's policy; service: s3, sns or events."""
    lines = (Condition("ArnLike", "AWS:SourceArn", (source,)),) if source else ()
    more = tuple(Condition("StringEquals", f"AWS:{key}", (value,)) for key, value in conditions.items())
    return Statement(
        source="function policy",
        effect="Allow",
        actions=("lambda:InvokeFunction",),
        principals=(f"Service:{SERVICES[service]}",),
        conditions=lines + more,
    )


def notification(
    target: str,
    *,
    prefix: str = "",
    suffix: str = "",
    events: Sequence[str] = CREATED,
    name: str = "on-upload",
) -> Trigger:
    """A bucket's notification; `Account.bucket` adds the bucket. target: a function's name, or an ARN."""
    return Trigger(
        bucket="",
        kind="notification",
        name=name,
        target=target if target.startswith("arn:") else function_arn(target),
        events=events_of(tuple(events)),
        filters=(KeyFilter.of(prefix, suffix),),
    )


@dataclass
class Account:
    """An account that is filled by names. Everything that triggers a function may invoke it, if not said."""

    estate: Estate = field(default_factory=lambda: Estate(own_buckets=(), rules=()))

    def role(self, name: str, *statements: Statement, **rest: Any) -> "Account":
        """Add a role."""
        arn = role_arn(name)
        self.estate.roles[arn] = Role(arn, f"AROA{name.upper()}", statements, **rest)
        self.estate.detailed.add(arn)
        return self

    def function(self, name: str, *statements: Statement, role: str = "", **rest: Any) -> "Account":
        """Add a function with a role of its own, or with one that was added."""
        arn = function_arn(name)
        if not role:
            role = f"{name.split(':')[0]}-role"
            self.role(role, *statements, **rest)
        self.estate.functions[arn] = Function(arn, role_arn(role))
        self.estate.invokers.setdefault(arn, ())
        return self

    def bucket(
        self,
        name: str,
        *notifications: Trigger,
        policy: Sequence[Statement] = (),
        to_eventbridge: bool = False,
        permitted: bool = True,
    ) -> "Account":
        """Add a bucket with its notifications, and the permissions that they need."""
        triggers = tuple(
            Trigger(**{**vars(each), "bucket": name, "source_arn": bucket_arn(name)})
            for each in notifications
        )
        self.estate.buckets[name] = Bucket(name, triggers, to_eventbridge)
        self.estate.bucket_policies[name] = tuple(policy)
        self.estate.own_buckets = (*(self.estate.own_buckets or ()), name)
        for trigger in triggers if permitted else ():
            if ":function:" in trigger.target:
                self.permit(trigger.target, permission("s3", bucket_arn(name), SourceAccount=ACCOUNT))
        return self

    def topic(self, name: str, *targets: str, doubt: str = "") -> "Account":
        """Add a topic that passes on to functions and queues."""
        arns = tuple(target if target.startswith("arn:") else function_arn(target) for target in targets)
        self.estate.topics[topic_arn(name)] = tuple(Route(arn, f"subscription-{name}", doubt) for arn in arns)
        for arn in arns:
            if ":function:" in arn:
                self.permit(arn, permission("sns", topic_arn(name)))
        return self

    def queue(self, name: str, *functions: str, doubt: str = "") -> "Account":
        """Add a queue that functions poll."""
        self.estate.queues[queue_arn(name)] = tuple(
            Route(function_arn(function), f"mapping-{name}", doubt) for function in functions
        )
        return self

    def rule(self, name: str, pattern: dict[str, Any], *functions: str) -> "Account":
        """Add a rule of the default bus."""
        targets = tuple(function_arn(function) for function in functions)
        self.estate.rules = (*(self.estate.rules or ()), Rule(name, rule_arn(name), pattern, targets))
        for target in targets:
            self.permit(target, permission("events", rule_arn(name)))
        return self

    def permit(self, function: str, *statements: Statement) -> "Account":
        """Add to the policy of a function, of exactly this name."""
        arn = function if function.startswith("arn:") else function_arn(function)
        self.estate.invokers[arn] = (*self.estate.invokers.get(arn, ()), *statements)
        return self

    def survey(self, start: str) -> Survey:
        """Walk from a function."""
        return survey(function_arn(start), self.estate)

    def loops(self, start: str) -> set[tuple[str, ...]]:
        """Return the loops through a function by name: function, bucket, function, bucket, …"""
        return cycles(self.survey(start))

    def loop(self, start: str) -> Loop:
        """Return the only loop through a function."""
        [found] = self.survey(start).loops
        return found


def cycles(found: Survey) -> set[tuple[str, ...]]:
    """Return the cycles of loops, by names."""
    names = {tuple(part.rpartition(":")[2] for part in loop.cycle) for loop in found.loops}
    assert len(names) == len(found.loops)
    return names


# Where an Estate keeps what is read by name, and what is kept of a thing that is not there.
KEPT: Mapping[Kind, tuple[str, Any]] = {
    Kind.FUNCTION: ("functions", None),
    Kind.BUCKET: ("buckets", None),
    Kind.BUCKET_POLICY: ("bucket_policies", ()),
    Kind.TOPIC: ("topics", ()),
    Kind.QUEUE: ("queues", ()),
    Kind.INVOKERS: ("invokers", ()),
}


def read(ref: Ref, whole: Estate, into: Estate) -> None:
    """Read one thing of an account into what is known, as the guard does."""
    if ref.kind is Kind.BUCKETS:
        into.own_buckets = whole.own_buckets
    elif ref.kind is Kind.RULES:
        into.rules = whole.rules
    elif ref.kind is Kind.ROLE:
        found = whole.roles.get(ref.name)
        into.roles[ref.name] = found and Role(found.arn, found.id, found.statements)
    elif ref.kind is Kind.ROLE_DETAILS:
        into.roles[ref.name] = whole.roles.get(ref.name)
        into.detailed.add(ref.name)
    else:
        kept, absent = KEPT[ref.kind]
        getattr(into, kept)[ref.name] = getattr(whole, kept).get(ref.name, absent)


def explored(start: str, whole: Estate) -> tuple[Survey, list[Ref]]:
    """Walk from a function, reading what the walk asks for until it asks no more."""
    known, asked = Estate(), list[Ref]()
    while (found := survey(function_arn(start), known)).unread:
        for ref in found.unread:
            assert ref not in asked
            asked.append(ref)
            read(ref, whole, known)
    return found, asked


def resize_loop(*statements: Statement, **filters: Any) -> Loop:
    """The function resize may write into the bucket uploads, which triggers it."""
    account = Account().function("resize", *(statements or (allow("uploads/*"),)))
    return account.bucket("uploads", notification("resize", **filters)).loop("resize")


def relay_loop(*names: str) -> Loop:
    """Each function may write into a bucket of the next one; the last one into that of the first."""
    account = Account()
    for name, following in zip(names, (*names[1:], names[0]), strict=True):
        account.function(name, allow(f"for-{following}/*"))
        account.bucket(f"for-{name}", notification(name))
    return account.loop(names[0])


def function(name: str = "resize", **changes: Any) -> FunctionState:
    """A function as it is now; not reserved."""
    return FunctionState(function_arn(name), **changes)


def loop_case(
    *functions: FunctionState,
    loop: Loop | None = None,
    cut: tuple[str, ...] = (),
    exempt: str = "",
    **rest: Any,
) -> Case:
    """A loop that is judged: of `resize`, if not said; `exempt` names what has an exemption."""
    functions = functions or (function(),)
    names = [state.name for state in functions]
    found = loop or (resize_loop() if names == ["resize"] else relay_loop(*names))
    return _case(Situation(Hazard.LOOP, functions, found, cut=cut), exempt, rest)


def fixed_case(*functions: FunctionState, cut: tuple[str, ...] = (), **rest: Any) -> Case:
    """What was a loop, and is none when it is judged again."""
    return _case(Situation(Hazard.LOOP, functions or (function(),), cut=cut), "", rest)


def gone_case(
    state: FunctionState,
    cap: Cap | None,
    *,
    loop: Loop | None = None,
    cut: tuple[str, ...] = (),
    **rest: Any,
) -> Case:
    """A capped function without a loop."""
    return _case(Situation(Hazard.GONE, (state,), loop, cap, cut), "", rest)


def _case(situation: Situation, exempt: str, rest: dict[str, Any]) -> Case:
    granted = {name: exemption(name) for name in exempt.split()}
    return Case(situation, **{"exemptions": Exemptions(granted)} | rest)


def exemption(name: str) -> Exemption:
    """An exemption in force."""
    return Exemption(
        name=f"/stackwarden/exemptions/s3-recursion/{name}",
        requested_by="developer",
        approved_by="security",
        reason="ends by itself",
        until="2026-02-01T00:00:00+00:00",
    )


def tried(action: Action, *, error: str = "", in_round: int = 0) -> Attempt:
    """What the workflow made of an action; with an error, it failed."""
    status = {"status": "failed", "error": error} if error else {"status": "done"}
    return Attempt.model_validate({**action.model_dump(), **status, "round": in_round})
