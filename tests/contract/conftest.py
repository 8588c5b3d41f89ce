"""Google Cloud's wire protocols, served on loopback."""

import asyncio
import http
import http.server
import io
import json
import os
import re
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from components.places import place
from tests.contract.dataflow.googleapis import FORWARDED, tensorflow_at
from tests.contract.dataflow.server import DataflowServer
from tests.contract.iam.calls import Heard, Watch
from tests.contract.registries import World, by_version
from tests.contract.vertex.server import PROJECT_NUMBER, VertexServer

_FLAT = b'{"kind": "storage#storageLayout", "hierarchicalNamespace": {"enabled": false}}'
"""What a bucket without folders of its own answers: TensorFlow asks before it renames one."""


@dataclass
class BigQueryServer:
    """`bqemulator` on loopback: BigQuery's REST API and the Storage Read API."""

    url: str
    read_endpoint: str
    """`localhost:PORT` of the Storage Read API."""

    def client(self, project: str) -> Any:
        """The unmodified google-cloud-bigquery client of a project."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        return bigquery.Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # google-auth


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer]:
    """The unmodified BigQuery clients of this process talk to it; what it exports and loads, buckets have."""
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.jobs import executor
    from bqemulator.server import EmulatorServer
    from bqemulator.storage.engine import DuckDBEngine

    exports = tmp_path_factory.mktemp("exports")
    settings = Settings(
        persistence_mode=PersistenceMode.EPHEMERAL,
        rest_port=0,
        grpc_port=0,
        log_level="error",
        gcs_local_root=exports,
    )
    server, loop = EmulatorServer(settings), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    patched = pytest.MonkeyPatch()
    # DuckDB's spatial extension is a download, and no table here holds a GEOGRAPHY.
    patched.setattr(DuckDBEngine, "_load_spatial", lambda _: None, raising=False)
    patched.setattr(executor, "write_export", partial(_exported, executor.write_export, exports))
    patched.setattr(executor, "_resolve_uri", partial(_fetched, executor._resolve_uri, exports))
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=90)
        patched.setenv("BIGQUERY_EMULATOR_HOST", server.rest_url)
        yield BigQueryServer(server.rest_url, server.grpc_endpoint)
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=30)
    finally:
        patched.undo()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


def _exported(write: Any, folder: Path, *arguments: Any) -> Any:
    """The emulator exports into a folder; the bucket that was meant gets the same objects.

    Two types go as BigQuery documents them: a TIMESTAMP without its zone (isAdjustedToUTC = false), which the
    emulator keeps; a sum of INT64 as INT64, which the emulator's engine makes wider.
    """
    from components.storage.client import client

    outcome = write(*arguments)
    for uri in outcome.uris:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        table = pq.read_table(folder / bucket / name)
        pq.write_table(table.cast(pa.schema(map(_documented, table.schema))), folder / bucket / name)
        client().bucket(bucket).blob(name).upload_from_filename(folder / bucket / name)
    return outcome


def _documented(column: Any) -> Any:
    if pa.types.is_timestamp(column.type):
        return column.with_type(pa.timestamp("us"))
    return column.with_type(pa.int64()) if column.type == pa.decimal128(38, 0) else column


def _fetched(resolve: Any, folder: Path, uri: str, *arguments: Any) -> Any:
    """The emulator loads from a folder; what is meant is copied there from the bucket."""
    from components.storage.client import client

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    for each in client().list_blobs(bucket, prefix=name.partition("*")[0]) if uri.startswith("gs://") else ():
        (folder / bucket / each.name).parent.mkdir(parents=True, exist_ok=True)
        each.download_to_filename(folder / bucket / each.name)
    return resolve(uri, *arguments)


@pytest.fixture(scope="session")
def bigquery_client(bigquery_server: BigQueryServer) -> Any:
    """The unmodified google-cloud-bigquery client, talking to `bqemulator` over REST."""
    return bigquery_server.client("test-project")


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexServer]:
    """A Vertex AI server without any resource: project `local-project` in us-central1."""
    from google.cloud.aiplatform.utils import resource_manager_utils

    # The one call of the client that knows no other address: Resource Manager, for the project's number.
    monkeypatch.setattr(resource_manager_utils, "get_project_number", lambda *_, **__: PROJECT_NUMBER)
    with VertexServer() as server:
        yield server


@pytest.fixture
def client_of_vertex(vertex: VertexServer) -> None:
    """Google's high-level client talks to that server."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    aiplatform.init(
        project=vertex.project,
        location=vertex.location,
        api_endpoint=vertex.url,
        api_transport="rest",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth
    )


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
    """Told of each request, where somebody wants to know."""

    def new_bucket(self) -> Path:
        """An empty bucket, as a place."""
        from google.cloud import storage

        name = f"test-{uuid.uuid4().hex[:12]}"
        storage.Client(project="test").create_bucket(name)
        return place(f"gs://{name}")

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


class _StorageHandler(RequestHandler):
    """The emulator's handler, told what the server's faults are."""

    rfile: Any
    wfile: Any
    path: str

    def __init__(self, told: StorageServer, *arguments: Any) -> None:
        self.told = told
        super().__init__(told.storage, *arguments)

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # or TensorFlow waits for a second
            self.wfile.flush()
        body = self._body()
        if self.told.watch:
            self.told.watch(Heard(self._callers_port(), self.command, self.path, body))
        self.rfile = io.BytesIO(body)
        connection, self.wfile = self.wfile, io.BytesIO()
        fault = self.told.fault(self.command, self.path)
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
        self.told.answered.append(Answered(self.command, self.path, code, len(answer), agent, via))
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
        there = self.told.storage.objects.get(found[1], {}).get(named)
        return str(there["generation"] if there else 0) != wanted[0]


class _Server(http.server.HTTPServer):
    request_queue_size = 128  # with the usual 5, a sixth connection at once waits for a second


@pytest.fixture(scope="session")
def storage_session() -> Iterator[StorageServer]:
    """The server, for fixtures that outlive a test; it remembers what was asked and failed before."""
    told = StorageServer("", Storage(use_memory_fs=True))
    server = _Server(("127.0.0.1", 0), partial(_StorageHandler, told))
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    before = os.environ.get("STORAGE_EMULATOR_HOST")
    os.environ["STORAGE_EMULATOR_HOST"] = told.url
    yield told
    os.environ.pop("STORAGE_EMULATOR_HOST")
    if before is not None:
        os.environ["STORAGE_EMULATOR_HOST"] = before
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def beam_storage(storage_session: StorageServer) -> StorageServer:
    """The same for Beam, which would otherwise look for credentials for 20 s."""
    from apache_beam.internal.gcp import auth

    auth._Credentials._credentials_init = True
    return storage_session


@pytest.fixture(scope="session")
def dataflow_session(
    beam_storage: StorageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DataflowServer]:
    """A Dataflow server whose workers stay from test to test; their TensorFlow's gs:// is the emulator's."""
    with (
        tensorflow_at(beam_storage.url, tmp_path_factory.mktemp("googleapis")) as variables,
        DataflowServer(variables=variables) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def tensorflow_gs(dataflow_session: DataflowServer) -> Iterator[None]:
    """TensorFlow's gs:// in this process is the emulator's too, while a module's tests run.

    No longer: other clients, gRPC among them, take the proxy for theirs.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, value in dataflow_session.variables.items():
            patched.setenv(name, value)
        yield


@pytest.fixture
def dataflow(dataflow_session: DataflowServer, tensorflow_gs: None) -> DataflowServer:  # noqa: ARG001 - set up
    """The same without jobs and without faults: project `local-project` in us-central1."""
    dataflow_session.forget()
    return dataflow_session


@pytest.fixture
def storage_server(storage_session: StorageServer) -> StorageServer:
    """The unmodified Cloud Storage clients of this process talk to it; without faults and without memory."""
    storage_session.faults.clear()
    storage_session.answered.clear()
    return storage_session


@pytest.fixture
def bucket(storage_server: StorageServer) -> Path:
    """An empty bucket, as a place."""
    made = storage_server.new_bucket()
    storage_server.answered.clear()
    return made


@pytest.fixture
def world(vertex: VertexServer, bucket: Path, tmp_path: Path) -> World:
    """The registry on Vertex AI, and what is needed to use it."""
    vertex.endpoints.predictor = by_version
    return World(vertex, bucket, tmp_path)
