"""Reports: for a person in ten seconds, and as one JSON document, whatever the names in them hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.finding import (
    Action,
    ActionKind,
    Actor,
    Attempt,
    Exemption,
    Finding,
    Mode,
    Outcome,
    Resource,
    Severity,
    Verdict,
)
from stackwarden.messages import clean, report

DOCUMENTATION = "https://example.com/docs"
SNS_MOST = 256 * 1024  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
ACTOR = Actor(
    arn="arn:aws:iam::123456789012:user/developer",
    event_id="1",
    event_name="DeleteStack",
    event_time="2026-01-15T10:00:00+00:00",
    source_ip="198.51.100.7",
)
PROTECT = Action(kind=ActionKind.PROTECT_TABLE, target="orders", before={"deletion_protection": False})
DONE = Attempt(**PROTECT.model_dump(), status="done")
REFUSED = Attempt(**PROTECT.model_dump(), status="failed", error="DynamoDb.ResourceInUseException: busy")


def finding(**changes: Any) -> Finding:
    known: dict[str, Any] = {
        "id": "data-deletion-0123456789abcdef",
        "guard": "data-deletion",
        "hazard": "stack-deletion",
        "severity": Severity.HIGH,
        "title": "The stack shop is being deleted with its data",
        "why": "CloudFormation is deleting it.",
        "fix": "Nothing is urgent.\n  DeletionPolicy: Retain",
        "resource": Resource(
            type="AWS::CloudFormation::Stack",
            arn="arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1",
            name="shop",
            account="123456789012",
            region="us-east-1",
        ),
        "actor": ACTOR,
        "mode": Mode.ENFORCE,
        "environment": "prod",
    }
    return Finding(**known | changes)


def verdict(found: Finding | None = None, **changes: Any) -> Verdict:
    known: dict[str, Any] = {
        "finding": found or finding(),
        "function": "f",
        "next": "done",
        "subject": {},
        "outcome": Outcome.RESCUED,
    }
    return Verdict(**known | changes)


def texts(about: Verdict) -> tuple[str, str, dict[str, Any]]:
    """Subject, plain text and document of a report."""
    written = report(about, DOCUMENTATION)
    message = json.loads(written["message"])
    return written["subject"], message["email"], json.loads(message["default"])


def test_a_person_learns_everything_from_the_mail() -> None:
    saved = ["DynamoDB table orders: standing, deletion protection on"]
    lost = ["DynamoDB table carts: gone; no backup of it was found."]

    subject, mail, _ = texts(verdict(finding(evidence={"saved": saved, "lost": lost}), attempts=[DONE]))

    assert subject == "[Stackwarden] RESCUED prod: The stack shop is being deleted with its data"
    for part in (
        "The stack shop is being deleted with its data",
        "CloudFormation is deleting it.",
        "arn:aws:iam::123456789012:user/developer, from 198.51.100.7, DeleteStack at 2026-01-15 10:00:00 UTC",
        "deletion protection of table orders: off -> on",
        saved[0],
        lost[0],
        "Nothing is urgent.",
        "    DeletionPolicy: Retain",
        "data-deletion-0123456789abcdef",
        "aws ssm put-parameter ",
        "--region us-east-1 --name /stackwarden/exemptions/data-deletion/shop",
        "account 123456789012, us-east-1, environment prod",
        "https://example.com/docs/guards/data-deletion.md",
    ):
        assert part in mail


def test_a_program_gets_one_document() -> None:
    about = verdict(attempts=[DONE, REFUSED])

    _, _, document = texts(about)

    assert document == {
        "finding": about.finding.model_dump(mode="json"),
        "actions": [DONE.model_dump(mode="json"), REFUSED.model_dump(mode="json")],
        "outcome": "rescued",
    }


def test_an_action_that_failed_is_said_to_have_failed() -> None:
    _, mail, _ = texts(verdict(attempts=[REFUSED], outcome=Outcome.FAILED))

    assert "FAILED: deletion protection of table orders: off -> on: DynamoDb.ResourceInUseException" in mail


def test_a_mode_that_only_observes_says_what_it_would_have_done() -> None:
    about = verdict(finding(mode=Mode.OBSERVE), actions=[PROTECT], outcome=Outcome.OBSERVED)

    _, mail, document = texts(about)

    assert "Nothing: the mode is observe." in mail
    assert "would have: deletion protection of table orders: off -> on" in mail
    assert [action["status"] for action in document["actions"]] == ["planned"]


def test_a_workflow_that_failed_before_acting_does_not_speak_of_an_exemption() -> None:
    failure = {"Error": "DynamoDb.AccessDeniedException", "Cause": "the ledger is closed"}

    _, mail, _ = texts(verdict(actions=[PROTECT], outcome=Outcome.FAILED, failure=failure))

    assert "the workflow failed before it could act" in mail
    assert "DynamoDb.AccessDeniedException: the ledger is closed" in mail
    assert "exempt by" not in mail


def test_what_was_done_before_judging_again_failed_is_reported() -> None:
    failure = {"Error": "Lambda.Unknown", "Cause": "gone"}

    _, mail, document = texts(
        verdict(actions=[PROTECT], results=[DONE], outcome=Outcome.FAILED, failure=failure)
    )

    assert "- deletion protection of table orders: off -> on" in mail
    assert [action["status"] for action in document["actions"]] == ["done"]


def test_an_exemption_is_told_with_its_reason() -> None:
    exemption = Exemption(
        name="/stackwarden/exemptions/data-deletion/shop",
        requested_by="developer",
        approved_by="security",
        reason="a copy",
        until="2026-02-01T00:00:00+00:00",
    )

    _, mail, _ = texts(verdict(finding(exemption=exemption), outcome=Outcome.EXEMPT))

    for part in (exemption.name, "asked for by developer", "approved by security", "a copy", "2026-02-01"):
        assert part in mail


def test_the_actor_that_a_second_event_left_in_the_ledger_is_named() -> None:
    ledger = {"actor": ACTOR.model_dump_json()}

    _, mail, document = texts(verdict(finding(actor=None), ledger=ledger))

    assert ACTOR.arn in mail
    assert document["finding"]["actor"]["arn"] == ACTOR.arn


def test_without_an_actor_it_says_how_to_find_out() -> None:
    _, mail, _ = texts(verdict(finding(actor=None)))

    assert "aws cloudtrail lookup-events" in mail


def test_termination_protection_is_told_with_both_values() -> None:
    withdrawn = Attempt(
        kind=ActionKind.SET_TERMINATION_PROTECTION,
        target="arn:x",
        parameters={"enabled": False},
        before={"enabled": True},
        status="done",
    )

    _, mail, _ = texts(verdict(attempts=[withdrawn]))

    assert "termination protection of arn:x: on -> off" in mail


@pytest.mark.parametrize(
    ("kind", "before", "parameters", "told"),
    [
        (
            ActionKind.CAP_CONCURRENCY,
            None,
            {"reserved": 10},
            "reserved concurrency of function f: none -> 10",
        ),
        (ActionKind.CAP_CONCURRENCY, 50, {"reserved": 0}, "reserved concurrency of function f: 50 -> 0"),
        (ActionKind.RESTORE_CONCURRENCY, 0, {"reserved": 50}, "reserved concurrency of function f: 0 -> 50"),
        (ActionKind.RELEASE_CONCURRENCY, 10, {}, "reserved concurrency of function f: 10 -> none"),
    ],
)
def test_reserved_concurrency_is_told_with_both_values(
    kind: ActionKind, before: int | None, parameters: dict[str, Any], told: str
) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    set_ = Attempt(kind=kind, target=arn, parameters=parameters, before={"reserved": before}, status="done")

    _, mail, _ = texts(verdict(attempts=[set_]))

    assert told in mail


FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
TOPIC = "arn:aws:sns:us-east-1:123456789012:news"
LIVE = f"{FUNCTION}:live"


@pytest.mark.parametrize(
    ("kind", "target", "before", "parameters", "told"),
    [
        (
            ActionKind.PUBLISH_VERSION,
            FUNCTION,
            {"version": None},
            {"code_sha256": "abc="},
            "version of function orders, published from $LATEST; newest before: none",
        ),
        (
            ActionKind.CREATE_ALIAS,
            FUNCTION,
            {"version": None},
            {"name": "live", "version": "7"},
            "alias live of function orders: version none -> 7",
        ),
        (
            ActionKind.UPDATE_ALIAS,
            FUNCTION,
            {"version": "$LATEST"},
            {"name": "live", "version": "7"},
            "alias live of function orders: version $LATEST -> 7",
        ),
        (
            ActionKind.ADD_PERMISSION,
            FUNCTION,
            {},
            {"qualifier": "live", "statement": {"Principal": "s3.amazonaws.com"}},
            "permission of s3.amazonaws.com to invoke function orders through the alias live",
        ),
        (
            ActionKind.REPOINT_MAPPING,
            "8fe62b78",
            {"function": FUNCTION},
            {"function": LIVE},
            "event source mapping 8fe62b78: orders -> orders:live",
        ),
        (
            ActionKind.REPOINT_NOTIFICATION,
            "photos",
            {"configuration": {}, "function": FUNCTION},
            {"configuration": {}, "account": "123456789012", "function": LIVE},
            "notifications of bucket photos: orders -> orders:live",
        ),
        (
            ActionKind.REPOINT_TARGET,
            "nightly",
            {"targets": [], "function": f"{FUNCTION}:$LATEST"},
            {"bus": "default", "targets": [], "function": LIVE},
            "targets of rule nightly: orders:$LATEST -> orders:live",
        ),
        (
            ActionKind.REPOINT_SUBSCRIPTION,
            TOPIC,
            {"subscription": f"{TOPIC}:1", "function": FUNCTION},
            {"function": LIVE, "attributes": {}},
            "subscription to topic news: orders -> orders:live",
        ),
        (
            ActionKind.END_SUBSCRIPTION,
            f"{TOPIC}:1",
            {"function": FUNCTION, "attributes": {}},
            {"topic": TOPIC},
            f"subscription that was replaced, ended: {TOPIC}:1, of orders",
        ),
    ],
)
def test_a_step_to_an_alias_is_told_with_both_values(
    kind: ActionKind, target: str, before: dict[str, Any], parameters: dict[str, Any], told: str
) -> None:
    done = Attempt(kind=kind, target=target, parameters=parameters, before=before, status="done")

    _, mail, _ = texts(verdict(attempts=[done]))

    assert f"- {told}\n" in mail


def test_a_report_says_how_to_undo_in_commands_to_paste() -> None:
    command = f"aws lambda update-event-source-mapping --uuid 8fe62b78 --function-name {FUNCTION}"

    _, mail, _ = texts(verdict(finding(evidence={"undo": [command]})))

    assert f"\nTo undo:\n  {command}\n" in mail


def test_a_command_that_does_not_fit_is_left_out_instead_of_cut() -> None:
    commands = ["aws lambda publish-version", "aws s3api " + "x" * 2000]

    _, mail, _ = texts(verdict(finding(evidence={"undo": commands})))

    assert f"  {commands[0]}\n  (1 more: the values before are in the ledger)\n" in mail
    assert "s3api" not in mail


def test_a_loop_is_told_hop_by_hop() -> None:
    hops = ["a may s3:PutObject on y/k", "b may s3:PutObject on x/k"]

    _, mail, _ = texts(verdict(finding(evidence={"loop": hops})))

    assert f"The loop:\n  - {hops[0]}\n  - {hops[1]}\n" in mail


@pytest.mark.parametrize("kind", list(ActionKind))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_action_and_every_outcome_has_words(kind: ActionKind, outcome: Outcome) -> None:
    done = Attempt(kind=kind, target="the target", status="done")

    subject, mail, document = texts(verdict(attempts=[done], outcome=outcome))

    assert outcome.upper() in subject
    assert "the target" in mail
    assert document["outcome"] == outcome


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
MARK = "INJECTED"
breakers = st.sampled_from(
    [*"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\r\n", "\x1b[2J", "\u202e", "\u200f"]
)


@given(anything)
def test_the_subject_is_one_line_of_less_than_100_ascii_characters(title: str) -> None:
    subject, _, _ = texts(verdict(finding(title=title)))

    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100


@given(breakers)
def test_nobody_can_write_lines_into_a_report(breaker: str) -> None:
    evil = f"x{breaker}{MARK}: nothing happened"
    exemption = Exemption(name=evil, requested_by=evil, approved_by=evil, reason=evil, until=evil)
    attempt = Attempt(kind=ActionKind.PROTECT_TABLE, target=evil, status="failed", error=evil)
    found = finding(
        title=evil,
        why=evil,
        actor=ACTOR.model_copy(update={"arn": evil, "source_ip": evil, "event_name": evil}),
        resource=finding().resource.model_copy(update={"name": evil, "arn": evil}),
        exemption=exemption,
        evidence={
            key: [evil]
            for key in ("saved", "lost", "undecided", "unprotectable", "exemption_problems", "undo")
        },
    )
    for about in (
        verdict(found, attempts=[attempt], failure={"Error": evil, "Cause": evil}),
        verdict(found, outcome=Outcome.EXEMPT),
        verdict(found.model_copy(update={"actor": None})),
    ):
        _, mail, _ = texts(about)

        assert MARK in mail
        assert [line for line in mail.splitlines() if line.lstrip(" -").startswith(MARK)] == []
        assert all(character.isprintable() or character == "\n" for character in mail)


@given(anything, st.integers(1, 50))
def test_cleaned_text_is_one_printable_line(text: str, most: int) -> None:
    cleaned = clean(text, most)

    assert len(cleaned) <= most
    assert len(cleaned.splitlines()) <= 1


@pytest.mark.parametrize("name", ["orders-{}", "bestellungen-ü-{}", 'a"quoted"-{}', "\U0001f4a3-{}"])
def test_two_thousand_resources_fit_into_one_message(name: str) -> None:
    names = [name.format(n).ljust(60, "x") for n in range(2000)]
    saved = [f"DynamoDB table {n}: standing, deletion protection on, backup available" for n in names]
    attempts = [DONE.model_copy(update={"target": n}) for n in names]

    written = report(verdict(finding(evidence={"saved": saved}), attempts=attempts), DOCUMENTATION)

    assert len(written["message"].encode()) <= SNS_MOST
    message = json.loads(written["message"])
    assert json.loads(message["default"])["truncated"]
    assert message["email"].count("- and 1975 more") == 2


def test_a_failure_among_many_actions_is_not_left_out() -> None:
    done = [DONE.model_copy(update={"target": f"t{number}"}) for number in range(100)]

    _, mail, _ = texts(verdict(attempts=[*done, REFUSED]))

    assert "- FAILED: deletion protection of table orders" in mail
    assert "- and 76 more" in mail


@pytest.mark.parametrize("error", ["no", "x" * 1000], ids=["short", "long"])
def test_what_was_tried_several_times_is_one_line(error: str) -> None:
    refused = REFUSED.model_copy(update={"error": error})

    _, mail, _ = texts(verdict(attempts=[refused, DONE, refused, refused]))

    told = [line for line in mail.splitlines() if "FAILED: deletion protection" in line]
    assert len(told) == 1
    assert told[0].endswith(" (3 times)")


def test_what_fits_is_not_truncated() -> None:
    _, _, document = texts(verdict(attempts=[DONE] * 100))

    assert "truncated" not in document
    assert len(document["actions"]) == 100
