"""What goes on after a call was answered: deliveries, asynchronous invocations, executions of workflows."""

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The account is being stopped: unfinished work ends here."""


class Background:
    """The threads of one account: started by `spawn`, awaited by `drain`, ended by `halt`."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self._changed = threading.Condition()
        self._running: dict[threading.Thread, str] = {}
        self._stopping = threading.Event()

    def spawn[**P](self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run `work` in a thread of its own. What it raises is logged and kept in `failures`."""

        def run() -> None:
            try:
                work(*args, **kwargs)
            except Stopped:
                logger.debug("%s ended because the account stops", name)
            except Exception as failure:
                logger.exception("%s failed", name)
                self.failures.append(failure)
            finally:
                with self._changed:
                    del self._running[thread]
                    self._changed.notify_all()

        name = getattr(work, "__qualname__", repr(work))
        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._changed:
            if self._stopping.is_set():
                return
            self._running[thread] = name
            thread.start()

    @property
    def stopping(self) -> bool:
        """Whether the account is being stopped."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Sleep, but not longer than the account lives (then `Stopped` is raised)."""
        if self._stopping.wait(seconds):
            raise Stopped

    def drain(self, timeout: float) -> None:
        """Wait until nothing is under way; raises TimeoutError, which names what still runs."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._running:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    under_way = ", ".join(sorted(self._running.values()))
                    raise TimeoutError(f"still under way after {timeout} s: {under_way}")
                self._changed.wait(remaining)

    def halt(self) -> None:
        """Start nothing any more; what is sleeping in `pause` wakes up and ends."""
        with self._changed:
            self._stopping.set()
