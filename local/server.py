"""moto's server on one address of this computer, with authorization and CloudTrail around it."""

import errno
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from moto import backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from local.authorization.service import AuthorizationMiddleware
from local.cloudtrail.service import CloudTrailMiddleware
from local.extension import extend

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MODULES = tuple(backends.list_of_moto_modules())
POLL_INTERVAL_IN_SECONDS = 0.05


class PortInUse(OSError):
    """Another program listens on the port that was asked for."""


class QuietRequestHandler(MotoRequestHandler):
    """Logs requests at debug level, so that what somebody runs in the account stays readable."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Called by werkzeug once a request; errors are still logged by it as errors."""
        logger.debug('"%s" %s', getattr(self, "requestline", "-"), code)


class Server:
    """Serves every AWS API of moto at `endpoint`, each request in a thread of its own."""

    def __init__(self, port: int) -> None:
        with self._listen(port) as listener:
            self.port: int = listener.getsockname()[1]
            self._server = make_server(
                HOST,
                self.port,
                application(),
                threaded=True,
                request_handler=QuietRequestHandler,
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_INTERVAL_IN_SECONDS,), name="server", daemon=True
        )

    @staticmethod
    def _listen(port: int) -> socket.socket:
        try:
            return socket.create_server((HOST, port), backlog=128)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(error.errno, f"port {port} is in use by another program") from error
            raise

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Accept requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more requests and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def application() -> "WSGIApplication":
    """moto's application, authorization around it, and CloudTrail outside: it records denied calls, too.

    For each request moto looks into the folders of all its modules, and all other requests wait meanwhile.
    """
    extend(backends, list_of_moto_modules=lambda: MODULES)
    moto: Any = DomainDispatcherApplication(create_backend_app)
    return CloudTrailMiddleware(AuthorizationMiddleware(moto))
