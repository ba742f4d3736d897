"""What `unbacked-stream` says: what is copied where, from when on, at what cost, and how to restore it."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from cli.__main__ import main
from cli.restore_options import Instant
from stackwarden.exemptions import Exemptions
from stackwarden.finding import Actor, Finding, Mode, Outcome, Prose, Resource, Severity, Verdict
from stackwarden.messages import report
from stackwarden.policies.stream_actions import create_delivery_stream, object_prefix
from stackwarden.policies.stream_commands import RESTORE
from stackwarden.policies.stream_cost import Prices, Volume
from stackwarden.policies.stream_reports import NEW, describe
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, Backup, Stream, Way
from stackwarden.policies.unbacked_stream import PATIENCE, TRIES, Case, judge
from tests.stream_cases import (
    ACCOUNT,
    BUCKET,
    CREATED,
    DESTINATION,
    KEY,
    REGION,
    ROLE,
    TAKEN,
    backup,
    case,
    made,
    orphan_case,
    own_backup,
    removed,
    stream,
)

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
NAME = own_backup().name
DAY = 24 * 3600
WEEK = Volume(records=7 * DAY * 100, size=7 * DAY * 100 * 3 * 1024, seconds=7 * DAY)
BY_DEVELOPER = Actor(
    arn=f"arn:aws:iam::{ACCOUNT}:user/developer",
    event_id="e-1",
    event_name="DeleteDeliveryStream",
    event_time="2026-01-15T10:00:00+00:00",
    source_ip="198.51.100.7",
)


def backed(of: Stream | None = None, copy: Backup | None = None, **changes: Any) -> Case:
    """A stream that has got its copy; of, and from when on, as given."""
    copied = of or stream()
    ours = copy or own_backup(copied)
    return case(copied, ours, named=ours, attempts=[made(copied)], round=3, **changes)


def failed(error: str, **changes: Any) -> Case:
    return case(stream(), attempts=[made(error=error)] * TRIES, round=TRIES, **changes)


def said(of: Case) -> Prose:
    return describe(of, judge(of))


def mail(of: Case, actor: Actor | None = None) -> tuple[str, str]:
    """Subject and text of the report at the end; a judgement that is not done was only observed."""
    judgement, prose = judge(of), said(of)
    finding = Finding(
        id="unbacked-stream-0123456789abcdef",
        guard="unbacked-stream",
        hazard=of.hazard,
        resource=Resource(
            type="AWS::Kinesis::Stream", arn=of.arn, name="orders", account=ACCOUNT, region=REGION
        ),
        actor=actor,
        mode=of.mode,
        environment="prod",
        exemption=judgement.exemption,
        **dict(prose),
    )
    verdict = Verdict(
        finding=finding,
        function="f",
        next="done",
        subject={},
        actions=list(judgement.actions),
        attempts=list(of.attempts),
        outcome=judgement.outcome or Outcome.OBSERVED,
    )
    written = report(verdict, "https://example.com/docs")
    return written["subject"], json.loads(written["message"])["email"]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a text, as a shell would take them apart; one may go over several lines."""
    pending = ""
    for line in text.splitlines():
        if not pending and not line.strip().startswith(("aws ", RESTORE)):
            continue
        pending = f"{pending}\n{line}" if pending else line.strip()
        if pending.count("'") % 2 == 0:
            yield shlex.split(pending)
            pending = ""
    assert not pending


OLD = stream(created_at=CREATED - timedelta(days=300))
LATE = own_backup(OLD, since=CREATED)
OPTED_OUT = stream(tags={OPT_OUT: "none", OPT_OUT_REASON: "can be made again"})
ORPHAN = own_backup()
GONE = orphan_case(None, attempts=[removed(ORPHAN)], round=3)
STUCK = orphan_case(ORPHAN, attempts=[removed(ORPHAN, error="X: no")] * TRIES, round=5)


class TestFromWhenOnTheCopyIsComplete:
    def test_of_a_new_stream_it_is_seconds(self) -> None:
        why = said(backed()).why

        assert "all records from 2026-01-15T10:00:30Z on, 30 seconds after the stream was made" in why
        assert "before" not in why

    def test_of_an_old_stream_it_is_said_plainly(self) -> None:
        why = said(backed(OLD, LATE)).why

        assert "all records from 2026-01-15T10:00:00Z on. What was put before is not in it" in why

    def test_new_ends_after_some_minutes(self) -> None:
        within = own_backup(since=CREATED + NEW)
        beyond = own_backup(since=CREATED + NEW + timedelta(seconds=1))

        assert "What was put before" not in said(backed(copy=within)).why
        assert "What was put before" in said(backed(copy=beyond)).why

    def test_a_clock_that_differs_is_no_time_before_the_stream(self) -> None:
        early = own_backup(since=CREATED - timedelta(seconds=1))

        assert "0 seconds after the stream was made" in said(backed(copy=early)).why

    def test_what_aws_does_not_say_is_not_made_up(self) -> None:
        prose = said(backed(copy=own_backup(since=None)))

        assert "begins when that became ACTIVE: what was put before is not in it" in prose.why
        assert "--from BEGIN " in prose.fix
        assert prose.evidence["backup"]["since"] is None
        assert not prose.evidence["backup"]["complete"]

    def test_a_program_can_read_it(self) -> None:
        assert said(backed()).evidence["backup"] == {
            "name": NAME,
            "arn": own_backup().arn,
            "bucket": BUCKET,
            "prefix": object_prefix(stream().arn),
            "since": "2026-01-15T10:00:30Z",
            "complete": True,
            "key": None,
        }


class TestWhatWasMade:
    def test_is_named_with_its_bucket_and_prefix(self) -> None:
        [first, second] = said(backed()).evidence["verified"]

        assert first == (
            f"Firehose {NAME} is ACTIVE: it copies orders to {BUCKET}, "
            f"below kinesis/{ACCOUNT}/{REGION}/orders/!{{timestamp:yyyy/MM/dd/HH}}/"
        )
        assert second == "objects are encrypted as the bucket says"

    def test_respects_the_key_of_the_stream_and_does_not_claim_more(self) -> None:
        evidence = said(backed(stream(key=KEY))).evidence

        assert evidence["verified"][1] == f"objects are encrypted with the stream's own key, {KEY}"
        assert evidence["backup"]["key"] == KEY
        [doubt] = evidence["undecided"]
        assert ROLE in doubt
        assert "kms:GenerateDataKey" in doubt

    def test_that_came_from_somebody_else_meanwhile_has_no_prefix_of_stackwardens(self) -> None:
        theirs = backup(way=Way.CHANNEL, name="to-s3", buckets=("S3",))

        prose = said(case(stream(), theirs, attempts=[made()], round=3))

        assert (
            prose.evidence["verified"][0] == "Kinesis delivery to S3 to-s3 is ACTIVE: it copies orders to S3"
        )
        assert prose.evidence["backup"]["prefix"] is None
        assert prose.evidence["undo"] == []
        assert "undo it" not in prose.fix

    def test_can_be_undone(self) -> None:
        [command] = said(backed()).evidence["undo"]

        expected = f"aws firehose delete-delivery-stream --region {REGION} --delivery-stream-name {NAME}"
        assert command == expected


class TestTheCost:
    def lines(self, **changes: Any) -> list[str]:
        cost = said(backed(**changes)).evidence["cost"]
        assert isinstance(cost, list)
        return cost

    def test_is_that_of_the_volume_that_the_stream_has(self) -> None:
        [month, volume, prices, reads] = self.lines(volume=WEEK)

        assert month.startswith("about 52.90 USD a month: 35.84 for 1,235.96 GB through Firehose, ")
        assert "17.06 for the 741.58 GB" in month
        assert volume == ("at the volume of the last 7 days: 60,480,000 records, 185,794,560,000 bytes")
        assert prices.startswith("prices: 0.029 and 0.023 USD for a GB, the parameters UnbackedStream")
        assert "2 MB a second" in reads

    def test_uses_the_prices_that_were_given(self) -> None:
        [month, *_] = self.lines(volume=WEEK, prices=Prices(firehose=0.036, storage=0))

        assert month.startswith("about 44.49 USD a month: 44.49 for ")

    @pytest.mark.parametrize("volume", [Volume(0, 0, 7 * DAY), Volume(5, 5, 60)])
    def test_without_a_volume_yet_is_told_by_the_gigabyte(self, volume: Volume) -> None:
        [price, *_] = self.lines(volume=volume)

        assert price.startswith(
            "no volume is known yet: a GB through Firehose is 0.029 USD, where each record"
        )
        assert "5 KB" in price

    def test_says_over_how_long_it_was_measured(self) -> None:
        [_, volume, *_] = self.lines(volume=Volume(10, 10, 5 * 3600))

        assert volume.startswith("at the volume of the last 5 hours: 10 records")

    def test_of_an_on_demand_stream_is_no_share_of_a_shard_but_what_kinesis_charges_for_reads(self) -> None:
        lines = self.lines(of=stream(on_demand=True), volume=WEEK)

        assert not any("shard" in line for line in lines)
        assert lines[-1].startswith("not in it: Kinesis charges each GB that is read from an")

    def test_is_told_before_it_arises(self) -> None:
        evidence = said(case(stream(), mode=Mode.OBSERVE, volume=WEEK)).evidence

        assert evidence["cost"][0].startswith("about 52.90 USD")

    def test_that_is_not_known_is_not_told(self) -> None:
        assert "cost" not in said(backed()).evidence
        assert "cost" not in said(case(stream(), exempt="orders", volume=WEEK)).evidence


class TestHowToRestore:
    def test_is_a_command_that_restore_stream_takes(self) -> None:
        [command] = [each for each in commands(said(backed()).fix) if each[0] == "python"]

        assert " ".join(command[:4]) == RESTORE
        options = dict(zip(command[4::2], command[5::2], strict=True))
        assert options["--prefix"] == object_prefix(stream().arn)
        assert options["--bucket"] == BUCKET
        assert options["--region"] == REGION
        assert Instant().convert(options["--from"], None, None) == CREATED + timedelta(seconds=30)

    def test_names_only_options_that_there_are(self) -> None:
        [command] = [each for each in commands(said(backed()).fix) if each[0] == "python"]

        told = CliRunner().invoke(main, ["restore-stream", "--help"]).output

        assert all(option in told for option in command[4::2])

    def test_is_told_where_the_stream_is_gone(self) -> None:
        assert RESTORE in said(GONE).fix


class TestHowToOptOut:
    @pytest.mark.parametrize("of", [backed(), failed("X: y"), case(stream(), mode=Mode.OBSERVE)])
    def test_takes_two_tags(self, of: Case) -> None:
        [command] = [each for each in commands(said(of).fix) if "add-tags-to-stream" in each]

        assert json.loads(command[command.index("--tags") + 1]) == {OPT_OUT: "none", OPT_OUT_REASON: "WHY"}
        assert "without a reason it does not count" in said(of).fix

    def test_was_done_and_is_reported_with_the_reason(self) -> None:
        subject, text = mail(case(OPTED_OUT))

        assert subject == ("[Stackwarden] EXEMPT prod: stream orders has no copy in S3, and is to have none")
        assert "Nothing: its owner wants none: can be made again." in text
        assert f"--tag-keys {OPT_OUT}" in text

    def test_without_a_reason_does_not_count_and_that_is_said(self) -> None:
        of = stream(tags={OPT_OUT: "none"})

        assert (
            f"The tag {OPT_OUT}=none does not count without a reason in the tag {OPT_OUT_REASON}."
            in (mail(case(of, mode=Mode.OBSERVE))[1])
        )

    def test_with_another_word_does_not_count_and_that_is_said(self) -> None:
        [problem] = said(case(stream(tags={OPT_OUT: "no"}))).evidence["exemption_problems"]

        assert problem.startswith(f"The tag {OPT_OUT} does not count: its value is not none")

    def test_with_an_exemption_that_is_wrong_is_said(self) -> None:
        wrong = Exemptions(problems=("The exemption expired.",))

        prose = said(replace(case(stream()), exemptions=wrong))

        assert prose.evidence["exemption_problems"] == ["The exemption expired."]


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "hint"),
        [
            (f"Firehose.InvalidArgumentException: Firehose is unable to assume role {ROLE}.", "trust policy"),
            ("Firehose.AccessDeniedException: User is not authorized to perform", "is denied it"),
            (
                "Firehose.InvalidArgumentException: Role r is not authorized to perform X on orders.",
                "error says",
            ),
            ("Firehose.LimitExceededException: too many", "Service Quotas"),
            ("Firehose.SomethingElse: who knows", "To make it by hand"),
        ],
    )
    def test_of_making_it_say_what_to_do(self, error: str, hint: str) -> None:
        of = failed(error)
        subject, text = mail(of)

        assert subject == "[Stackwarden] FAILED prod: stream orders has no copy in S3"
        assert hint in said(of).fix
        assert f"FAILED: delivery stream {NAME}: none -> created: {error}" in text

    def test_of_making_it_come_with_the_whole_request(self) -> None:
        of = stream(key=KEY)
        _, text = mail(failed_for(of))

        [command] = [each for each in commands(text) if "create-delivery-stream" in each]
        request = json.loads(command[command.index("--cli-input-json") + 1])
        assert request == create_delivery_stream(of, DESTINATION).parameters["request"]

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"source": f"{stream().arn}-of-others"}, f"exists, and copies {stream().arn}-of-others"),
            (
                {"status": "CREATING_FAILED", "reason": "DISABLED_KMS_KEY"},
                "CREATING_FAILED: DISABLED_KMS_KEY",
            ),
            ({"buckets": ()}, "its destination is not S3"),
        ],
    )
    def test_by_a_name_that_is_taken_say_by_what(self, changes: dict[str, Any], told: str) -> None:
        of = case(stream(), named=own_backup(**changes))
        _, text = mail(of)

        assert told in text
        [command] = [each for each in commands(text) if "delete-delivery-stream" in each]
        assert command[-1] == NAME

    def test_by_a_name_that_was_taken_meanwhile(self) -> None:
        of = case(stream(), attempts=[made(error=TAKEN)], round=5)

        assert "took the name meanwhile" in said(of).fix

    def test_by_waiting_in_vain_say_for_what(self) -> None:
        _, text = mail(case(stream(status="CREATING"), round=PATIENCE))

        assert "- the stream is still being created, for too long" in text
        assert "Firehose" in said(case(stream(), throttled=True, round=PATIENCE)).fix


class TestTheWholeMail:
    def test_of_a_copy_that_was_made(self) -> None:
        subject, text = mail(backed(volume=WEEK))

        assert subject == "[Stackwarden] REMEDIATED prod: stream orders had no copy in S3"
        for part in (
            "Remediated, and verified",
            f"- delivery stream {NAME}: none -> created",
            "What it costs:\n  - about 52.90 USD a month",
            f"To undo:\n  aws firehose delete-delivery-stream --region {REGION}",
            "/stackwarden/exemptions/unbacked-stream/orders",
            "https://example.com/docs/guards/unbacked-stream.md",
        ):
            assert part in text
        assert "…" not in text

    def test_of_the_longest_name_is_not_cut_where_it_is_to_be_pasted(self) -> None:
        long = stream("a" * 128, key=KEY)

        _, text = mail(failed_for(long))

        assert all(command for command in commands(text))
        assert object_prefix(long.arn) in text

    def test_of_a_copy_that_was_deleted_and_came_back_says_who(self) -> None:
        subject, text = mail(backed(ended=NAME), BY_DEVELOPER)

        assert subject == "[Stackwarden] REMEDIATED prod: stream orders had no copy in S3 any more"
        assert f"What copied it, {NAME}, was deleted or changed." in text
        assert "user/developer, from 198.51.100.7, DeleteDeliveryStream at 2026-01-15 10:00:00 UTC" in text

    def test_in_mode_observe_says_what_it_would_do_and_how_to_do_it(self) -> None:
        of = case(stream(), mode=Mode.OBSERVE)
        subject, text = mail(of)

        assert subject == "[Stackwarden] OBSERVED prod: stream orders has no copy in S3"
        assert f"- would have: delivery stream {NAME}: none -> created" in text
        assert "UnbackedStreamMode: enforce" in text
        assert any("create-delivery-stream" in command for command in commands(text))

    def test_of_an_exemption_names_it(self) -> None:
        _, text = mail(case(stream(), exempt="orders"))

        assert "Nothing: exempt by /stackwarden/exemptions/unbacked-stream/orders" in text
        assert "It ends by itself." in text

    def test_of_what_was_left_and_removed(self) -> None:
        subject, text = mail(GONE)

        assert subject.startswith("[Stackwarden] REMEDIATED prod: stream orders was deleted: its delivery st")
        assert f"- delivery stream {NAME} is gone" in text
        assert f"- bucket {BUCKET} was not touched" in text
        assert "If this is meant" not in text

    def test_of_what_was_left_and_stays(self) -> None:
        subject, text = mail(STUCK)

        assert subject.startswith("[Stackwarden] FAILED prod: stream orders was deleted")
        assert text.startswith("FAILED: THE DELIVERY STREAM IS STILL THERE")
        assert f"FAILED: delivery stream {NAME}: deleted: X: no" in text
        assert any("delete-delivery-stream" in command for command in commands(text))


def failed_for(of: Stream) -> Case:
    return case(of, attempts=[made(of, error="X: y")] * TRIES, round=TRIES)


@pytest.mark.parametrize(
    ("of", "severity"),
    [
        (backed(), LOW),
        (backed(OLD, LATE), MEDIUM),
        (backed(copy=own_backup(since=None)), MEDIUM),
        (backed(ended=NAME), MEDIUM),
        (case(stream(), mode=Mode.OBSERVE), MEDIUM),
        (case(stream(status="CREATING")), MEDIUM),
        (failed("X: y"), HIGH),
        (case(stream(), named=own_backup(source="")), HIGH),
        (case(stream(), exempt="orders"), LOW),
        (case(OPTED_OUT), LOW),
        (case(None), LOW),
        (GONE, LOW),
        (orphan_case(ORPHAN, round=1), LOW),
        (STUCK, HIGH),
    ],
)
def test_the_severity(of: Case, severity: Severity) -> None:
    assert said(of).severity is severity


@pytest.mark.parametrize("of", [backed(volume=WEEK), failed("X: y"), GONE, STUCK, case(None, throttled=True)])
def test_the_evidence_is_json(of: Case) -> None:
    evidence = said(of).evidence

    assert json.loads(json.dumps(evidence)) == evidence
    assert not re.search(r"None|datetime|Backup\(", said(of).why + said(of).fix)
