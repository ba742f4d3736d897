"""What the guard `missing-alias` says about a judgement: title, why, fix, severity, evidence. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from stackwarden.finding import ActionKind, Attempt, Mode, Outcome, Prose, Severity
from stackwarden.policies.alias_commands import undo
from stackwarden.policies.alias_fixes import STORAGE_FULL, all_snippets, fix
from stackwarden.policies.alias_hindrances import hindrance
from stackwarden.policies.alias_notes import alias_update, moved, on_alias
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.policies.alias_steps import needed
from stackwarden.policies.alias_words import counted, is_decided_at_run_time, listed, named, plain, source
from stackwarden.policies.missing_alias import Case, Judgement

_LONGEST_NAME: Final = 40  # in a title
_MOST_EVIDENCE: Final = 100
_ALIASED: Final = (ActionKind.CREATE_ALIAS, ActionKind.UPDATE_ALIAS)


def describe(case: Case, judgement: Judgement) -> Prose:
    """Put a judgement about a function whose `$LATEST` is invoked into words."""
    return Prose(
        severity=_severity(case, judgement),
        title=_title(case, judgement),
        why=" ".join(_why(case, judgement)),
        fix=fix(case, judgement),
        evidence=_evidence(case, judgement),
    )


def title_name(name: str) -> str:
    """Return a function's name as a subject has room for it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _severity(case: Case, judgement: Judgement) -> Severity:
    """HIGH: invocations fail, or what was begun did not succeed. LOW: nothing live is at stake."""
    if judgement.outcome in (Outcome.EXEMPT, Outcome.DISMISSED):
        return Severity.LOW
    if judgement.outcome is Outcome.FAILED or any(invoker.enabled for invoker in case.dangling):
        return Severity.HIGH
    live = any(invoker.enabled for invoker in case.exposed)
    at_stake = live or moved(case) or alias_update(case)
    return Severity.MEDIUM if case.is_prod and at_stake else Severity.LOW


def _title(case: Case, judgement: Judgement) -> str:
    name, alias = title_name(case.function.name), title_name(case.rules.alias)
    exposed, done = case.exposed, moved(case)
    if judgement.outcome is Outcome.REMEDIATED and done:
        return f"{name}: {counted(done)} moved from $LATEST to the alias {alias}"
    update = alias_update(case)
    if judgement.outcome is Outcome.REMEDIATED and update:
        return f"{name}: alias {alias} moved from $LATEST to version {_number(update)}"
    if case.dangling and judgement.outcome is not Outcome.FAILED:
        missing = title_name(plain(case.dangling[0].qualifier or ""))
        return f"{name} is invoked by an alias that does not exist: {missing}"
    if not exposed and case.people:
        return f"Only people invoke {name}, and its $LATEST"
    if not exposed:
        return f"{name}: no trigger runs $LATEST any more"
    what = f"{counted(exposed)} still" if done else counted(exposed)
    runs = _runs(exposed)
    stopped = hindrance(case, judgement.reason)
    if judgement.outcome is Outcome.OBSERVED and case.done and not done and not stopped:
        ready = f"moved to version {_number(update)}" if update else "is ready"
        return f"{name}: alias {alias} {ready}, {counted(exposed)} still {runs} $LATEST"
    return f"{name}: {what} {runs} $LATEST, not a version"


def _number(update: Attempt) -> str:
    return title_name(plain(str(update.parameters.get("version"))))


def _runs(exposed: Sequence[Invoker]) -> str:
    """A permission may be used or not; who has it cannot be asked."""
    if all(invoker.kind is Kind.PERMISSION for invoker in exposed):
        return "may run"
    return "runs" if len(exposed) == 1 else "run"


def _why(case: Case, judgement: Judgement) -> Iterator[str]:
    function = case.function
    if done := moved(case):
        yield f"Moved to the alias {case.rules.alias}, from $LATEST: {listed(source(i) for i in done)}."
        yield "Before, code ran there as soon as it was uploaded, with no way back but another upload."
    if update := alias_update(case):
        yield from _alias_moved(case, update)
    if case.exposed:
        yield f"$LATEST {_invoked_by(case)}."
        yield "There, code runs as soon as it is uploaded, with no way back but another upload."
    if case.dangling:
        what = listed(named(function, i) for i in case.dangling)
        yield f"Invocations fail that name what does not exist: {what}."
    if not case.exposed and not case.dangling and case.people:
        them = listed(source(i) for i in case.people)
        yield f"No service is known to invoke the function. $LATEST may be invoked by {them}."
    if not (case.exposed or case.dangling or case.people):
        yield "Nothing is known to invoke $LATEST any more."
    yield from _off(case)
    yield from _ending(case, judgement)


def _alias_moved(case: Case, update: Attempt) -> Iterator[str]:
    """What the owner's own alias was, and what is different from now on."""
    through = listed(source(invoker) for invoker in on_alias(case))
    by = f", which {through} name{'s' if len(on_alias(case)) == 1 else ''}," if through else ""
    yield (
        f"The alias {case.rules.alias}{by} pointed at $LATEST: code ran there as soon as it was uploaded. "
        f"It was moved to version {_number(update)}."
    )
    yield "Deployments that only update the code are not live through it from now on."


def _invoked_by(case: Case) -> str:
    """Who invokes, and who only may."""
    sure = [i for i in case.exposed if i.kind is not Kind.PERMISSION]
    allowed = [i for i in case.exposed if i.kind is Kind.PERMISSION]
    parts = [
        f"{how} by {listed(named(case.function, i) for i in them)}"
        for how, them in (("is invoked", sure), ("may be invoked", allowed))
        if them
    ]
    return ", and ".join(parts)


def _off(case: Case) -> Iterator[str]:
    if case.exposed and not any(invoker.enabled for invoker in case.exposed):
        yield "All of that is switched off now, so it matters when it is switched on again."


def _ending(case: Case, judgement: Judgement) -> Iterator[str]:
    if judgement.outcome is Outcome.FAILED and any(STORAGE_FULL in a.error for a in case.attempts):
        nothing = "" if case.done else " Nothing was changed."
        yield f"Lambda published no version, since the code storage of account and Region is full.{nothing}"
    elif judgement.outcome is Outcome.OBSERVED and case.exposed and case.done:
        yield f"Nothing more is done: {judgement.reason or 'the rest is its owner to switch'}."
    elif judgement.outcome in (Outcome.OBSERVED, Outcome.FAILED) and judgement.reason:
        yield f"Nothing is done: {judgement.reason}." if not case.done else f"It ended: {judgement.reason}."
    elif case.mode is Mode.OBSERVE and judgement.next == "act":
        yield "Nothing is done, since the mode is observe."


def _evidence(case: Case, judgement: Judgement) -> dict[str, Any]:
    function = case.function
    counted_in = [*case.exposed, *case.dangling] or [*case.people]
    evidence: dict[str, Any] = {
        "invokers": [invoker.key for invoker in counted_in[:_MOST_EVIDENCE]],
        "code_sha256": function.code.latest.code_sha256 if function.code else "",
        "snippets": all_snippets(case),
    }
    if headline := _headline(case, judgement):
        evidence["headline"] = headline
    if judgement.reason:
        evidence["reason"] = judgement.reason
    if commands := undo(case):
        evidence["undo"] = commands
    if case.done and (facts := list(_verified(case))):
        evidence["verified"] = facts
    if judgement.outcome is not Outcome.EXEMPT and (doubts := undecided(case)):
        evidence["undecided"] = doubts
    if case.exemptions.problems:
        evidence["exemption_problems"] = list(case.exemptions.problems)
    return evidence


def _headline(case: Case, judgement: Judgement) -> str:
    """How it ended, where the outcome alone says too much or too little."""
    done, left, update = moved(case), counted(case.exposed), alias_update(case)
    may_be = _runs(case.exposed) == "may run" and case.exposed
    still = "may still be invoked" if may_be else "is still invoked"
    match judgement.outcome:
        case Outcome.FAILED if not case.done:
            return f"FAILED: nothing was changed, and $LATEST {still}"
        case Outcome.FAILED:
            return f"FAILED in part: what was done stands (see below), and $LATEST {still}"
        case Outcome.EXEMPT if case.done:
            return "Nothing more is changed; what was changed before stays (see below)"
        case Outcome.OBSERVED if case.done and not case.exposed:
            return "Remediated in part; the rest is for its owner"
        case Outcome.OBSERVED if case.done and hindrance(case, judgement.reason):
            return f"Stopped half way: what was done stands (see below), and $LATEST {still}"
        case Outcome.OBSERVED if done:
            return f"Partly remediated: {counted(done)} moved to the alias, {left} left to the owner"
        case Outcome.OBSERVED if update:
            return (
                f"Partly remediated: the alias moved to version {_number(update)}, {left} left to the owner"
            )
        case Outcome.OBSERVED if case.done:
            return f"Prepared: {left} left for the owner to switch"
    return ""


def undecided(case: Case) -> list[str]:
    """Return what could not be seen: something there may invoke `$LATEST`, too."""
    at_run_time = [i for i in case.function.invokers if is_decided_at_run_time(i)]
    choosing = [f"{source(i)} chooses at run time: {plain(i.qualifier or '')}" for i in at_run_time]
    return [*case.function.unread, *choosing]


def _verified(case: Case) -> Iterator[str]:
    """What was read after the last change, and nothing else."""
    function, name = case.function, case.rules.alias
    alias, code = function.aliases.get(name), function.code
    if alias is None or alias.is_latest:
        return
    version = code.versions.get(alias.version) if code else None
    same = code is not None and version is not None and version.runs_the_same_as(code.latest)
    if any(attempt.kind in _ALIASED for attempt in case.done):
        yield f"alias {name} points at version {alias.version}{_same(same)}"
    yield from (f"{source(invoker)} names the alias {name}{_off_now(invoker)}" for invoker in moved(case))
    yield from _allowed(case, (*case.exposed, *on_alias(case)))


def _same(same: bool) -> str:
    return ", which runs the code and settings of $LATEST" if same else ""


def _off_now(invoker: Invoker) -> str:
    return "" if invoker.enabled else "; it is disabled"


def _allowed(case: Case, invokers: Sequence[Invoker]) -> Iterator[str]:
    granted = case.function.granted
    for permission in needed(case.function, [replace(invoker, qualifier=None) for invoker in invokers]):
        if any(permission.allows_as(other) for other in granted):
            what = f" for {plain(permission.source_arn)}" if permission.source_arn else ""
            yield f"{plain(permission.principal)} may invoke the alias{what}, as it may the function"
