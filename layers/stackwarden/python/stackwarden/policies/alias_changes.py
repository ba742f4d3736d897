"""What a change of code in prod means: who made it, and whether it reaches live traffic. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from stackwarden.finding import Outcome
from stackwarden.policies.alias_state import Alias, Version
from stackwarden.policies.missing_alias import Case, Judgement

ALIAS_TAG: Final = "stackwarden:alias"  # on functions whose alias Stackwarden made
MOVED_TAG: Final = "stackwarden:alias-moved"  # on those whose own alias it moved off `$LATEST`
BEHIND_ROUNDS: Final = 2  # until an alias counts as left behind: whoever updates code moves it next
BEHIND_PAUSE: Final = 60  # seconds


@dataclass(frozen=True)
class Change:
    """An UpdateFunctionCode call.

    code_sha256: of the code that it brought. before: the code that was there as the ledger knows it, or "".
    published: the version that the call itself published, or "".
    """

    code_sha256: str
    before: str = ""
    published: str = ""


def is_pipeline(principals: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether a caller is meant to change code: one of its ARNs (of role or session) matches a pattern."""
    wanted = tuple(patterns)
    return any(fnmatchcase(arn, pattern) for arn in principals for pattern in wanted)


def judge_change(case: Case) -> Judgement:
    """Judge a direct change of code by somebody who is not the pipeline. It is told, and nothing is done."""
    if not case.is_prod:
        return Judgement(next="done", outcome=Outcome.DISMISSED)
    return _told(case)


def judge_behind(case: Case, completed: bool = False) -> Judgement:
    """Judge an alias of Stackwarden's making that a deployment has left behind.

    completed: whether the deployment is over, as a stack says of itself; a call may be one of several.
    """
    settled = case.function.stack is None or case.function.stack.settled
    if not settled or not case.is_prod or left_behind(case) is None:
        return Judgement(next="done", outcome=Outcome.DISMISSED)
    if not completed and case.round < BEHIND_ROUNDS:
        return Judgement(next="wait", wait_seconds=BEHIND_PAUSE)
    return _told(case)


def _told(case: Case) -> Judgement:
    if case.exemption:
        return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
    reason = "which code is live is its owner's decision"
    return Judgement(next="done", outcome=Outcome.OBSERVED, reason=reason)


def left_behind(case: Case) -> tuple[Alias, Version] | None:
    """Return the alias that Stackwarden made, or moved, and its version, if `$LATEST` runs something else.

    None also where nothing invokes the alias, or where a deployment is moving it.
    """
    function = case.function
    minded = [function.tags.get(tag, "") for tag in (ALIAS_TAG, MOVED_TAG)]
    alias = next((function.aliases[name] for name in minded if name in function.aliases), None)
    if alias is None or alias.is_latest or alias.weights or function.code is None:
        return None
    version = function.code.versions.get(alias.version)
    if version is None or version.runs_the_same_as(function.code.latest):
        return None
    used = any(invoker.qualifier == alias.name for invoker in function.invokers)
    return (alias, version) if used else None


def version_before(case: Case, change: Change) -> Version | None:
    """Return the published version to roll back to: the newest one with other code than now."""
    code = case.function.code
    if code is None:
        return None
    published = [v for v in (*code.versions.values(), code.newest) if v and v.number.isdigit()]
    others = [version for version in published if version.code_sha256 != change.code_sha256]
    return max(others, key=lambda version: int(version.number), default=None)
