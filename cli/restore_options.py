"""What `restore-stream` is asked for, checked."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.backup_objects import Window
from cli.records import Delimiter
from cli.restore_source import Format


class Instant(click.ParamType):
    """ISO 8601 with a time zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text. Raises click.BadParameter for no time, or one without a zone."""
        if isinstance(value, datetime):
            return value
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO 8601 time such as 2026-10-05T10:00:00Z", param, ctx)
        if time.tzinfo is None:
            self.fail(f"{value!r} has no time zone; for UTC add a Z: 2026-10-05T10:00:00Z", param, ctx)
        return time.astimezone(UTC)


class KeyRule(click.ParamType):
    """`random`, or `json:` and the name of a field."""

    name = "random|json:FIELD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Leave it as it is. Raises click.BadParameter for anything else."""
        text = str(value)
        if text != "random" and not (text.startswith("json:") and text != "json:"):
            self.fail(f"{text!r} is neither random nor json:FIELD", param, ctx)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options as they were given; `margin` in seconds."""

    bucket: str
    prefix: str
    start: datetime
    end: datetime
    to_stream: str
    region: str | None
    delimiter: Delimiter
    compression: str
    partition_key: str
    margin: int
    state: Path | None
    dry_run: bool
    keep_going: bool
    yes: bool
    endpoint_url: str | None

    @property
    def window(self) -> Window:
        """The time to restore."""
        return Window(self.start, self.end, timedelta(seconds=self.margin))

    @property
    def format(self) -> Format:
        """How to take the objects apart."""
        field = self.partition_key.removeprefix("json:") if self.partition_key != "random" else None
        return Format(self.delimiter, self.compression == "gzip", field)

    def parameters(self, stream_arn: str) -> dict[str, str]:
        """What may not change between two runs with the same state file."""
        return {
            "--bucket": self.bucket,
            "--prefix": self.prefix,
            "--from": self.start.isoformat(),
            "--to": self.end.isoformat(),
            "--to-stream": stream_arn,
            "--delimiter": self.delimiter,
            "--compression": self.compression,
            "--partition-key": self.partition_key,
            "--margin": str(self.margin),
        }

    def state_file(self, stream_arn: str) -> Path:
        """The file that was given, or one in this directory whose name stands for the parameters."""
        if self.state is not None:
            return self.state
        text = "\n".join(f"{name}={value}" for name, value in self.parameters(stream_arn).items())
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return Path(f"restore-{stream_arn.rsplit('/', 1)[-1]}-{digest}.json")
