"""The judgement of `unbacked-stream`: a stream with and without a copy, and copies without a stream."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from stackwarden.finding import ActionKind, Mode, Outcome
from stackwarden.policies.stream_actions import create_delivery_stream, object_prefix
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, OWNED, Stream, Way, backup_name
from stackwarden.policies.unbacked_stream import (
    FLUSHED,
    LONGEST_BUFFER,
    LONGEST_PAUSE,
    LONGEST_SEARCH,
    NEXT_PAGE,
    PATIENCE,
    PAUSE,
    TRIES,
    Judgement,
    judge,
    names,
)
from tests.stream_cases import (
    ACCOUNT,
    BUCKET_ARN,
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

CREATE, DELETE = ActionKind.CREATE_DELIVERY_STREAM, ActionKind.DELETE_DELIVERY_STREAM
NAME = backup_name(stream())
NOT_ASSUMABLE = "Firehose.InvalidArgumentException: Firehose is unable to assume role"
AGAIN = stream(created_at=CREATED + timedelta(hours=1))


def planned(judgement: Judgement) -> list[tuple[ActionKind, str]]:
    assert (judgement.next, judgement.outcome) == ("act", None)
    return [(action.kind, action.target) for action in judgement.actions]


def ended(judgement: Judgement) -> Outcome | None:
    assert judgement.next == "done"
    return judgement.outcome


def waits(judgement: Judgement) -> int:
    assert (judgement.next, judgement.outcome, judgement.actions) == ("wait", None, ())
    return judgement.wait_seconds


class TestAStreamWithoutACopy:
    @pytest.mark.parametrize("changes", [{}, {"on_demand": True}, {"key": KEY}, {"status": "UPDATING"}])
    def test_gets_one(self, changes: dict[str, Any]) -> None:
        assert planned(judge(case(stream(**changes)))) == [(CREATE, NAME)]

    def test_gets_one_in_mode_observe_as_far_as_the_policy_goes(self) -> None:
        assert planned(judge(case(stream(), mode=Mode.OBSERVE))) == [(CREATE, NAME)]

    def test_is_waited_for_while_it_is_created(self) -> None:
        assert waits(judge(case(stream(status="CREATING")))) == PAUSE

    def test_is_waited_for_less_and_less_often(self) -> None:
        pauses = [waits(judge(case(stream(status="CREATING"), round=n))) for n in range(PATIENCE)]

        assert pauses == sorted(pauses)
        assert max(pauses) == LONGEST_PAUSE
        assert ended(judge(case(stream(status="CREATING"), round=PATIENCE))) is Outcome.FAILED

    @pytest.mark.parametrize("of", [None, stream(status="DELETING")])
    def test_that_goes_while_it_is_waited_for_is_no_hazard(self, of: Stream | None) -> None:
        judgement = judge(case(of, round=2))

        assert ended(judgement) is Outcome.DISMISSED
        assert judgement.reason == "the stream is gone"

    def test_that_goes_while_its_copy_is_made_is_no_hazard(self) -> None:
        assert ended(judge(case(None, attempts=[made()], round=1))) is Outcome.DISMISSED


class TestCopiesOfOthers:
    @pytest.mark.parametrize("way", Way)
    @pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
    def test_are_enough(self, way: Way, status: str) -> None:
        assert ended(judge(case(stream(), backup(way=way, status=status)))) is Outcome.DISMISSED

    def test_that_are_being_made_are_waited_for(self) -> None:
        assert waits(judge(case(stream(), backup(status="CREATING")))) == PAUSE

    @pytest.mark.parametrize(
        "changes",
        [
            {"buckets": ()},
            {"buckets": (), "status": "CREATING"},
            {"status": "CREATING_FAILED"},
            {"status": "DELETING"},
            {"way": Way.CHANNEL, "status": "FAILED"},
        ],
    )
    def test_that_do_not_work_are_none(self, changes: dict[str, Any]) -> None:
        assert planned(judge(case(stream(), backup(**changes)))) == [(CREATE, NAME)]

    def test_one_that_works_is_enough(self) -> None:
        backups = backup(status="CREATING_FAILED"), backup("another")

        assert ended(judge(case(stream(), *backups))) is Outcome.DISMISSED

    def test_are_looked_through_before_anything_is_made(self) -> None:
        assert waits(judge(case(stream(), searching=True))) == NEXT_PAGE

    def test_are_looked_through_beyond_the_patience_for_other_things(self) -> None:
        at = LONGEST_SEARCH - 1

        assert waits(judge(case(stream(), searching=True, round=at, searched=at))) == NEXT_PAGE
        assert planned(judge(case(stream(), round=at, searched=at))) == [(CREATE, NAME)]

    def test_are_not_looked_through_for_ever(self) -> None:
        at = LONGEST_SEARCH

        assert ended(judge(case(stream(), searching=True, round=at, searched=at))) is Outcome.FAILED

    def test_may_come_with_the_stack(self) -> None:
        assert waits(judge(case(stream(), unsettled=True))) == PAUSE
        assert planned(judge(case(stream(), unsettled=False))) == [(CREATE, NAME)]


class TestThrottling:
    @pytest.mark.parametrize("of", [None, stream()])
    def test_is_waited_out(self, of: Stream | None) -> None:
        assert waits(judge(case(of, throttled=True))) >= PAUSE

    def test_is_no_reason_to_take_a_stream_for_unbacked(self) -> None:
        judgement = judge(case(stream(), throttled=True, attempts=[made(error="X: y")] * TRIES))

        assert judgement.next == "wait"

    def test_together_streams_come_back_at_different_times(self) -> None:
        pauses = [waits(judge(case(stream(f"orders-{n}"), throttled=True))) for n in range(200)]

        assert len(set(pauses)) > 50
        assert max(pauses) < 2 * LONGEST_PAUSE

    def test_the_same_stream_does_not_meet_the_same_others_each_time(self) -> None:
        assert len({waits(judge(case(stream(), throttled=True, round=n))) for n in range(20)}) > 5

    def test_ends(self) -> None:
        assert ended(judge(case(stream(), throttled=True, round=PATIENCE))) is Outcome.FAILED


class TestWhatTheOwnerWants:
    def test_an_exemption_of_the_stream(self) -> None:
        judgement = judge(case(stream(), exempt="orders"))

        assert ended(judgement) is Outcome.EXEMPT
        assert judgement.exemption is not None

    def test_an_exemption_of_the_stack(self) -> None:
        assert ended(judge(case(stream(), stack_name="shop", exempt="shop"))) is Outcome.EXEMPT

    def test_an_exemption_of_another_stream(self) -> None:
        assert planned(judge(case(stream(), exempt="carts"))) == [(CREATE, NAME)]

    def test_tags_with_a_reason(self) -> None:
        of = stream(tags={OPT_OUT: "none", OPT_OUT_REASON: " can be made again "})

        judgement = judge(case(of))

        assert ended(judgement) is Outcome.EXEMPT
        assert judgement.reason == "its owner wants none: can be made again"
        assert judgement.exemption is None

    @pytest.mark.parametrize(
        "tags",
        [
            {OPT_OUT: "none"},
            {OPT_OUT: "none", OPT_OUT_REASON: "  "},
            {OPT_OUT: "yes", OPT_OUT_REASON: "why not"},
            {OPT_OUT_REASON: "why not"},
        ],
    )
    def test_tags_that_say_half_of_it_do_not_count(self, tags: dict[str, str]) -> None:
        assert planned(judge(case(stream(tags=tags)))) == [(CREATE, NAME)]

    def test_a_copy_that_works_is_no_matter_for_an_exemption(self) -> None:
        assert ended(judge(case(stream(), backup(), exempt="orders"))) is Outcome.DISMISSED

    def test_what_is_being_created_may_be_exempt_already(self) -> None:
        assert ended(judge(case(stream(status="CREATING"), exempt="orders"))) is Outcome.EXEMPT

    def test_what_an_exemption_may_name(self) -> None:
        assert names(stream(), "shop") == ("orders", "shop")
        assert names(None) == ()


class TestMakingTheCopy:
    def test_that_is_being_made_is_waited_for(self) -> None:
        coming = own_backup(status="CREATING")

        assert waits(judge(case(stream(), coming, named=coming, attempts=[made()], round=1))) > 0

    def test_that_works_is_the_end(self) -> None:
        working = own_backup()

        judgement = judge(case(stream(), working, named=working, attempts=[made()], round=3))

        assert ended(judgement) is Outcome.REMEDIATED

    def test_that_worked_all_along_is_no_hazard(self) -> None:
        assert ended(judge(case(stream(), own_backup(), named=own_backup()))) is Outcome.DISMISSED

    def test_that_does_not_show_yet_is_not_made_again(self) -> None:
        attempts = [made(in_round=4)]

        assert waits(judge(case(stream(), attempts=attempts, round=5))) > 0
        assert planned(judge(case(stream(), attempts=attempts, round=6))) == [(CREATE, NAME)]

    def test_that_failed_is_tried_again(self) -> None:
        attempts = [made(error=NOT_ASSUMABLE)] * (TRIES - 1)

        assert planned(judge(case(stream(), attempts=attempts, round=2))) == [(CREATE, NAME)]

    def test_that_failed_too_often_is_told_with_what_would_be_made(self) -> None:
        judgement = judge(case(stream(), attempts=[made(error=NOT_ASSUMABLE)] * TRIES, round=3))

        assert ended(judgement) is Outcome.FAILED
        assert [action.kind for action in judgement.actions] == [CREATE]
        assert judgement.reason == NOT_ASSUMABLE

    def test_that_was_made_and_never_shows_is_told(self) -> None:
        judgement = judge(case(stream(), attempts=[made()] * TRIES, round=9))

        assert ended(judgement) is Outcome.FAILED
        assert "does not show" in judgement.reason

    def test_that_exists_already_with_the_right_source_is_success(self) -> None:
        """The answer of the first call got lost, and the second one found the name taken."""
        working = own_backup()

        judgement = judge(case(stream(), working, named=working, attempts=[made(error=TAKEN)], round=1))

        assert ended(judgement) is Outcome.REMEDIATED

    def test_that_exists_already_but_does_not_show_yet_is_waited_for(self) -> None:
        attempts = [made(error=TAKEN, in_round=0)]

        assert waits(judge(case(stream(), attempts=attempts, round=1))) > 0
        assert ended(judge(case(stream(), attempts=attempts, round=2))) is Outcome.FAILED


class TestANameThatIsTaken:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"source": f"{stream().arn}-of-others"}, f"exists, and copies {stream().arn}-of-others"),
            ({"source": ""}, "exists, and copies another source"),
            ({"status": "CREATING_FAILED", "reason": "the key is disabled"}, "the key is disabled"),
            ({"status": "DELETING_FAILED"}, "DELETING_FAILED: AWS gives no reason"),
            ({"buckets": ()}, "its destination is not S3"),
        ],
    )
    def test_is_a_failure_that_says_so(self, changes: dict[str, Any], reason: str) -> None:
        judgement = judge(case(stream(), named=own_backup(**changes)))

        assert ended(judgement) is Outcome.FAILED
        assert NAME in judgement.reason
        assert reason in judgement.reason
        assert judgement.actions == ()

    def test_for_a_moment_longer_is_waited_for(self) -> None:
        going = own_backup(status="DELETING")

        assert waits(judge(case(stream(), going, named=going))) > 0
        assert planned(judge(case(stream(), round=5))) == [(CREATE, NAME)]

    def test_by_what_is_deleted_for_ever_is_a_failure(self) -> None:
        going = own_backup(status="DELETING")

        assert ended(judge(case(stream(), going, named=going, round=PATIENCE))) is Outcome.FAILED

    def test_does_not_matter_while_another_copy_works(self) -> None:
        named = own_backup(status="CREATING_FAILED")

        assert ended(judge(case(stream(), named, backup(), named=named))) is Outcome.DISMISSED


def unknown_members(value: Any, shape: Any) -> list[str]:
    """Members of a structure that the API's model does not know."""
    if shape.type_name == "list":
        return [name for each in value for name in unknown_members(each, shape.member)]
    if shape.type_name != "structure":
        return []
    unknown = [name for name in value if name not in shape.members]
    known = [(each, shape.members[name]) for name, each in value.items() if name in shape.members]
    return unknown + [name for each, member in known for name in unknown_members(each, member)]


class TestTheRequest:
    def request(self, **changes: Any) -> dict[str, Any]:
        asked = create_delivery_stream(stream(**changes), DESTINATION).parameters["request"]
        assert isinstance(asked, dict)
        return asked

    def test_reads_the_stream_and_nothing_else(self) -> None:
        request = self.request()

        assert request["DeliveryStreamName"] == NAME
        assert request["DeliveryStreamType"] == "KinesisStreamAsSource"
        assert request["KinesisStreamSourceConfiguration"] == {
            "KinesisStreamARN": stream().arn,
            "RoleARN": ROLE,
        }

    def test_writes_compressed_lines_by_stream_and_hour(self) -> None:
        s3 = self.request()["ExtendedS3DestinationConfiguration"]

        place = f"kinesis/{ACCOUNT}/{REGION}/orders/"
        assert (s3["BucketARN"], s3["RoleARN"]) == (BUCKET_ARN, ROLE)
        assert s3["Prefix"] == object_prefix(stream().arn) == place + "!{timestamp:yyyy/MM/dd/HH}/"
        assert s3["ErrorOutputPrefix"] == (
            f"errors/{place}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/"
        )
        assert s3["CompressionFormat"] == "GZIP"
        assert s3["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 64}
        assert s3["ProcessingConfiguration"]["Processors"] == [{"Type": "AppendDelimiterToRecord"}]

    def test_prefixes_of_two_streams_do_not_overlap(self) -> None:
        assert not object_prefix(stream("orders-eu").arn).startswith(f"kinesis/{ACCOUNT}/{REGION}/orders/")

    def test_a_key_of_the_customer_is_respected(self) -> None:
        s3 = self.request(key="alias/orders")["ExtendedS3DestinationConfiguration"]

        alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/orders"
        assert s3["EncryptionConfiguration"] == {"KMSEncryptionConfig": {"AWSKMSKeyARN": alias}}

    @pytest.mark.parametrize("key", ["", KEY])
    def test_is_one_that_the_api_takes(self, key: str) -> None:
        operation = get_session().get_service_model("firehose").operation_model("CreateDeliveryStream")
        shape: Any = operation.input_shape
        request = self.request(key=key)

        assert not ParamValidator().validate(request, shape).has_errors()
        assert unknown_members(request, shape) == []

    @pytest.mark.parametrize("key", ["", "alias/aws/kinesis"])
    def test_else_the_bucket_says_how_to_encrypt(self, key: str) -> None:
        assert "EncryptionConfiguration" not in self.request(key=key)["ExtendedS3DestinationConfiguration"]

    def test_says_whose_it_is(self) -> None:
        assert self.request()["Tags"] == [{"Key": OWNED, "Value": stream().arn}]


ORPHAN = own_backup()


class TestADeliveryStreamWhoseStreamIsGone:
    def test_may_write_what_it_holds_first(self) -> None:
        assert waits(judge(orphan_case(ORPHAN))) == FLUSHED >= LONGEST_BUFFER

    def test_may_do_so_even_if_aws_answered_nothing_at_first(self) -> None:
        assert waits(judge(orphan_case(None, throttled=True))) == FLUSHED

    def test_is_removed_then(self) -> None:
        judgement = judge(orphan_case(ORPHAN, round=1))

        assert planned(judgement) == [(DELETE, NAME)]
        assert judgement.actions[0].before == {"source": stream().arn, "buckets": [BUCKET_ARN]}

    def test_is_waited_for_while_it_goes(self) -> None:
        going = own_backup(status="DELETING")

        assert waits(judge(orphan_case(going, round=2, attempts=[removed(ORPHAN)]))) > 0
        assert waits(judge(orphan_case(ORPHAN, round=2, attempts=[removed(ORPHAN)]))) > 0

    def test_that_is_gone_is_the_end(self) -> None:
        assert ended(judge(orphan_case(None, round=3, attempts=[removed(ORPHAN)]))) is Outcome.REMEDIATED

    def test_that_somebody_else_removed_is_no_hazard(self) -> None:
        failed = [removed(ORPHAN, error="Firehose.ResourceInUseException: CREATING")]

        assert ended(judge(orphan_case(None))) is Outcome.DISMISSED
        assert ended(judge(orphan_case(None, round=1))) is Outcome.DISMISSED
        assert ended(judge(orphan_case(None, round=2, attempts=failed))) is Outcome.DISMISSED

    def test_that_cannot_be_removed_is_told(self) -> None:
        attempts = [removed(ORPHAN, error="X: no")] * TRIES

        judgement = judge(orphan_case(ORPHAN, round=4, attempts=attempts))

        assert ended(judgement) is Outcome.FAILED
        assert [action.kind for action in judgement.actions] == [DELETE]

    def test_that_is_still_being_made_cannot_be_removed_yet(self) -> None:
        assert waits(judge(orphan_case(own_backup(status="CREATING"), round=1))) > 0

    def test_is_kept_while_its_stream_is_still_being_deleted(self) -> None:
        going = stream(status="DELETING")

        assert waits(judge(orphan_case(ORPHAN, going))) == FLUSHED
        assert waits(judge(orphan_case(ORPHAN, going, round=1))) == FLUSHED

    def test_is_kept_if_its_stream_stands(self) -> None:
        assert ended(judge(orphan_case(ORPHAN, stream()))) is Outcome.DISMISSED
        assert ended(judge(orphan_case(ORPHAN, stream(), round=1))) is Outcome.DISMISSED

    def test_is_removed_though_another_stream_took_the_name(self) -> None:
        assert waits(judge(orphan_case(ORPHAN, AGAIN))) == FLUSHED
        assert planned(judge(orphan_case(ORPHAN, AGAIN, round=1))) == [(DELETE, NAME)]

    def test_and_the_stream_that_took_the_name_gets_one_of_its_own(self) -> None:
        [(kind, name)] = planned(judge(case(AGAIN)))

        assert (kind, name) == (CREATE, backup_name(AGAIN))
        assert name != NAME

    @pytest.mark.parametrize("number", [0, 1, 5])
    def test_of_somebody_else_is_never_removed(self, number: int) -> None:
        theirs = own_backup(owned=False)

        judgement = judge(orphan_case(theirs, round=number))

        assert ended(judgement) is Outcome.DISMISSED

    def test_is_not_removed_while_aws_answers_nothing(self) -> None:
        assert waits(judge(orphan_case(ORPHAN, throttled=True, round=1))) > 0
