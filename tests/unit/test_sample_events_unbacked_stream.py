"""Each sample event of `unbacked-stream` through the template's rules, the parser and the guard's first step.

The verdict in a name takes this account for granted:

- Nothing copies `orders`, provisioned, and `clicks`, on demand. The stack `orders` has the former, or
  `mall-Streams-1ABCDEF`, which is nested in another one.
- The delivery stream `audit-to-s3` copies `audit`, which the stack `careful` has.
- `scratch` has the tags that opt out, which is reported.
- `old` and `gone` are deleted; `stackwarden-old-2f1c0a7d9b3e` copied `old`, and stands.
- `orders-to-s3` copied `orders`, the channel `clicks-to-s3` copied `clicks`; both are being deleted, the
  channel `gone` is. `orders-to-redshift` had copied `orders` to S3 before. Records are put into `web-logs`.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stackwarden.events import parse
from stackwarden.finding import Verdict
from stackwarden.guard import Event, Runner
from stackwarden.settings import load
from stackwarden.stream_settings import StreamSettings
from stackwarden.stream_subject import Start, start_of
from tests import sample_events, template
from tests.conftest import ENVIRONMENT

GUARD = "unbacked-stream"
MADE, STREAM, BACKUP = "StreamOfAStack", "StreamChanged", "BackupChanged"
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-unbacked-stream",
    "STACKWARDEN_BACKUP_BUCKET_ARN": "arn:aws:s3:::stackwarden-backups",
    "STACKWARDEN_FIREHOSE_ROLE_ARN": "arn:aws:iam::123456789012:role/stackwarden-firehose",
    "STACKWARDEN_BUFFER_SECONDS": "300",
    "STACKWARDEN_BUFFER_MIB": "64",
    "STACKWARDEN_FIREHOSE_PRICE": "0.029",
    "STACKWARDEN_STORAGE_PRICE": "0.023",
    "STACKWARDEN_LEDGER_TABLE": "stackwarden-ledger",
}
ORDERS, OLD, TO_S3 = "stream: orders", "stream that is deleted: old", "delivery stream: orders-to-s3"

# case: the rule that starts the guard, and where it begins.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "add-tags-to-stream-by-arn.violation": (STREAM, ORDERS),
    "add-tags-to-stream-by-cloudformation.ignored": (None, ORDERS),
    "add-tags-to-stream-by-own-role.ignored": (None, ORDERS),
    "add-tags-to-stream-with-a-copy.compliant": (STREAM, "stream: audit"),
    "add-tags-to-stream.violation": (STREAM, ORDERS),
    "create-delivery-stream.ignored": (None, None),
    "create-stream-by-cloudformation.ignored": (None, None),
    "create-stream-failed.ignored": (None, ORDERS),
    "create-stream-identity-missing.malformed": (STREAM, None),
    "create-stream-kinesisvideo.ignored": (None, None),
    "create-stream-old.ignored": (STREAM, ORDERS),
    "create-stream-on-demand.violation": (STREAM, "stream: clicks"),
    "create-stream-replayed.ignored": (STREAM, ORDERS),
    "create-stream-that-is-gone.compliant": (STREAM, "stream: gone"),
    "create-stream-with-tags.violation": (STREAM, "stream: scratch"),
    "create-stream.violation": (STREAM, ORDERS),
    "delete-channel-that-is-gone.compliant": (STREAM, "channel: gone"),
    "delete-channel.violation": (STREAM, "channel: clicks-to-s3"),
    "delete-delivery-stream-by-cloudformation.violation": (BACKUP, TO_S3),
    "delete-delivery-stream-by-own-role.ignored": (None, "delivery stream: stackwarden-old-2f1c0a7d9b3e"),
    "delete-delivery-stream-event-id-missing.malformed": (BACKUP, None),
    "delete-delivery-stream-failed.ignored": (None, TO_S3),
    "delete-delivery-stream-of-records-that-are-put.compliant": (BACKUP, "delivery stream: web-logs"),
    "delete-delivery-stream.violation": (BACKUP, TO_S3),
    "delete-stream-by-cloudformation.violation": (STREAM, OLD),
    "delete-stream-failed.ignored": (None, OLD),
    "delete-stream-without-a-copy.compliant": (STREAM, "stream that is deleted: gone"),
    "delete-stream.violation": (STREAM, OLD),
    "remove-tags-from-stream.violation": (STREAM, ORDERS),
    "stack-created.ignored": (None, None),
    "stack-id-empty.malformed": (MADE, None),
    "stream-consumer-created.ignored": (None, None),
    "stream-created-in-nested-stack.violation": (MADE, "stream: orders, of mall-Streams-1ABCDEF"),
    "stream-created-with-a-copy.compliant": (MADE, "stream: audit, of careful"),
    "stream-created.violation": (MADE, "stream: orders, of orders"),
    "stream-creating.ignored": (None, "stream: orders, of orders"),
    "stream-deleted.ignored": (None, "stream: orders, of orders"),
    "stream-imported.violation": (MADE, "stream: orders, of orders"),
    "stream-updated.violation": (MADE, "stream: orders, of orders"),
    "tag-resource-of-a-consumer.compliant": (STREAM, None),
    "tag-resource-opting-out.violation": (STREAM, "stream: scratch"),
    "untag-resource.violation": (STREAM, ORDERS),
    "update-destination-to-redshift.violation": (BACKUP, "delivery stream: orders-to-redshift"),
    "update-destination.compliant": (BACKUP, "delivery stream: audit-to-s3"),
    "update-shard-count.ignored": (None, None),
}
CASES = sample_events.cases(GUARD)
WELL_FORMED = [case for case in CASES if not case.endswith(".malformed")]


def told(start: Start | None) -> str | None:
    """A start in words: names in place of ARNs."""
    if start is None:
        return None
    name = start.name.rsplit("/", 1)[-1]
    return f"{start.kind}: {name}" + (f", of {start.stack_id.split('/')[1]}" if start.stack_id else "")


def called_by(rule: str) -> set[str]:
    """The calls that a rule names."""
    detail = template.patterns()[f"UnbackedStreamFunction.{rule}"]["detail"]
    return {name for part in detail.get("$or", [detail]) for name in part["eventName"]}


def test_every_sample_event_has_an_expectation() -> None:
    assert sorted(EXPECTED) == CASES


def test_every_verdict_is_one_of_four() -> None:
    assert {case.split(".")[1] for case in CASES} == {"violation", "compliant", "ignored", "malformed"}


@pytest.mark.parametrize("rule", [STREAM, BACKUP])
def test_every_call_that_a_rule_names_has_a_sample_event(rule: str) -> None:
    started = [sample_events.load(GUARD, case) for case in CASES if EXPECTED[case][0] == rule]

    assert called_by(rule) == {event["detail"]["eventName"] for event in started}


@pytest.mark.parametrize("case", CASES)
def test_the_rule_that_starts_the_guard(case: str) -> None:
    rule = EXPECTED[case][0]

    assert sample_events.rules_of(GUARD, sample_events.load(GUARD, case)) == ([rule] if rule else [])


@pytest.mark.parametrize("case", WELL_FORMED)
def test_where_the_guard_begins(case: str) -> None:
    assert told(start_of(parse(sample_events.load(GUARD, case)))) == EXPECTED[case][1]


@pytest.mark.parametrize("case", [case for case in CASES if case.endswith(".malformed")])
def test_a_malformed_event_is_refused(case: str) -> None:
    with pytest.raises(ValidationError):
        parse(sample_events.load(GUARD, case))


class Looking:
    """A guard that only notes what it is asked to look at."""

    id = GUARD

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def look(self, event: Event) -> Sequence[Verdict]:
        self.seen.append(event)
        return []

    def look_again(self, verdict: Verdict) -> Verdict:
        return verdict


def looked_at(case: str) -> bool:
    """Whether the runner asks the guard to look, whatever the rules say."""
    guard, silent = Looking(), cast(Any, SimpleNamespace(add_metric=lambda *_: None))

    runner = Runner(guard, load(StreamSettings, ENVIRONMENT | SETTINGS), Logger(service=GUARD), silent)
    runner.handle(sample_events.now(GUARD, case))
    return bool(guard.seen)


@pytest.mark.parametrize("case", WELL_FORMED)
def test_an_event_that_is_ignored_is_not_looked_at(case: str) -> None:
    """It is ignored by a rule that does not match, by the runner, or by both; never by the guard itself."""
    starts = EXPECTED[case][0] is not None and looked_at(case)

    assert starts == (not case.endswith(".ignored"))


@pytest.mark.parametrize(
    "case",
    [
        "add-tags-to-stream-by-own-role.ignored",
        "create-stream-failed.ignored",
        "create-stream-old.ignored",
        "create-stream-replayed.ignored",
        "delete-delivery-stream-by-own-role.ignored",
        "delete-delivery-stream-failed.ignored",
        "delete-stream-failed.ignored",
    ],
)
def test_what_a_rule_should_have_kept_away_is_ignored_all_the_same(case: str) -> None:
    assert not looked_at(case)
