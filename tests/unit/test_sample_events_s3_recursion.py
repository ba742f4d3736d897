"""Each sample event of `s3-recursion` through the template's rules, the parser and the guard's first step.

That the first look answers the verdict in the name is tested where there is an account to look at:
tests/integration/test_guard_s3_recursion_samples.py.
"""

from collections.abc import Sequence
from types import ModuleType

import pytest
from aws_lambda_powertools import Logger, Metrics
from pydantic import ValidationError

from stackwarden.events import parse
from stackwarden.finding import Verdict
from stackwarden.guard import Event, Runner
from stackwarden.s3_subject import Kind, Start, start_of
from tests import s3_account, sample_events
from tests.sample_account import PLACE

GUARD = "s3-recursion"
STACK, TRIGGER, FUNCTION = "StackCompleted", "TriggerChanged", "FunctionChanged"
PERMISSION, ROLE = "PermissionChanged", "RoleChanged"

# case: the rule that starts the guard, and where it begins.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "add-permission-by-arn.violation": (PERMISSION, "function: thumbnails"),
    "add-permission-by-cloudformation.ignored": (None, "function: thumbnails"),
    "add-permission-by-partial-arn.violation": (PERMISSION, "function: thumbnails"),
    "add-permission-for-another-service.ignored": (None, "function: thumbnails"),
    "add-permission-to-an-alias.violation": (PERMISSION, "function: resizer:live"),
    "add-permission-with-a-qualifier.violation": (PERMISSION, "function: resizer:live"),
    "add-permission.compliant": (PERMISSION, "function: reports"),
    "add-permission.violation": (PERMISSION, "function: thumbnails"),
    "attach-role-policy.violation": (ROLE, "role: gallery-role"),
    "create-alias.violation": (FUNCTION, "function: resizer:live"),
    "create-bucket.ignored": (None, None),
    "create-event-source-mapping.violation": (FUNCTION, "function: films"),
    "create-function-denied.ignored": (None, None),
    "create-function-failed.ignored": (None, "function: thumbnails"),
    "create-function-url-config.ignored": (None, None),
    "create-function.compliant": (FUNCTION, "function: reports"),
    "create-function.violation": (FUNCTION, "function: thumbnails"),
    "create-policy-version.violation": (ROLE, "policy: gallery-writer"),
    "delete-bucket-policy.compliant": (TRIGGER, "bucket: invoices"),
    "delete-event-source-mapping.compliant": (
        FUNCTION,
        "event source mapping: c5804037-bd7e-5365-9542-31d9dbba1a9b",
    ),
    "delete-function-concurrency.violation": (FUNCTION, "function: thumbnails"),
    "delete-role-policy.compliant": (ROLE, "role: reports-role"),
    "delete-rule.compliant": (TRIGGER, "rule: nightly"),
    "enable-rule.violation": (TRIGGER, "rule: scans-to-ocr"),
    "put-bucket-notification-by-cloudformation.ignored": (None, "bucket: photos"),
    "put-bucket-notification-failed.ignored": (None, "bucket: photos"),
    "put-bucket-notification-identity-missing.malformed": (TRIGGER, None),
    "put-bucket-notification-of-an-alias.violation": (TRIGGER, "bucket: uploads"),
    "put-bucket-notification-old.ignored": (TRIGGER, "bucket: photos"),
    "put-bucket-notification-removed.compliant": (TRIGGER, "bucket: reports-archive"),
    "put-bucket-notification-replayed.ignored": (TRIGGER, "bucket: photos"),
    "put-bucket-notification-to-a-queue.violation": (TRIGGER, "bucket: films"),
    "put-bucket-notification-to-a-topic.violation": (TRIGGER, "bucket: albums"),
    "put-bucket-notification-to-eventbridge.violation": (TRIGGER, "bucket: scans"),
    "put-bucket-notification-with-a-list.compliant": (TRIGGER, "bucket: invoices"),
    "put-bucket-notification.violation": (TRIGGER, "bucket: photos"),
    "put-bucket-policy.violation": (TRIGGER, "bucket: drop"),
    "put-function-concurrency-by-own-role.ignored": (None, "function: thumbnails"),
    "put-function-concurrency.violation": (FUNCTION, "function: thumbnails"),
    "put-function-recursion-config.violation": (FUNCTION, "function: thumbnails"),
    "put-role-permissions-boundary.compliant": (ROLE, "role: reports-role"),
    "put-role-policy-by-own-role.ignored": (None, "role: thumbnails-role"),
    "put-role-policy-of-another-service.compliant": (ROLE, "role: ec2-role"),
    "put-role-policy.violation": (ROLE, "role: thumbnails-role"),
    "put-rule-on-another-bus.compliant": (TRIGGER, None),
    "put-rule-on-the-default-bus-by-arn.violation": (TRIGGER, "rule: scans-to-ocr"),
    "put-rule.violation": (TRIGGER, "rule: scans-to-ocr"),
    "put-targets.violation": (TRIGGER, "rule: scans-to-ocr"),
    "put-user-policy.ignored": (None, None),
    "remove-permission.compliant": (PERMISSION, "function: reports:$LATEST"),
    "set-default-policy-version.compliant": (ROLE, "policy: nobody"),
    "stack-created.violation": (STACK, "stack: shop"),
    "stack-creating.ignored": (None, "stack: shop"),
    "stack-id-empty.malformed": (STACK, None),
    "stack-nested-created.compliant": (STACK, "stack: mall-Photos-1ABCDEF"),
    "stack-rolled-back.ignored": (None, "stack: shop"),
    "stack-updated-and-cleaning-up.ignored": (None, "stack: shop"),
    "stack-updated.violation": (STACK, "stack: shop"),
    "stack-without-functions.compliant": (STACK, "stack: tables-only"),
    "subscribe-an-address.compliant": (TRIGGER, "topic: news"),
    "subscribe.violation": (TRIGGER, "topic: albums"),
    "unsubscribe.compliant": (TRIGGER, "topic: news"),
    "update-alias.violation": (FUNCTION, "function: resizer:live"),
    "update-event-source-mapping.violation": (
        FUNCTION,
        "event source mapping: 8fe62b78-a254-5101-9342-0920f9a144e6",
    ),
    "update-function-code.ignored": (None, None),
    "update-function-configuration-by-arn.compliant": (FUNCTION, "function: reports"),
    "update-function-configuration.violation": (FUNCTION, "function: thumbnails"),
}
CASES = sample_events.cases(GUARD)
WELL_FORMED = [case for case in CASES if not case.endswith(".malformed")]


def told(start: Start | None) -> str | None:
    """A start in words: names in place of ARNs."""
    if start is None:
        return None
    name = start.name.split("/")[1] if start.kind is Kind.STACK else start.name.rsplit("/", 1)[-1]
    for service in ("lambda", "sns"):
        name = name.removeprefix(f"arn:aws:{service}:us-east-1:123456789012:").removeprefix("function:")
    return f"{start.kind}: {name}"


def test_every_sample_event_has_an_expectation() -> None:
    assert sorted(EXPECTED) == CASES


def test_every_verdict_is_one_of_four() -> None:
    assert {case.split(".")[1] for case in CASES} == {"violation", "compliant", "ignored", "malformed"}


def test_no_two_sample_events_of_any_guards_share_an_id() -> None:
    guards = [folder.name for folder in sample_events.FOLDER.iterdir() if folder.is_dir()]
    events = [sample_events.load(guard, case) for guard in guards for case in sample_events.cases(guard)]

    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.parametrize("case", CASES)
def test_the_rule_that_starts_the_guard(case: str) -> None:
    rule = EXPECTED[case][0]

    assert sample_events.rules_of(GUARD, sample_events.load(GUARD, case)) == ([rule] if rule else [])


@pytest.mark.parametrize("case", WELL_FORMED)
def test_where_the_guard_begins(case: str) -> None:
    assert told(start_of(parse(sample_events.load(GUARD, case)), PLACE)) == EXPECTED[case][1]


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


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return s3_account.imported(monkeypatch)


@pytest.mark.parametrize("case", WELL_FORMED)
def test_an_event_that_is_ignored_is_not_looked_at(case: str, app: ModuleType) -> None:
    """It is ignored by a rule that does not match, by the runner, or by both; never by the guard itself."""
    guard = Looking()

    Runner(guard, app.settings, Logger(), Metrics()).handle(sample_events.now(GUARD, case))

    starts = EXPECTED[case][0] is not None and bool(guard.seen)
    assert starts == (not case.endswith(".ignored"))


@pytest.mark.parametrize(
    "case",
    [
        "put-bucket-notification-failed.ignored",
        "put-bucket-notification-old.ignored",
        "put-bucket-notification-replayed.ignored",
        "create-function-denied.ignored",
        "put-function-concurrency-by-own-role.ignored",
        "put-role-policy-by-own-role.ignored",
    ],
)
def test_what_a_rule_should_have_kept_away_is_ignored_all_the_same(case: str, app: ModuleType) -> None:
    guard = Looking()

    Runner(guard, app.settings, Logger(), Metrics()).handle(sample_events.now(GUARD, case))

    assert guard.seen == []
