"""Streams feed functions in order, from where the mapping starts, through its alias."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.local_functions import ACCOUNT_ARN, deploy, release, reporting, reports, update

STREAM = f"arn:aws:kinesis:{ACCOUNT_ARN}:stream/s"


@pytest.fixture
def stream(account: LocalAccount, role_arn: str) -> str:
    """A stream of one shard, and the function `f`."""
    account.stream_seconds = 0
    account.client("kinesis").create_stream(StreamName="s", ShardCount=1)
    deploy(account, role_arn)
    return STREAM


@pytest.fixture
def table(account: LocalAccount, role_arn: str) -> str:
    """The stream of a table, and the function `f`."""
    deploy(account, role_arn)
    created = account.client("dynamodb").create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    arn: str = created["TableDescription"]["LatestStreamArn"]
    return arn


def map_stream(account: LocalAccount, source: str, function: str = "f", **settings: Any) -> str:
    """A mapping that is created; its UUID."""
    mapping: str = account.client("lambda").create_event_source_mapping(
        EventSourceArn=source, FunctionName=function, **{"StartingPosition": "TRIM_HORIZON"} | settings
    )["UUID"]
    account.drain()
    return mapping


def change(account: LocalAccount, mapping: str, **settings: Any) -> None:
    account.client("lambda").update_event_source_mapping(UUID=mapping, **settings)
    account.drain()


def put(account: LocalAccount, *texts: str, key: str = "k") -> None:
    records = [{"Data": text.encode(), "PartitionKey": key} for text in texts]
    account.client("kinesis").put_records(StreamName="s", Records=records)


def data(account: LocalAccount) -> list[str]:
    """What the records said, in the order in which the function got them."""
    return [
        base64.b64decode(record["kinesis"]["data"]).decode()
        for report in reports(account)
        for record in report["event"]["Records"]
    ]


def test_records_arrive_in_order_in_batches_with_those_from_before(
    account: LocalAccount, stream: str
) -> None:
    put(account, "1", "2", "3")
    map_stream(account, stream, BatchSize=2)
    put(account, "4")
    assert data(account) == ["1", "2", "3", "4"]
    assert all(len(report["event"]["Records"]) <= 2 for report in reports(account))


def test_a_mapping_follows_the_alias_that_it_is_given_and_new_code_does_not_reach_it(
    account: LocalAccount, stream: str
) -> None:
    mapping = map_stream(account, stream)
    put(account, "before")
    account.drain()
    change(account, mapping, FunctionName=release(account))
    update(account, "two")
    put(account, "after")
    seen = [
        (report["code"], report["arn"].split("function:")[1], report["variable"])
        for report in reports(account)
    ]
    assert seen == [("one", "f", "$LATEST"), ("one", "f:live", "1")]
    assert data(account) == ["before", "after"]


def test_latest_begins_behind_what_is_there(account: LocalAccount, stream: str) -> None:
    put(account, "old")
    map_stream(account, stream, StartingPosition="LATEST")
    put(account, "new")
    assert data(account) == ["new"]


def test_a_timestamp_begins_there(account: LocalAccount, stream: str) -> None:
    put(account, "old")
    for moment in (timedelta(hours=1), timedelta(hours=-1)):
        mapping = map_stream(
            account,
            stream,
            StartingPosition="AT_TIMESTAMP",
            StartingPositionTimestamp=datetime.now(UTC) + moment,
        )
        assert data(account) == ([] if moment > timedelta() else ["old"])
        account.client("lambda").delete_event_source_mapping(UUID=mapping)


def test_a_record_has_the_shape_that_lambda_gives_it(account: LocalAccount, stream: str) -> None:
    map_stream(account, stream)
    put(account, "ü")
    [report] = reports(account)
    [record] = report["event"]["Records"]
    sequence = record["kinesis"]["sequenceNumber"]
    assert record["kinesis"] == {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "k",
        "sequenceNumber": sequence,
        "data": base64.b64encode("ü".encode()).decode(),
        "approximateArrivalTimestamp": record["kinesis"]["approximateArrivalTimestamp"],
    }
    assert {key: value for key, value in record.items() if key != "kinesis"} == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/everything",
        "awsRegion": "us-east-1",
        "eventSourceARN": STREAM,
    }


def test_what_fails_holds_its_shard_up_until_the_code_is_mended(account: LocalAccount, stream: str) -> None:
    map_stream(account, stream, BatchSize=1)
    put(account, "poison", "behind it")
    assert set(data(account)) == {"poison"}
    mended = reporting("mended", poisonous="another word")
    account.client("lambda").update_function_code(FunctionName="f", ZipFile=mended)
    put(account, "last")
    assert data(account)[-3:] == ["poison", "behind it", "last"]


def test_a_mapping_with_a_number_of_retries_leaves_out_what_fails_so_often(
    account: LocalAccount, stream: str
) -> None:
    map_stream(account, stream, BatchSize=1, MaximumRetryAttempts=1)
    put(account, "poison", "behind it")
    assert data(account) == ["poison", "poison", "behind it"]


def test_a_mapping_that_is_switched_off_goes_on_where_it_was(account: LocalAccount, stream: str) -> None:
    mapping = map_stream(account, stream)
    put(account, "1")
    account.drain()
    change(account, mapping, Enabled=False)
    put(account, "2")
    assert data(account) == ["1"]
    change(account, mapping, Enabled=True)
    assert data(account) == ["1", "2"]


def test_a_deleted_mapping_invokes_nothing(account: LocalAccount, stream: str) -> None:
    mapping = map_stream(account, stream)
    account.client("lambda").delete_event_source_mapping(UUID=mapping)
    put(account, "1")
    assert reports(account) == []


def test_two_mappings_of_a_stream_each_get_every_record(account: LocalAccount, stream: str) -> None:
    release(account)
    map_stream(account, stream)
    map_stream(account, stream, "f:live")
    put(account, "1")
    assert sorted(report["version"] for report in reports(account)) == ["$LATEST", "1"]


def test_shards_of_a_split_stream_are_read_from_their_beginning(account: LocalAccount, stream: str) -> None:
    map_stream(account, stream, StartingPosition="LATEST")
    account.client("kinesis").split_shard(
        StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    put(account, "1", key="a")
    put(account, "2", key="b")
    assert sorted(data(account)) == ["1", "2"]


def test_a_mapping_of_a_stream_needs_a_starting_position_and_a_stream(
    account: LocalAccount, stream: str
) -> None:
    functions = account.client("lambda")
    with pytest.raises(ClientError, match="startingPosition"):
        functions.create_event_source_mapping(EventSourceArn=stream, FunctionName="f")
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.create_event_source_mapping(
            EventSourceArn=f"{stream}-none", FunctionName="f", StartingPosition="LATEST"
        )


def test_a_table_feeds_a_function_through_its_alias(account: LocalAccount, table: str) -> None:
    release(account)
    update(account, "two")
    items = account.client("dynamodb")
    map_stream(account, table, "f:live", BatchSize=10)
    items.put_item(TableName="t", Item={"id": {"S": "a"}, "n": {"N": "1"}})
    items.put_item(TableName="t", Item={"id": {"S": "a"}, "n": {"N": "2"}})
    items.delete_item(TableName="t", Key={"id": {"S": "a"}})
    assert {report["code"] for report in reports(account)} == {"one"}
    records = [record for report in reports(account) for record in report["event"]["Records"]]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changed = records[1]["dynamodb"]
    assert (changed["Keys"], changed["OldImage"]["n"], changed["NewImage"]["n"]) == (
        {"id": {"S": "a"}},
        {"N": "1"},
        {"N": "2"},
    )
    assert isinstance(changed["ApproximateCreationDateTime"], int)
    assert {(record["eventSource"], record["eventSourceARN"]) for record in records} == {
        ("aws:dynamodb", table)
    }


def test_a_table_begins_at_its_first_item_or_behind_its_last(account: LocalAccount, table: str) -> None:
    release(account)
    items = account.client("dynamodb")
    items.put_item(TableName="t", Item={"id": {"S": "old"}})
    map_stream(account, table)
    map_stream(account, table, "f:live", StartingPosition="LATEST")
    items.put_item(TableName="t", Item={"id": {"S": "new"}})
    seen = [
        (report["version"], record["dynamodb"]["Keys"]["id"]["S"])
        for report in reports(account)
        for record in report["event"]["Records"]
    ]
    assert sorted(seen) == [("$LATEST", "new"), ("$LATEST", "old"), ("1", "new")]
