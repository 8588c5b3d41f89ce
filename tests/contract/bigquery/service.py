"""BigQuery's REST API on loopback: the emulator, behind a server that notes what is asked and can answer."""

import contextlib
import http
import http.client
import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.bigquery import BigQuery, BigQueryAccess
from tests.contract.iam.calls import Heard, Watch

TYPES = {
    pa.string(): "STRING",
    pa.int64(): "INT64",
    pa.float64(): "FLOAT64",
    pa.bool_(): "BOOL",
    pa.timestamp("us", "UTC"): "TIMESTAMP",
    pa.date32(): "DATE",
}
Answer = tuple[int, Mapping[str, Any]]
Script = Callable[["Request"], Answer | None]


@dataclass
class Request:
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
    requests: list[Request] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    watch: Watch | None = None
    """Called with each request, where a test watches."""
    scanned: int | None = None
    """What the emulator's dry runs say they would scan; None: 0, as it does by itself."""

    def access(self, **more: Any) -> BigQueryAccess:
        """As a stage is given it."""
        return BigQueryAccess(
            **{
                "project": self.project,
                "location": "us-central1",
                "labels": {"environment": "test", "use_case": "visits", "stage": "ingest"},
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
        self.requests.clear()

    def jobs(self) -> list[Request]:
        """The requests that started a job, in order."""
        return [each for each in self.requests if each.job]

    def reject(self, path: str, status: int, reason: str, message: str) -> None:
        """Answer requests whose path holds this with an error of BigQuery's."""
        error = {
            "error": {
                "code": status,
                "message": message,
                "errors": [{"reason": reason, "message": message, "domain": "global"}],
            }
        }
        self.scripts.append(lambda request: (status, error) if path in request.path else None)

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

        def answer(request: Request) -> Answer | None:
            if not request.job.get("dryRun"):
                return None
            return 200, {
                "jobReference": request.body["jobReference"],
                "configuration": request.job,
                "status": {"state": "DONE"},
                "statistics": {"totalBytesProcessed": str(scanned), "query": query},
            }

        self.scripts.append(answer)

    def endless(self, wanted: Callable[[Request], bool]) -> "Endless":
        """Let the jobs that are wanted run until somebody cancels them."""
        jobs = Endless(wanted)
        self.scripts.append(jobs.answer)
        return jobs


@dataclass
class Endless:
    """Jobs that run until they are cancelled, identified by the requests that start them."""

    wanted: Callable[[Request], bool]
    running: dict[str, Any] = field(default_factory=dict)
    """As the service tells of them, by id; of those that were cancelled, too."""
    cancelled: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer | None:
        """What the service says of such a job; None for other requests."""
        if request.job and self.wanted(request):
            reference = {"location": "us-central1", **request.body["jobReference"]}
            job = {"jobReference": reference, "configuration": request.job, "status": {"state": "RUNNING"}}
            self.running[reference["jobId"]] = job
            return 200, job
        last, verb = request.path.rpartition("/")[2], request.path.split("/")[-2]
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
        if self.service.watch:
            self.service.watch(Heard(self.client_address[1], self.command, self.path, raw))
        request = Request(self.command, urllib.parse.urlsplit(self.path).path, body)
        self.service.requests.append(request)
        scripted = next((found for script in self.service.scripts if (found := script(request))), None)
        if scripted:
            self._send(scripted[0], json.dumps(scripted[1]).encode(), {"Content-Type": "application/json"})
        else:
            self._pass_on(request, raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the base class's names

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def _pass_on(self, request: Request, raw: bytes) -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.behind).netloc)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
        connection.request(self.command, self.path, raw, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status == http.HTTPStatus.OK and request.job.get("dryRun") and self.service.scanned:
            content = _scanning(content, self.service.scanned)
        kept = ("content-type", "location", "x-goog-upload-status", "range")
        self._send(answer.status, content, {k: v for k, v in answer.getheaders() if k.lower() in kept})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _scanning(content: bytes, scanned: int) -> bytes:
    """A dry run's answer with the bytes that it would scan."""
    job = json.loads(content)
    for figures in (job["statistics"], job["statistics"]["query"]):
        figures["totalBytesProcessed"] = str(scanned)
    return json.dumps(job).encode()


@contextlib.contextmanager
def serving(behind: Any) -> Iterator[Service]:
    """Such a server before an emulator, until the end of the block.

    Args:
        behind: The emulator, a `BigQueryServer`.
    """
    service = Service(read_endpoint=behind.read_endpoint)
    handler = type("_Told", (_Handler,), {"service": service, "behind": behind.url})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=30)
