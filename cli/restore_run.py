"""The steps of `restore-stream`: find, check, then count or put."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from cli import restore_state, restore_target
from cli.backup_objects import Backup, find
from cli.problems import BadInput, Stopped
from cli.replay import count, replay
from cli.restore_display import shown, tell
from cli.restore_options import Options
from cli.restore_source import Omissions, Source
from cli.restore_state import State
from cli.restore_target import Target
from cli.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Clients:
    """Those of AWS that a restore needs."""

    s3: "S3Client"
    kinesis: "KinesisClient"
    firehose: "FirehoseClient"


type Connect = Callable[[Options], Clients]


def connect(options: Options) -> Clients:
    """Clients of AWS, or of another endpoint. Raises BadInput."""
    settings = Config(retries={"mode": "standard", "total_max_attempts": 5})
    try:
        session = boto3.Session(region_name=options.region)
        url = options.endpoint_url
        return Clients(
            session.client("s3", endpoint_url=url, config=settings),
            session.client("kinesis", endpoint_url=url, config=settings),
            session.client("firehose", endpoint_url=url, config=settings),
        )
    except NoRegionError as error:
        raise BadInput("--region", "none is given, and your AWS configuration has none") from error
    except ValueError as error:
        raise BadInput("--endpoint-url", str(error)) from error


def run(options: Options, again: str, connect: Connect = connect) -> bool:
    """Restore or count; whether everything was. `again` is the command that goes on.

    Raises BadInput before anything is put, and Stopped.
    """
    if options.start >= options.end:
        raise BadInput("--to", "it is not after --from")
    with _failures_told(""):
        clients = connect(options)
        target = restore_target.describe(clients.kinesis, options.to_stream)
        backup = _backup(clients.s3, options)
        known = restore_target.is_source(clients.firehose, backup.firehoses, options.prefix, target)
    source = Source(clients.s3, options.bucket, backup, options.format)
    omissions = Omissions(options.keep_going, tell, [])
    if options.dry_run:
        with _failures_told(""):
            _count(source, target, omissions, known)
    else:
        if known and not options.yes:
            raise BadInput("--to-stream", f"{_fed_back(target)} Add --yes if you want that")
        path = options.state_file(target.arn)
        state = restore_state.load(path, options.parameters(target.arn))
        omissions.left_out = list(state.left_out)
        with _failures_told(f"Nothing is lost. Go on with the same command:\n{again}"):
            _restore(source, clients, target, state, path, omissions)
    return not omissions.left_out


def _backup(s3: "S3Client", options: Options) -> Backup:
    backup = find(s3, options.bucket, options.prefix, options.window)
    if backup.others:
        tell(f"{backup.others} objects there are not named as Firehose names them: left alone")
    if not backup.objects:
        raise BadInput(
            "--prefix",
            f"s3://{options.bucket}/{options.prefix} has no object of a Firehose "
            f"from {options.start:%FT%TZ} to {options.end:%FT%TZ}, nor {options.margin} s around that",
        )
    if options.end + options.window.margin > datetime.now(UTC):
        tell("The window ends just now: Firehose may still hold records of it")
    return backup


def _count(source: Source, target: Target, omissions: Omissions, known: bool) -> None:
    total = Tally()
    for found, counted in count(source, target, omissions):
        click.echo(f"{found.key}  {found.size:,} bytes stored: {counted}")
        total += counted
    click.echo(f"{len(source.backup.objects):,} objects, {source.backup.size:,} bytes stored: {total}")
    _told_of_keys(omissions)
    if known:
        tell(_fed_back(target))


def _restore(
    source: Source, clients: Clients, target: Target, state: State, path: Path, omissions: Omissions
) -> None:
    if state.start(source.backup).object == len(source.backup.objects):
        click.echo(f"Already restored to {target.name} ({path}): {state.tally}")
        return
    restore_state.save(path, state)
    if state.key is not None:
        tell(f"Going on after {state.tally.records:,} records ({path})")
    with shown(source.backup) as show:

        def remember(fresh: State) -> None:
            restore_state.save(path, fresh)
            show(fresh)

        state = replay(source, clients.kinesis, target, state, omissions, remember)
    click.echo(f"Restored to {target.name}: {state.tally}")
    _told_of_keys(omissions)


def _told_of_keys(omissions: Omissions) -> None:
    if omissions.without_field:
        tell(f"{omissions.without_field:,} records have no such field: their partition key is random")


def _fed_back(target: Target) -> str:
    return (
        f"The backup is, or by its prefix seems to be, that of {target.name} itself: what is put there is "
        "backed up again, and a later restore brings it twice."
    )


@contextmanager
def _failures_told(advice: str) -> Iterator[None]:
    """Turn what AWS or Ctrl-C ends into Stopped, with the advice. Raises Stopped."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Stopped(f"Interrupted. {advice}".rstrip()) from error
    except (BotoCoreError, ClientError, Stopped) as error:
        raise Stopped(f"{error}\n{advice}".rstrip()) from error
