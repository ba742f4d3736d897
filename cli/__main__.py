"""`python -m cli`."""

import click

from cli.restore_stream import restore_stream

PROGRAM = "python -m cli"


@click.group()
def main() -> None:
    """Stackwarden's commands for people."""


main.add_command(restore_stream)

if __name__ == "__main__":
    main(prog_name=PROGRAM)
