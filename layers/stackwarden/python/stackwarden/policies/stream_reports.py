"""What the guard `unbacked-stream` says about a judgement: title, why, fix, severity, evidence. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stackwarden.finding import ActionKind, Mode, Outcome, Prose, Severity
from stackwarden.policies import stream_commands as commands
from stackwarden.policies import stream_cost
from stackwarden.policies.stream_actions import create_delivery_stream, object_prefix
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, Backup, Stream
from stackwarden.policies.unbacked_stream import Case, Hazard, Judgement

NEW: Final = timedelta(minutes=10)  # a copy that begins so soon after its stream is told as complete
_REASONS: Final = {Outcome.EXEMPT: "reason", Outcome.FAILED: "error"}
_DAY, _HOUR = 24 * 3600, 3600
# By a part of an error's text, what its reader does about it. {role}: Firehose's.
_HINTS: Final = {
    "assume role": (
        "Firehose cannot assume the role {role}: look for a change of its trust policy (it must trust "
        "firehose.amazonaws.com) and for a service control policy."
    ),
    "LimitExceeded": "There are as many delivery streams as the quota allows: Service Quotas gives more.",
    "ResourceInUse": "Something else took the name meanwhile: look at it, and delete it if nobody needs it.",
    "AccessDenied": "Stackwarden's remediation role is denied it: look for a service control policy.",
    "not authorized": "A permission is missing, the error says whose: or a service control policy denies it.",
}


def describe(case: Case, judgement: Judgement) -> Prose:
    """Put a judgement into words."""
    if case.hazard is Hazard.ORPHANED:
        return _describe_orphan(case, judgement)
    return Prose(
        severity=_severity(case, judgement),
        title=_title(case, judgement),
        why=" ".join(_why(case, judgement)),
        fix="\n".join(_fix(case, judgement)),
        evidence=_evidence(case, judgement),
    )


def _severity(case: Case, judgement: Judgement) -> Severity:
    match judgement.outcome:
        case Outcome.FAILED:
            return Severity.HIGH
        case Outcome.EXEMPT | Outcome.DISMISSED:
            return Severity.LOW
        case Outcome.REMEDIATED if _is_complete(case):
            return Severity.LOW
    return Severity.MEDIUM


def _title(case: Case, judgement: Judgement) -> str:
    stream = f"stream {_name(case.arn)}"
    if judgement.outcome is Outcome.EXEMPT:
        return f"{stream} has no copy in S3, and is to have none"
    if judgement.outcome is Outcome.REMEDIATED:
        return f"{stream} had no copy in S3{' any more' if case.ended else ''}"
    return f"{stream} has no copy in S3{' any more' if case.ended else ''}"


def _name(arn: str) -> str:
    return arn.split("/", 1)[-1]


def _why(case: Case, judgement: Judgement) -> Iterator[str]:
    if case.ended:
        yield f"What copied it, {case.ended}, was deleted or changed."
    yield (
        "A stream forgets its records, after a day unless told otherwise. Whatever a consumer lost or broke "
        "is gone then, unless there is a copy."
    )
    copy = _copy(case)
    if copy is None or case.stream is None:
        return
    yield f"Now {copy.way} copies it to bucket {_bucket(copy)}."
    yield _from_when(copy, case.stream, case.ended)


def _copy(case: Case) -> Backup | None:
    return case.working[0] if case.working else None


def _is_complete(case: Case) -> bool:
    copy = _copy(case)
    if case.ended or not (copy and copy.since and case.stream):
        return False
    return copy.since - case.stream.created_at <= NEW


def _from_when(copy: Backup, stream: Stream, ended: str) -> str:
    if copy.since is None:
        return "The copy begins when that became ACTIVE: what was put before is not in it."
    begin = f"The copy has all records from {_time(copy.since)} on"
    if ended:
        return (
            f"{begin}. What was put before is where {ended} had copied it; what was put between the two may "
            "be in neither: as long as the stream keeps that, a consumer can still read it from there."
        )
    late = max(copy.since - stream.created_at, timedelta())
    if late <= NEW:
        return f"{begin}, {round(late.total_seconds())} seconds after the stream was made."
    return (
        f"{begin}. What was put before is not in it: as long as the stream keeps that, a consumer can still "
        "read it from there."
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fix(case: Case, judgement: Judgement) -> Iterator[str]:
    if case.stream is None:
        yield "Nothing yet: Stackwarden looks again."
    elif judgement.exemption:
        yield "Nothing, as long as the exemption is right. It ends by itself."
    elif judgement.outcome is Outcome.EXEMPT:
        yield "Nothing, as long as the reason holds. For a copy, take the tag off:"
        yield f"  {commands.opt_in(case.stream)}"
    elif judgement.outcome is Outcome.REMEDIATED and (copy := _copy(case)):
        yield "Nothing is urgent. To put a window of time back into a stream, choose its end and the stream:"
        begin = _time(copy.since) if copy.since else "BEGIN"
        yield f"  {commands.restore(case.arn, case.destination, begin)}"
        yield from _unwanted(case.stream)
        if copy.owned:
            yield "Then undo it as said above; what was copied until then stays in the bucket."
    else:
        yield from _by_hand(case, case.stream, judgement)
        yield from _unwanted(case.stream)


def _unwanted(stream: Stream) -> Iterator[str]:
    yield "Is no copy wanted? Say so, and why; without a reason it does not count:"
    yield f"  {commands.opt_out(stream)}"


def _by_hand(case: Case, stream: Stream, judgement: Judgement) -> Iterator[str]:
    """Say what a person does about it: nothing was done, or it did not work."""
    if judgement.outcome is Outcome.FAILED:
        yield from _after_failure(case, judgement)
        yield "Stackwarden looks again when the stream's tags change."
    elif case.mode is Mode.OBSERVE:
        yield "Let the guard act (parameter UnbackedStreamMode: enforce), or make it by hand:"
        action = create_delivery_stream(stream, case.destination)
        yield from (f"  {line}" for line in commands.create(stream.arn, action))
    else:
        yield "Nothing yet: Stackwarden is at it."


def _after_failure(case: Case, judgement: Judgement) -> Iterator[str]:
    hint = next((text for part, text in _HINTS.items() if part in judgement.reason), "")
    if hint:
        yield hint.format(role=case.destination.role_arn)
    if judgement.actions:
        yield "To make it by hand:"
        yield from (f"  {line}" for line in commands.create(case.arn, judgement.actions[0]))
    elif case.named:
        yield "If nobody needs that delivery stream, delete it; once it is gone, Stackwarden tries again:"
        yield f"  {commands.delete(case.arn, case.named.name)}"
    elif not hint:
        yield "Look at the stream, and at Firehose: does either hang, or answer no calls?"


def _evidence(case: Case, judgement: Judgement) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if judgement.reason and judgement.outcome in _REASONS:
        evidence[_REASONS[judgement.outcome]] = judgement.reason
    if problems := [*case.exemptions.problems, *_void_opt_out(case)]:
        evidence["exemption_problems"] = problems
    copy = _copy(case)
    if judgement.outcome is Outcome.REMEDIATED and copy and case.stream:
        evidence |= _of_copy(case, copy, case.stream)
    if case.volume and judgement.outcome not in (Outcome.EXEMPT, Outcome.DISMISSED):
        evidence["cost"] = list(_cost(case, case.volume))
    return evidence


def _void_opt_out(case: Case) -> Iterator[str]:
    tags = case.stream.tags if case.stream else {}
    if OPT_OUT not in tags or case.opted_out:
        return
    if tags[OPT_OUT] == "none":
        yield f"The tag {OPT_OUT}=none does not count without a reason in the tag {OPT_OUT_REASON}."
    else:
        yield f"The tag {OPT_OUT} does not count: its value is not none, the only one that says something."


def _of_copy(case: Case, copy: Backup, stream: Stream) -> dict[str, Any]:
    prefix = object_prefix(case.arn)
    below = f", below {prefix}" if copy.owned else ""
    told: dict[str, Any] = {
        "verified": [
            f"{copy.way} {copy.name} is {copy.status}: it copies {stream.name} to {_bucket(copy)}{below}",
            f"objects are encrypted with the stream's own key, {stream.key_arn}"
            if stream.has_own_key
            else "objects are encrypted as the bucket says",
        ],
        "undo": [commands.delete(case.arn, copy.name)] if copy.owned else [],
        "backup": {
            "name": copy.name,
            "arn": copy.arn,
            "bucket": _bucket(copy),
            "prefix": prefix if copy.owned else None,
            "since": _time(copy.since) if copy.since else None,
            "complete": _is_complete(case),
            "key": stream.key_arn if stream.has_own_key else None,
        },
    }
    if stream.has_own_key:
        told["undecided"] = [
            f"whether the policy of the key lets {case.destination.role_arn} use it (kms:Decrypt and "
            "kms:GenerateDataKey): if not, nothing arrives; look for the first object"
        ]
    return told


def _bucket(backup: Backup) -> str:
    return ", ".join(bucket.split(":")[-1] for bucket in backup.buckets)


def _cost(case: Case, volume: stream_cost.Volume) -> Iterator[str]:
    prices, cost = case.prices, stream_cost.monthly(volume, case.prices)
    if cost is None:
        yield (
            f"no volume is known yet: a GB through Firehose is {prices.firehose:g} USD, where each record "
            f"counts as a multiple of 5 KB; a GB in S3 is {prices.storage:g} USD for each month"
        )
    else:
        yield (
            f"about {cost.total:,.2f} USD a month: {cost.firehose:,.2f} for {cost.billed:,.2f} GB through "
            f"Firehose, each record as a multiple of 5 KB; {cost.storage:,.2f} for the {cost.stored:,.2f} GB "
            "of a month in S3, for each month that they are kept, and less as GZIP"
        )
        yield (
            f"at the volume of the last {_lasting(volume.seconds)}: {volume.records:,.0f} records, "
            f"{volume.size:,.0f} bytes"
        )
    yield (
        f"prices: {prices.firehose:g} and {prices.storage:g} USD for a GB, the parameters "
        "UnbackedStreamFirehosePrice and UnbackedStreamStoragePrice; their defaults are those of us-east-1"
    )
    if case.stream:
        yield (
            "not in it: Kinesis charges each GB that is read from an on-demand stream, and Firehose reads all"
            if case.stream.on_demand
            else "no money, but reads: of the 2 MB a second of each shard, Firehose takes its part"
        )


def _lasting(seconds: float) -> str:
    return f"{seconds / _DAY:.0f} days" if seconds >= 2 * _DAY else f"{seconds / _HOUR:.0f} hours"


def _describe_orphan(case: Case, judgement: Judgement) -> Prose:
    name, stream = case.orphan.name if case.orphan else _removed(case), _name(case.arn)
    removed, failed = judgement.outcome is Outcome.REMEDIATED, judgement.outcome is Outcome.FAILED
    bucket = case.destination.bucket_arn.split(":")[-1]
    evidence: dict[str, Any] = {"over": True}
    if removed:
        evidence["verified"] = [f"delivery stream {name} is gone", f"bucket {bucket} was not touched"]
    if failed:
        evidence |= {"headline": "FAILED: the delivery stream is still there", "error": judgement.reason}
    return Prose(
        severity=Severity.HIGH if failed else Severity.LOW,
        title=f"stream {stream} was deleted: its delivery stream {'is removed' if removed else 'is left'}",
        why=(
            "There is nothing left to copy. Stackwarden waits for 16 minutes, longer than Firehose may "
            "keep records before it writes them, and then removes the delivery stream that it had made. "
            f"All that was copied stays in bucket {bucket}."
        ),
        fix="\n".join(
            [
                *([] if removed else ["To remove it by hand:", f"  {commands.delete(case.arn, name)}"]),
                "To put a window of time of the copy into another stream:",
                f"  {commands.restore(case.arn, case.destination, 'BEGIN')}",
            ]
        ),
        evidence=evidence,
    )


def _removed(case: Case) -> str:
    tried = case.tried(ActionKind.DELETE_DELIVERY_STREAM)
    return tried[-1].target if tried else "NAME"
