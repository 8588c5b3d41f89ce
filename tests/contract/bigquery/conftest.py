"""BigQuery as its adapter meets it: the emulator, behind a server that notes what is asked and can answer."""

import datetime
import http.client
import http.server
import json
import threading
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.ingest import core
from components.recording import silent
from configs.cloud import BigQuery, BigQueryAccess
from configs.rows import Ingest, Label, Source, TimeSplit
from configs.stages.training import IngestStage

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
TYPES = {
    pa.string(): "STRING",
    pa.int64(): "INT64",
    pa.float64(): "FLOAT64",
    pa.bool_(): "BOOL",
    pa.timestamp("us", "UTC"): "TIMESTAMP",
    pa.date32(): "DATE",
}
Answer = tuple[int, Mapping[str, Any]]
Script = Callable[["Asked"], Answer | None]


@dataclass
class Asked:
    """A request of the client."""

    method: str
    path: str
    body: Any

    @property
    def job(self) -> dict[str, Any]:
        """The configuration of the job that it starts; empty where it starts none."""
        started = self.method == "POST" and self.path.endswith("/jobs") and isinstance(self.body, dict)
        return dict(self.body["configuration"]) if started else {}

    @property
    def sql(self) -> str:
        """The statement of that job."""
        return str(self.job.get("query", {}).get("query", ""))


@dataclass
class Service:
    """BigQuery's REST API on loopback: scripts answer first, the emulator the rest."""

    url: str = ""
    project: str = ""
    """A project that no other test uses."""
    read_endpoint: str = ""
    client: Any = None
    asked: list[Asked] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)

    def access(self, **more: Any) -> BigQueryAccess:
        """As a stage is told."""
        return BigQueryAccess(
            **{
                "project": self.project,
                "location": "us-central1",
                "labels": {"environment": "test", "use_case": "visits", "stage": "ingest"},
                "read_endpoint": self.read_endpoint,
                "bigquery": BigQuery(),
                **more,
            }
        )

    def load(self, table: pa.Table, name: str, folder: Path) -> None:
        """Fill `dataset.table`, made where missing."""
        from google.cloud import bigquery

        dataset, _, _ = name.partition(".")
        self.client.create_dataset(f"{self.project}.{dataset}", exists_ok=True)
        pq.write_table(table, folder / "load.parquet")
        schema = [bigquery.SchemaField(each.name, TYPES[each.type]) for each in table.schema]
        config = bigquery.LoadJobConfig(
            schema=schema, source_format="PARQUET", write_disposition="WRITE_TRUNCATE"
        )
        with (folder / "load.parquet").open("rb") as content:
            self.client.load_table_from_file(content, f"{self.project}.{name}", job_config=config).result()
        self.asked.clear()

    def jobs(self) -> list[Asked]:
        """The requests that started a job, in order."""
        return [each for each in self.asked if each.job]

    def refuse(self, path: str, status: int, reason: str, message: str) -> None:
        """Answer requests whose path holds this with an error of BigQuery's."""
        error = {
            "error": {
                "code": status,
                "message": message,
                "errors": [{"reason": reason, "message": message, "domain": "global"}],
            }
        }
        self.scripts.append(lambda asked: (status, error) if path in asked.path else None)

    def dry_run(self, scanned: int, *fields: tuple[str, str], tables: tuple[str, ...] = ()) -> None:
        """Answer dry runs as BigQuery does: with bytes, columns and the tables behind views.

        Args:
            scanned: Bytes.
            fields: Names and types of the result's columns.
            tables: `project.dataset.table` of all that is read.
        """
        parts = ("projectId", "datasetId", "tableId")
        query = {
            "totalBytesProcessed": str(scanned),
            "statementType": "SELECT",
            "schema": {"fields": [{"name": n, "type": t, "mode": "NULLABLE"} for n, t in fields]},
            "referencedTables": [dict(zip(parts, each.split("."), strict=True)) for each in tables],
        }

        def answer(asked: Asked) -> Answer | None:
            if not asked.job.get("dryRun"):
                return None
            return 200, {
                "jobReference": asked.body["jobReference"],
                "configuration": asked.job,
                "status": {"state": "DONE"},
                "statistics": {"totalBytesProcessed": str(scanned), "query": query},
            }

        self.scripts.append(answer)

    def endless(self, wanted: Callable[[Asked], bool]) -> "Endless":
        """Let the jobs that are wanted run until somebody cancels them."""
        jobs = Endless(wanted)
        self.scripts.append(jobs.answer)
        return jobs


@dataclass
class Endless:
    """Jobs that run until they are cancelled, told by the requests that start them."""

    wanted: Callable[[Asked], bool]
    running: dict[str, Any] = field(default_factory=dict)
    """As the service tells of them, by id; of those that were cancelled, too."""
    cancelled: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer | None:
        """What the service says of such a job; None for other requests."""
        if asked.job and self.wanted(asked):
            reference = {"location": "us-central1", **asked.body["jobReference"]}
            job = {"jobReference": reference, "configuration": asked.job, "status": {"state": "RUNNING"}}
            self.running[reference["jobId"]] = job
            return 200, job
        last, verb = asked.path.rpartition("/")[2], asked.path.split("/")[-2]
        if last == "cancel" and verb in self.running:
            self.cancelled.append(verb)
            return 200, {"kind": "bigquery#jobCancelResponse", "job": self.running[verb]}
        if last not in self.running:
            return None
        job = self.running[last]
        return 200, {"jobReference": job["jobReference"], "jobComplete": False} if verb == "queries" else job


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service
    behind: str

    def answer(self) -> None:
        """One request."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        asked = Asked(self.command, urllib.parse.urlsplit(self.path).path, body)
        self.service.asked.append(asked)
        scripted = next((found for script in self.service.scripts if (found := script(asked))), None)
        if scripted:
            self._send(scripted[0], json.dumps(scripted[1]).encode(), {"Content-Type": "application/json"})
        else:
            self._pass_on(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the base class's names

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def _pass_on(self, raw: bytes) -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.behind).netloc)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
        connection.request(self.command, self.path, raw, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = ("content-type", "location", "x-goog-upload-status", "range")
        self._send(answer.status, content, {k: v for k, v in answer.getheaders() if k.lower() in kept})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="session")
def _service(bigquery_server: Any) -> Iterator[Service]:
    service = Service(read_endpoint=bigquery_server.read_endpoint)
    handler = type("_Told", (_Handler,), {"service": service, "behind": bigquery_server.url})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield service
    server.shutdown()
    server.server_close()
    thread.join(timeout=30)


@pytest.fixture
def service(_service: Service, bigquery_server: Any, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The unmodified BigQuery clients of this process talk to it; a new project, no scripts, no memory."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", _service.url)
    _service.project = f"test-{uuid.uuid4().hex[:12]}"
    _service.client = bigquery_server.client(_service.project)
    _service.asked.clear()
    _service.scripts.clear()
    return _service


@pytest.fixture
def visits() -> pa.Table:
    """One visit an hour over a hundred days, to the microsecond, every tenth without an outcome."""
    numbers = range(2400)
    instants = [START + datetime.timedelta(hours=number, microseconds=number) for number in numbers]
    return pa.table(
        {
            "id": [f"v{number:04d}" for number in numbers],
            "seen": pa.array(instants, pa.timestamp("us", "UTC")),
            "day": [instant.date() for instant in instants],
            "bought": [None if number % 10 == 0 else int(number % 3 == 0) for number in numbers],
            "why": ["gone" if number % 20 == 0 else None for number in numbers],
            "amount": [float("nan") if number % 7 == 0 else number / 2 for number in numbers],
            "page": [None if number % 11 == 0 else "aé'"[number % 3] for number in numbers],
            "known": [number % 4 == 0 for number in numbers],
        }
    )


BY_TIME = TimeSplit(
    by="time",
    column="seen",
    eval_from=datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC),
    test_from=datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC),
)


@dataclass
class Adapter:
    """A source with the tables of a test, and how a stage is told of it."""

    uri: str
    access: BigQueryAccess | None
    put: Callable[[pa.Table, str], None]
    """Fill `dataset.table`."""

    def stage(self, sql: str = "SELECT * FROM shop.visits", **more: Any) -> IngestStage:
        """Ingest of the visits, split by time."""
        return IngestStage(
            **{
                "source": Source(uri=self.uri, sql=sql),
                "label": Label(column="bought", excluded_because="why"),
                "key": "id",
                "split": BY_TIME,
                "columns": ("id", "amount", "page"),
                "ingest": Ingest(shard_rows=500),
                "access": self.access,
                **more,
            }
        )

    def ingest(self, out: Path, **more: Any) -> Path:
        """Run ingest; returns the place of its rows."""
        core.run(self.stage(**more), out, silent)
        return out


@pytest.fixture
def duckdb_adapter(tmp_path: Path) -> Adapter:
    """A warehouse of this machine."""
    import duckdb

    file = tmp_path / "warehouse.duckdb"

    def put(table: pa.Table, name: str) -> None:
        with duckdb.connect(file) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
            connection.register("given", table)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM given")

    return Adapter(f"duckdb://{file}", None, put)


@pytest.fixture
def bigquery_adapter(service: Service, tmp_path: Path) -> Adapter:
    """BigQuery on loopback."""
    return Adapter(
        f"bq://{service.project}", service.access(), lambda table, name: service.load(table, name, tmp_path)
    )


@pytest.fixture(params=["duckdb", "bigquery"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter in turn: what holds for one holds for the other."""
    found: Adapter = request.getfixturevalue(f"{request.param}_adapter")
    return found
