"""What the guard `s3-recursion` says about a judgement: title, why, fix, severity, evidence. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from stackwarden.finding import ActionKind, Attempt, Mode, Outcome, Prose, Severity
from stackwarden.policies.s3_patterns import ANYTHING, Glob
from stackwarden.policies.s3_patterns import witness as key_that_matches
from stackwarden.policies.s3_recursion import (
    Case,
    FunctionState,
    Hazard,
    Judgement,
    WhenUnreservable,
    cap_concurrency,
    unreservable,
)
from stackwarden.policies.s3_walk import Hop, Loop

_SEVERITIES: Final = (Severity.LOW, Severity.MEDIUM, Severity.HIGH)
_OUTPUT_PREFIXES: Final = ("out/", "processed/", "results/")
_INPUT_PREFIX: Final = "in/"
_MADE_UP: Final = re.compile(r"[A-Za-z0-9]{40,}|[0-9a-f-]{36}|tf-s3-lambda-[0-9]+|")
_VERBS: Final = {
    "s3:PutObject": "writes",
    "s3:DeleteObject": "deletes",
    "s3:DeleteObjectVersion": "deletes",
    "s3:PutObjectTagging": "tags",
    "s3:PutObjectVersionTagging": "tags",
    "s3:DeleteObjectTagging": "untags",
    "s3:DeleteObjectVersionTagging": "untags",
    "s3:PutObjectAcl": "sets the access of",
    "s3:PutObjectVersionAcl": "sets the access of",
    "s3:RestoreObject": "restores",
}


def describe(case: Case, judgement: Judgement) -> Prose:
    """Put a judgement into words."""
    loop = case.situation.loop
    if case.situation.hazard is Hazard.GONE:
        return _describe_gone(case, judgement)
    if loop is None:
        return _describe_unseen(case, judgement)
    return Prose(
        severity=_severity(case, loop, judgement),
        title=_title(case, loop, judgement),
        why=_why(case, loop, judgement),
        fix=_fix(case, loop),
        evidence=_evidence(case, loop, judgement),
    )


def _severity(case: Case, loop: Loop, judgement: Judgement) -> Severity:
    """Proven, not held, allowed to recurse, recursing already: each makes a loop worse by one step."""
    if judgement.outcome is Outcome.FAILED:
        return Severity.HIGH
    if judgement.outcome in (Outcome.EXEMPT, Outcome.DISMISSED):
        return Severity.LOW
    functions = case.situation.functions
    worse = (
        loop.proven,
        loop.proven and not case.held,
        case.allowed_recursion,
        any(f.dropped for f in functions),
    )
    return _SEVERITIES[min(sum(worse), len(_SEVERITIES) - 1)]


def _title(case: Case, loop: Loop, judgement: Judgement) -> str:
    first, can = loop.hops[0], "can" if loop.proven else "may"
    if len(loop.hops) == 1:
        what = f"function {first.caller.name} {can} trigger itself via bucket {first.trigger.bucket}"
    else:
        names = " -> ".join(hop.caller.name for hop in loop.hops)
        what = f"functions {names} -> {first.caller.name} {can} trigger each other through S3"
    return f"{_capped(case, judgement)}{what}"


def _capped(case: Case, judgement: Judgement) -> str:
    """How it ended comes first: a subject is cut at its end."""
    if judgement.outcome is not Outcome.REMEDIATED or not (capped := _capped_ones(case)):
        return ""
    reserved = capped[0].reserved
    return "stopped: " if reserved == 0 else f"capped at {reserved}: "


def _capped_ones(case: Case) -> list[FunctionState]:
    """The functions that a cap of Stackwarden's holds, set now or before: not a low value of the owner's."""
    return [f for f in case.holding if f.reserved is not None and _is_cap(case, f, f.reserved)]


def _is_cap(case: Case, function: FunctionState, reserved: int) -> bool:
    earlier = function.cap is not None and function.cap.reserved == reserved
    return earlier or any(a.status == "done" for a in case.tried(cap_concurrency(function, reserved)))


def _why(case: Case, loop: Loop, judgement: Judgement) -> str:
    verbs = dict.fromkeys(_VERBS[hop.grant.action] for hop in loop.hops)
    who = "it" if len(loop.hops) == 1 else "one of them"
    grade = (
        "IAM confirms every step."
        if loop.proven
        else "Only a wildcard allows it, or a condition is in doubt; IAM confirms every step."
    )
    start = f"Each object that {who} {' or '.join(verbs)} there starts another invocation, and so on."
    return " ".join([start, grade, *_circumstances(case, judgement)])


def _circumstances(case: Case, judgement: Judgement) -> Iterator[str]:
    functions = case.situation.functions
    for function in functions:
        if function.allows_recursion:
            yield f"{function.name} allows recursion (RecursiveLoop: Allow), so Lambda does not stop it."
        elif any(_is_terminate(attempt, function) for attempt in case.attempts):
            yield f"{function.name} allowed recursion (RecursiveLoop: Allow), so Lambda did not stop it."
        if function.dropped:
            yield (
                f"It is happening: Lambda's own loop detection dropped {function.dropped} invocations of "
                f"{function.name} in the last two weeks."
            )
    if unreservable(case.attempts):
        yield f"This account has no concurrency left that could be reserved{_instead(case, judgement)}."
    if judgement.outcome is Outcome.OBSERVED:
        yield f"Nothing is done, since {_not_done(case)}."


def _is_terminate(attempt: Attempt, function: FunctionState) -> bool:
    return attempt.kind is ActionKind.SET_RECURSIVE_LOOP and attempt.target == function.arn


def _instead(case: Case, judgement: Judgement) -> str:
    if case.held:
        stopped = any(function.reserved == 0 for function in case.situation.functions)
        return ", so the function is stopped with a reserved concurrency of 0" if stopped else ""
    if case.rules.when_unreservable is WhenUnreservable.REPORT:
        return ", so nothing holds the loop (S3RecursionWhenUnreservable: report)"
    return ", and the function could not be stopped either" if judgement.outcome is Outcome.FAILED else ""


def _not_done(case: Case) -> str:
    if case.holding:
        held = case.holding[0]
        return f"{held.name} is held by a reserved concurrency of {held.reserved} already"
    return "Stackwarden caps proven loops only (S3RecursionEnforce: proven)"


def hop_text(hop: Hop) -> str:
    """Tell one hop: who may write what by which statement, and what that triggers."""
    grant, trigger = hop.grant, hop.trigger
    via = f", through {' and '.join(hop.via)}," if hop.via else ""
    doubts = f" In doubt: {'; '.join(hop.doubts)}." if hop.doubts else ""
    return (
        f"{hop.caller.name} may {grant.action} on {trigger.bucket}/{grant.key}, by {grant.statement}; "
        f"{_named(hop)} ({_filters(hop)}, {hop.event}){via} invokes {_short(hop.target)}.{doubts}"
    )


def _named(hop: Hop) -> str:
    """Name a trigger; an id that S3 made up tells nobody anything."""
    made_up = _MADE_UP.fullmatch(hop.trigger.name)
    return f"a {hop.trigger.kind}" if made_up else f"{hop.trigger.kind} {hop.trigger.name!r}"


def witness(loop: Loop) -> list[str]:
    """Return what closes a loop, to tell whether the same still does.

    A trigger by bucket, filter and function: S3 makes up an id each time that one without it is put.
    """
    return [
        f"{hop.grant.statement} / {hop.trigger.bucket}, {_filters(hop)} / {hop.target}" for hop in loop.hops
    ]


def _filters(hop: Hop) -> str:
    return " or ".join(key_filter.text for key_filter in hop.trigger.filters)


def _short(arn: str) -> str:
    return ":".join(arn.split(":")[6:])


def _fix(case: Case, loop: Loop) -> str:
    """A prefix for input and one for output that do not overlap, as a snippet for the first hop."""
    hop = loop.hops[0]
    bucket, arn = hop.trigger.bucket, hop.grant.object_arn.split("/", 1)[0]
    output = next((prefix for prefix in _OUTPUT_PREFIXES if _is_safe(hop, prefix)), _OUTPUT_PREFIXES[0])
    lines = [
        f"Let the function change only what is below one prefix of {bucket}, and be triggered by another.",
        f"{_statement(hop)}, lets it {hop.grant.action} there: replace that part by",
        "  Effect: Allow",
        f"  Action: {hop.grant.action}",
        f"  Resource: {arn}/{output}*",
    ]
    if not _is_safe(hop, output):
        lines += [f"{_capital(_named(hop))} of {bucket}, where it is declared{_where_in_pattern(hop)}:"]
        lines += [f"  {_filter(hop)}"]
    will_release = case.mode is Mode.ENFORCE and _capped_ones(case)
    released = " Stackwarden releases its cap when the loop is gone." if will_release else ""
    return "\n".join([*lines, f"Or use another bucket for one of the two.{released}"])


def _statement(hop: Hop) -> str:
    """Name the statement, as something that its owner can change."""
    source = hop.grant.statement.source
    role = hop.caller.role.arn.rsplit("/", 1)[-1]
    if source.startswith("the policy of bucket"):
        return _capital(hop.grant.statement)
    if ":iam::aws:policy/" in source:
        return f"{_capital(source)}, which AWS manages, of role {role}"
    return f"{_capital(hop.grant.statement)}, of role {role}"


def _where_in_pattern(hop: Hop) -> str:
    return ", its pattern below detail.object, instead of what is there" if hop.trigger.kind == "rule" else ""


def _filter(hop: Hop) -> str:
    """A filter that lets the input prefix pass, and what the trigger has of its own besides."""
    if hop.trigger.kind == "rule":
        return f"key: [{{prefix: {_INPUT_PREFIX}}}]"
    suffixes = [each.suffix for each in hop.trigger.filters if each.suffix]
    suffix = f", {{Name: suffix, Value: {json.dumps(suffixes[0])}}}" if suffixes else ""
    return f"Filter: {{S3Key: {{Rules: [{{Name: prefix, Value: {_INPUT_PREFIX}}}{suffix}]}}}}"


def _capital(text: object) -> str:
    return str(text)[0].upper() + str(text)[1:]


def _is_safe(hop: Hop, prefix: str) -> bool:
    """Whether no key below the prefix passes the trigger as it is."""
    below = Glob.literal(prefix) + ANYTHING
    return all(key_that_matches((below, *each.all_of), each.none_of) is None for each in hop.trigger.filters)


def _evidence(case: Case, loop: Loop, judgement: Judgement) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "loop": [hop_text(hop) for hop in loop.hops],
        "cycle": list(loop.cycle),
        "grade": "proven" if loop.proven else "possible",
        "witness": witness(loop),
        "hops": [_hop_data(hop) for hop in loop.hops],
    }
    if judgement.outcome is Outcome.OBSERVED:
        evidence["reason"] = _not_done(case)
    if judgement.outcome in (Outcome.OBSERVED, Outcome.EXEMPT) and any(
        a.status == "done" for a in case.attempts
    ):
        evidence["headline"] = "Nothing more is changed; what was changed before stays (see below)"
    if case.situation.cut:
        evidence["undecided"] = [f"There may be more loops: {cut}." for cut in case.situation.cut]
    if case.exemptions.problems:
        evidence["exemption_problems"] = list(case.exemptions.problems)
    if judgement.outcome is Outcome.REMEDIATED:
        evidence["verified"] = list(_verified(case))
    return evidence


def _hop_data(hop: Hop) -> dict[str, Any]:
    return {
        "function": hop.function,
        "role": hop.caller.role.arn,
        "action": hop.grant.action,
        "object": hop.grant.object_arn,
        "statement": str(hop.grant.statement),
        "names_bucket": hop.grant.names_bucket,
        "trigger": str(hop.trigger),
        "filter": [key_filter.text for key_filter in hop.trigger.filters],
        "event": str(hop.event),
        "via": list(hop.via),
        "invokes": hop.target,
        "doubts": list(hop.doubts),
    }


def _verified(case: Case) -> Iterator[str]:
    for function in case.holding:
        yield f"reserved concurrency of {function.name} is {function.reserved}{_meaning(function)}"
    if any(attempt.kind is ActionKind.SET_RECURSIVE_LOOP for attempt in case.attempts):
        yield "no function of the loop allows recursion"


def _meaning(function: FunctionState) -> str:
    return ": it is stopped" if function.reserved == 0 else ": the loop is slowed down, not ended"


def _describe_unseen(case: Case, judgement: Judgement) -> Prose:
    """The loop does not show any more after something was done about it."""
    function = case.situation.functions[0]
    back = [action for action in judgement.actions if action.kind is not ActionKind.CAP_CONCURRENCY]
    if case.situation.cut:
        title = f"function {function.name}: it is not known whether its loop is still there"
        why = (
            "Stackwarden has acted, but could not walk to the end when it looked again: "
            f"{'; '.join(case.situation.cut)}. What it set stays."
        )
        fix = "Look at the function's reserved concurrency, and at what it may write."
    else:
        title = f"function {function.name} loops no more: still capped"
        why = "The loop was gone before the remediation ended, so its cap is given back."
        fix = _by_hand(function, back[0].parameters.get("reserved") if back else None)
    severity = Severity.HIGH if judgement.outcome is Outcome.FAILED else Severity.LOW
    headline = "FAILED: what Stackwarden set is still there"
    evidence = {"over": True, **({"headline": headline} if judgement.outcome is Outcome.FAILED else {})}
    return Prose(severity=severity, title=title, why=why, fix=fix, evidence=evidence)


def _describe_gone(case: Case, judgement: Judgement) -> Prose:
    function, cap = case.situation.functions[0], case.situation.cap
    before = cap.before if cap else None
    restored = "no reserved concurrency" if before is None else f"a reserved concurrency of {before}"
    released = judgement.outcome is Outcome.REMEDIATED
    end = f"{function.name} {'has' if released else 'is to have'} {restored} again"
    return Prose(
        severity=Severity.HIGH if judgement.outcome is Outcome.FAILED else Severity.LOW,
        title=f"function {function.name} loops no more: {'cap released' if released else 'still capped'}",
        why=(
            "What it may write no longer triggers it. Stackwarden gives back what it had reserved: "
            f"{end}, as before finding {cap.finding if cap else 'unknown'}."
        ),
        fix="Nothing is left to do." if released else _by_hand(function, before),
        evidence={
            "over": True,
            "verified": [f"{function.name} has {restored}"] if released else [],
            **({"headline": "FAILED: the cap is still there"} if judgement.outcome is Outcome.FAILED else {}),
        },
    )


def _by_hand(function: FunctionState, before: int | None) -> str:
    command = "delete-function-concurrency" if before is None else "put-function-concurrency"
    reserved = "" if before is None else f" --reserved-concurrent-executions {before}"
    return f"To do it by hand:\naws lambda {command} --function-name {function.name}{reserved}"
