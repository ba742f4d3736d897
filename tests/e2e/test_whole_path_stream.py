"""In prod, every new stream gets a copy in S3, unless it has one or its owner wants none."""

from collections.abc import Iterator

import pytest

from local.demo_stream import put, records
from tests.e2e.developer import exemption, until
from tests.e2e.guarded import Guarded
from tests.e2e.streams import (
    GUARD,
    ONLY,
    UNBACKED,
    alone,
    arrived,
    arrives,
    bucket,
    copied,
    copies,
    copy,
    create,
    destination,
    firehose,
    firehoses,
    old,
    prefix,
    ready,
    source,
    status,
    tag,
    tags,
    the_copy,
    unheard,
)

PARAMETERS = ONLY
DEVELOPER = "arn:aws:iam::123456789012:user/developer"
KINESIS_KEY = "alias/aws/kinesis"
ON_DEMAND = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
WITHOUT_REASON = {"stackwarden:backup": "none"}
WITH_REASON = {**WITHOUT_REASON, "stackwarden:backup-reason": "holds test data"}


@pytest.fixture(autouse=True)
def _alone(guarded: Guarded) -> Iterator[None]:
    with alone(guarded):
        yield
        guarded.rest()


def test_an_on_demand_stream_is_copied_and_what_is_put_into_it_arrives(guarded: Guarded) -> None:
    name, report = copied(guarded, "clicks", **ON_DEMAND)

    assert report.deeds() == {("create-delivery-stream", name)}
    assert report.actor == DEVELOPER
    assert report.evidence["backup"]["name"] == name
    assert report.evidence["backup"]["complete"] is True
    assert tags(guarded, "clicks") == {"finding": report.finding["id"], "outcome": "remediated"}
    assert guarded.execution_status(report) == "SUCCEEDED"
    assert all(key.endswith(".gz") for key in arrives(guarded, "clicks", "click"))


def test_a_copy_goes_where_it_is_to_go_and_says_whose_it_is(guarded: Guarded) -> None:
    name, report = copied(guarded, "orders")

    settings = destination(firehose(guarded, name))
    assert settings["BucketARN"] == f"arn:aws:s3:::{bucket(guarded)}"
    assert settings["Prefix"] == f"{prefix('orders')}!{{timestamp:yyyy/MM/dd/HH}}/"
    assert settings["CompressionFormat"] == "GZIP"
    assert settings["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 64}
    made = guarded.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
    assert {it["Key"]: it["Value"] for it in made} == {
        "stackwarden:stream": "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
        "stackwarden:finding": report.finding["id"],
    }
    assert "python -m cli restore-stream" in report.mail.body
    assert "What it costs:" in report.mail.body
    assert "seconds after the stream was made" in report.mail.body


def test_a_stream_with_a_key_of_its_owner_is_copied_under_that_key(guarded: Guarded) -> None:
    key = guarded.client("kms").create_key()["KeyMetadata"]["Arn"]
    arn = old(guarded, "salaries")
    guarded.client("kinesis").start_stream_encryption(StreamName="salaries", EncryptionType="KMS", KeyId=key)
    ready(guarded, "salaries")

    tag(guarded, "salaries")
    report = guarded.report("salaries", UNBACKED)
    (first, *_) = arrives(guarded, "salaries", "salary")

    assert report.outcome == "remediated"
    assert destination(the_copy(guarded, arn))["EncryptionConfiguration"] == {
        "KMSEncryptionConfig": {"AWSKMSKeyARN": key}
    }
    head = guarded.client("s3").head_object(Bucket=bucket(guarded), Key=first)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_the_key_of_kinesis_is_not_used_for_the_copy_since_only_kinesis_can(guarded: Guarded) -> None:
    arn = old(guarded, "visits")
    kinesis = guarded.client("kinesis")
    kinesis.start_stream_encryption(StreamName="visits", EncryptionType="KMS", KeyId=KINESIS_KEY)
    ready(guarded, "visits")

    tag(guarded, "visits")
    assert guarded.report("visits", UNBACKED).outcome == "remediated"

    assert destination(the_copy(guarded, arn))["EncryptionConfiguration"] == {
        "NoEncryptionConfig": "NoEncryption"
    }
    arrives(guarded, "visits", "visit")


def test_of_an_older_stream_the_report_says_that_the_past_is_not_copied(guarded: Guarded) -> None:
    before, after = records(20, "before"), records(20, "after")
    arn = old(guarded, "ledger")
    put(guarded.client("kinesis"), "ledger", before)

    tag(guarded, "ledger")
    report = guarded.report("ledger", UNBACKED)
    put(guarded.client("kinesis"), "ledger", after)
    arrived(guarded, "ledger", after)

    since = the_copy(guarded, arn)["Source"]["KinesisStreamSourceDescription"]["DeliveryStartTimestamp"]
    assert report.evidence["backup"]["since"] == f"{since:%Y-%m-%dT%H:%M:%SZ}"
    assert "The copy has all records from" in report.mail.body


def test_a_stream_that_is_deleted_while_it_is_created_leaves_nothing(guarded: Guarded) -> None:
    guarded.account.stream_seconds, before = 3600.0, guarded.account.stream_seconds
    guarded.account.workflow_seconds = 0.2
    known = guarded.executions()
    try:
        arn = create(guarded, "fleeting")
        until(lambda: guarded.ledger_of(arn), "the finding, of a stream that is CREATING")
        guarded.account.stream_seconds = 0.0
        guarded.client("kinesis").delete_stream(StreamName="fleeting")
        until(lambda: not status(guarded, "fleeting"), "the deletion of fleeting")
        guarded.rest()
    finally:
        guarded.account.stream_seconds = before

    (entry,) = guarded.ledger_of(arn)
    assert entry["outcome"] == "dismissed"
    assert len(guarded.executions()) == len(known) + 1
    assert copies(guarded, arn) == []


def test_a_copy_that_somebody_else_made_is_enough(guarded: Guarded) -> None:
    arn = old(guarded, "logins")
    known = guarded.executions()
    with unheard(guarded):
        copy(guarded, "theirs", arn)

    tag(guarded, "logins")
    guarded.rest()

    assert guarded.executions() == known
    assert the_copy(guarded, arn)["DeliveryStreamName"] == "theirs"


def test_a_firehose_of_that_name_with_another_source_is_a_failure_that_says_so(guarded: Guarded) -> None:
    name, _ = copied(guarded, "taken")
    other = old(guarded, "other")
    with unheard(guarded):
        guarded.client("firehose").delete_delivery_stream(DeliveryStreamName=name)
        until(lambda: name not in firehoses(guarded), "the deletion of the Firehose")
        copy(guarded, name, other)

    tag(guarded, "taken")
    report = guarded.report("taken", UNBACKED)

    assert report.outcome == "failed"
    assert report.attributes["severity"] == "HIGH"
    assert f"the delivery stream {name} exists, and copies {other}" in report.mail.body
    assert f"aws firehose delete-delivery-stream --region us-east-1 --delivery-stream-name {name}" in (
        report.mail.body
    )
    assert source(firehose(guarded, name)) == other
    assert guarded.execution_status(report) == "FAILED"


def test_a_stream_whose_owner_wants_no_copy_and_says_why_has_none(guarded: Guarded) -> None:
    arn = create(guarded, "scratch", Tags=WITH_REASON)
    report = guarded.report("scratch", UNBACKED)

    assert report.outcome == "exempt"
    assert report.evidence["reason"] == "its owner wants none: holds test data"
    assert copies(guarded, arn) == []


def test_a_copy_comes_once_its_owner_takes_the_tag_off(guarded: Guarded) -> None:
    arn = create(guarded, "draft", Tags=WITH_REASON)
    assert guarded.report("draft", UNBACKED).outcome == "exempt"
    guarded.rest()

    guarded.client("kinesis").remove_tags_from_stream(StreamName="draft", TagKeys=["stackwarden:backup"])

    assert guarded.report("draft", UNBACKED).outcome == "remediated"
    the_copy(guarded, arn)


def test_without_a_reason_the_tag_does_not_count(guarded: Guarded) -> None:
    arn = create(guarded, "silent", Tags=WITHOUT_REASON)
    report = guarded.report("silent", UNBACKED)

    assert report.outcome == "remediated"
    assert "does not count without a reason" in report.mail.body
    the_copy(guarded, arn)


def test_an_exempt_stream_is_told_and_has_no_copy(guarded: Guarded) -> None:
    guarded.exempt("trial", exemption(), guard=GUARD)

    arn = create(guarded, "trial")
    report = guarded.report("trial", UNBACKED)

    assert report.outcome == "exempt"
    assert copies(guarded, arn) == []
    assert tags(guarded, "trial") == {}


def test_video_streams_are_something_else(guarded: Guarded) -> None:
    known = guarded.executions()

    guarded.client("kinesisvideo").create_stream(StreamName="camera")
    guarded.rest()

    assert guarded.executions() == known
