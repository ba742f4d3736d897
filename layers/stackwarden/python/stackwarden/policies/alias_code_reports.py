"""What `missing-alias` says about code: changed past the pipelines, or deployed and not live. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from stackwarden.finding import Outcome, Prose, Severity
from stackwarden.policies.alias_changes import Change, left_behind, version_before
from stackwarden.policies.alias_commands import aws, move_alias, publish_and_move, put_code_back
from stackwarden.policies.alias_fixes import all_snippets, declare, indented
from stackwarden.policies.alias_reach import Reach, is_latest_code, reach_of
from stackwarden.policies.alias_reports import title_name, undecided
from stackwarden.policies.alias_state import Alias, Function, Version
from stackwarden.policies.alias_words import listed, named, plain, source
from stackwarden.policies.missing_alias import Case, Judgement

_NOTHING: Final = "Nothing, as long as the exemption is right. It ends by itself."
_NOT_TOLD: Final = "the event does not say which; this is what it runs now"


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
    """Put a change of code past the pipelines into words. actor_arn: who made it."""
    told, change = bool(change.code_sha256), _as_far_as_known(case, change)
    reach = reach_of(case, change)
    version = version_before(case, change)
    live = ": live now" if reach.is_live else "" if reach.unknown else ": not live"
    exempt = judgement.outcome is Outcome.EXEMPT
    harmless = exempt or judgement.outcome is Outcome.DISMISSED
    name = title_name(case.function.name)
    why = (*_changed(case, change, actor_arn, told=told), *_before(change, version), *_for(case, reach))
    return Prose(
        severity=Severity.LOW if harmless else Severity.HIGH if reach.is_live else Severity.MEDIUM,
        title=f"Code of {name} changed outside the known pipelines{live}",
        why=" ".join(why),
        fix=_NOTHING if exempt else "\n".join(_roll_back(case, change, version, reach)),
        evidence=_evidence(case, change, version, reach) | {"reason": judgement.reason},
    )


def _evidence(case: Case, change: Change, version: Version | None, reach: Reach) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "code_sha256": change.code_sha256,
        "code_sha256_last_seen": change.before or None,
        "rollback_version": version.number if version else None,
        "rollback_code_sha256": version.code_sha256 if version else None,
        "invokers": [invoker.key for invoker in reach.live],
        "aliases": [alias.name for alias in reach.aliases],
        "snippets": all_snippets(case),
    }
    if doubts := undecided(case):
        evidence["undecided"] = doubts
    return evidence


def _as_far_as_known(case: Case, change: Change) -> Change:
    """Take what `$LATEST` runs now for the code of a call that does not tell its own."""
    code = case.function.code
    if change.code_sha256 or code is None:
        return change
    now = code.latest.code_sha256
    return replace(change, code_sha256=now, before="" if change.before == now else change.before)


def _changed(case: Case, change: Change, actor_arn: str, *, told: bool) -> Iterator[str]:
    code = case.function.code
    yield f"{plain(actor_arn)} replaced the code (UpdateFunctionCode), and is no pipeline that is known"
    yield "(MissingAliasPipelinePrincipals)."
    brought = plain(change.code_sha256) or "not known"
    yield f"CodeSha256: {brought}" + ("." if told or not change.code_sha256 else f" ({_NOT_TOLD}).")
    if change.published:
        yield f"The call published it as version {plain(change.published)}."
    if code and not is_latest_code(case, change):
        yield "$LATEST has yet other code by now."


def _before(change: Change, version: Version | None) -> Iterator[str]:
    """Name the way back. What the guard saw last need not be what was there before."""
    if version:
        sha = plain(version.code_sha256)
        yield f"Version {version.number} (CodeSha256 {sha}) is the newest published one with other code."
        return
    yield "No published version with other code is known."
    if change.before:
        yield f"CodeSha256 {plain(change.before)} was last seen by Stackwarden."


def _for(case: Case, reach: Reach) -> Iterator[str]:
    function = case.function
    yield from _reached(case, reach)
    if not (reach.latest or reach.through or reach.elsewhere or reach.unknown):
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
    if reach.aliases:
        names = listed(plain(alias.name) for alias in reach.aliases)
        yield f"It runs for whoever invokes alias {names}."
    if reach.unknown:
        yield f"Not known for {listed(named(case.function, i) for i in reach.unknown)}."


def _roll_back(case: Case, change: Change, version: Version | None, reach: Reach) -> Iterator[str]:
    function = case.function
    if version is None:
        yield "Deploy the last good state with the pipeline: no published version has other code."
    else:
        aliases = [alias for alias in reach.aliases if not alias.is_latest]
        if aliases:
            yield f"If it was not meant, let live traffic run version {version.number} again, at once:"
            yield from indented(_move_back(function, alias, version) for alias in aliases)
        if is_latest_code(case, change):
            yield _why_back(reach, version)
            yield from indented(put_code_back(function, version.number))
            yield "(Of a container image: --image-uri with its Code.ImageUri instead of --zip-file.)"
    yield "If it was meant, deploy the same with the pipeline: its next deployment overwrites this."
    yield "If it was the pipeline, name it in MissingAliasPipelinePrincipals."
    if reach.latest:
        yield "So that the next one is not live at once:"
        yield from declare(case)


def _move_back(function: Function, alias: Alias, version: Version) -> str:
    """Return the command; the weights of an alias stay unless they are taken away.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    """
    if not alias.weights:
        return move_alias(function, alias.name, version.number)
    return aws(
        function,
        "lambda update-alias",
        function_name=function.name,
        name=alias.name,
        function_version=version.number,
        routing_config="AdditionalVersionWeights={}",
    )


def _why_back(reach: Reach, version: Version) -> str:
    at_once = any(invoker.enabled for invoker in reach.latest) or any(a.is_latest for a in reach.aliases)
    if at_once:
        return f"If it was not meant, put the code of version {version.number} back; it is live at once:"
    return f"If it was not meant, put the code of version {version.number} back, before it is published:"
