"""Cloud Storage on loopback: `gcp-storage-emulator`, with what it lacks, and with faults."""

import http
import http.server
import io
import json
import re
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from components.shared.files.gcs_path import BucketPath
from tests.contract.dataflow.googleapis import FORWARDED
from tests.contract.iam.calls import Heard, Watch

_FLAT = b'{"kind": "storage#storageLayout", "hierarchicalNamespace": {"enabled": false}}'
"""What a bucket without folders of its own answers: TensorFlow asks before it renames one."""


@dataclass
class Fault:
    """A failure of the server: the next `times` requests like this are answered with `status`."""

    method: str
    path: str
    status: int
    times: int = 1
    done_first: bool = False
    """The work is done, only the answer is lost."""


@dataclass
class Answered:
    """A request that was answered."""

    method: str
    path: str
    status: int
    sent: int
    """Bytes of the answer."""
    agent: str = ""
    """What the client calls itself."""
    via: str = ""
    """The proxy that it came through: `1.1 NAME`."""


@dataclass
class StorageServer:
    """`gcp-storage-emulator` on loopback, with the generation preconditions it lacks, and with faults."""

    url: str
    storage: Any
    faults: list[Fault] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    watch: Watch | None = None
    """Called with each request, where a test watches."""

    def new_bucket(self) -> BucketPath:
        """An empty bucket, as a place."""
        from google.cloud import storage

        name = f"test-{uuid.uuid4().hex[:12]}"
        storage.Client(project="test").create_bucket(name)
        return BucketPath(f"gs://{name}")

    def fail(self, method: str, path: str, status: int, times: int = 1, *, done_first: bool = False) -> None:
        """Let the next requests fail whose path matches this pattern."""
        self.faults.append(Fault(method, path, status, times, done_first))

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one."""
        for each in self.faults:
            if each.times and each.method == method and re.search(each.path, path):
                each.times -= 1
                return each
        return None

    def sent(self, path: str) -> int:
        """Bytes of all answers to requests whose path holds this."""
        return sum(each.sent for each in self.answered if re.search(path, each.path))


class _Handler(RequestHandler):
    """The emulator's handler, with the server's faults."""

    rfile: Any
    wfile: Any
    path: str

    def __init__(self, storage_server: StorageServer, *arguments: Any) -> None:
        self.storage_server = storage_server
        super().__init__(storage_server.storage, *arguments)

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # or TensorFlow waits for a second
            self.wfile.flush()
        body = self._body()
        if self.storage_server.watch:
            self.storage_server.watch(Heard(self._callers_port(), self.command, self.path, body))
        self.rfile = io.BytesIO(body)
        connection, self.wfile = self.wfile, io.BytesIO()
        fault = self.storage_server.fault(self.command, self.path)
        status = fault.status if fault else http.HTTPStatus.OK.value
        if fault is None and self._fails_precondition(body):
            status = http.HTTPStatus.PRECONDITION_FAILED.value
        if (fault is None or fault.done_first) and status != http.HTTPStatus.PRECONDITION_FAILED:
            self._do()
        if status != http.HTTPStatus.OK:
            self.wfile = io.BytesIO()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        answer = self.wfile.getvalue()
        code = int(answer.split(b" ", 2)[1])
        agent, via = self.headers.get("User-Agent", ""), self.headers.get("Via", "")
        self.storage_server.answered.append(Answered(self.command, self.path, code, len(answer), agent, via))
        connection.write(answer)
        connection.flush()
        self.wfile = connection

    def _do(self) -> None:
        if not self.path.endswith("/storageLayout"):  # which the emulator lacks
            getattr(self, f"do_{self.command}")()
            return
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_FLAT)))
        self.end_headers()
        self.wfile.write(_FLAT)

    def _callers_port(self) -> int:
        """Of the connection, or of the one whose request was passed on."""
        passed_on = re.search(r':(\d+)"?$', self.headers.get(FORWARDED, ""))
        return int(passed_on[1]) if passed_on else int(self.client_address[1])

    def _body(self) -> bytes:
        """The whole body, in the forms that the emulator understands."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not body and self.command == "POST" and "uploadType=media" in self.path:
            body = self._empty_object()
        for name in ("Transfer-Encoding", "Content-Length"):
            del self.headers[name]
        self.headers["Content-Length"] = str(len(body))
        return body

    def _chunks(self) -> bytes:
        """TensorFlow sends a length beside them, which does not count."""
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _empty_object(self) -> bytes:
        """The emulator fails on an empty body; TensorFlow's folders are empty objects."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.path = self.path.replace("uploadType=media", "uploadType=multipart")
        del self.headers["Content-Type"]
        self.headers["Content-Type"] = "multipart/related; boundary=X"
        described = json.dumps({"name": query["name"][0]}).encode()
        kinds = (b"application/json", described), (b"application/octet-stream", b"")
        parts = [b"--X\r\nContent-Type: %s\r\n\r\n%s\r\n" % each for each in kinds]
        return b"".join(parts) + b"--X--"

    def _fails_precondition(self, body: bytes) -> bool:
        split = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(split.query)
        wanted = query.get("ifGenerationMatch")
        found = re.search(r"/b/([^/]+)/o(?:/([^/]+))?$", split.path)
        if not wanted or not found:
            return False
        named = query.get("name", [urllib.parse.unquote(found[2] or "")])[0]
        if not named:
            match = re.search(rb'"name": ?("(?:[^"\\]|\\.)*")', body)
            named = json.loads(match[1]) if match else ""
        there = self.storage_server.storage.objects.get(found[1], {}).get(named)
        return str(there["generation"] if there else 0) != wanted[0]


class _Server(http.server.HTTPServer):
    request_queue_size = 128  # with the usual 5, a sixth connection at once waits for a second


@contextmanager
def serving() -> Iterator[StorageServer]:
    """A server without any bucket, while the block runs."""
    storage_server = StorageServer("", Storage(use_memory_fs=True))
    server = _Server(("127.0.0.1", 0), partial(_Handler, storage_server))
    storage_server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield storage_server
    server.shutdown()
    server.server_close()
