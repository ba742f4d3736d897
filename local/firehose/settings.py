"""Settings of delivery streams: what is refused, what is filled in, and what is read from them.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html
"""

import re
from typing import Any

from moto.firehose.exceptions import InvalidArgumentException, ValidationException
from moto.firehose.models import DeliveryStream
from moto.kinesis.models import kinesis_backends

from local.firehose.prefix import EXTENSIONS, InvalidPrefix, check
from local.firehose.roles import is_assumable, may
from local.identity import role_session

type Settings = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
HINTS = {"SizeInMBs": (5, 1, 128), "IntervalInSeconds": (300, 0, 900)}
"""Default, least and most: https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html"""
NOT_ASSUMABLE = "Firehose is unable to assume role {}. Please check the role provided."
DEFAULTS: Settings = {
    "Prefix": "",
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
    "ProcessingConfiguration": {"Enabled": False, "Processors": []},
    "S3BackupMode": "Disabled",
}


def check_name(name: str) -> None:
    """Raises ValidationException."""
    if not NAME.fullmatch(name):
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'deliveryStreamName' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, "
            "and have length less than or equal to 64"
        )


def check_role(role_arn: str, account_id: str) -> None:
    """Raises InvalidArgumentException where Firehose cannot assume the role, or not yet."""
    if not is_assumable(role_arn, account_id):
        raise InvalidArgumentException(NOT_ASSUMABLE.format(role_arn))


def check_source(source: Settings, account_id: str) -> None:
    """Raises InvalidArgumentException where Firehose cannot read from the Kinesis stream."""
    role_arn, stream_arn = source["RoleARN"], source["KinesisStreamARN"]
    check_role(role_arn, account_id)
    _, _, _, region, owner, resource = stream_arn.split(":")
    name = resource.removeprefix("stream/")
    if not may(role_session(role_arn, "firehose", region), "kinesis:DescribeStream", stream_arn):
        raise InvalidArgumentException(
            f"Role {role_arn} is not authorized to perform DescribeStream on {name}."
        )
    stream = kinesis_backends[owner][region].streams.get(name)
    if stream is None:
        raise InvalidArgumentException(f"Stream {name} under account {owner} not found.")
    if stream.status == "CREATING":
        raise InvalidArgumentException(f"Stream {name} under account {owner} is not ACTIVE.")


def check_destination(given: Settings, account_id: str) -> None:
    """Raises InvalidArgumentException or ValidationException; `given` is the destination as it will be."""
    check_role(given["RoleARN"], account_id)
    try:
        check(given.get("Prefix") or "", given.get("ErrorOutputPrefix") or None)
    except InvalidPrefix as reason:
        raise InvalidArgumentException(str(reason)) from None
    for hint, (_, least, most) in HINTS.items():
        if not least <= given["BufferingHints"][hint] <= most:
            raise ValidationException(
                f"1 validation error detected: Value '{given['BufferingHints'][hint]}' at "
                f"'bufferingHints.{hint[0].lower()}{hint[1:]}' failed to satisfy constraint: "
                f"Member must have value between {least} and {most}"
            )
    if given["CompressionFormat"] not in EXTENSIONS:
        raise InvalidArgumentException(f"{given['CompressionFormat']} is not supported by the local account.")


def with_defaults(given: Settings, *, extended: bool) -> Settings:
    """The settings of an S3 destination with what AWS fills in."""
    hints = {name: default for name, (default, _, _) in HINTS.items()} | (given.get("BufferingHints") or {})
    left_out = () if extended else ("ProcessingConfiguration", "S3BackupMode")
    defaults = {name: value for name, value in DEFAULTS.items() if name not in left_out}
    return {**defaults, **given, "BufferingHints": hints}


def s3_destination(stream: DeliveryStream) -> dict[str, Any]:
    """The settings of the destination, if it is S3, else {}."""
    (destination,) = stream.destinations
    return dict(destination.get("ExtendedS3") or destination.get("S3") or {})


def delimiter(settings: dict[str, Any]) -> bytes:
    r"""What the processor AppendDelimiterToRecord puts behind each record; a newline is written as \n.

    https://docs.aws.amazon.com/firehose/latest/APIReference/API_Processor.html
    """
    processing = settings.get("ProcessingConfiguration") or {}
    if not processing.get("Enabled"):
        return b""
    return "".join(
        parameter["ParameterValue"].replace("\\n", "\n")
        for processor in processing.get("Processors") or []
        if processor["Type"] == "AppendDelimiterToRecord"
        for parameter in processor.get("Parameters")
        or [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]
        if parameter["ParameterName"] == "Delimiter"
    ).encode()
