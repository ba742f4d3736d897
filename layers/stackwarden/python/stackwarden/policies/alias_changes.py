"""What a change of code in prod means: who made it, and whether it reaches live traffic. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from stackwarden.finding import Outcome
from stackwarden.policies.alias_state import Alias, Version
from stackwarden.policies.missing_alias import Case, Judgement

ALIAS_TAG: Final = "stackwarden:alias"  # on functions whose alias Stackwarden made, or moved


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


def judge_behind(case: Case) -> Judgement:
    """Judge an alias of Stackwarden's making that a deployment has left behind."""
    settled = case.function.stack is None or case.function.stack.settled
    if not settled or not case.is_prod or left_behind(case) is None:
        return Judgement(next="done", outcome=Outcome.DISMISSED)
    return _told(case)


def _told(case: Case) -> Judgement:
    if case.exemption:
        return Judgement(next="done", outcome=Outcome.EXEMPT, exemption=case.exemption)
    reason = "which code is live is its owner's decision"
    return Judgement(next="done", outcome=Outcome.OBSERVED, reason=reason)


def left_behind(case: Case) -> tuple[Alias, Version] | None:
    """Return the alias that Stackwarden made, and its version, if `$LATEST` runs something else.

    None also where nothing invokes the alias, or where a deployment is moving it.
    """
    function = case.function
    alias = function.aliases.get(function.tags.get(ALIAS_TAG, ""))
    if alias is None or alias.is_latest or alias.weights or function.code is None:
        return None
    version = function.code.versions.get(alias.version)
    if version is None or version.runs_the_same_as(function.code.latest):
        return None
    used = any(invoker.qualifier == alias.name for invoker in function.invokers)
    return (alias, version) if used else None


def version_before(case: Case, change: Change) -> Version | None:
    """Return the published version to roll back to.

    It has the code from before, if that is known; else it is the newest one with other code than now.
    """
    code = case.function.code
    if code is None:
        return None
    published = [v for v in (*code.versions.values(), code.newest) if v and v.number.isdigit()]
    others = [version for version in published if version.code_sha256 != change.code_sha256]
    known = [version for version in others if version.code_sha256 == change.before]
    return max(known or others, key=lambda version: int(version.number), default=None)
