"""What `unbacked-stream` asks the workflow to do: make a delivery stream, or remove one. Pure."""

from typing import Any

from stackwarden.finding import Action, ActionKind
from stackwarden.policies.stream_state import OWNED, Backup, Destination, Stream, backup_name


def object_prefix(stream_arn: str) -> str:
    """Return the prefix of a stream's objects: whose it is, then the hour, UTC, in which records arrived.

    https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
    """
    return f"{_place(stream_arn)}!{{timestamp:yyyy/MM/dd/HH}}/"


def _place(stream_arn: str) -> str:
    _, _, _, region, account, resource = stream_arn.split(":", 5)
    return f"kinesis/{account}/{region}/{resource.split('/', 1)[1]}/"


def create_delivery_stream(stream: Stream, destination: Destination) -> Action:
    """Return the action that copies a stream to S3; its request is spelled as the API spells it.

    https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
    """
    name = backup_name(stream)
    request = {
        "DeliveryStreamName": name,
        "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": {
            "KinesisStreamARN": stream.arn,
            "RoleARN": destination.role_arn,
        },
        "ExtendedS3DestinationConfiguration": _s3(stream, destination),
        "Tags": [{"Key": OWNED, "Value": stream.arn}],
    }
    return Action(
        kind=ActionKind.CREATE_DELIVERY_STREAM,
        target=name,
        parameters={"request": request},
        before={"delivery_stream": None},
    )


def _s3(stream: Stream, destination: Destination) -> dict[str, Any]:
    s3: dict[str, Any] = {
        "RoleARN": destination.role_arn,
        "BucketARN": destination.bucket_arn,
        "Prefix": object_prefix(stream.arn),
        "ErrorOutputPrefix": f"errors/{_place(stream.arn)}!{{firehose:error-output-type}}/"
        "!{timestamp:yyyy/MM/dd/HH}/",
        "BufferingHints": {"IntervalInSeconds": destination.interval, "SizeInMBs": destination.size},
        "CompressionFormat": "GZIP",
        # Firehose joins records; a newline behind each tells them apart when they are restored.
        # https://docs.aws.amazon.com/firehose/latest/APIReference/API_Processor.html
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]},
    }
    if stream.has_own_key:
        s3["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": stream.key_arn}}
    return s3


def delete_delivery_stream(backup: Backup) -> Action:
    """Return the action that removes a delivery stream of Stackwarden's; what it has written stays."""
    return Action(
        kind=ActionKind.DELETE_DELIVERY_STREAM,
        target=backup.name,
        before={"source": backup.source, "buckets": list(backup.buckets)},
    )
