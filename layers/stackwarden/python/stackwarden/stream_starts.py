"""From where an event points to the streams to look at."""

from collections.abc import Iterator
from typing import Any

from stackwarden import aws
from stackwarden.policies.stream_state import backup_name, is_own_name
from stackwarden.policies.unbacked_stream import Hazard
from stackwarden.stream_reader import StreamReader
from stackwarden.stream_subject import Kind, Start
from stackwarden.stream_verdict import Subject


class Starts:
    """Finds what to judge. Every method raises ClientError."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    def subjects(self, start: Start) -> Iterator[Subject]:
        """Yield what to judge, each stream once."""
        match start.kind:
            case Kind.STREAM:
                yield self._unbacked(start.name, start.stack_id)
            case Kind.GONE:
                yield from self._orphans(start.name)
            case Kind.DELIVERY_STREAM:
                yield from self._copied_by(start.name)
            case Kind.CHANNEL:
                channel = start.name.rsplit("/", 1)[-1]
                sources = self._reader.channel_sources(start.name)
                yield from (self._unbacked(arn, ended=channel) for arn in sources)

    def _unbacked(self, stream: str, stack_id: str | None = None, ended: str = "") -> Subject:
        arn = self._reader.arn(stream)
        return Subject(hazard=Hazard.UNBACKED, stream=arn, stack_id=stack_id, ended=ended)

    def _orphans(self, stream: str) -> Iterator[Subject]:
        arn = self._reader.arn(stream)
        for name in self._reader.own(arn.split("/", 1)[1]):
            yield Subject(hazard=Hazard.ORPHANED, stream=arn, orphan=name)

    def _copied_by(self, name: str) -> Iterator[Subject]:
        """Yield the streams that a delivery stream is about; one that is DELETING can still be read.

        A name of Stackwarden's is free again for the stream that it was made for. Of others nothing tells
        their stream once they are gone: then all are looked at.
        """
        backup = self._reader.delivery_stream(name)
        sources = {backup.source} - {""} if backup else set[str]()
        if is_own_name(name):
            sources |= {self._reader.arn(stream) for stream in self._named_by(name)}
        elif backup is None:
            yield from (self._unbacked(stream) for stream in self._names())
        for arn in sorted(sources):
            copied = backup is None or (backup.source == arn and backup.works_or_did)
            yield self._unbacked(arn, ended=name if copied else "")

    def _named_by(self, name: str) -> Iterator[str]:
        """The stream that a name of Stackwarden's was made for."""
        for stream in self._names():
            if is_own_name(name, stream):
                found = self._reader.stream(stream)
                if found and backup_name(found) == name:
                    yield stream

    def _names(self) -> Iterator[str]:
        client, start, more = aws.client("kinesis"), dict[str, Any](), True
        while more:
            answer = client.list_streams(**start)
            names = answer["StreamNames"]
            yield from names
            more = answer["HasMoreStreams"] and bool(names)
            start = {"ExclusiveStartStreamName": names[-1]} if names else {}
