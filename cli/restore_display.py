"""What `restore-stream` shows while it works; on stderr, so that stdout holds the result alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.backup_objects import Backup
from cli.restore_state import State

type Show = Callable[[State], None]


def tell(text: str) -> None:
    """One message as it is: keys may hold what rich takes for markup."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def shown(backup: Backup) -> Iterator[Show]:
    """A bar over the stored bytes, moved by each state."""
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
    # Bytes of the objects before each one.
    before = dict(
        zip(
            (each.key for each in backup.objects),
            accumulate((each.size for each in backup.objects), initial=0),
            strict=False,
        )
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("0 records", total=backup.size)

        def show(state: State) -> None:
            done = backup.size if state.finished else before[state.key or backup.objects[0].key]
            progress.update(task, completed=done, description=f"{state.tally.records:,} records")

        yield show
