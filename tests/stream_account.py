"""Streams and delivery streams in moto, and what moto lacks of both, added to the answers of clients."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from botocore.client import BaseClient

from stackwarden.finding import Action
from stackwarden.policies.stream_actions import create_delivery_stream
from stackwarden.policies.stream_state import Backup, Stream
from stackwarden.stream_reader import StreamReader
from tests.stream_cases import BUCKET_ARN, DESTINATION, ROLE

type Parsed = dict[str, Any]


class Streams:
    """What a test makes in the account."""

    def __init__(self, kinesis: Any, firehose: Any, reader: StreamReader) -> None:
        self.kinesis, self.firehose, self._reader = kinesis, firehose, reader
        self.said: dict[str, Parsed] = {}
        events = firehose.meta.events
        events.register("after-call.firehose.DescribeDeliveryStream", self._add)

    def stream(self, name: str = "orders", **tags: str) -> Stream:
        """Make a stream, and read it."""
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        if tags:
            self.kinesis.add_tags_to_stream(StreamName=name, Tags=tags)
        return self.read(name)

    def read(self, name: str) -> Stream:
        found = self._reader.stream(name)
        assert found is not None
        return found

    def back_up(self, of: Stream) -> str:
        """Make Stackwarden's delivery stream of a stream; its name."""
        action: Action = create_delivery_stream(of, DESTINATION)
        self.firehose.create_delivery_stream(**action.parameters["request"])
        return action.target

    def copy(self, name: str, source: str, **more: Any) -> None:
        """Make a delivery stream that copies a stream to S3."""
        s3 = {"ExtendedS3DestinationConfiguration": {"RoleARN": ROLE, "BucketARN": BUCKET_ARN}}
        elsewhere = any(key.endswith("DestinationConfiguration") for key in more)
        self.firehose.create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": source, "RoleARN": ROLE},
            **more if elsewhere else {**s3, **more},
        )

    def say(self, name: str, **facts: Any) -> None:
        """Let DescribeDeliveryStream answer this about a delivery stream; `Source` is added to its source."""
        self.said.setdefault(name, {}).update(facts)

    def _add(self, parsed: Parsed, **_: Any) -> None:
        description = parsed.get("DeliveryStreamDescription", {})
        facts = dict(self.said.get(description.get("DeliveryStreamName", ""), {}))
        if source := facts.pop("Source", None):
            description["Source"]["KinesisStreamSourceDescription"].update(source)
        description.update(facts)


def answer(client: BaseClient, operation: str, *answers: Parsed | str) -> list[Parsed]:
    """Let a call answer these, one after the other and then as ever; a text is the code of an error.

    The list grows with the parameters of each call.
    """
    service, asked, left = client.meta.service_model.service_name, list[Parsed](), list(answers)

    def respond(params: Parsed, **_: Any) -> tuple[SimpleNamespace, Parsed] | None:
        if not left:
            return None
        asked.append(params)
        what = left.pop(0)
        if isinstance(what, str):
            return SimpleNamespace(status_code=400), {"Error": {"Code": what, "Message": "refused"}}
        return SimpleNamespace(status_code=200), what

    client.meta.events.register(f"before-call.{service}.{operation}", cast(Callable[..., Any], respond))
    return asked


def names(backups: tuple[Backup, ...]) -> list[str]:
    """What copies are called."""
    return [backup.name for backup in backups]
