"""Batch prediction on Vertex AI: the submitted file runs, and its predictions lie in the bucket once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import place
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry
from components.shared.rows.parquet import open_parquet
from configs.loading import load
from configs.settings import Settings
from pipelines.commands import predict_batch as batch_command
from tests.contract.vertex.server import VertexServer

ROOT = Path(__file__).parents[2]
ROWS = 500
USE_CASE = """
name: flights
key: id
label: {column: late}
split: {by: hash, column: id}
features:
  numeric: {distance: {}, seats: {}}
  categorical: {carrier: {}, origin: {}}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a use case, rows without a label, and a champion."""
    model = tmp_path / "run/model"
    script = ROOT / "tests/unit/serving/saved_model.py"
    for artifact in ("statistics", "evaluation"):
        (tmp_path / "run" / artifact).mkdir(parents=True)
    subprocess.run([sys.executable, script, model, "0.0"], check=True, capture_output=True)
    for name in ("metrics.json", "verdict.json", "golden.json"):
        (tmp_path / "run/evaluation" / name).write_text("{}")
    registry = FolderRegistry(tmp_path / "registry")
    registry.register("flights", Submission(model, model.parent / "statistics", model.parent / "evaluation"))
    registry.deploy("flights", 1, 100)
    (tmp_path / "data").mkdir()
    numbers = range(ROWS)
    table: dict[str, Any] = {
        "id": [f"f{n:04d}" for n in numbers],
        "distance": [float(n) for n in numbers],
        "seats": [n % 300 for n in numbers],
        "carrier": ["AA"] * ROWS,
        "origin": ["JFK"] * ROWS,
    }
    pq.write_table(pa.table(table), tmp_path / "data/flights.parquet")
    (tmp_path / "flights").mkdir()
    (tmp_path / "flights/use_case.yaml").write_text(USE_CASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(vertex: VertexServer, bucket: BucketPath, workspace: Path) -> Settings:
    """Those of `dev`, at the loopback server, Beam in the stage's own container."""
    return load(
        workspace / "flights",
        "dev",
        [
            f"cloud.project={vertex.project}",
            f"places.root={bucket / 'runs'}",
            f"places.registry=file://{workspace / 'registry'}",
            f"source.uri=file://{workspace / 'data'}",
            "cloud.dataflow.options=[--runner=FnApiRunner]",
        ],
    )


def manifests(workspace: Path) -> list[dict[str, Any]]:
    """Of all runs, oldest first."""
    found = [json.loads(path.read_text()) for path in workspace.glob("output/runs/*/manifest.json")]
    return sorted(found, key=lambda manifest: float(manifest["started_at"]))


def delivered(bucket: BucketPath) -> list[dict[str, Any]]:
    """Every prediction in the bucket."""
    rows = []
    for file in sorted((bucket / "runs/predictions/flights").glob("*/*.parquet")):
        with open_parquet(place(str(file))) as shard:
            rows += shard.read().to_pylist()
    return rows


def test_predictions_lie_in_the_bucket_once_however_often_the_run_is_repeated(
    vertex: VertexServer,
    bucket: BucketPath,
    workspace: Path,
    settings: Settings,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert batch_command.run(settings), capfd.readouterr().out
    shown = capfd.readouterr().out
    (manifest,) = manifests(workspace)
    run_id = manifest["run_id"]
    assert f"{bucket}runs/predictions/flights/{run_id}\n" in shown
    assert "f0000" in shown
    assert {record["stage"]: record["state"] for record in manifest["stages"]} == dict.fromkeys(
        ("choose", "select", "predict", "deliver"), "done"
    )
    rows = delivered(bucket)
    assert len(rows) == len({row["id"] for row in rows}) == ROWS
    assert {row["run_id"] for row in rows} == {run_id}
    (request,) = vertex.requests_of("CreatePipelineJob")
    values = request.pipeline_job.runtime_config.parameter_values
    parameters = {name: value.string_value for name, value in values.items()}
    assert parameters == {**manifest["parameters"], "command": manifest["command"]}
    assert (parameters["run_id"], parameters["version"]) == (run_id, "")

    assert batch_command.run(settings, repeat=run_id), capfd.readouterr().out
    assert delivered(bucket) == rows
    assert manifests(workspace)[-1]["parameters"] == {**manifest["parameters"], "version": "1"}
    assert not vertex.requests_of("CreateContext"), "predictions are no experiment"
    _the_report_says_where_they_are(manifest, workspace, f"{bucket}runs/predictions/flights/{run_id}")


def _the_report_says_where_they_are(manifest: dict[str, Any], workspace: Path, output: str) -> None:
    browser = "https://console.cloud.google.com/storage/browser/" + output.removeprefix("gs://")
    assert manifest["links"].keys() == {"pipeline job", "predictions' page"}
    assert manifest["links"]["predictions' page"].partition("?")[0] == browser
    report = (workspace / "output/runs" / manifest["run_id"] / "report.html").read_text()
    for words in (f"{ROWS} rows scored", "By version 1.", f"{ROWS} predictions + 0 rejected", browser):
        assert words in report
    assert manifest["links"]["pipeline job"] in report
    assert "is no longer there" not in report
    assert 'id="scores-title"' in report, "the counts of the scores came with predictions.json"


def test_a_failure_there_names_the_command_that_goes_on(
    workspace: Path, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not batch_command.run(settings, version="7")
    shown = capfd.readouterr().out
    assert "choose failed  RegistryError" in shown
    manifest = manifests(workspace)[-1]
    assert f"--repeat {manifest['run_id']}" in shown
    report = (workspace / "output/runs" / manifest["run_id"] / "report.html").read_text()
    assert "Failed in choose" in report
    assert f"--repeat {manifest['run_id']}" in report
