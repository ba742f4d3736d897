"""The judgement of the guard `missing-alias`: in prod, what invokes a function goes through an alias.

Pure. The guard reads (alias_reader.py), asks `judge`, the workflow does what the judgement says, then the
guard reads and asks again until the judgement is `done`. Which step comes next is in alias_steps.py.

Rules that AWS imposes:
- A version is a snapshot of code and configuration; an alias is a pointer to one:
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
- `$LATEST` is overwritten by each update, under whatever invokes it:
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Exemption, Mode, Outcome
from stackwarden.policies.alias_state import Function, Invoker, Kind
from stackwarden.policies.alias_steps import Plan, plan

TRIES = 3  # of one action
MOST_ACTIONS = 40  # in one round: they travel through the workflow, whose state may have 256 KiB
STALE_ROUNDS = 1  # rounds that a change may take to show
PATIENCE = 60  # rounds, five seconds each: a version may take minutes to become active
LONGEST = 2 * PATIENCE  # rounds in all, however often others change what is to be done
SETTLED_ROUNDS = 3  # after a bucket's notifications were replaced: somebody may have done it at the same time
PAUSE = 5  # seconds
MOST_RELAPSES = 3  # within a day; whoever sets it back that often will not stop
_RELIES_ON = {
    ActionKind.REPOINT_NOTIFICATION: ActionKind.ADD_PERMISSION,
    ActionKind.REPOINT_TARGET: ActionKind.ADD_PERMISSION,
    ActionKind.REPOINT_SUBSCRIPTION: ActionKind.ADD_PERMISSION,
    ActionKind.END_SUBSCRIPTION: ActionKind.REPOINT_SUBSCRIPTION,
}
# https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html: no update meanwhile
_CHANGING = ("Creating", "Enabling", "Disabling", "Updating", "Deleting")
_FINAL = (  # trying again changes nothing
    "CodeStorageExceededException",
    "PolicyLengthExceededException",
    "is not authorized to perform",  # the cause of Lambda.LambdaException: the error has no name of its own
)


class Hazard(StrEnum):
    """What a finding of this guard is about."""

    LATEST = "latest-invoked"
    BEHIND = "alias-behind"
    UNVERIFIED = "unverified-change"


@dataclass(frozen=True)
class Rules:
    """What the account's owner decided.

    alias: the name of the one that is made. prod_names: of environments. prod_tag: key and value that make a
    function prod elsewhere, too. repoint_push: whether S3, SNS and EventBridge are moved to the alias.
    """

    alias: str = "live"
    environment: str = "prod"
    prod_names: tuple[str, ...] = ("prod", "production")
    prod_tag: tuple[str, str] = ("environment", "prod")
    repoint_push: bool = False

    def is_prod(self, function: Function) -> bool:
        """Whether a function is prod: by its account, or by its own tag."""
        key, value = self.prod_tag
        return self.environment in self.prod_names or function.tags.get(key) == value


@dataclass(frozen=True)
class Case:
    """A function with all that its judgement depends on. `round`: how often it was judged before.

    code: the CodeSha256 that was judged first, or "". unverified: whether that code came from outside the
    known pipelines. relapses: how often the same was remediated within a day.
    """

    function: Function
    rules: Rules = Rules()
    mode: Mode = Mode.ENFORCE
    exemptions: Exemptions = field(default_factory=Exemptions)
    attempts: Sequence[Attempt] = ()
    round: int = 0
    code: str = ""
    unverified: bool = False
    relapses: int = 0

    @property
    def exposed(self) -> tuple[Invoker, ...]:
        """What runs `$LATEST`, besides people."""
        return tuple(i for i in self._services if self.function.runs_latest(i))

    @property
    def dangling(self) -> tuple[Invoker, ...]:
        """What names an alias that does not exist."""
        return tuple(i for i in self._services if self.function.dangles(i))

    @property
    def people(self) -> tuple[Invoker, ...]:
        """Permissions of accounts, users and roles to invoke `$LATEST`, where nobody else invokes it."""
        if self._services:
            return ()
        return tuple(
            i for i in self.function.invokers if i.kind is Kind.PEOPLE and self.function.runs_latest(i)
        )

    @property
    def _services(self) -> tuple[Invoker, ...]:
        return tuple(i for i in self.function.invokers if i.kind is not Kind.PEOPLE)

    @property
    def is_prod(self) -> bool:
        """Whether the guard may act on the function."""
        return self.rules.is_prod(self.function)

    @property
    def exemption(self) -> Exemption | None:
        """What exempts the function: an exemption of it or of its stack."""
        return self.exemptions.for_any(names(self.function))

    @property
    def plan(self) -> Plan:
        """What is still to be done, and why no more."""
        rules = self.rules
        return plan(self.function, self.exposed, rules.alias, rules.repoint_push, self.attempts)

    @property
    def done(self) -> tuple[Attempt, ...]:
        """What was changed."""
        return tuple(attempt for attempt in self.attempts if attempt.status == "done")

    def tried(self, action: Action) -> list[Attempt]:
        """Return the attempts at an action, oldest first."""
        key = (action.kind, action.target, action.parameters)
        return [a for a in self.attempts if (a.kind, a.target, a.parameters) == key]


@dataclass(frozen=True)
class Judgement:
    """What the workflow is told next. reason: why nothing, or nothing more, is done."""

    next: Literal["act", "wait", "done"]
    actions: tuple[Action, ...] = ()
    wait_seconds: int = 0
    outcome: Outcome | None = None
    exemption: Exemption | None = None
    reason: str = ""


def names(function: Function) -> tuple[str, ...]:
    """Return what an exemption may name: the function and its stack."""
    return (function.name, *([function.stack.name] if function.stack else []))


def judge(case: Case) -> Judgement:
    """Judge one function. It ends: waiting by PATIENCE, acting by TRIES of each action and by LONGEST."""
    if case.function.stack and not case.function.stack.settled:
        # Whatever is done now may break what its owner is doing; the stack's completion is judged.
        outcome = Outcome.OBSERVED if case.done else Outcome.DISMISSED
        return _done(outcome, "its stack is being changed, and the function judged again when that is done")
    if not case.exposed and not case.dangling:
        return _compliant(case)
    if case.exemption:
        return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
    if not case.exposed:
        return _done(Outcome.OBSERVED, "an alias that is missing is its owner's to make")
    if not case.is_prod:
        return _done(Outcome.OBSERVED, f"the environment {case.rules.environment} is not prod")
    return _hindered(case) or _move(case)


def _hindered(case: Case) -> Judgement | None:
    """Say why it is left to people, though something could be done."""
    stack, code = case.function.stack, case.function.code
    if stack and stack.halted:
        reason = f"its stack stopped half way ({stack.halted}), and its owner goes on from there"
    elif case.relapses >= MOST_RELAPSES:
        reason = f"somebody sets it back again and again: {case.relapses} times in a day"
    elif case.code and code and code.latest.code_sha256 != case.code:
        if not case.done:
            return _done(Outcome.DISMISSED, "its code changed meanwhile, which is judged by itself")
        reason = "its code changed meanwhile"
    elif case.unverified:
        reason = (
            "its code was changed outside the known pipelines, "
            "and is not made live for good before somebody has looked"
        )
    else:
        return None
    return _done(Outcome.OBSERVED, reason)


def _done(outcome: Outcome, reason: str = "") -> Judgement:
    return Judgement(next="done", outcome=outcome, reason=reason)


def _compliant(case: Case) -> Judgement:
    """Nothing runs `$LATEST`, any more or ever."""
    if case.done:
        if _may_be_overwritten(case):
            return Judgement(next="wait", wait_seconds=PAUSE)
        return _done(Outcome.REMEDIATED)
    if case.people and case.is_prod:
        if case.exemption:
            return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
        return _done(Outcome.OBSERVED, "only people invoke it")
    return _done(Outcome.DISMISSED)


def _may_be_overwritten(case: Case) -> bool:
    """Whether somebody who read a bucket's notifications before us may still write them back."""
    replaced = [a.round for a in case.done if a.kind is ActionKind.REPOINT_NOTIFICATION]
    return bool(replaced) and case.round - max(replaced) < SETTLED_ROUNDS


def _move(case: Case) -> Judgement:
    """Take the next step towards the alias."""
    todo = case.plan
    if todo.waiting and case.round < PATIENCE:
        return Judgement(next="wait", wait_seconds=PAUSE)
    if todo.waiting:
        return _done(Outcome.FAILED, todo.waiting)
    if todo.blocked:
        return _done(Outcome.FAILED if case.attempts else Outcome.OBSERVED, todo.blocked)
    stages = todo.stages if case.mode is Mode.OBSERVE else todo.stages[:1]
    wanted = tuple(action for stage in stages for action in stage)
    showing = [a for a in wanted if _showing(case, a) or _is_changing(case, a) or _is_early(case, a)]
    may_try = [a for a in wanted if a not in showing and _may_try(case, a)]
    next_ = (tuple(may_try) if case.mode is Mode.OBSERVE else _in_turn(may_try))[:MOST_ACTIONS]
    if next_ and case.round < LONGEST:
        return Judgement(next="act", actions=next_)
    if (showing and case.round < PATIENCE) or _may_be_overwritten(case):
        return Judgement(next="wait", wait_seconds=PAUSE)
    if wanted:
        return Judgement(next="done", outcome=Outcome.FAILED, actions=wanted)
    return _done(Outcome.OBSERVED, "the rest is in the hands of its owner")


def _in_turn(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Keep one permission: of two that are added at once Lambda may lose one, without an error."""
    later = [action for action in actions if action.kind is ActionKind.ADD_PERMISSION][1:]
    return tuple(action for action in actions if action not in later)


def _showing(case: Case, action: Action) -> bool:
    """Whether it was done a moment ago, and may not have become visible."""
    tried = case.tried(action)
    return bool(tried) and tried[-1].status == "done" and case.round - tried[-1].round <= STALE_ROUNDS


def _is_changing(case: Case, action: Action) -> bool:
    """Whether it is about a mapping that Lambda is still working on; what is only told waits for nothing."""
    return case.mode is Mode.ENFORCE and any(
        invoker.kind is Kind.MAPPING
        and invoker.id == action.target
        and invoker.config.get("State") in _CHANGING
        for invoker in case.exposed
    )


def _is_early(case: Case, action: Action) -> bool:
    """Whether what it relies on was done a moment ago: where AWS does not know it yet, events are lost."""
    after = _RELIES_ON.get(action.kind)
    done = [a.round for a in case.done if a.kind is after]
    return case.mode is Mode.ENFORCE and bool(done) and case.round - max(done) < SETTLED_ROUNDS


def _may_try(case: Case, action: Action) -> bool:
    tried = case.tried(action)
    final = any(name in attempt.error for attempt in tried for name in _FINAL)
    return len(tried) < TRIES and not final
