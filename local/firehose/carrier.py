"""The thread in which all delivery streams of an account are at work."""

import logging
import threading
from typing import TYPE_CHECKING

from moto.firehose.models import FirehoseBackend, firehose_backends

from local.firehose.delivery import Delivery

if TYPE_CHECKING:
    from local.account import LocalAccount

logger = logging.getLogger(__name__)

TICK_IN_SECONDS = 0.02


class Carrier:
    """Goes round the delivery streams until the account stops; begins with the first of them."""

    def __init__(self, account: "LocalAccount") -> None:
        self._account = account
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="firehose", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, unless it has begun."""
        with self._lock:
            if self._thread.ident is None and not self._stopping.is_set():
                self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_IN_SECONDS):
            for _, _, backend in list(firehose_backends.iter_backends()):
                if isinstance(backend, FirehoseBackend):
                    self._go_round(backend)

    def _go_round(self, backend: FirehoseBackend) -> None:
        for name, stream in list(backend.delivery_streams.items()):
            delivery: Delivery | None = vars(stream).get("delivery")
            try:
                if delivery is not None and delivery.carry():
                    backend.tagger.delete_all_tags_for_resource(stream.delivery_stream_arn)
                    del backend.delivery_streams[name]
            except Exception as failure:
                logger.exception("the delivery stream %s failed", name)
                self._account.background.failures.append(failure)
                vars(stream)["delivery"] = None
