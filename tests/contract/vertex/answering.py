"""How the loopback servers answer over HTTP."""

import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.contract.vertex.faults import LostAnswer
from tests.contract.vertex.refusals import Refusal


def handler(answer_to: Callable[[str, str, bytes], bytes]) -> type[BaseHTTPRequestHandler]:
    """A request handler that hands verb, path and body on, and tells a refusal as Google does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            """Tests read what the server keeps of its calls instead."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                code, content = 200, answer_to(self.command, self.path, body)
            except LostAnswer:
                self.close_connection = True
                return
            except Refusal as refusal:
                code, content = refusal.code, refusal.body()
            except Exception as error:  # noqa: BLE001 - the server's own mistake, told to the test
                traceback.print_exc()
                code, content = 500, Refusal("INTERNAL", repr(error)).body()
            self.send_response(code)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815 - http.server's names

    return Handler
