"""How the loopback servers live and answer over HTTP."""

import threading
import traceback
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.contract.iam.calls import Heard, Watch
from tests.contract.vertex.faults import LostAnswer
from tests.contract.vertex.rejections import Rejection


class Loopback(ABC):
    """A server on a free port of 127.0.0.1, as long as its `with` block."""

    host = "127.0.0.1"
    """By which it is called."""
    watch: Watch | None = None
    """Called with each request, where a test watches."""
    _http: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        """Listen."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http
        self._http.shutdown()
        self._http.server_close()
        self.close()

    @property
    def url(self) -> str:
        """Its address."""
        assert self._http
        return f"http://{self.host}:{self._http.server_port}"

    @abstractmethod
    def answer(self, verb: str, target: str, body: bytes) -> bytes:
        """The JSON that answers a request.

        Raises:
            Rejection: The request is answered by an error.
            LostAnswer: It is not answered at all.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing more
        """End what it has started."""


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    """A request handler that hands verb, path and body on, and tells a rejection as Google does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            """Tests read what the server keeps of its calls instead."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if loopback.watch:
                loopback.watch(Heard(self.client_address[1], self.command, self.path, body))
            try:
                code, content = 200, loopback.answer(self.command, self.path, body)
            except LostAnswer:
                self.close_connection = True
                return
            except Rejection as rejection:
                code, content = rejection.code, rejection.body()
            except Exception as error:  # noqa: BLE001 - the server's own mistake, reported to the test
                traceback.print_exc()
                code, content = 500, Rejection("INTERNAL", repr(error)).body()
            self.send_response(code)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815 - http.server's names

    return Handler
