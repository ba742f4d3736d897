from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from cli import restore_target
from cli.problems import BadInput
from cli.restore_target import Target
from tests.restore_fakes import TARGET, refusal

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_kinesis import KinesisClient

MIB = 1024 * 1024


class Answers:
    """Describes a stream, or Firehoses by their source."""

    def __init__(self, summary: dict[str, Any] | Exception, **sources: str | Exception) -> None:
        self.summary = summary
        self.sources = sources

    @property
    def kinesis(self) -> "KinesisClient":
        return cast("KinesisClient", self)

    @property
    def firehose(self) -> "FirehoseClient":
        return cast("FirehoseClient", self)

    def describe_stream_summary(self, StreamName: str) -> dict[str, Any]:
        if isinstance(self.summary, Exception):
            raise self.summary
        given = {
            "StreamARN": TARGET.arn,
            "StreamName": StreamName,
            "StreamStatus": "ACTIVE",
            "OpenShardCount": 2,
        }
        return {"StreamDescriptionSummary": given | self.summary}

    def describe_delivery_stream(self, DeliveryStreamName: str) -> dict[str, Any]:
        source = self.sources[DeliveryStreamName]
        if isinstance(source, Exception):
            raise source
        described = {"KinesisStreamSourceDescription": {"KinesisStreamARN": source}} if source else {}
        return {"DeliveryStreamDescription": {"Source": described}}


@pytest.mark.parametrize(
    ("summary", "record_bytes", "batch_bytes"),
    [
        ({}, MIB, 2 * MIB),
        ({"MaxRecordSizeInKiB": 10240}, 10 * MIB, 2 * MIB),
        ({"OpenShardCount": 0}, MIB, MIB),
        ({"OpenShardCount": 100, "StreamStatus": "UPDATING"}, MIB, 5 * MIB),
    ],
)
def test_the_limits_are_those_of_the_stream(
    summary: dict[str, Any], record_bytes: int, batch_bytes: int
) -> None:
    found = restore_target.describe(Answers(summary).kinesis, "again")
    assert found == Target(TARGET.arn, "again", record_bytes, batch_bytes)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal("ResourceNotFoundException"), "there is no stream 'again'"),
        (refusal("AccessDeniedException"), "kinesis:DescribeStreamSummary"),
        (ParamValidationError(report="too long"), "no name of a stream"),
        ({"StreamStatus": "DELETING"}, "is DELETING"),
    ],
)
def test_a_stream_that_takes_nothing_is_told_by_its_option(
    answer: dict[str, Any] | Exception, reason: str
) -> None:
    with pytest.raises(BadInput, match=f"^--to-stream: .*{reason}"):
        restore_target.describe(Answers(answer).kinesis, "again")


@pytest.mark.parametrize(
    ("source", "prefix", "fed_back"),
    [
        (TARGET.arn, "anything/", True),
        (TARGET.arn + "2", "again/", False),
        ("", "again/", False),
        (refusal("ResourceNotFoundException"), "backups/again/", True),
        (refusal("AccessDeniedException"), "again/", True),
        (refusal("AccessDeniedException"), "again2/", False),
        (ParamValidationError(report="too long"), "again2/", False),
    ],
)
def test_putting_into_the_source_of_the_backup_is_noticed(
    source: str | Exception, prefix: str, fed_back: bool
) -> None:
    answers = Answers({}, one="", two=source)
    assert restore_target.is_source(answers.firehose, ["one", "two"], prefix, TARGET) is fed_back


def test_other_errors_are_passed_on() -> None:
    with pytest.raises(ClientError):
        restore_target.describe(Answers(refusal("Broken")).kinesis, "again")
    with pytest.raises(ClientError):
        restore_target.is_source(Answers({}, one=refusal("Broken")).firehose, ["one"], "x/", TARGET)
