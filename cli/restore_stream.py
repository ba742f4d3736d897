"""`python -m cli restore-stream`: a window of a Firehose backup back into a stream."""

import shlex
from pathlib import Path
from typing import Any

import click

from cli import restore_run
from cli.problems import BadInput, Stopped
from cli.restore_options import Instant, KeyRule, Options

_ARGUMENTS = "cli.arguments"
_MARGIN = 900  # https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html


class _Command(click.Command):
    """Keeps the arguments, to say how to go on."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.command("restore-stream", cls=_Command)
@click.option("--bucket", required=True, help="Bucket of the backup.")
@click.option(
    "--prefix",
    required=True,
    help="Prefix as in the Firehose's configuration, in single quotes; where it has no !{timestamp:…}, "
    "yyyy/MM/dd/HH/ follows as it does in Firehose.",
)
@click.option(
    "--from", "start", required=True, type=Instant(), help="Begin of the window: ISO 8601 with zone."
)
@click.option("--to", "end", required=True, type=Instant(), help="End of the window, not included.")
@click.option("--to-stream", required=True, metavar="NAME", help="Stream to put the records into.")
@click.option("--region", help="Region of the stream; default: that of your AWS configuration.")
@click.option(
    "--delimiter",
    type=click.Choice(["newline", "json", "none"]),
    default="newline",
    show_default=True,
    help="How records lie in an object: one a line, one JSON object after the other, or one in each object.",
)
@click.option("--compression", type=click.Choice(["gzip", "none"]), default="gzip", show_default=True)
@click.option(
    "--partition-key",
    type=KeyRule(),
    metavar="[random|json:FIELD]",
    default="random",
    show_default=True,
    help="The backup does not hold the partition keys: a random one, or the value of a field of the record.",
)
@click.option(
    "--margin",
    type=click.IntRange(0, 86400),
    default=_MARGIN,
    show_default=True,
    metavar="SECONDS",
    help="Read objects this much before and after the window, too: the Firehose's buffer interval.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that knows how far it got; default: a file in this directory, named after the options.",
)
@click.option("--dry-run", is_flag=True, help="Read and count everything, put nothing.")
@click.option(
    "--keep-going",
    is_flag=True,
    help="Leave out and name what cannot be restored (a damaged object, a record too large); exit code 1.",
)
@click.option("--yes", is_flag=True, help="Put records into the very stream whose backup this is.")
@click.option("--endpoint-url", help="Another AWS, such as `make local`.")
@click.pass_context
def restore_stream(ctx: click.Context, /, **values: Any) -> None:
    """Put a window of time of a Firehose backup back into a Kinesis stream.

    All records of the window are put, and some from before and after it: the backup knows the time of an
    object, not of a record. Run it again to go on where it stopped; what is put twice is at most one batch.

    \b
    Exit codes: 0 done, 1 something failed (how to go on is printed), 2 an option is wrong.
    """
    try:
        complete = restore_run.run(Options(**values), _again(ctx))
    except BadInput as wrong:
        raise click.BadParameter(wrong.reason, ctx=ctx, param_hint=f"'{wrong.option}'") from wrong
    except Stopped as stop:
        raise click.ClickException(str(stop)) from stop
    if not complete:
        ctx.exit(1)


def _again(ctx: click.Context) -> str:
    """The command line that does the same once more."""
    return f"{ctx.command_path} {shlex.join(ctx.meta[_ARGUMENTS])}"
