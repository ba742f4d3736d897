"""What `missing-alias` says about code: changed by hand, or deployed and not live. Pure."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from stackwarden.finding import Outcome, Prose, Severity
from stackwarden.policies.alias_changes import Change, left_behind, version_before
from stackwarden.policies.alias_commands import move_alias, publish_and_move, put_code_back
from stackwarden.policies.alias_fixes import all_snippets, declare, indented
from stackwarden.policies.alias_reports import title_name, undecided
from stackwarden.policies.alias_state import Alias, Invoker, Kind, Version
from stackwarden.policies.alias_words import listed, named, plain, source
from stackwarden.policies.missing_alias import Case, Judgement

_NOTHING: Final = "Nothing, as long as the exemption is right. It ends by itself."


class Reach(NamedTuple):
    """Who runs the code of a change now. unknown: what names an alias or version whose code was not read."""

    latest: tuple[Invoker, ...]
    through: tuple[Invoker, ...]
    elsewhere: tuple[Invoker, ...]
    unknown: tuple[Invoker, ...]

    @property
    def live(self) -> tuple[Invoker, ...]:
        """What invokes the code and is switched on."""
        return tuple(i for i in (*self.latest, *self.through) if i.enabled)


def describe_behind(case: Case, judgement: Judgement) -> Prose:
    """Put into words that an alias of Stackwarden's making was left behind by a deployment."""
    name, behind = title_name(case.function.name), left_behind(case)
    code = case.function.code
    evidence: dict[str, Any] = {"code_sha256": code.latest.code_sha256 if code else ""}
    if behind is None or code is None:
        title, why = (
            f"{name}: its alias is not behind",
            "The alias runs what $LATEST runs, or nothing names it.",
        )
        return Prose(severity=Severity.LOW, title=title, why=why, fix="Nothing.", evidence=evidence)
    alias, version = behind
    what = "code" if version.code_sha256 != code.latest.code_sha256 else "settings"
    evidence |= {"alias": alias.name, "version": version.number, "reason": judgement.reason}
    evidence["snippets"] = all_snippets(case)
    if doubts := undecided(case):
        evidence["undecided"] = doubts
    exempt = judgement.outcome is Outcome.EXEMPT
    return Prose(
        severity=Severity.LOW if exempt else Severity.MEDIUM,
        title=f"New {what} of {name} not live: alias {title_name(alias.name)} is on version {version.number}",
        why=" ".join(_behind(case, alias, version)),
        fix=_NOTHING if exempt else "\n".join(_catch_up(case, alias)),
        evidence=evidence,
    )


def _behind(case: Case, alias: Alias, version: Version) -> Iterator[str]:
    function, code = case.function, case.function.code
    them = [i for i in function.invokers if i.qualifier == alias.name]
    yield f"Stackwarden set the alias {alias.name}, and no deployment moves it."
    yield f"Through it {listed(map(source, them))} still run version {version.number}."
    if code and code.latest.code_sha256 != version.code_sha256:
        live, latest = plain(version.code_sha256), plain(code.latest.code_sha256)
        yield f"CodeSha256: {live} is live, {latest} is $LATEST."
    else:
        yield "Its code is that of $LATEST; other settings are not (memory, environment, role, …)."


def _catch_up(case: Case, alias: Alias) -> Iterator[str]:
    yield "If it is meant to be live, move the alias:"
    yield from indented(publish_and_move(case.function, alias.name))
    yield "So that each deployment does it:"
    yield from declare(case)


def describe_change(case: Case, judgement: Judgement, change: Change, actor_arn: str) -> Prose:
    """Put a change of code by hand into words. actor_arn: who made it."""
    reach = reach_of(case, change)
    version = version_before(case, change)
    live = ": live now" if reach.live else "" if reach.unknown else ": not live"
    exempt = judgement.outcome is Outcome.EXEMPT
    dismissed = judgement.outcome is Outcome.DISMISSED
    evidence: dict[str, Any] = {
        "code_sha256": change.code_sha256,
        "code_sha256_before": change.before or None,
        "rollback_version": version.number if version else None,
        "invokers": [invoker.key for invoker in reach.live],
        "reason": judgement.reason,
        "snippets": all_snippets(case),
    }
    if doubts := undecided(case):
        evidence["undecided"] = doubts
    return Prose(
        severity=Severity.LOW if exempt or dismissed else Severity.HIGH if reach.live else Severity.MEDIUM,
        title=f"Code of {title_name(case.function.name)} changed in prod by hand{live}",
        why=" ".join(_changed(case, change, actor_arn, version, reach)),
        fix=_NOTHING if exempt else "\n".join(_roll_back(case, change, version, reach)),
        evidence=evidence,
    )


def reach_of(case: Case, change: Change) -> Reach:
    """Sort what invokes the function by whether it runs the code of a change."""
    function, code = case.function, case.function.code
    services = [invoker for invoker in function.invokers if invoker.kind is not Kind.PEOPLE]
    now = code.latest.code_sha256 if code else change.code_sha256
    sorted_: dict[str, list[Invoker]] = {"latest": [], "through": [], "elsewhere": [], "unknown": []}
    for invoker in services:
        if function.runs_latest(invoker):
            sorted_["latest" if now == change.code_sha256 else "elsewhere"].append(invoker)
        elif not function.dangles(invoker):
            codes = _codes(case, invoker)
            known = "elsewhere" if codes and None not in codes else "unknown"
            sorted_["through" if change.code_sha256 in codes else known].append(invoker)
    return Reach(**{name: tuple(them) for name, them in sorted_.items()})


def _codes(case: Case, invoker: Invoker) -> set[str | None]:
    """Return the CodeSha256 of each version that an invoker may run; None: not read."""
    function, code, qualifier = case.function, case.function.code, invoker.qualifier or ""
    alias = function.aliases.get(qualifier)
    numbers = (alias.version, *alias.weights) if alias else (qualifier,)
    versions = [code.versions.get(number) if code else None for number in numbers]
    return {version.code_sha256 if version else None for version in versions}


def _changed(
    case: Case, change: Change, actor_arn: str, version: Version | None, reach: Reach
) -> Iterator[str]:
    function, code = case.function, case.function.code
    yield f"{plain(actor_arn)} replaced the code (UpdateFunctionCode), and is no pipeline that is known"
    yield "(MissingAliasPipelinePrincipals)."
    before = plain(change.before) or "not known"
    yield f"CodeSha256: {before} -> {plain(change.code_sha256)}."
    if change.published:
        yield f"The call published it as version {plain(change.published)}."
    if code and code.latest.code_sha256 != change.code_sha256:
        yield "$LATEST has yet other code by now."
    if version and version.code_sha256 == change.before:
        yield f"Version {version.number} has the code from before."
    elif version:
        sha = plain(version.code_sha256)
        yield f"Version {version.number} ({sha}) is the newest published one with other code."
    else:
        yield "No published version with other code is known."
    yield from _reached(case, reach)
    if not any(reach):
        yield "No service is known to invoke the function."
    elif reach.elsewhere and not reach.live:
        names = listed(named(function, i) for i in reach.elsewhere)
        yield f"Nothing live changed for {names}."


def _reached(case: Case, reach: Reach) -> Iterator[str]:
    if reach.live:
        yield f"It runs now for {listed(named(case.function, i) for i in reach.live)}."
    elif reach.latest or reach.through:
        them = listed(named(case.function, i) for i in (*reach.latest, *reach.through))
        yield f"It would run for {them}."
    if reach.unknown:
        yield f"Not known for {listed(named(case.function, i) for i in reach.unknown)}."


def _roll_back(case: Case, change: Change, version: Version | None, reach: Reach) -> Iterator[str]:
    function = case.function
    if version is None:
        yield "Deploy the last good state with the pipeline: no published version has other code."
    else:
        aliases = dict.fromkeys(i.qualifier or "" for i in reach.through if i.qualifier in function.aliases)
        if aliases:
            yield f"If it was not meant, let live traffic run version {version.number} again, at once:"
            yield from indented(move_alias(function, alias, version.number) for alias in aliases)
        if _is_latest(case, change):
            yield _why_back(reach, version)
            yield from indented(put_code_back(function, version.number))
            yield "(Of a container image: --image-uri with its Code.ImageUri instead of --zip-file.)"
    yield "If it was meant, deploy the same with the pipeline: its next deployment overwrites this."
    if reach.latest:
        yield "So that the next one is not live at once:"
        yield from declare(case)


def _is_latest(case: Case, change: Change) -> bool:
    code = case.function.code
    return code is None or code.latest.code_sha256 == change.code_sha256


def _why_back(reach: Reach, version: Version) -> str:
    if any(invoker.enabled for invoker in reach.latest):
        return f"If it was not meant, put the code of version {version.number} back; it is live at once:"
    return f"If it was not meant, put the code of version {version.number} back, before it is published:"
