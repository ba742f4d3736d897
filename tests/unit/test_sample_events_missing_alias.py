"""Each sample event of `missing-alias` through the template's rules, the parser and the guard's first step.

The verdict in a name takes an account of the environment `prod` for granted, whose pipeline has the role
`deploy-billing`:

- `billing` has the alias `live` on a version, and whatever invokes it goes through that: the queue and the
  bucket `invoices`, the topic `payments`, the rule `nightly`, the schedule `dunning` in the group `finance`,
  the pipe `refunds`, the state machine `dunning`, its URL. `canary` likewise, with weights; a mapping of
  `archive` names a version.
- Unqualified: `orders` by its queue, `films` by a mapping that is switched off, `thumbnails` by the bucket
  `photos`, `gallery` by the topic `albums`, `ocr` by the rule `scans`, `parcels` by a rule on the bus `shop`,
  `reports` by two schedules named `hourly`, `clicks` by a pipe, `payment` by the state machine `checkout`,
  `webhook` by its URL, `feed` by a topic of another account.
- Nobody but another account may invoke `adhoc`. Nothing invokes `idle`: the bucket that its permission is for
  tells it nothing.
- The alias `live` of `resizer` points at `$LATEST`, and the bucket `uploads` names it. That of `invoicer` is
  gone, and a mapping names it still. `gone` is gone.
- The stack `shop` has the function `orders` and its mapping, `careful` one with an alias, `tables-only` none;
  `mall-Functions-1ABCDEF` is nested in another one.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stackwarden.alias_settings import AliasSettings
from stackwarden.alias_subject import Start, Target, start_of
from stackwarden.events import parse
from stackwarden.finding import Verdict
from stackwarden.guard import Event, Runner
from stackwarden.settings import load
from tests import sample_events, template
from tests.conftest import ENVIRONMENT
from tests.sample_account import PLACE

GUARD = "missing-alias"
STACK, FUNCTION, INVOKER = "StackCompleted", "FunctionChanged", "InvokerChanged"
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-missing-alias",
    "STACKWARDEN_ENVIRONMENT": "prod",
    "STACKWARDEN_ALIAS_NAME": "live",
    "STACKWARDEN_PROD_NAMES": "prod,production",
    "STACKWARDEN_PROD_TAG": "environment=prod",
    "STACKWARDEN_PIPELINE_PRINCIPALS": "arn:aws:iam::123456789012:role/deploy-*",
    "STACKWARDEN_REPOINT_PUSH_TRIGGERS": "false",
    "STACKWARDEN_LEDGER_TABLE": "stackwarden-ledger",
}
ORDERS_MAPPING = "event source mapping: 8c67f6ea-5838-5b0e-b9d4-2598d7b5c028"
BILLING_MAPPING = "event source mapping: 8cfaf774-245c-5cc0-b979-9fa1bc57aca3"

# case: the rule that starts the guard, and where it begins.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "add-permission-for-another-account.violation": (FUNCTION, "function: feed"),
    "add-permission-for-people.violation": (FUNCTION, "function: adhoc"),
    "add-permission-that-nothing-uses.compliant": (FUNCTION, "function: idle"),
    "add-permission-to-an-alias.compliant": (FUNCTION, "function: billing"),
    "add-permission.violation": (FUNCTION, "function: thumbnails"),
    "create-alias-of-latest.violation": (FUNCTION, "function: resizer"),
    "create-alias.compliant": (FUNCTION, "function: billing"),
    "create-event-source-mapping-by-cloudformation.ignored": (None, "function: orders"),
    "create-event-source-mapping-by-partial-arn.violation": (FUNCTION, "function: orders"),
    "create-event-source-mapping-disabled.violation": (FUNCTION, "function: films"),
    "create-event-source-mapping-failed.ignored": (None, "function: orders"),
    "create-event-source-mapping-of-a-version.compliant": (FUNCTION, "function: archive"),
    "create-event-source-mapping-of-an-alias.compliant": (FUNCTION, "function: billing"),
    "create-event-source-mapping-of-latest.violation": (FUNCTION, "function: orders"),
    "create-event-source-mapping.violation": (FUNCTION, "function: orders"),
    "create-function-url-config-of-an-alias.compliant": (FUNCTION, "function: billing"),
    "create-function-url-config.violation": (FUNCTION, "function: webhook"),
    "create-pipe.violation": (INVOKER, "pipe: clicks"),
    "create-schedule-in-a-group.violation": (INVOKER, "schedule: finance/hourly"),
    "create-schedule.violation": (INVOKER, "schedule: default/hourly"),
    "create-state-machine.violation": (INVOKER, "state machine: checkout"),
    "delete-alias.violation": (FUNCTION, "function: invoicer"),
    "publish-version.ignored": (None, None),
    "put-bucket-notification-by-cloudformation.ignored": (None, "bucket: photos"),
    "put-bucket-notification-by-own-role.ignored": (None, "bucket: photos"),
    "put-bucket-notification-event-id-missing.malformed": (INVOKER, None),
    "put-bucket-notification-failed.ignored": (None, "bucket: photos"),
    "put-bucket-notification-of-an-alias-of-latest.violation": (INVOKER, "bucket: uploads"),
    "put-bucket-notification-of-an-alias.compliant": (INVOKER, "bucket: invoices"),
    "put-bucket-notification-removed.compliant": (INVOKER, "bucket: emptied"),
    "put-bucket-notification-to-a-queue.compliant": (INVOKER, "bucket: parcels"),
    "put-bucket-notification.violation": (INVOKER, "bucket: photos"),
    "put-targets-of-an-alias.compliant": (INVOKER, "rule: nightly"),
    "put-targets-on-another-bus.violation": (INVOKER, "rule: shop/parcels"),
    "put-targets-that-are-no-functions.compliant": (INVOKER, "rule: audit"),
    "put-targets.violation": (INVOKER, "rule: scans"),
    "stack-created.violation": (STACK, "stack: shop"),
    "stack-deleted.ignored": (None, "stack: shop"),
    "stack-id-empty.malformed": (STACK, None),
    "stack-nested-created.compliant": (STACK, "stack: mall-Functions-1ABCDEF"),
    "stack-rolled-back.ignored": (None, "stack: shop"),
    "stack-update-rolled-back.violation": (STACK, "stack: shop"),
    "stack-updated.violation": (STACK, "stack: shop"),
    "stack-updating.ignored": (None, "stack: shop"),
    "stack-with-an-alias.compliant": (STACK, "stack: careful"),
    "stack-without-functions.compliant": (STACK, "stack: tables-only"),
    "subscribe-a-function-of-another-account.compliant": (INVOKER, None),
    "subscribe-an-address.ignored": (None, None),
    "subscribe-an-alias.compliant": (INVOKER, "function: billing"),
    "subscribe-to-a-topic-of-another-account.violation": (INVOKER, "function: feed"),
    "subscribe.violation": (INVOKER, "function: gallery"),
    "tag-resource-by-own-role.ignored": (None, "function: orders"),
    "tag-resource-of-a-mapping.compliant": (FUNCTION, None),
    "tag-resource.violation": (FUNCTION, "function: orders"),
    "update-alias-to-latest.violation": (FUNCTION, "function: resizer"),
    "update-alias-with-weights.compliant": (FUNCTION, "function: canary"),
    "update-event-source-mapping-by-own-role.ignored": (None, ORDERS_MAPPING),
    "update-event-source-mapping-to-an-alias.compliant": (FUNCTION, BILLING_MAPPING),
    "update-event-source-mapping.violation": (FUNCTION, ORDERS_MAPPING),
    "update-function-code-behind-an-alias.violation": (FUNCTION, "function: billing"),
    "update-function-code-by-cloudformation.ignored": (None, "function: orders"),
    "update-function-code-by-the-pipeline-in-place.violation": (FUNCTION, "function: orders"),
    "update-function-code-by-the-pipeline.compliant": (FUNCTION, "function: billing"),
    "update-function-code-denied.ignored": (None, None),
    "update-function-code-dry-run.ignored": (None, None),
    "update-function-code-identity-missing.malformed": (FUNCTION, None),
    "update-function-code-of-a-function-that-is-gone.compliant": (FUNCTION, "function: gone"),
    "update-function-code-old.ignored": (FUNCTION, "function: orders"),
    "update-function-code-replayed.ignored": (FUNCTION, "function: orders"),
    "update-function-code.violation": (FUNCTION, "function: orders"),
    "update-function-url-config.violation": (FUNCTION, "function: webhook"),
    "update-pipe-to-an-alias.compliant": (INVOKER, "pipe: refunds"),
    "update-schedule-of-an-alias.compliant": (INVOKER, "schedule: finance/dunning"),
    "update-state-machine-to-an-alias.compliant": (INVOKER, "state machine: dunning"),
}
CASES = sample_events.cases(GUARD)
WELL_FORMED = [case for case in CASES if not case.endswith(".malformed")]


def told(start: Start | None) -> str | None:
    """A start in words: names in place of ARNs."""
    if start is None:
        return None
    name = start.name.split("/")[1] if start.kind is Target.STACK else start.name
    for service, prefix in (("lambda", "function:"), ("events", "rule/"), ("states", "stateMachine:")):
        name = name.removeprefix(f"arn:aws:{service}:us-east-1:123456789012:{prefix}")
    return f"{start.kind}: {name}"


def test_every_sample_event_has_an_expectation() -> None:
    assert sorted(EXPECTED) == CASES


def test_every_verdict_is_one_of_four() -> None:
    assert {case.split(".")[1] for case in CASES} == {"violation", "compliant", "ignored", "malformed"}


@pytest.mark.parametrize("rule", [FUNCTION, INVOKER])
def test_every_call_that_a_rule_names_has_a_sample_event(rule: str) -> None:
    wanted = template.patterns()[f"MissingAliasFunction.{rule}"]["detail"]["eventName"]
    prefixes = [name["prefix"] if isinstance(name, dict) else name for name in wanted]
    started = [sample_events.load(GUARD, case) for case in CASES if EXPECTED[case][0] == rule]
    names = {event["detail"]["eventName"] for event in started}

    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)] == []


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


def looked_at(case: str) -> bool:
    """Whether the runner asks the guard to look, whatever the rules say."""
    guard, silent = Looking(), cast(Any, SimpleNamespace(add_metric=lambda *_: None))

    runner = Runner(guard, load(AliasSettings, ENVIRONMENT | SETTINGS), Logger(service=GUARD), silent)
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
        "create-event-source-mapping-failed.ignored",
        "put-bucket-notification-failed.ignored",
        "update-function-code-denied.ignored",
        "update-function-code-old.ignored",
        "update-function-code-replayed.ignored",
        "put-bucket-notification-by-own-role.ignored",
        "tag-resource-by-own-role.ignored",
        "update-event-source-mapping-by-own-role.ignored",
    ],
)
def test_what_a_rule_should_have_kept_away_is_ignored_all_the_same(case: str) -> None:
    assert not looked_at(case)
