"""Google Cloud's wire protocols, served on loopback."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.contract.dataflow.googleapis import tensorflow_at
from tests.contract.dataflow.server import DataflowServer
from tests.contract.registries import World, by_version
from tests.contract.storage import server as storage
from tests.contract.storage.server import StorageServer
from tests.contract.vertex.server import PROJECT_NUMBER, VertexServer


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
    from components.shared.files.gcs.client import client

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
    from components.shared.files.gcs.client import client

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


@pytest.fixture(scope="session")
def storage_session() -> Iterator[StorageServer]:
    """The server, for fixtures that outlive a test; it remembers what was asked and failed before."""
    with storage.serving() as told, pytest.MonkeyPatch.context() as patched:
        patched.setenv("STORAGE_EMULATOR_HOST", told.url)
        yield told


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
