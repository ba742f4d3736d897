"""Delivery streams of the local account: records of a stream arrive in the bucket."""

import re

import pytest

from local.account import LocalAccount
from tests.integration.firehose_backup import (
    NEVER,
    STREAM_ARN,
    Backup,
    document,
    eventually,
    refusal,
)


def test_records_of_a_stream_arrive_as_a_gzip_object_under_the_evaluated_prefix(backup: Backup) -> None:
    backup.active()
    backup.put("a", "b", "c")
    assert backup.arrival() == b"abc"
    (key,) = backup.objects()
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    hour, second = r"\d{4}/\d\d/\d\d/\d\d", r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d"
    assert re.fullmatch(rf"kinesis/orders/{hour}/backup-of-orders-1-{second}-{uuid}\.gz", key)


def test_what_was_put_before_the_delivery_stream_became_active_is_not_delivered(
    backup: Backup, account: LocalAccount
) -> None:
    account.stream_seconds = NEVER
    backup.create()
    backup.put("before ")
    assert backup.status() == "CREATING"
    assert "DeliveryStartTimestamp" not in str(backup.description()["Source"])
    account.stream_seconds = 0.0
    eventually(lambda: backup.status() == "ACTIVE", "the delivery stream")
    backup.put("after")
    assert backup.arrival() == b"after"
    source = backup.description()["Source"]["KinesisStreamSourceDescription"]
    assert source["KinesisStreamARN"] == STREAM_ARN
    assert source["RoleARN"] == backup.role_arn
    assert source["DeliveryStartTimestamp"] >= backup.description()["CreateTimestamp"]


def test_the_buffer_is_written_as_one_object_when_its_interval_is_over(
    backup: Backup, account: LocalAccount
) -> None:
    account.firehose_seconds = 0.01
    backup.active()
    records = [{"Data": b"%d " % number, "PartitionKey": str(number)} for number in range(10)]
    shards = {
        it["ShardId"] for it in backup.kinesis.put_records(StreamName="orders", Records=records)["Records"]
    }
    assert len(shards) == 2
    assert sorted(backup.arrival().split()) == [b"%d" % number for number in range(10)]
    assert len(backup.objects()) == 1


def test_a_full_buffer_is_written_at_once_and_no_object_is_larger(
    backup: Backup, account: LocalAccount
) -> None:
    account.firehose_seconds = NEVER
    backup.active()
    chunk = "x" * 400_000
    backup.put(*[chunk] * 5)
    sizes = eventually(
        lambda: sizes if len(sizes := [len(backup.content(it)) for it in backup.objects()]) == 2 else [],
        "two full objects",
    )
    assert sizes == [800_000, 800_000]


def test_records_of_a_shard_keep_their_order_from_object_to_object(backup: Backup) -> None:
    backup.active()
    expected = b""
    for number in range(40):
        backup.put(f"{number} ")
        expected += f"{number} ".encode()
        if number == 20:
            backup.arrival()
    eventually(lambda: len(backup.delivered()) == len(expected), "every record")
    contents = sorted((backup.content(key) for key in backup.objects()), key=lambda it: int(it.split()[0]))
    assert len(contents) > 1
    assert b"".join(contents) == expected


def test_records_are_put_together_as_they_are_or_with_the_delimiter_of_the_processor(backup: Backup) -> None:
    delimiter = {"ParameterName": "Delimiter", "ParameterValue": "\\n"}
    processor = {"Type": "AppendDelimiterToRecord", "Parameters": [delimiter]}
    backup.active(ProcessingConfiguration={"Enabled": True, "Processors": [processor]})
    backup.put("a", "b\n")
    assert backup.arrival() == b"a\nb\n\n"


def test_shards_of_a_stream_that_is_scaled_are_read_once_and_from_their_beginning(backup: Backup) -> None:
    backup.active()
    backup.put("before ")
    backup.arrival()
    backup.kinesis.update_shard_count(StreamName="orders", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for number in range(8):
        backup.put(f"{number} ", key=str(number))
    eventually(lambda: len(backup.delivered().split()) >= 9, "every record")
    assert sorted(backup.delivered().split()) == sorted([b"before", *(b"%d" % it for it in range(8))])


def test_a_prefix_without_a_time_gets_the_hour(backup: Backup) -> None:
    backup.active(Prefix="plain-", CompressionFormat="UNCOMPRESSED")
    backup.put("a")
    (key,) = eventually(backup.objects, "an object")
    assert re.match(r"plain-\d{4}/\d\d/\d\d/\d\d/backup-of-orders-1-", key)
    assert not key.endswith(".gz")


@pytest.mark.parametrize("missing", ["reads", "writes"])
def test_without_the_permission_nothing_arrives_until_the_role_has_it(backup: Backup, missing: str) -> None:
    backup.active()
    backup.forbid(missing)
    backup.put("a")
    assert eventually(backup.refusal, "the refusal")
    assert backup.objects() == []
    backup.permit(missing)
    assert backup.arrival() == b"a"


def test_records_under_an_own_key_need_the_permission_to_decrypt(backup: Backup) -> None:
    key = backup.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    backup.kinesis.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId=key)
    summary = backup.kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    assert (summary["EncryptionType"], summary["KeyId"]) == ("KMS", key)
    backup.active(EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": key}})
    backup.put("a")
    condition = {"StringEquals": {"kms:ViaService": "kinesis.us-east-1.amazonaws.com"}}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": condition}
    encrypt = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": key}
    assert "may not read" in eventually(backup.refusal, "the refusal to decrypt")
    backup.iam.put_role_policy(RoleName="firehose", PolicyName="key", PolicyDocument=document(decrypt))
    eventually(lambda: f"may not use {key}" in backup.refusal(), "the refusal to encrypt")
    assert backup.objects() == []
    backup.iam.put_role_policy(
        RoleName="firehose", PolicyName="key", PolicyDocument=document(decrypt, encrypt)
    )
    assert backup.arrival() == b"a"
    (name,) = backup.objects()
    head = backup.s3.head_object(Bucket="backup", Key=name)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_deleted_stream_leaves_what_was_put_into_it_to_the_delivery_stream(backup: Backup) -> None:
    backup.active()
    backup.put("last")
    backup.kinesis.delete_stream(StreamName="orders")
    backup.account.drain()
    assert backup.arrival() == b"last"
    assert backup.status() == "ACTIVE"


def test_a_stream_that_is_created_anew_is_delivered_again(backup: Backup) -> None:
    backup.active()
    backup.put("old ")
    backup.arrival()
    backup.kinesis.delete_stream(StreamName="orders")
    backup.account.drain()
    backup.kinesis.create_stream(StreamName="orders", ShardCount=1)

    def put_and_look() -> bool:
        backup.put("new ")
        return b"new" in backup.delivered()

    eventually(put_and_look, "records of the new stream")


def test_a_delivery_stream_that_is_deleted_writes_its_buffer_first(
    backup: Backup, account: LocalAccount
) -> None:
    account.firehose_seconds = NEVER
    backup.active()
    backup.put("last")
    account.stream_seconds = NEVER
    backup.firehose.delete_delivery_stream(DeliveryStreamName="backup-of-orders")
    assert backup.status() == "DELETING"
    with refusal("ResourceInUseException", "already exists"):
        backup.create()
    assert backup.arrival() == b"last"
    account.stream_seconds = 0.0
    eventually(lambda: backup.status() == "gone", "the end of the delivery stream")


def test_a_buffer_that_is_not_promised_to_be_written_can_be_lost(
    backup: Backup, account: LocalAccount
) -> None:
    account.firehose_seconds, account.flush_on_delete = NEVER, False
    backup.active()
    backup.put("last")
    backup.firehose.delete_delivery_stream(DeliveryStreamName="backup-of-orders")
    eventually(lambda: backup.status() == "gone", "the end of the delivery stream")
    assert backup.objects() == []


def test_two_hundred_delivery_streams_of_one_stream_all_deliver(backup: Backup) -> None:
    for number in range(200):
        backup.create(f"s-{number:03}", Prefix=f"{number:03}/!{{timestamp:yyyy}}/")
    eventually(lambda: backup.description("s-199")["DeliveryStreamStatus"] == "ACTIVE", "the last one")
    backup.put("a")
    eventually(lambda: len(backup.objects()) == 200, "an object of each")
    assert {backup.content(key) for key in backup.objects()} == {b"a"}
