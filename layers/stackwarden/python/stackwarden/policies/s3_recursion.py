"""The judgement of the guard `s3-recursion`: a proven loop is capped, and released when it is gone.

Pure. The guard reads (s3_walk.survey finds the loops, IAM confirms them), asks `judge`, the workflow does
what the judgement says, then the guard reads and asks again until the judgement is `done`.

Rules that AWS imposes:
- Reserved concurrency covers all versions and aliases of a function, and 0 stops it. It is taken from what
  all other functions of the account share, of which 100 must be left:
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
- Lambda stops some loops by itself, after about 16 rounds, unless the function allows recursion:
  https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Exemption, Mode, Outcome
from stackwarden.policies.s3_walk import Loop

TRIES = 3  # of one action
STALE_ROUNDS = 1  # rounds that a change may take to show
PATIENCE = 6  # rounds
UNRESERVABLE = "UnreservedConcurrentExecution"  # in Lambda's message, whatever minimum it names


class Hazard(StrEnum):
    """What a finding of this guard is about."""

    LOOP = "recursive-loop"
    GONE = "loop-gone"


class Grade(StrEnum):
    """How certain a loop is: proven by statements that name its buckets, or possible by wildcards only."""

    PROVEN = "proven"
    POSSIBLE = "possible"


class WhenUnreservable(StrEnum):
    """What to do where the account has no concurrency left to reserve."""

    REPORT = "report"
    STOP = "stop"


@dataclass(frozen=True)
class FunctionState:
    """A function of a loop, as it is now.

    reserved: reserved concurrency, None if there is none. peak: the most concurrent executions, and dropped:
    the invocations that Lambda's own loop detection stopped, of the last two weeks. cap: the newest one that
    Stackwarden set.
    """

    arn: str
    reserved: int | None = None
    allows_recursion: bool = False
    peak: int = 0
    dropped: int = 0
    stack_name: str = ""
    cap: "Cap | None" = None

    @property
    def name(self) -> str:
        """The function's name."""
        return self.arn.split(":")[6]

    @property
    def before(self) -> int | None:
        """What its owner had reserved: a cap of Stackwarden's own is not what is to be put back."""
        return self.cap.before if self.cap and self.cap.reserved == self.reserved else self.reserved


@dataclass(frozen=True)
class Cap:
    """A cap that Stackwarden set: what was before, what it is, by which finding.

    cycle: of the loop. names: how its triggers name the function.
    """

    before: int | None
    reserved: int
    finding: str
    cycle: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def buckets(self) -> tuple[str, ...]:
        """The buckets of the loop."""
        return self.cycle[1::2]


@dataclass(frozen=True)
class Situation:
    """What is judged: a loop with its functions, or a capped function with the cap.

    loop: None if there is none (any more). other_loops: whether there are others, which may need the same
    cap. cut: why the walk may have missed something.
    """

    hazard: Hazard
    functions: tuple[FunctionState, ...]
    loop: Loop | None = None
    cap: Cap | None = None
    cut: tuple[str, ...] = ()
    other_loops: bool = False


@dataclass(frozen=True)
class Rules:
    """What the account's owner decided. cap: the reserved concurrency that is set."""

    cap: int = 10
    enforce: Grade = Grade.PROVEN
    when_unreservable: WhenUnreservable = WhenUnreservable.REPORT


@dataclass(frozen=True)
class Case:
    """A situation with all that its judgement depends on. `round`: how often it was judged before."""

    situation: Situation
    rules: Rules = Rules()
    mode: Mode = Mode.ENFORCE
    exemptions: Exemptions = field(default_factory=Exemptions)
    attempts: Sequence[Attempt] = ()
    round: int = 0

    @property
    def exemption(self) -> Exemption | None:
        """What exempts the loop: an exemption of one of its functions, buckets or stacks."""
        return self.exemptions.for_any(names(self.situation))

    @property
    def holding(self) -> tuple[FunctionState, ...]:
        """The functions of the loop whose reserved concurrency is no higher than the cap."""
        functions, cap = self.situation.functions, self.rules.cap
        return tuple(f for f in functions if f.reserved is not None and f.reserved <= cap)

    @property
    def held(self) -> bool:
        """Whether one of them holds the loop."""
        return bool(self.holding)

    @property
    def allows_recursion(self) -> bool:
        """Whether a function of the loop keeps Lambda from stopping it."""
        return any(function.allows_recursion for function in self.situation.functions)

    @property
    def allowed_recursion(self) -> bool:
        """The same, when the loop was found."""
        return self.allows_recursion or any(a.kind is ActionKind.SET_RECURSIVE_LOOP for a in self.attempts)

    def tried(self, action: Action) -> list[Attempt]:
        """Return the attempts at an action, oldest first."""
        return [a for a in self.attempts if (a.kind, a.target, a.parameters) == _key(action)]


@dataclass(frozen=True)
class Judgement:
    """What the workflow is told next."""

    next: Literal["act", "wait", "done"]
    actions: tuple[Action, ...] = ()
    wait_seconds: int = 0
    outcome: Outcome | None = None
    exemption: Exemption | None = None


def names(situation: Situation) -> tuple[str, ...]:
    """Return what an exemption may name: functions, buckets and stacks, in this order."""
    functions = [function.name for function in situation.functions]
    buckets = [hop.trigger.bucket for hop in situation.loop.hops] if situation.loop else []
    stacks = [function.stack_name for function in situation.functions if function.stack_name]
    return tuple(dict.fromkeys([*functions, *buckets, *stacks]))


def judge(case: Case) -> Judgement:
    """Judge one situation. Total, and it ends: waiting by PATIENCE, acting by TRIES of each action."""
    if case.situation.hazard is Hazard.GONE:
        return _gone(case)
    if case.situation.loop is None:
        return _fixed_meanwhile(case)
    if case.exemption:
        return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
    if case.rules.enforce is Grade.PROVEN and not case.situation.loop.proven:
        return Judgement(next="done", outcome=Outcome.OBSERVED)
    return _hold(case)


def _hold(case: Case) -> Judgement:
    """Cap one function of the loop, and let none of them allow recursion."""
    wanted = [set_recursive_loop(f) for f in case.situation.functions if f.allows_recursion]
    if not case.held:
        wanted += [action] if (action := _next_cap(case)) else []
    judgement = _do(case, wanted)
    if judgement:
        return judgement
    if not case.held or wanted:
        return Judgement(next="done", outcome=Outcome.FAILED, actions=tuple(wanted))
    done = any(attempt.status == "done" for attempt in case.attempts)
    return Judgement(next="done", outcome=Outcome.REMEDIATED if done else Outcome.OBSERVED)


def _do(case: Case, wanted: Sequence[Action]) -> Judgement | None:
    """Act, or wait for what was done to show; None when there is nothing left to try."""
    showing = [action for action in wanted if _showing(case, action)]
    todo = tuple(a for a in wanted if a not in showing and len(case.tried(a)) < TRIES)
    if todo:
        return Judgement(next="act", actions=todo)
    if showing and case.round < PATIENCE:
        return Judgement(next="wait", wait_seconds=2)
    return None


def _showing(case: Case, action: Action) -> bool:
    tried = case.tried(action)
    return bool(tried) and tried[-1].status == "done" and case.round - tried[-1].round <= STALE_ROUNDS


def _next_cap(case: Case) -> Action | None:
    """Cap the function that needs the least concurrency; another one where AWS refuses that."""

    def order(function: FunctionState) -> tuple[bool, int, str]:
        capped = any(_is_cap_of(attempt, function) for attempt in case.attempts)
        return not capped, function.peak, function.arn

    functions = sorted(case.situation.functions, key=order)
    caps = [_cap(case, function) for function in functions if _reservable(case, function)]
    if cap := next((cap for cap in caps if not _given_up(case, cap)), None):
        return cap
    stop = unreservable(case.attempts) and case.rules.when_unreservable is WhenUnreservable.STOP
    return cap_concurrency(functions[0], 0) if stop else None


def _is_cap_of(attempt: Attempt, function: FunctionState) -> bool:
    kind, done = attempt.kind is ActionKind.CAP_CONCURRENCY, attempt.status == "done"
    return kind and done and attempt.target == function.arn


def _cap(case: Case, function: FunctionState) -> Action:
    return cap_concurrency(function, case.rules.cap)


def _reservable(case: Case, function: FunctionState) -> bool:
    """Whether a cap may be had: where nothing can be reserved, less than what is reserved still can."""
    return function.reserved is not None or not unreservable(case.attempts)


def _given_up(case: Case, action: Action) -> bool:
    tried = case.tried(action)
    if _showing(case, action):
        return False
    return len(tried) >= TRIES or any(attempt.status == "failed" for attempt in tried)


def unreservable(attempts: Iterable[Attempt]) -> bool:
    """Whether Lambda refused a cap since the account must keep some concurrency unreserved."""
    return any(
        attempt.kind is ActionKind.CAP_CONCURRENCY
        and attempt.status == "failed"
        and UNRESERVABLE in attempt.error
        for attempt in attempts
    )


def _fixed_meanwhile(case: Case) -> Judgement:
    """End without a finding; a cap that was set a moment ago is taken back, if the walk saw everything."""
    if case.situation.other_loops:
        return Judgement(next="done", outcome=Outcome.DISMISSED)
    if case.situation.cut and case.attempts:
        return Judgement(next="done", outcome=Outcome.FAILED)
    caps = {function.arn: _newest_cap(case, function) for function in case.situation.functions}
    wanted = [
        uncap_concurrency(function, cap.before["reserved"])
        for function in case.situation.functions
        if (cap := caps[function.arn]) and function.reserved == cap.parameters["reserved"]
    ]
    if judgement := _do(case, wanted):
        return judgement
    if any(_not_showing(case, function, caps[function.arn]) for function in case.situation.functions):
        return Judgement(next="wait", wait_seconds=2)
    outcome = Outcome.FAILED if wanted else Outcome.DISMISSED
    return Judgement(next="done", outcome=outcome, actions=tuple(wanted))


def _not_showing(case: Case, function: FunctionState, cap: Attempt | None) -> bool:
    """Whether a cap was set a moment ago, and the value before is still to be seen."""
    recent = cap is not None and case.round - cap.round <= STALE_ROUNDS
    return recent and cap is not None and function.reserved == cap.before["reserved"]


def _newest_cap(case: Case, function: FunctionState) -> Attempt | None:
    """Return the cap that was set on a function, unless it was given back after that."""
    done = [a for a in case.attempts if a.target == function.arn and a.status == "done"]
    changes = [a for a in done if a.kind is not ActionKind.SET_RECURSIVE_LOOP]
    newest = changes[-1] if changes else None
    return newest if newest and newest.kind is ActionKind.CAP_CONCURRENCY else None


def _gone(case: Case) -> Judgement:
    """Release the cap of a loop that is gone, if it is still the cap that Stackwarden set."""
    function, cap = case.situation.functions[0], case.situation.cap
    released = any(attempt.status == "done" for attempt in case.attempts)
    if case.situation.loop or case.situation.cut or cap is None:
        return Judgement(next="done", outcome=Outcome.DISMISSED)
    if function.reserved != cap.reserved:
        is_back = released and function.reserved == cap.before
        return Judgement(next="done", outcome=Outcome.REMEDIATED if is_back else Outcome.DISMISSED)
    wanted = [uncap_concurrency(function, cap.before)]
    return _do(case, wanted) or Judgement(next="done", outcome=Outcome.FAILED, actions=tuple(wanted))


def cap_concurrency(function: FunctionState, reserved: int) -> Action:
    """Return the action that reserves concurrency, for a function that has more, or none."""
    return Action(
        kind=ActionKind.CAP_CONCURRENCY,
        target=function.arn,
        parameters={"reserved": reserved},
        before={"reserved": function.before},
    )


def uncap_concurrency(function: FunctionState, reserved: int | None) -> Action:
    """Return the action that puts back what was reserved before a cap; None: nothing was."""
    before = {"reserved": function.reserved}
    if reserved is None:
        return Action(kind=ActionKind.RELEASE_CONCURRENCY, target=function.arn, before=before)
    return Action(
        kind=ActionKind.RESTORE_CONCURRENCY,
        target=function.arn,
        parameters={"reserved": reserved},
        before=before,
    )


def set_recursive_loop(function: FunctionState) -> Action:
    """Return the action that lets Lambda's own loop detection stop the function."""
    return Action(
        kind=ActionKind.SET_RECURSIVE_LOOP,
        target=function.arn,
        parameters={"recursive_loop": "Terminate"},
        before={"recursive_loop": "Allow"},
    )


def _key(action: Action) -> tuple[Any, ...]:
    return (action.kind, action.target, action.parameters)
