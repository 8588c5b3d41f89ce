"""All of Google Cloud that the environment `dev` asks for, on loopback, under the names that its YAML has."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.gcp.endpoints import VARIABLES
from tests.contract import warehouses
from tests.contract.bigquery.service import Service, serving
from tests.contract.control.conftest import ready
from tests.contract.control.server import ControlServer
from tests.contract.dataflow.googleapis import tensorflow_at
from tests.contract.dataflow.server import DataflowServer
from tests.contract.iam.callers import running_as
from tests.contract.iam.calls import Calls
from tests.contract.vertex.server import PROJECT_NUMBER, VertexServer
from tests.contract.vertex.serving import Servers

PROJECT, BUCKET = "my-project-dev", "my-project-dev-pipeline"
"""Of configs/environments/dev.yaml."""
SCANNED = 123_456_789
"""Bytes, by every dry run."""
CONTAINERS, WORKERS = "containers", "workers"
"""The proxies through which TensorFlow's own gs:// goes: of the stages' containers and of Beam's workers."""
OPERATOR = "operator@example.com"
"""Who types the commands."""
_QUIET = {"DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true"}
"""Else the client asks for each bucket in the background, for its traces, and ignores a rejection."""
_WORKSPACE = Path(__file__).parents[1] / "vertex" / "workspace"
_DIRECT = {"no_proxy": "localhost,127.0.0.1"}
"""The other clients know their servers' addresses."""


@dataclass(frozen=True)
class Cloud:
    """The servers, and what each was asked.

    Args:
        vertex: Runs what is submitted, and serves versions by their own container's command.
        dataflow: Runs what is staged, in a process of its own.
        bigquery: The tables, and every request about them.
        storage: The bucket, with every request of Google's clients and of TensorFlow.
        control: What the preflight asks; nothing is missing there.
        calls: What each account asked of the first four.
    """

    vertex: VertexServer
    dataflow: DataflowServer
    bigquery: Service
    storage: Any
    control: ControlServer
    calls: Calls

    def watch(self) -> None:
        """Keep every call that an account makes."""
        self.vertex.watch = self.calls.of("vertex")
        self.dataflow.watch = self.calls.of("dataflow")
        self.bigquery.watch = self.calls.of("bigquery")
        self.storage.watch = self.calls.of("storage")

    @property
    def addresses(self) -> dict[str, str]:
        """Where the servers are: Google's own variables, and ours for the clients that have none."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.bigquery.url,
            "STORAGE_EMULATOR_HOST": self.storage.url,
            VARIABLES["aiplatform"]: self.vertex.url,
            VARIABLES["dataflow"]: self.dataflow.url,
            VARIABLES["bigquerystorage"]: self.bigquery.read_endpoint,
            VARIABLES["googleapis"]: self.control.url,
        }

    @property
    def variables(self) -> dict[str, str]:
        """What a person's commands need besides: the project's number."""
        return {
            **self.addresses,
            **running_as(OPERATOR),
            **_QUIET,
            "PROJECT_NUMBER": PROJECT_NUMBER,
            "PYTHONPATH": str(_WORKSPACE),
        }

    def of_kind(self, kind: str) -> list[Any]:
        """Vertex AI's resources of a kind: `Endpoint`."""
        return list(self.vertex.store.of_kind(f"google.cloud.aiplatform.v1.{kind}"))

    def blobs(self) -> list[Any]:
        """All objects of the bucket."""
        from google.cloud import storage

        return list(storage.Client(project="test").list_blobs(BUCKET))


@contextmanager
def whole_cloud(days: Path, bigquery: Any, storage: Any, folder: Path) -> Iterator[Cloud]:
    """All servers with the bucket and the tables, until the end of the block.

    Args:
        days: The warehouse whose tables BigQuery gets.
        bigquery: The emulator of BigQuery.
        storage: The server of Cloud Storage.
        folder: For the proxies' certificates.
    """
    from google.cloud import storage as google

    with ExitStack() as stack:
        servers = Servers(running_as(f"serving@{PROJECT}.iam.gserviceaccount.com") | _QUIET)
        stack.callback(servers.close)
        service = stack.enter_context(serving(bigquery))
        service.project, service.client = PROJECT, bigquery.client(PROJECT)
        bucket = google.Client(project="test").create_bucket(BUCKET)
        stack.callback(bucket.delete, force=True)
        workers, stages = (
            stack.enter_context(tensorflow_at(storage.url, _made(folder / name), name))
            for name in (WORKERS, CONTAINERS)
        )
        cloud = Cloud(
            vertex=stack.enter_context(VertexServer(PROJECT, predictor=servers)),
            dataflow=stack.enter_context(DataflowServer(PROJECT, variables=workers | _DIRECT | _QUIET)),
            bigquery=service,
            storage=storage,
            control=stack.enter_context(ControlServer(ready())),
            calls=Calls(),
        )
        cloud.watch()
        stack.callback(setattr, storage, "watch", None)
        cloud.vertex.pipelines.environment |= cloud.addresses | stages | _DIRECT | _QUIET
        warehouses.load(days, service.client)
        service.requests.clear()
        service.scanned = SCANNED
        storage.answered.clear()
        yield cloud


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
