"""A stage that is stopped cancels what it has begun in BigQuery, and drops what it has made there."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from components.deliver import table as delivered
from components.deliver.settings import DeliverStage
from components.shared.files.gcs_path import BucketPath
from components.shared.sources import open_source
from configs.errors import SourceError
from configs.loading import load
from configs.rows import Source
from pipelines.graph import compiling
from tests.contract.bigquery.conftest import Adapter
from tests.contract.bigquery.service import Endless, Request
from tests.errors import raises

ROOT = Path(__file__).parents[3]
VISITS = Source(sql="SELECT * FROM shop.visits")


@pytest.fixture
def filled(service: Any, visits: pa.Table, tmp_path: Path) -> Any:
    """BigQuery with the table of visits."""
    service.load(visits, "shop.visits", tmp_path)
    return service


def holding(request: Request) -> bool:
    return request.sql.startswith("CREATE")


def exporting(request: Request) -> bool:
    return request.sql.startswith("EXPORT")


@contextmanager
def stopped_by(jobs: Endless, number: signal.Signals, at: int = 1) -> Iterator[None]:
    """Expect that this process is stopped once so many jobs run, and that it stops."""

    def wait() -> None:
        while len(jobs.running) < at:
            time.sleep(0.02)
        time.sleep(0.1)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt, match=f"stopped by {number.name}"):
        yield
    thread.join(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_query_is_cancelled(filled: Any, number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    jobs, before = filled.endless(holding), signal.getsignal(number)
    bigquery = open_source(f"bq://{filled.project}", access=filled.access())
    with stopped_by(jobs, number), bigquery.rows(VISITS) as rows:
        rows.materialize()
    (job,) = jobs.running
    assert jobs.cancelled == [job]
    assert f"BigQuery job {job} is being cancelled" in capfd.readouterr().out
    assert signal.getsignal(number) is before
    assert len([each for each in filled.requests if each.method == "DELETE" and "/tables/" in each.path]) == 1


def test_every_export_is_cancelled_and_no_other_begins(filled: Any, bucket: BucketPath) -> None:
    jobs = filled.endless(exporting)
    bigquery = open_source(f"bq://{filled.project}", access=filled.access())
    with stopped_by(jobs, signal.SIGTERM, at=4), bigquery.rows(VISITS) as rows:
        rows.materialize()
        shard = lambda index: bucket / f"train/part-{index:05d}.parquet"  # noqa: E731
        rows.write("SELECT id FROM result", ("id",), shard, 300)
    assert len(jobs.running) == 4, "eight shards, four at a time"
    assert sorted(jobs.cancelled) == sorted(jobs.running)


def test_a_failed_export_ends_the_others(filled: Any, bucket: BucketPath) -> None:
    first = "WHERE shard = 0 "
    jobs = filled.endless(lambda request: exporting(request) and first not in request.sql)
    message = "Access Denied: Table x: User does not have permission bigquery.tables.export"
    error = {"error": {"code": 403, "message": message, "errors": [{"reason": "accessDenied"}]}}

    def rejected(request: Request) -> Any:
        if first not in request.sql:
            return None
        while len(jobs.running) < 3:
            time.sleep(0.02)
        return 403, error

    filled.scripts.append(rejected)
    bigquery = open_source(f"bq://{filled.project}", access=filled.access())
    with bigquery.rows(VISITS) as rows:
        rows.materialize()
        shard = lambda index: bucket / f"train/part-{index:05d}.parquet"  # noqa: E731
        with raises(SourceError, got=re.compile("Access Denied")):
            rows.write("SELECT id FROM result", ("id",), shard, 300)
    assert sorted(jobs.cancelled) == sorted(jobs.running)


def test_a_stop_while_the_query_is_submitted_cancels_it_too(filled: Any) -> None:
    def stopping(request: Request) -> bool:
        if not holding(request):
            return False
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)
        return True

    jobs = filled.endless(stopping)
    bigquery = open_source(f"bq://{filled.project}", access=filled.access())
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), bigquery.rows(VISITS) as rows:
        rows.materialize()
    assert jobs.cancelled == list(jobs.running) != []


def test_a_load_of_predictions_is_cancelled(filled: Any, bucket: BucketPath) -> None:
    scored = pa.table({"id": ["a"], "run_id": ["r"], "scored_at": pa.array([0], pa.timestamp("us", "UTC"))})
    with (bucket / "part-00000.parquet").open("wb") as file:
        pq.write_table(scored, file)
    jobs = filled.endless(lambda request: "load" in request.job)
    stage = DeliverStage(output=f"bq://{filled.project}.scored.visits", access=filled.access())
    content = {"run_id": "r", "scored_at": "2020-01-01T00:00:00+00:00"}
    with stopped_by(jobs, signal.SIGTERM):
        delivered.deliver([bucket / "part-00000.parquet"], content, stage)
    assert jobs.cancelled == list(jobs.running) != []


def test_a_query_that_cannot_be_cancelled_says_how(filled: Any, capfd: pytest.CaptureFixture[str]) -> None:
    filled.reject("/cancel", 403, "accessDenied", "Access Denied")
    jobs = filled.endless(holding)
    bigquery = open_source(f"bq://{filled.project}", access=filled.access())
    with stopped_by(jobs, signal.SIGTERM), bigquery.rows(VISITS) as rows:
        rows.materialize()
    (job,) = jobs.running
    command = f"bq --project_id={filled.project} --location=us-central1 cancel {job}"
    assert f"It may go on: {command}" in capfd.readouterr().out


# --- the container ------------------------------------------------------------------------------


def command_of(stage: str, folder: Path) -> tuple[list[str], list[str]]:
    """The command and the arguments of a stage's container, as they would be submitted."""
    compiled = folder / "compiled.yaml"
    compiling.compile_to(load("flights", "dev"), compiled)
    container = yaml.safe_load(compiled.read_text())["deploymentSpec"]["executors"][f"exec-{stage}"]
    return container["container"]["command"], container["container"]["args"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_container_that_is_stopped_ends_its_stage_in_order(
    filled: Any, bigquery_adapter: Adapter, tmp_path: Path, shell: str
) -> None:
    jobs, rows = filled.endless(holding), tmp_path / "rows"
    parameters = {"settings": bigquery_adapter.stage().model_dump_json(), "code": "", "source": ""}
    artifact = {"name": "rows", "type": {"schemaTitle": "system.Dataset"}, "uri": str(rows), "metadata": {}}
    executor_input = {
        "inputs": {"parameterValues": parameters},
        "outputs": {
            "artifacts": {"rows": {"artifacts": [artifact]}},
            "outputFile": str(tmp_path / "executor_output.json"),
        },
    }
    command, arguments = command_of("ingest", tmp_path)
    assert command[0] == "sh"
    process = subprocess.Popen(
        [
            shell,
            *command[1:],
            *(json.dumps(executor_input) if each == "{{$}}" else each for each in arguments),
        ],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        while not jobs.running and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1, said
    assert jobs.cancelled == list(jobs.running) != [], said
    record = json.loads((tmp_path / "ingest.stage.json").read_text())
    assert (record["state"], record["error"]["message"]) == ("failed", "stopped by SIGTERM")
    assert not rows.exists()
