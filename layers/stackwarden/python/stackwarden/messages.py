"""Reports: what a person reads in ten seconds, and the same as one JSON document for everything else.

E-mail gets plain text; every other SNS protocol `{"finding", "actions", "outcome"}`. What comes from outside
(names, ARNs, error texts) is cut and stripped of control characters, so that nobody can write lines into a
report.
"""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from stackwarden.finding import NOBODY, Action, ActionKind, Actor, Attempt, Finding, Mode, Outcome, Verdict

_SUBJECT = 99  # ASCII characters; SNS wants less than 100: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_LINE = 600
_COMMAND = 2000
_MOST_LISTED = 25
_COLONS_OF_A_TOPIC = 5  # a subscription's ARN is its topic's and an id
_MOST_BYTES = 100_000  # of both texts: they pass through the workflow, whose state may have 256 KiB
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

_DID = {
    ActionKind.SET_TERMINATION_PROTECTION: "termination protection of {target}: {was} -> {now}",
    ActionKind.PROTECT_TABLE: "deletion protection of table {target}: off -> on",
    ActionKind.ENABLE_POINT_IN_TIME_RECOVERY: "point-in-time recovery of table {target}: off -> on",
    ActionKind.BACK_UP_TABLE: "on-demand backup of table {target}",
    ActionKind.PROTECT_DB_INSTANCE: "deletion protection of database {target}: off -> on",
    ActionKind.PROTECT_DB_CLUSTER: "deletion protection of cluster {target}: off -> on",
    ActionKind.TAG_TABLE: "tags on {target}",
    ActionKind.TAG_DB: "tags on {target}",
    ActionKind.CAP_CONCURRENCY: "reserved concurrency of {target}: {was} -> {now}",
    ActionKind.RESTORE_CONCURRENCY: "reserved concurrency of {target}: {was} -> {now}",
    ActionKind.RELEASE_CONCURRENCY: "reserved concurrency of {target}: {was} -> {now}",
    ActionKind.SET_RECURSIVE_LOOP: "recursive loops of {target}: {was} -> {now}",
    ActionKind.TAG_FUNCTION: "tags on {target}",
    ActionKind.UNTAG_FUNCTION: "tags removed from {target}",
    ActionKind.PUBLISH_VERSION: "version of {target}, published from $LATEST; newest before: {was}",
    ActionKind.CREATE_ALIAS: "alias {name} of {target}: version {was} -> {now}",
    ActionKind.UPDATE_ALIAS: "alias {name} of {target}: version {was} -> {now}",
    ActionKind.ADD_PERMISSION: "permission of {principal} to invoke {target} through the alias {qualifier}",
    ActionKind.REPOINT_MAPPING: "event source mapping {target}: {was} -> {now}",
    ActionKind.REPOINT_NOTIFICATION: "notifications of bucket {target}: {was} -> {now}",
    ActionKind.REPOINT_TARGET: "targets of rule {target}: {was} -> {now}",
    ActionKind.REPOINT_SUBSCRIPTION: "subscription to {target}: {was} -> {now}",
    ActionKind.END_SUBSCRIPTION: "subscription that was replaced, ended: {target}, of {was}",
    ActionKind.CREATE_DELIVERY_STREAM: "delivery stream {target}: none -> created",
    ActionKind.DELETE_DELIVERY_STREAM: "delivery stream {target}: deleted",
    ActionKind.TAG_STREAM: "tags on {target}",
}
# What an action changes, of those that are told.
_SETTINGS = ("enabled", "reserved", "recursive_loop", "version", "function")
_ENDED = {
    Outcome.OBSERVED: "Nothing was changed (see below)",
    Outcome.EXEMPT: "Exempt: nothing was changed",
    Outcome.BLOCKED: "Blocked before it happened",
    Outcome.PROTECTED: "Protected, and verified",
    Outcome.RESCUED: "Rescued, and verified",
    Outcome.REMEDIATED: "Remediated, and verified",
    Outcome.FAILED: "FAILED: the hazard is still there",
    Outcome.LOST: "DATA WAS LOST",
    Outcome.DISMISSED: "No hazard",
}


def clean(text: object, most: int = _LINE) -> str:
    """Return text on one line, without control and direction characters, cut to `most` characters."""
    line = _UNPRINTABLE.sub(" ", str(text)).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def report(verdict: Verdict, documentation_url: str) -> dict[str, Any]:
    """Return `{"subject", "message"}`; message is what SNS wants with MessageStructure `json`.

    A second event for the same finding may have left the actor in the ledger entry.
    """
    evidence = dict(verdict.finding.evidence)
    if verdict.failure:
        evidence["error"] = f"{verdict.failure.get('Error')}: {verdict.failure.get('Cause')}"
    # When judging again failed, what was done before it is still in `results`.
    verdict = verdict.model_copy(update={"attempts": [*verdict.attempts, *verdict.results]})
    actor = verdict.finding.actor or _actor(verdict.ledger)
    finding = verdict.finding.model_copy(update={"actor": actor, "evidence": evidence})
    outcome = verdict.outcome or Outcome.FAILED
    document = {
        "finding": finding.model_dump(mode="json"),
        "actions": [attempt.model_dump(mode="json") for attempt in verdict.attempts]
        or [{**action.model_dump(mode="json"), "status": "planned"} for action in verdict.actions],
        "outcome": str(outcome),
    }
    text = plain_text(finding, verdict, outcome, documentation_url)
    message = _message(document, text)
    if len(message) > _MOST_BYTES:
        document = {**document, "actions": [], "truncated": "actions and evidence are in the ledger"}
        document["finding"] = finding.model_copy(update={"evidence": {}}).model_dump(mode="json")
        message = _message(document, text)
    return {"subject": subject(finding, outcome), "message": message}


def _message(document: dict[str, Any], text: str) -> str:
    """Join the texts for SNS: ASCII, so that its length is its size in bytes."""
    return json.dumps({"default": json.dumps(document), "email": text})


def subject(finding: Finding, outcome: Outcome) -> str:
    """Return the e-mail's subject: ASCII, one line, at most 99 characters."""
    line = clean(f"[Stackwarden] {outcome.upper()} {finding.environment}: {finding.title}", _SUBJECT)
    return line.replace("…", "...").encode("ascii", "replace").decode()[:_SUBJECT]


def plain_text(finding: Finding, verdict: Verdict, outcome: Outcome, documentation_url: str) -> str:
    """Return the report for a person."""
    ended = clean(finding.evidence.get("headline") or _ENDED[outcome])
    parts = [
        ended.upper() if outcome in (Outcome.FAILED, Outcome.LOST) else ended,
        "",
        clean(finding.title),
        _block(
            "What happened", [clean(finding.why, 1500), *_lines(finding.evidence.get("exemption_problems"))]
        ),
        _block("The loop", _lines(finding.evidence.get("loop"), most=1500)),
        _block("Who", _who(finding)),
        _block("What Stackwarden did", _deeds(finding, verdict)),
        _block("Verified", _lines(finding.evidence.get("verified"))),
        _block("Saved", _lines(finding.evidence.get("saved"))),
        _block("LOST", _lines(finding.evidence.get("lost"), most=2000)),
        _block("Exempt", _lines(finding.evidence.get("exempt"))),
        _block("What it costs", _lines(finding.evidence.get("cost"))),
        _block("Not certain", _lines(finding.evidence.get("undecided"))),
        _block("Cannot be protected by itself", _lines(finding.evidence.get("unprotectable"))),
        _block("Error", _lines(finding.evidence.get("error"))),
        _block("To undo", _commands(finding.evidence.get("undo"))),
        _block("What to do now", _steps(finding.fix)),
        _block("If this is meant", [] if _is_over(finding, outcome) else _how_to_be_exempted(finding)),
        _block("Finding", [f"{finding.id} ({finding.severity}, mode {finding.mode})", _where(finding)]),
        _block("More", [f"{documentation_url}/guards/{finding.guard}.md"]),
    ]
    return "\n".join(part for part in parts if part is not None) + "\n"


def _steps(text: str) -> list[str]:
    """Clean each line of a fix and keep its indentation: it may be a snippet to paste."""
    return [" " * (len(line) - len(line.lstrip(" "))) + clean(line) for line in text.splitlines()]


def _block(heading: str, lines: list[str]) -> str | None:
    return "\n".join(["", f"{heading}:", *(f"  {line}" for line in lines)]) if lines else None


def _lines(value: object, most: int = _LINE) -> list[str]:
    values = value if isinstance(value, list) else [value] if value else []
    lines = [f"- {clean(item, most)}" for item in values[:_MOST_LISTED]]
    more = len(values) - _MOST_LISTED
    return [*lines, f"- and {more} more"] if more > 0 else lines


def _commands(value: object) -> list[str]:
    """Commands to paste, one a line; one that does not fit is left out, since a part of it may do harm."""
    values = value if isinstance(value, list) else [value] if value else []
    fitting = [clean(item, _COMMAND) for item in values if len(str(item)) <= _COMMAND][:_MOST_LISTED]
    left_out = len(values) - len(fitting)
    return [*fitting, f"({left_out} more: the values before are in the ledger)"] if left_out else fitting


def _who(finding: Finding) -> list[str]:
    actor = finding.actor
    if actor is None and finding.evidence.get("who"):
        return [clean(finding.evidence["who"])]
    if actor is None:
        stack = finding.resource.stack_id
        name = shlex.quote(clean(stack.split("/")[1] if stack else finding.resource.name))
        return [
            "Not known yet: CloudFormation's own event, which came first, does not say. Ask in some minutes:",
            "aws cloudtrail lookup-events --lookup-attributes"
            f" AttributeKey=ResourceName,AttributeValue={name} --region {finding.resource.region}",
        ]
    called = datetime.fromisoformat(actor.event_time).strftime("%Y-%m-%d %H:%M:%S UTC")
    address = actor.source_ip or "an unknown address"
    return [clean(f"{actor.arn}, from {address}, {actor.event_name} at {called}")]


def _deeds(finding: Finding, verdict: Verdict) -> list[str]:
    if verdict.attempts:
        failures_first = sorted(verdict.attempts, key=lambda attempt: attempt.status == "done")
        return _lines(_counted(map(_deed, failures_first)))
    if verdict.actions:
        observed = finding.mode is Mode.OBSERVE
        reason = "the mode is observe" if observed else "the workflow failed before it could act"
        return [f"Nothing: {reason}.", *_lines([f"would have: {_did(action)}" for action in verdict.actions])]
    if finding.exemption:
        exemption = finding.exemption
        return [
            "Nothing: exempt by " + clean(exemption.name),
            clean(
                f"until {exemption.until}, asked for by {exemption.requested_by}, "
                f"approved by {exemption.approved_by}"
            ),
            clean(f"because: {exemption.reason}"),
        ]
    reason = finding.evidence.get("reason") or "there was nothing that could be done"
    return [f"Nothing: {clean(reason)}."]


def _counted(deeds: Iterable[str]) -> list[str]:
    """Say once what was done, or tried, several times, and how often."""
    times = Counter(deeds)
    return [
        deed if number == 1 else f"{clean(deed, _LINE - len(often))}{often}"
        for deed, number in times.items()
        for often in (f" ({number} times)",)
    ]


def _did(action: Action) -> str:
    setting = next((key for key in _SETTINGS if key in action.before), "")
    parameters = action.parameters
    return _DID[action.kind].format(
        target=_target(action.target),
        was=_value(action.before.get(setting)),
        now=_value(parameters.get(setting)),
        name=_value(parameters.get("name")),
        qualifier=_value(parameters.get("qualifier")),
        principal=_value(parameters.get("statement", {}).get("Principal")),
    )


def _target(target: str) -> str:
    """Name what an ARN names, where the ARN is long."""
    if ":stack/" in target:
        return f"stack {target.split('/')[1]}"
    if ":sns:" in target and target.count(":") == _COLONS_OF_A_TOPIC:
        return f"topic {target.rsplit(':', 1)[-1]}"
    return f"function {target.split(':')[6]}" if ":function:" in target else target


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str) and ":function:" in value:
        return value.split(":function:")[1]  # with its qualifier
    return "none" if value is None else str(value)


def _deed(attempt: Attempt) -> str:
    return _did(attempt) if attempt.status == "done" else f"FAILED: {_did(attempt)}: {attempt.error}"


def _is_over(finding: Finding, outcome: Outcome) -> bool:
    """Whether nothing is left that could be exempted."""
    return outcome in (Outcome.EXEMPT, Outcome.LOST) or bool(finding.evidence.get("over"))


def _how_to_be_exempted(finding: Finding) -> list[str]:
    name = f"/stackwarden/exemptions/{finding.guard}/{clean(finding.resource.name)}"
    value = '{"requested_by": "YOU", "approved_by": "SOMEBODY ELSE", "reason": "WHY", "until": "YYYY-MM-DD"}'
    return [
        "Ask for an exemption (90 days at most); whoever approves it runs:",
        f"aws ssm put-parameter --overwrite --type String --region {finding.resource.region}"
        f" --name {shlex.quote(name)} --value '{value}'",
    ]


def _where(finding: Finding) -> str:
    resource = finding.resource
    return clean(
        f"account {resource.account}, {resource.region}, environment {finding.environment}, {resource.arn}"
    )


def _actor(ledger: dict[str, Any]) -> Actor | None:
    stored = ledger.get("actor", NOBODY)
    return None if stored == NOBODY else Actor.model_validate_json(stored)
