"""Names of delivery streams, and what is known of streams and of what copies them."""

import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stackwarden.policies.stream_state import Way, backup_name, backup_prefix, is_own_name
from tests.stream_cases import ACCOUNT, BUCKET_ARN, CREATED, KEY, REGION, backup, stream

# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
STREAM_NAMES = st.from_regex(r"[a-zA-Z0-9_.-]{1,128}", fullmatch=True)
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
ALLOWED = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
LONG = "a" * 127


class TestTheNameOfABackup:
    @given(STREAM_NAMES)
    @example("a" * 128)
    def test_is_one_that_firehose_takes(self, name: str) -> None:
        assert ALLOWED.fullmatch(backup_name(stream(name)))

    @given(STREAM_NAMES, STREAM_NAMES)
    @example(f"{LONG}1", f"{LONG}2")
    @example("orders", "orders-")
    @example("orders.eu", "orders-eu")
    def test_differs_for_streams_that_differ_by_name(self, one: str, other: str) -> None:
        assert (backup_name(stream(one)) == backup_name(stream(other))) == (one == other)

    def test_differs_for_one_that_had_the_name_before(self) -> None:
        later = stream(created_at=CREATED + timedelta(seconds=1))

        assert backup_name(stream()) != backup_name(later)

    def test_differs_by_account_and_region(self) -> None:
        elsewhere = stream(arn=f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/orders")
        of_another = stream(arn=f"arn:aws:kinesis:{REGION}:210987654321:stream/orders")

        assert len({backup_name(each) for each in (stream(), elsewhere, of_another)}) == 3

    @given(STREAM_NAMES)
    @example("a" * 128)
    def test_is_found_by_the_name_of_its_stream(self, name: str) -> None:
        assert backup_name(stream(name)).startswith(backup_prefix(name))
        assert is_own_name(backup_name(stream(name)), name)
        assert is_own_name(backup_name(stream(name)))

    def test_stays_the_same_whatever_becomes_of_the_stream(self) -> None:
        changed = stream(status="UPDATING", on_demand=True, key=KEY, tags={"a": "b"})

        assert backup_name(stream()) == backup_name(changed)

    def test_tells_its_stream_to_a_reader(self) -> None:
        assert re.fullmatch(r"stackwarden-orders-[0-9a-f]{12}", backup_name(stream()))


class TestOwnNames:
    @pytest.mark.parametrize(
        "name",
        [
            "stackwarden-orders",
            "stackwarden-orders-backup",
            "stackwarden-orders-0123456789ABCDEF",
            "stackwarden-orders-0123456789abc",
            "stackwarden-0123456789ab",
            "x-stackwarden-orders-0123456789ab",
            "stackwarden-orders-0123456789ab\n",
        ],
    )
    def test_what_only_begins_so_is_of_somebody_else(self, name: str) -> None:
        assert not is_own_name(name)
        assert not is_own_name(name, "orders")

    def test_a_stream_whose_name_goes_on_is_another_one(self) -> None:
        name = backup_name(stream("orders-eu"))

        assert name.startswith(backup_prefix("orders"))
        assert not is_own_name(name, "orders")
        assert not is_own_name(backup_name(stream("ordersXeu")), "orders.eu")


class TestTheKey:
    @pytest.mark.parametrize(
        "key", ["", "alias/aws/kinesis", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/kinesis"]
    )
    def test_of_aws_is_not_for_the_copy(self, key: str) -> None:
        assert not stream(key=key).has_own_key

    @pytest.mark.parametrize(
        ("key", "arn"),
        [
            (KEY, KEY),
            (KEY.rsplit("/", 1)[-1], KEY),
            ("alias/orders", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/orders"),
        ],
    )
    def test_of_the_customer_is_named_as_firehose_wants_it(self, key: str, arn: str) -> None:
        assert stream(key=key).has_own_key
        assert stream(key=key).key_arn == arn

    def test_that_is_none_has_no_arn(self) -> None:
        assert stream().key_arn == ""


class TestWhatWorks:
    @pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
    @pytest.mark.parametrize("way", Way)
    def test_copies_to_s3_now(self, way: Way, status: str) -> None:
        assert backup(way=way, status=status).works

    @pytest.mark.parametrize(
        "status", ["CREATING", "CREATING_FAILED", "DELETING", "DELETING_FAILED", "FAILED"]
    )
    def test_is_not_what_comes_goes_or_failed(self, status: str) -> None:
        assert not backup(status=status).works

    def test_is_not_what_goes_elsewhere(self) -> None:
        assert not backup(buckets=()).works
        assert backup(buckets=(BUCKET_ARN,)).works


@pytest.mark.parametrize(
    ("status", "stands"), [("CREATING", True), ("ACTIVE", True), ("UPDATING", True), ("DELETING", False)]
)
def test_a_stream_that_is_being_deleted_does_not_stand(status: str, stands: bool) -> None:
    assert stream(status=status).stands == stands
