"""Why a command stops, told to whoever started it."""


class BadInput(Exception):
    """An option is wrong: which one, and why."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")
        self.option = option
        self.reason = reason


class Stopped(Exception):
    """The work cannot go on; the message says where it stood and why."""


class Unreadable(Stopped):
    """An object of the backup is not what it should be."""
