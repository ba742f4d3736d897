"""A copy that somebody takes away comes back; one that nobody needs any more goes, once it is flushed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.demo_stream import delivered, put, records, total
from tests.e2e.developer import until
from tests.e2e.guarded import Guarded
from tests.e2e.streams import (
    ARN,
    ONLY,
    ORPHANED,
    UNBACKED,
    alone,
    arrives,
    bucket,
    copied,
    copies,
    copy,
    create,
    destination,
    firehose,
    firehoses,
    keys,
    old,
    prefix,
    ready,
    status,
    the_copy,
    unheard,
)

PARAMETERS = ONLY
DEVELOPER = "arn:aws:iam::123456789012:user/developer"
REDSHIFT = {
    "RoleARN": "arn:aws:iam::123456789012:role/warehouse",
    "ClusterJDBCURL": "jdbc:redshift://warehouse.example.com:5439/clicks",
    "CopyCommand": {"DataTableName": "clicks"},
    "Username": "loader",
    "Password": "secret-123",
    "S3Update": {
        "RoleARN": "arn:aws:iam::123456789012:role/warehouse",
        "BucketARN": "arn:aws:s3:::warehouse",
    },
}


@pytest.fixture(autouse=True)
def _alone(guarded: Guarded) -> Iterator[None]:
    with alone(guarded):
        yield
        guarded.rest()


def delete(guarded: Guarded, name: str) -> None:
    """Delete a delivery stream, as the developer."""
    guarded.client("firehose").delete_delivery_stream(DeliveryStreamName=name)


def test_a_backup_that_somebody_deletes_comes_back_and_the_report_says_who_it_was(guarded: Guarded) -> None:
    name, _ = copied(guarded, "clicks")
    written = arrives(guarded, "clicks", "before")

    delete(guarded, name)
    report = guarded.report("clicks", UNBACKED)

    assert report.outcome == "remediated"
    assert report.attributes["severity"] == "MEDIUM"
    assert report.actor == DEVELOPER
    assert f"What copied it, {name}, was deleted or changed." in report.mail.body
    assert "DeleteDeliveryStream at" in report.mail.body
    assert report.evidence["backup"]["complete"] is False
    assert "what was put between the two may be in neither" in report.mail.body
    assert the_copy(guarded, ARN + "clicks")["DeliveryStreamName"] == name
    assert set(written) < set(arrives(guarded, "clicks", "after"))


def test_it_comes_back_as_often_as_it_is_deleted(guarded: Guarded) -> None:
    name, _ = copied(guarded, "orders")
    found = set()
    for _ in range(2):
        guarded.rest()
        delete(guarded, name)
        report = guarded.report("orders", UNBACKED)
        found.add(report.finding["id"])
        assert report.outcome == "remediated"

    assert len(found) == 2


def test_the_deletion_of_somebody_elses_only_copy_is_noticed_too(guarded: Guarded) -> None:
    arn = old(guarded, "logins")
    with unheard(guarded):
        copy(guarded, "theirs", arn)

    delete(guarded, "theirs")
    report = guarded.report("logins", UNBACKED)

    assert report.outcome == "remediated"
    assert report.actor == DEVELOPER
    assert the_copy(guarded, arn)["DeliveryStreamName"].startswith("stackwarden-logins-")


def test_a_backup_that_still_writes_to_a_bucket_may_be_changed(guarded: Guarded) -> None:
    name, _ = copied(guarded, "visits")
    guarded.rest()
    known = guarded.executions()

    guarded.client("firehose").update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=firehose(guarded, name)["VersionId"],
        DestinationId=firehose(guarded, name)["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 5}},
    )
    guarded.rest()

    assert guarded.executions() == known
    assert destination(firehose(guarded, name))["BufferingHints"]["IntervalInSeconds"] == 60


def test_a_backup_that_somebody_points_elsewhere_is_a_failure_that_says_so(guarded: Guarded) -> None:
    name, _ = copied(guarded, "sales")

    guarded.client("firehose").update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=firehose(guarded, name)["VersionId"],
        DestinationId=firehose(guarded, name)["Destinations"][0]["DestinationId"],
        RedshiftDestinationUpdate=REDSHIFT,
    )
    report = guarded.report("sales", UNBACKED)

    assert report.outcome == "failed"
    assert report.actor == DEVELOPER
    assert f"the delivery stream {name} exists, and its destination is not S3" in report.mail.body
    # Its owner does what the report says; CloudTrail tells no fractions of the second of that.
    closed = datetime.fromisoformat(report.ledger["closed_at"])
    until(lambda: datetime.now(UTC) > closed + timedelta(seconds=1), "a later second")
    delete(guarded, name)
    assert guarded.report("sales", UNBACKED).outcome == "remediated"
    arrives(guarded, "sales", "sale")


def test_the_firehose_of_a_deleted_stream_goes_when_it_has_written_what_it_held(guarded: Guarded) -> None:
    name, _ = copied(guarded, "tickets")
    data = records(50, "ticket")
    guarded.account.flush_on_delete = False
    try:
        put(guarded.client("kinesis"), "tickets", data)
        guarded.client("kinesis").delete_stream(StreamName="tickets")
        report = guarded.report("tickets", ORPHANED)
    finally:
        guarded.account.flush_on_delete = True

    assert report.outcome == "remediated"
    assert report.actor == DEVELOPER
    assert report.deeds() == {("delete-delivery-stream", name)}
    assert name not in firehoses(guarded)
    assert total(delivered(guarded.client("s3"), bucket(guarded), prefix("tickets"))) == total(data)
    assert "python -m cli restore-stream" in report.mail.body


def test_a_stream_that_is_made_again_is_another_one_with_a_copy_of_its_own(guarded: Guarded) -> None:
    first, _ = copied(guarded, "phoenix")
    written = arrives(guarded, "phoenix", "before")
    guarded.client("kinesis").delete_stream(StreamName="phoenix")
    until(lambda: not status(guarded, "phoenix"), "the deletion of phoenix")

    arn = create(guarded, "phoenix")
    report = guarded.report("phoenix", UNBACKED)
    ready(guarded, "phoenix")
    orphaned = guarded.report("phoenix", ORPHANED)

    assert (report.outcome, orphaned.outcome) == ("remediated", "remediated")
    second = the_copy(guarded, arn)["DeliveryStreamName"]
    assert second != first
    assert set(written) < set(arrives(guarded, "phoenix", "after"))


def test_a_firehose_of_somebody_else_stays_when_the_stream_goes(guarded: Guarded) -> None:
    arn = old(guarded, "metrics")
    with unheard(guarded):
        copy(guarded, "of-metrics", arn)

    guarded.client("kinesis").delete_stream(StreamName="metrics")
    until(lambda: not status(guarded, "metrics"), "the deletion of metrics")
    guarded.rest()

    assert [it["DeliveryStreamName"] for it in copies(guarded, arn)] == ["of-metrics"]
    assert keys(guarded, "metrics") == []
