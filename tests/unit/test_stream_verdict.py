"""From judgements of `unbacked-stream` to verdicts: which finding it is, on which stream, with which tags."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackwarden.finding import NOBODY, ActionKind, Actor, Mode, Outcome, Verdict
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, OWNED
from stackwarden.policies.unbacked_stream import FLUSHED, Case, Hazard, judge
from stackwarden.settings import Settings
from stackwarden.stream_verdict import FINDING_TAG, Found, Subject, first_verdict, next_verdict
from tests.stream_cases import (
    ACCOUNT,
    CREATED,
    REGION,
    case,
    made,
    orphan_case,
    own_backup,
    stream,
    stream_arn,
)

GUARD = "unbacked-stream"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/1"
SUBJECT = Subject(hazard=Hazard.UNBACKED, stream=stream_arn())
ORPHANED = Subject(hazard=Hazard.ORPHANED, stream=stream_arn(), orphan=own_backup().name)
WORKING = case(stream(), own_backup(), named=own_backup(), attempts=[made()], round=3)
DEVELOPER = Actor(
    arn=f"arn:aws:iam::{ACCOUNT}:user/developer",
    event_id="e-1",
    event_name="CreateStream",
    event_time=datetime(2026, 1, 15, 10, tzinfo=UTC).isoformat(),
    source_ip="198.51.100.7",
)
# What a tag may hold: https://docs.aws.amazon.com/firehose/latest/APIReference/API_Tag.html
TAG_TEXT = re.compile(r"[\w .:/=+\-@%]{0,256}")


def settings(mode: Mode = Mode.ENFORCE) -> Settings:
    place = f"{REGION}:{ACCOUNT}"
    return Settings.model_validate(
        {
            "STACKWARDEN_MODE": mode,
            "STACKWARDEN_ENVIRONMENT": "test",
            "STACKWARDEN_STATE_MACHINE_ARN": f"arn:aws:states:{place}:stateMachine:remediation",
            "STACKWARDEN_STATE_MACHINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/remediation",
            "STACKWARDEN_STACK_ID": f"arn:aws:cloudformation:{place}:stack/stackwarden/1",
            "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-unbacked-stream",
            "STACKWARDEN_DOCUMENTATION_URL": "https://example.com/docs",
        }
    )


def first(of: Case, subject: Subject = SUBJECT, number: int = 0, actor: Actor | None = None) -> Verdict:
    return first_verdict(GUARD, Found(subject, of, judge(of)), number, actor, settings())


class TestTheFinding:
    def test_is_about_the_stream(self) -> None:
        finding = first(case(stream())).finding

        assert (finding.guard, finding.hazard) == (GUARD, "unbacked")
        assert finding.resource.model_dump() == {
            "type": "AWS::Kinesis::Stream",
            "arn": stream_arn(),
            "name": "orders",
            "account": ACCOUNT,
            "region": REGION,
            "stack_id": None,
        }

    def test_knows_the_stack(self) -> None:
        of_stack = SUBJECT.model_copy(update={"stack_id": STACK_ID})

        assert first(case(stream()), of_stack).finding.resource.stack_id == STACK_ID

    def test_knows_who(self) -> None:
        verdict = first(case(stream()), actor=DEVELOPER)

        assert verdict.finding.actor == DEVELOPER
        assert Actor.model_validate_json(verdict.actor) == DEVELOPER
        assert first(case(stream())).actor == NOBODY

    def test_is_the_same_one_however_often_and_in_whatever_state_it_is_seen(self) -> None:
        seen = [case(stream(status="CREATING")), case(stream()), case(stream(), throttled=True)]

        assert len({first(each).finding.id for each in seen}) == 1

    def test_is_the_same_one_with_and_without_its_stack_and_its_lost_copy(self) -> None:
        other = SUBJECT.model_copy(update={"stack_id": STACK_ID, "ended": "by-somebody-else"})

        assert first(case(stream())).finding.id == first(case(stream()), other).finding.id

    def test_is_another_one_each_time_it_comes_back(self) -> None:
        assert len({first(case(stream()), number=number).finding.id for number in range(3)}) == 3

    def test_is_another_one_for_a_stream_that_took_the_name(self) -> None:
        later = stream(created_at=CREATED + timedelta(hours=1))

        assert first(case(stream())).finding.id != first(case(later)).finding.id

    def test_is_another_one_for_what_is_left_of_a_stream(self) -> None:
        left = first(orphan_case(own_backup()), ORPHANED)

        assert left.finding.hazard == "orphaned-backup"
        assert left.finding.id != first(case(stream())).finding.id
        assert (left.next, left.wait_seconds) == ("wait", FLUSHED)

    def test_of_two_things_left_is_one_each(self) -> None:
        other = ORPHANED.model_copy(update={"orphan": "stackwarden-orders-0123456789ab"})

        ids = {first(orphan_case(own_backup()), each).finding.id for each in (ORPHANED, other)}

        assert len(ids) == 2


class TestTheVerdict:
    def test_asks_for_a_delivery_stream_that_says_for_which_finding_it_was_made(self) -> None:
        verdict = first(case(stream()))

        [action] = verdict.actions
        tags = {tag["Key"]: tag["Value"] for tag in action.parameters["request"]["Tags"]}
        assert verdict.next == "act"
        assert action.kind is ActionKind.CREATE_DELIVERY_STREAM
        assert tags == {OWNED: stream_arn(), FINDING_TAG: verdict.finding.id}
        assert all(TAG_TEXT.fullmatch(text) for text in (*tags, *tags.values()))

    def test_of_the_longest_names_has_tags_that_fit(self) -> None:
        long = stream("a" * 128)

        [action] = first(case(long)).actions

        assert all(TAG_TEXT.fullmatch(tag["Value"]) for tag in action.parameters["request"]["Tags"])

    def test_remembers_what_to_look_at_again(self) -> None:
        subject = SUBJECT.model_copy(update={"after": "m", "searched": 3, "ended": "theirs"})

        verdict = first(case(stream(), searching=True), subject)

        assert Subject.model_validate(verdict.subject) == subject

    def test_keeps_the_progress_of_a_search(self) -> None:
        verdict = first(case(stream(), searching=True))

        further = SUBJECT.model_copy(update={"after": "m", "searched": 1})
        again = next_verdict(verdict, further, case(stream(), searching=True, searched=1, round=1))

        assert Subject.model_validate(again.subject) == further

    def test_that_ends_well_tags_the_stream(self) -> None:
        verdict = next_verdict(first(case(stream())), SUBJECT, WORKING)

        assert verdict.outcome is Outcome.REMEDIATED
        [tag] = verdict.annotations
        assert (tag.kind, tag.target) == (ActionKind.TAG_STREAM, stream_arn())
        assert tag.parameters["tags"] == {
            FINDING_TAG: verdict.finding.id,
            "stackwarden:outcome": "remediated",
        }

    @pytest.mark.parametrize(
        "later",
        [
            case(stream(), named=own_backup(source="")),
            case(stream(), own_backup(), named=own_backup()),
            case(None),
            case(stream(tags={OPT_OUT: "none", OPT_OUT_REASON: "no need"})),
        ],
        ids=["failed", "dismissed", "gone", "opted out"],
    )
    def test_that_ends_otherwise_leaves_the_stream_alone(self, later: Case) -> None:
        assert next_verdict(first(case(stream())), SUBJECT, later).annotations == []

    def test_of_what_was_removed_tags_nothing(self) -> None:
        begun = first(orphan_case(own_backup()), ORPHANED)
        gone = replace(orphan_case(None), attempts=(made(),), round=3)

        verdict = next_verdict(begun, ORPHANED, gone)

        assert (verdict.outcome, verdict.annotations) == (Outcome.REMEDIATED, [])

    def test_stays_the_same_finding_while_it_is_judged_again(self) -> None:
        begun = first(case(stream()), number=2, actor=DEVELOPER)

        again = next_verdict(begun, SUBJECT, WORKING)

        assert (again.finding.id, again.finding.actor) == (begun.finding.id, DEVELOPER)
        assert again.finding.evidence["episode"] == 2
        assert again.finding.evidence["state"] == begun.finding.evidence["state"]
        assert "verified" in again.finding.evidence

    def test_carries_an_exemption(self) -> None:
        verdict = first(case(stream(), exempt="orders"))

        assert (verdict.next, verdict.outcome) == ("done", Outcome.EXEMPT)
        assert verdict.finding.exemption is not None

    def test_crosses_to_the_workflow_and_back(self) -> None:
        verdict = first(case(stream()))

        assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_a_subject_of_an_older_version_is_refused_by_name() -> None:
    known: dict[str, Any] = {**SUBJECT.model_dump(), "colour": "red"}

    with pytest.raises(ValueError, match="colour"):
        Subject.model_validate(known)
