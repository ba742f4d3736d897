"""Reading streams and their copies from moto, sparingly, and from where an event points to them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.exemptions import parameter_name
from stackwarden.finding import Verdict
from stackwarden.policies.stream_cost import Volume
from stackwarden.policies.stream_state import OPT_OUT, OPT_OUT_REASON, Way, backup_name
from stackwarden.policies.unbacked_stream import SETTLING, Case, Hazard
from stackwarden.settings import Place
from stackwarden.stacks import StackReader
from stackwarden.stream_case import MEASURED, CaseReader
from stackwarden.stream_reader import MOST_DESCRIBED, Found, StreamReader
from stackwarden.stream_settings import StreamSettings
from stackwarden.stream_starts import Starts
from stackwarden.stream_subject import Kind, Start
from stackwarden.stream_verdict import Subject
from tests import moto_server
from tests.conftest import ENVIRONMENT
from tests.stream_account import Streams, answer, names
from tests.stream_cases import ACCOUNT, BUCKET_ARN, DESTINATION, KEY, REGION, ROLE, stream_arn

READERS = ("kinesis", "firehose", "cloudwatch", "ssm", "cloudformation")
SETTINGS = {
    **ENVIRONMENT,
    "STACKWARDEN_BACKUP_BUCKET_ARN": BUCKET_ARN,
    "STACKWARDEN_FIREHOSE_ROLE_ARN": ROLE,
    "STACKWARDEN_BUFFER_SECONDS": "300",
    "STACKWARDEN_BUFFER_MIB": "64",
    "STACKWARDEN_FIREHOSE_PRICE": "0.029",
    "STACKWARDEN_STORAGE_PRICE": "0.023",
    "STACKWARDEN_LEDGER_TABLE": "ledger",
}
NO_CHANNELS: dict[str, Any] = {"ChannelSummaries": []}
CHANNEL_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:channel/to-s3"
THROTTLED = "ThrottlingException"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server.serve() as address:
        yield address


@pytest.fixture
def reader(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamReader]:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    moto_server.reset(endpoint)
    cast(Any, aws.client).cache_clear()
    yield StreamReader(Place("aws", REGION, ACCOUNT))
    cast(Any, aws.client).cache_clear()


@pytest.fixture
def here(reader: StreamReader) -> Streams:
    return Streams(boto3.client("kinesis"), aws.client("firehose"), reader)


@pytest.fixture
def calls(reader: StreamReader) -> moto_server.Calls:
    return moto_server.Calls(*(aws.client(name) for name in READERS))  # type: ignore[call-overload]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto lets an account have 50 delivery streams."""
    monkeypatch.setattr("stackwarden.stream_reader._PAGE", 7)


def channel(**changes: Any) -> dict[str, Any]:
    known = {
        "ChannelName": "to-s3",
        "ChannelARN": CHANNEL_ARN,
        "ChannelStatus": "ACTIVE",
        "ChannelCreationTimestamp": NOON,
        "ChannelDestinationType": "S3",
    }
    return known | changes


class TestAStream:
    def test_is_read_by_name_and_by_arn(self, reader: StreamReader, here: Streams) -> None:
        here.stream()

        by_name, by_arn = reader.stream("orders"), reader.stream(stream_arn())

        assert by_name == by_arn
        assert by_name is not None
        assert (by_name.arn, by_name.status, by_name.on_demand) == (stream_arn(), "ACTIVE", False)
        assert by_name.key == ""

    def test_may_be_on_demand(self, reader: StreamReader, here: Streams) -> None:
        here.kinesis.create_stream(StreamName="carts", StreamModeDetails={"StreamMode": "ON_DEMAND"})

        assert here.read("carts").on_demand

    def test_may_be_encrypted(self, reader: StreamReader, here: Streams) -> None:
        here.stream()
        here.kinesis.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId=KEY)

        assert here.read("orders").key == KEY

        here.kinesis.stop_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId=KEY)

        assert here.read("orders").key == ""

    def test_may_be_gone(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        here.kinesis.delete_stream(StreamName="orders")

        assert reader.stream("orders") is None
        assert reader.tags(of) == {}

    def test_has_tags(self, reader: StreamReader, here: Streams) -> None:
        assert reader.tags(here.stream(team="shop", stage="test")) == {"team": "shop", "stage": "test"}

    def test_has_pages_of_tags(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        pages = (
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b"}], "HasMoreTags": True},
            {"Tags": [{"Key": "c", "Value": "3"}], "HasMoreTags": False},
        )
        asked = answer(aws.client("kinesis"), "ListTagsForStream", *pages)

        assert reader.tags(of) == {"a": "1", "b": "", "c": "3"}
        assert json.loads(asked[1]["body"])["ExclusiveStartTagKey"] == "b"


class TestADeliveryStream:
    def test_of_stackwardens(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        name = here.back_up(of)
        here.say(name, Source={"DeliveryStartTimestamp": NOON})

        found = reader.delivery_stream(name)

        assert found is not None
        assert (found.name, found.status, found.source) == (name, "ACTIVE", of.arn)
        assert (found.buckets, found.since, found.way) == ((BUCKET_ARN,), NOON, Way.FIREHOSE)
        assert found.owned
        assert found.works

    def test_of_somebody_else(self, reader: StreamReader, here: Streams) -> None:
        here.copy("stackwarden-like", stream_arn())

        found = reader.delivery_stream("stackwarden-like")

        assert found is not None
        assert not found.owned
        assert found.works

    def test_that_is_fed_otherwise_has_no_source(self, reader: StreamReader, here: Streams) -> None:
        here.firehose.create_delivery_stream(
            DeliveryStreamName="direct",
            ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET_ARN},
        )

        found = reader.delivery_stream("direct")

        assert found is not None
        assert found.source == ""

    def test_that_goes_elsewhere_keeps_only_failures_in_s3(self, reader: StreamReader, here: Streams) -> None:
        elsewhere = {
            "EndpointConfiguration": {"Url": "https://example.com"},
            "S3Configuration": {"RoleARN": ROLE, "BucketARN": BUCKET_ARN},
        }
        here.copy("elsewhere", stream_arn(), HttpEndpointDestinationConfiguration=elsewhere)

        found = reader.delivery_stream("elsewhere")

        assert found is not None
        assert found.buckets == ()
        assert not found.works

    def test_that_failed_says_why(self, reader: StreamReader, here: Streams) -> None:
        here.copy("broken", stream_arn())
        failure = {"Type": "DISABLED_KMS_KEY", "Details": "the key is disabled"}
        here.say("broken", DeliveryStreamStatus="CREATING_FAILED", FailureDescription=failure)

        found = reader.delivery_stream("broken")

        assert found is not None
        assert (found.status, found.reason) == ("CREATING_FAILED", "the key is disabled")

    def test_may_not_exist(self, reader: StreamReader) -> None:
        assert reader.delivery_stream("nothing") is None
        assert reader.orphan("nothing") is None


class TestWhoseADeliveryStreamIs:
    def test_is_said_by_its_tag(self, reader: StreamReader, here: Streams) -> None:
        found = reader.orphan(here.back_up(here.stream()))

        assert found is not None
        assert found.owned

    @pytest.mark.parametrize(
        "more", [{}, {"Tags": [{"Key": "stackwarden:stream", "Value": stream_arn("another")}]}]
    )
    def test_is_not_said_by_its_name(self, reader: StreamReader, here: Streams, more: dict[str, Any]) -> None:
        name = backup_name(here.stream())
        here.copy(name, stream_arn(), **more)

        found = reader.orphan(name)

        assert found is not None
        assert not found.owned

    def test_may_not_be_said_any_more(self, reader: StreamReader, here: Streams) -> None:
        name = here.back_up(here.stream())
        answer(aws.client("firehose"), "ListTagsForDeliveryStream", "ResourceNotFoundException")

        assert reader.orphan(name) is None


class TestDeliveryStreamsOfAStreamThatIsGone:
    def test_are_found_by_its_name(self, reader: StreamReader, here: Streams) -> None:
        name = here.back_up(here.stream())
        here.back_up(here.stream("orders-eu"))
        here.back_up(here.stream("order"))
        here.copy("another", stream_arn())

        assert list(reader.own("orders")) == [name]

    def test_are_found_behind_pages_of_streams_that_are_named_alike(
        self, reader: StreamReader, here: Streams, small_pages: None
    ) -> None:
        name = here.back_up(here.stream())
        for number in range(10, 22):
            here.copy(f"stackwarden-orders-00{number}-0123456789ab", stream_arn(f"orders-00{number}"))

        assert list(reader.own("orders")) == [name]

    def test_are_not_looked_for_among_all_others(
        self, reader: StreamReader, here: Streams, calls: moto_server.Calls
    ) -> None:
        page = {"DeliveryStreamNames": ["zebra"], "HasMoreDeliveryStreams": True}
        asked = answer(aws.client("firehose"), "ListDeliveryStreams", page)

        assert list(reader.own("orders")) == []
        assert json.loads(asked[0]["body"])["ExclusiveStartDeliveryStreamName"] == "stackwarden-orders-"
        assert calls.made == []


class TestCopiesByOthers:
    def test_are_found_whatever_their_name(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        here.copy("by-hand", of.arn)
        here.copy("of-another", stream_arn("carts"))

        found = reader.by_others(of)

        assert names(found.backups) == ["by-hand"]
        assert found.after is None

    def test_are_not_those_of_stackwardens_names(
        self, reader: StreamReader, here: Streams, calls: moto_server.Calls
    ) -> None:
        of = here.stream()
        here.back_up(of)

        assert reader.by_others(of) == Found()
        assert "firehose:DescribeDeliveryStream" not in calls.made

    def test_are_looked_for_in_steps_over_more_than_a_page(
        self, reader: StreamReader, here: Streams, calls: moto_server.Calls, small_pages: None
    ) -> None:
        of, others = here.stream(), 2 * MOST_DESCRIBED + 5
        for number in range(others):
            here.copy(f"other-{number:03}", stream_arn("carts"))
        here.copy(f"other-{others}", of.arn)

        found = [reader.by_others(of)]
        while after := found[-1].after:
            found.append(reader.by_others(of, after))

        assert [names(each.backups) for each in found] == [[], [], [f"other-{others}"]]
        assert calls.made.count("firehose:DescribeDeliveryStream") == others + 1

    def test_that_are_being_made_are_found_again(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        here.copy("a-of-another", stream_arn("carts"))
        here.copy("by-hand", of.arn)
        here.say("by-hand", DeliveryStreamStatus="CREATING")

        found = reader.by_others(of)

        assert (names(found.backups), found.after) == (["by-hand"], "a-of-another")
        here.say("by-hand", DeliveryStreamStatus="ACTIVE")
        again = reader.by_others(of, "a-of-another")
        assert (names(again.backups), again.after) == (["by-hand"], None)

    @pytest.mark.parametrize("status", ["CREATING_FAILED", "DELETING"])
    def test_are_not_what_does_not_work(self, reader: StreamReader, here: Streams, status: str) -> None:
        of = here.stream()
        here.copy("by-hand", of.arn)
        here.say("by-hand", DeliveryStreamStatus=status)

        assert reader.by_others(of) == Found()

    def test_keep_what_was_looked_through_when_aws_throttles(
        self, reader: StreamReader, here: Streams
    ) -> None:
        of = here.stream()
        for name in ("a", "b", "c"):
            here.copy(name, stream_arn("carts"))
        described = {
            "DeliveryStreamDescription": {
                "DeliveryStreamARN": "arn",
                "DeliveryStreamStatus": "ACTIVE",
                "Destinations": [],
            }
        }
        answer(aws.client("firehose"), "DescribeDeliveryStream", described, described, THROTTLED)

        assert reader.by_others(of) == Found(after="b", throttled=True)
        assert reader.by_others(of, "b") == Found()

    def test_that_may_not_be_read_are_an_error(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        answer(aws.client("firehose"), "ListDeliveryStreams", "AccessDeniedException")

        with pytest.raises(ClientError, match="AccessDenied"):
            reader.by_others(of)


class TestChannels:
    def test_to_s3_are_copies(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        answer(aws.client("kinesis"), "ListChannels", {"ChannelSummaries": [channel()]})

        [found] = reader.channels(of)

        assert (found.way, found.name, found.since) == (Way.CHANNEL, "to-s3", NOON)
        assert found.works

    @pytest.mark.parametrize(
        "changes", [{"ChannelDestinationType": "S3_TABLES"}, {"ChannelStatus": "FAILED"}]
    )
    def test_of_another_kind_are_none(
        self, reader: StreamReader, here: Streams, changes: dict[str, Any]
    ) -> None:
        of = here.stream()
        answer(aws.client("kinesis"), "ListChannels", {"ChannelSummaries": [channel(**changes)]})

        [found] = reader.channels(of)

        assert not found.works

    def test_come_in_pages_for_this_stream_alone(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        pages = ({"ChannelSummaries": [], "NextToken": "2"}, {"ChannelSummaries": [channel()]})
        asked = answer(aws.client("kinesis"), "ListChannels", *pages)

        assert names(reader.channels(of)) == ["to-s3"]
        [wanted] = json.loads(asked[0]["body"])["StreamFilter"]
        assert wanted["StreamARN"] == of.arn
        assert json.loads(asked[1]["body"])["NextToken"] == "2"

    def test_are_none_where_a_region_does_not_know_them(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        answer(aws.client("kinesis"), "ListChannels", "UnknownOperationException")

        assert reader.channels(of) == ()

    def test_that_may_not_be_read_are_an_error(self, reader: StreamReader, here: Streams) -> None:
        of = here.stream()
        answer(aws.client("kinesis"), "ListChannels", "AccessDeniedException")

        with pytest.raises(ClientError, match="AccessDenied"):
            reader.channels(of)

    def test_know_their_streams(self, reader: StreamReader) -> None:
        described = {"ChannelDescription": {"StreamConfigurationList": [{"StreamARN": stream_arn()}]}}
        answer(aws.client("kinesis"), "DescribeChannel", described, "ResourceNotFoundException")

        assert reader.channel_sources(CHANNEL_ARN) == (stream_arn(),)
        assert reader.channel_sources(CHANNEL_ARN) == ()


class Cases:
    """Reads cases as the guard does."""

    def __init__(self, reader: StreamReader) -> None:
        settings = StreamSettings.model_validate(SETTINGS)
        stacks = StackReader(aws.client("cloudformation"))
        self._reader = CaseReader("unbacked-stream", settings, reader, stacks)
        self.subject = Subject(hazard=Hazard.UNBACKED, stream=stream_arn())

    def read(self, verdict: Any = None, **changes: Any) -> Case:
        """Read, and remember how far the search went."""
        subject = self.subject.model_copy(update=changes)
        case, self.subject = self._reader.read(subject, cast(Verdict, verdict))
        return case


@pytest.fixture
def cases(reader: StreamReader) -> Cases:
    answer(aws.client("kinesis"), "ListChannels", *[NO_CHANNELS] * 20)
    return Cases(reader)


def judged_before(round_: int, *attempts: Any) -> Any:
    """As much of a verdict as is looked at."""
    return Verdict.model_construct(round=round_, attempts=list(attempts))


class TestACase:
    def test_of_a_stream_without_a_copy(self, here: Streams, cases: Cases) -> None:
        of = here.stream(team="shop")

        case = cases.read()

        assert case.stream is not None
        assert (case.stream.arn, case.stream.tags) == (of.arn, {"team": "shop"})
        assert (case.backups, case.named, case.searching) == ((), None, False)
        assert case.destination == DESTINATION
        assert (case.prices.firehose, case.prices.storage) == (0.029, 0.023)

    def test_of_a_copy_of_the_name_takes_one_call(
        self, here: Streams, cases: Cases, calls: moto_server.Calls
    ) -> None:
        here.back_up(here.stream())
        calls.made.clear()

        case = cases.read()

        assert case.working
        assert calls.made == ["kinesis:DescribeStreamSummary", "firehose:DescribeDeliveryStream"]

    def test_of_a_stream_that_is_being_made_asks_firehose_nothing(
        self, here: Streams, cases: Cases, calls: moto_server.Calls
    ) -> None:
        here.stream()
        calls.made.clear()
        creating = {"StreamStatus": "CREATING", "StreamCreationTimestamp": NOON}
        answer(aws.client("kinesis"), "DescribeStreamSummary", {"StreamDescriptionSummary": creating})

        case = cases.read()

        assert case.stream is not None
        assert calls.made == []

    def test_of_a_stream_that_is_gone(self, cases: Cases, calls: moto_server.Calls) -> None:
        assert cases.read().stream is None
        assert calls.made == ["kinesis:DescribeStreamSummary"]

    def test_of_a_name_that_is_taken(self, here: Streams, cases: Cases) -> None:
        name = backup_name(here.stream())
        here.copy(name, stream_arn("carts"))

        case = cases.read()

        assert case.named is not None
        assert (case.named.source, case.backups) == (stream_arn("carts"), ())

    def test_of_a_copy_by_others(self, here: Streams, cases: Cases) -> None:
        here.copy("by-hand", here.stream().arn)

        case = cases.read()

        assert names(case.working) == ["by-hand"]
        assert not case.searching

    def test_of_a_channel_needs_no_search(
        self, reader: StreamReader, here: Streams, calls: moto_server.Calls
    ) -> None:
        here.stream()
        answer(aws.client("kinesis"), "ListChannels", {"ChannelSummaries": [channel()]})

        case = Cases(reader).read()

        assert names(case.working) == ["to-s3"]
        assert "firehose:ListDeliveryStreams" not in calls.made

    def test_remembers_how_far_the_search_went(self, here: Streams, cases: Cases) -> None:
        of = here.stream()
        for number in range(MOST_DESCRIBED + 1):
            here.copy(f"other-{number:03}", stream_arn("carts"))

        first = cases.read()

        assert (first.searching, first.searched) == (True, 1)
        assert (cases.subject.after, cases.subject.searched) == (f"other-{MOST_DESCRIBED - 1:03}", 1)
        here.copy("yet-another", of.arn)
        second = cases.read(judged_before(1))
        assert (names(second.working), second.searching, second.searched) == (["yet-another"], False, 2)
        assert cases.subject.after is None

    def test_does_not_search_twice(self, here: Streams, cases: Cases, calls: moto_server.Calls) -> None:
        here.stream()
        cases.read()
        calls.made.clear()

        cases.read(judged_before(1))

        assert "firehose:ListDeliveryStreams" not in calls.made

    @pytest.mark.parametrize(
        ("service", "operation", "code"),
        [
            ("kinesis", "DescribeStreamSummary", "LimitExceededException"),
            ("firehose", "DescribeDeliveryStream", THROTTLED),
            ("firehose", "ListDeliveryStreams", THROTTLED),
            ("kinesis", "ListTagsForStream", "LimitExceededException"),
            ("ssm", "GetParameters", THROTTLED),
        ],
    )
    def test_is_throttled_whatever_aws_throttles(
        self, here: Streams, cases: Cases, service: Any, operation: str, code: str
    ) -> None:
        here.stream()
        answer(aws.client(service), operation, code)

        assert cases.read().throttled
        assert not cases.read().throttled

    def test_knows_its_stream_though_firehose_throttles(self, here: Streams, cases: Cases) -> None:
        of = here.stream()
        answer(aws.client("firehose"), "DescribeDeliveryStream", THROTTLED)

        assert cases.read().stream == of

    def test_that_may_not_be_read_is_an_error(self, here: Streams, cases: Cases) -> None:
        here.stream()
        answer(aws.client("firehose"), "DescribeDeliveryStream", "AccessDeniedException")

        with pytest.raises(ClientError, match="AccessDenied"):
            cases.read()

    def test_knows_what_the_owner_wants(self, here: Streams, cases: Cases) -> None:
        here.stream(**{OPT_OUT: "none", OPT_OUT_REASON: "why not"})

        assert cases.read().opted_out

    def test_knows_exemptions(self, here: Streams, cases: Cases) -> None:
        here.stream()
        document = {
            "requested_by": "developer",
            "approved_by": "security",
            "reason": "a test",
            "until": (datetime.now(UTC) + timedelta(days=3)).date().isoformat(),
        }
        name = parameter_name("unbacked-stream", "orders")
        aws.client("ssm").put_parameter(Name=name, Value=json.dumps(document), Type="String")

        assert cases.read().exemption is not None


class TestTheStackOfACase:
    def stack(self, *, nested: bool = False) -> tuple[str, moto_server.Stacks]:
        template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        client = boto3.client("cloudformation")
        stack_id = client.create_stack(StackName="shop", TemplateBody=template)["StackId"]
        stacks = moto_server.Stacks(aws.client("cloudformation"))
        if nested:
            child = client.create_stack(StackName="shop-data", TemplateBody=template)["StackId"]
            stacks.say(child, RootId=stack_id)
        return (child if nested else stack_id), stacks

    @pytest.mark.parametrize(
        ("status", "unsettled"),
        [
            ("CREATE_IN_PROGRESS", True),
            ("UPDATE_IN_PROGRESS", True),
            ("ROLLBACK_IN_PROGRESS", True),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
            ("CREATE_COMPLETE", False),
            ("CREATE_FAILED", False),
        ],
    )
    def test_may_bring_a_copy_while_it_is_at_work(
        self, here: Streams, cases: Cases, status: str, unsettled: bool
    ) -> None:
        here.stream()
        stack_id, stacks = self.stack()
        stacks.say(stack_id, StackStatus=status)

        case = cases.read(stack_id=stack_id)

        assert (case.unsettled, case.stack_name) == (unsettled, "shop")
        assert (cases.subject.after is None) == (not unsettled)

    def test_is_the_root_of_a_nested_one(self, here: Streams, cases: Cases) -> None:
        here.stream()
        child, stacks = self.stack(nested=True)
        root = boto3.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
        stacks.say(root, StackStatus="UPDATE_IN_PROGRESS")

        assert cases.read(stack_id=child).unsettled

    def test_is_not_waited_for_for_ever(self, here: Streams, cases: Cases) -> None:
        here.stream()
        stack_id, stacks = self.stack()
        stacks.say(stack_id, StackStatus="UPDATE_IN_PROGRESS")

        assert cases.read(judged_before(SETTLING - 1), stack_id=stack_id).unsettled
        assert not cases.read(judged_before(SETTLING), stack_id=stack_id).unsettled


class TestTheVolumeOfACase:
    def put(self, metric: str, value: float, ago: timedelta, stream: str = "orders") -> None:
        point = {
            "MetricName": metric,
            "Dimensions": [{"Name": "StreamName", "Value": stream}],
            "Timestamp": datetime.now(UTC) - ago,
            "Value": value,
        }
        boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Kinesis", MetricData=[cast(Any, point)])

    def of_an_old_stream(self) -> None:
        old = datetime.now(UTC) - timedelta(days=100)
        summary = {"StreamStatus": "ACTIVE", "StreamCreationTimestamp": old}
        answer(aws.client("kinesis"), "DescribeStreamSummary", {"StreamDescriptionSummary": summary})

    def test_is_the_sum_of_its_last_days(self, cases: Cases) -> None:
        for days in (1, 3, 6, 30):
            self.put("IncomingRecords", 10, timedelta(days=days))
            self.put("IncomingBytes", 1000, timedelta(days=days))
        self.put("IncomingRecords", 7, timedelta(days=1), stream="carts")
        self.of_an_old_stream()

        volume = cases.read().volume

        assert volume is not None
        assert (volume.records, volume.size) == (30, 3000)
        assert volume.seconds == pytest.approx(MEASURED.total_seconds(), abs=60)

    def test_of_nothing_is_nothing(self, cases: Cases) -> None:
        self.of_an_old_stream()

        volume = cases.read().volume

        assert volume is not None
        assert (volume.records, volume.size) == (0, 0)

    def test_of_a_new_stream_is_not_asked_for(
        self, here: Streams, cases: Cases, calls: moto_server.Calls
    ) -> None:
        here.stream()

        assert cases.read().volume == Volume(0, 0, 0)
        assert "cloudwatch:GetMetricData" not in calls.made


class TestACaseOfWhatIsLeft:
    def test_is_the_delivery_stream_of_the_stream(self, here: Streams, cases: Cases) -> None:
        name = here.back_up(here.stream())
        here.kinesis.delete_stream(StreamName="orders")

        case = cases.read(hazard=Hazard.ORPHANED, orphan=name)

        assert case.stream is None
        assert case.orphan is not None
        assert case.orphan.owned

    def test_is_not_the_one_of_a_stream_that_is_named_alike(self, here: Streams, cases: Cases) -> None:
        name = here.back_up(here.stream("orders-eu"))

        assert cases.read(hazard=Hazard.ORPHANED, orphan=name).orphan is None


@pytest.fixture
def starts(reader: StreamReader) -> Starts:
    return Starts(reader)


class TestWhereAnEventPoints:
    def streams(self, starts: Starts, start: Start) -> list[tuple[str, str]]:
        subjects = list(starts.subjects(start))
        assert all(each.hazard is Hazard.UNBACKED for each in subjects)
        return [(each.stream, each.ended) for each in subjects]

    def test_to_a_stream_with_its_stack(self, starts: Starts) -> None:
        [subject] = starts.subjects(Start(Kind.STREAM, "orders", "arn:of-a-stack"))

        assert (subject.stream, subject.stack_id) == (stream_arn(), "arn:of-a-stack")

    def test_to_what_a_deleted_stream_leaves(self, starts: Starts, here: Streams) -> None:
        name = here.back_up(here.stream())
        here.kinesis.delete_stream(StreamName="orders")

        [subject] = starts.subjects(Start(Kind.GONE, "orders"))

        assert (subject.hazard, subject.orphan, subject.stream) == (Hazard.ORPHANED, name, stream_arn())
        assert list(starts.subjects(Start(Kind.GONE, stream_arn("carts")))) == []

    def test_to_the_stream_of_a_delivery_stream(self, starts: Starts, here: Streams) -> None:
        here.copy("by-hand", stream_arn())

        assert self.streams(starts, Start(Kind.DELIVERY_STREAM, "by-hand")) == [(stream_arn(), "by-hand")]

    def test_to_the_stream_of_a_name_that_is_free_again(self, starts: Starts, here: Streams) -> None:
        for number in range(12):  # more than a page
            here.stream(f"carts-{number}")
        name = backup_name(here.stream())

        assert self.streams(starts, Start(Kind.DELIVERY_STREAM, name)) == [(stream_arn(), name)]

    def test_to_both_streams_of_a_name_that_was_taken(self, starts: Starts, here: Streams) -> None:
        name = backup_name(here.stream())
        here.copy(name, stream_arn("carts"))

        found = self.streams(starts, Start(Kind.DELIVERY_STREAM, name))

        assert found == [(stream_arn("carts"), name), (stream_arn(), "")]

    def test_to_every_stream_if_nothing_tells_which(self, starts: Starts, here: Streams) -> None:
        here.stream()
        here.stream("carts")

        found = self.streams(starts, Start(Kind.DELIVERY_STREAM, "by-hand"))

        assert sorted(found) == [(stream_arn("carts"), ""), (stream_arn(), "")]

    def test_to_nothing_if_a_delivery_stream_has_another_source(self, starts: Starts, here: Streams) -> None:
        here.firehose.create_delivery_stream(
            DeliveryStreamName="direct",
            ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET_ARN},
        )

        assert self.streams(starts, Start(Kind.DELIVERY_STREAM, "direct")) == []

    def test_to_the_streams_of_a_channel(self, starts: Starts) -> None:
        described = {"ChannelDescription": {"StreamConfigurationList": [{"StreamARN": stream_arn()}]}}
        answer(aws.client("kinesis"), "DescribeChannel", described)

        assert self.streams(starts, Start(Kind.CHANNEL, CHANNEL_ARN)) == [(stream_arn(), "to-s3")]
