"""The page docs/your-data.md, followed to the letter: another table, by configuration alone.

Each test is a run of the command line as a person types it; about six minutes on two cores.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.planes import lay_out

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workspace:
    """A working folder with a person's own use case."""

    folder: Path

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m pipelines WORDS`, off a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "pipelines", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def manifests(self) -> list[dict[str, Any]]:
        """Of all runs, oldest first."""
        found = [json.loads(path.read_text()) for path in self.folder.glob("output/runs/*/manifest.json")]
        return sorted(found, key=lambda manifest: float(manifest["started_at"]))

    def predictions(self) -> list[dict[str, Any]]:
        """Of all runs."""
        files = sorted(self.folder.glob("output/predictions/planes/*/*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]

    def traffic(self) -> dict[str, int]:
        """Of the endpoint."""
        path = self.folder / "output/registry/planes/endpoint.json"
        traffic: dict[str, int] = json.loads(path.read_text())["endpoint"]["traffic"]
        return traffic


def ran(manifest: dict[str, Any]) -> set[str]:
    return {record["stage"] for record in manifest["stages"] if not record["cached"]}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("workspace")
    lay_out(folder, Path("my/planes"))
    return Workspace(folder)


@pytest.fixture(scope="module")
def first(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    return workspace.type("run", "my/planes")


def test_the_first_run_ends_with_a_served_version_and_a_report(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stdout + first.stderr
    assert "passed: the candidate may serve" in first.stdout
    assert "python -m pipelines serve my/planes" in first.stdout
    (manifest,) = workspace.manifests()
    assert manifest["state"] == "done"
    assert ran(manifest) == {
        "resolve", "ingest", "validate", "transform", "train", "evaluate", "deploy",
    }  # fmt: skip
    assert "reject" not in ran(manifest)
    assert "feature {" in (workspace.folder / "my/planes/schema.pbtxt").read_text()
    (report,) = workspace.folder.glob("output/runs/*/report.html")
    assert "<script src" not in report.read_text()
    assert workspace.traffic() == {"1": 100}


def test_the_graph_itself_leaves_report_manifest_metrics_and_curve(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    (run,) = workspace.folder.glob("output/runs/*/kfp/*")
    (shown,) = workspace.folder.glob("output/runs/*/report.html")
    assert (run / "report/report.html").read_text() == shown.read_text()
    manifest = json.loads((run / "report/manifest.json").read_text())
    assert (manifest["state"], manifest["run_id"]) == ("done", shown.parent.name)
    assert manifest["command"] == "python -m pipelines run my/planes"
    assert ran(manifest) == ran(workspace.manifests()[0])
    written = json.loads((run / "evaluate/executor_output.json").read_text())["artifacts"]
    metrics, curve = (written[name]["artifacts"][0]["metadata"] for name in ("metrics", "curve"))
    assert 0.5 < metrics["auc"] < 1
    assert {"confidenceMetrics", "confusionMatrix"} <= set(curve)


def test_a_run_that_fails_has_a_report_that_shows_the_failure(tmp_path: Path) -> None:
    lay_out(tmp_path, Path("my/planes"))
    other = Workspace(tmp_path)
    failed = other.type("run", "my/planes", "--set", "features.numeric.wingspan={}")
    assert failed.returncode == 1
    assert "ingest failed  MissingFeatureError" in failed.stdout
    assert not re.search(r"^cached", failed.stdout, re.MULTILINE), "what was never reached is in no cache"
    (manifest,) = other.manifests()
    assert manifest["state"] == "failed"
    (page,) = tmp_path.glob("output/runs/*/kfp/*/report/report.html")
    assert "Failed in ingest" in page.read_text()
    assert "MissingFeatureError" in page.read_text()
    (shown,) = tmp_path.glob("output/runs/*/report.html")
    assert shown.read_text() == page.read_text()


def test_no_row_disappears(workspace: Workspace, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    records = workspace.manifests()[0]["stages"]
    outputs = {name: Path(output["path"]) for r in records for name, output in r["outputs"].items()}
    rows = json.loads((outputs["rows"] / "rows.json").read_text())
    kept = sum(split["rows"] for split in rows["splits"].values())
    assert rows["source_rows"] == kept + sum(rows["excluded"].values()) == 3322
    examples = json.loads((outputs["examples"] / "examples.json").read_text())
    for split, counts in examples["splits"].items():
        assert counts["in"] == counts["out"] + counts["rejected"] == rows["splits"][split]["rows"]


def test_every_row_is_scored_with_the_served_numbers_and_nothing_further_written(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    done = workspace.type("predict-batch", "my/planes")
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = workspace.manifests()[-1]
    run_id = manifest["run_id"]
    assert (manifest["pipeline"], manifest["state"]) == ("prediction", "done")
    assert ran(manifest) == {"choose", "select", "predict", "deliver"}
    assert re.search(r"done in .* 3,322 rows, [\d,]+ rows/s", done.stdout)
    assert f"output/predictions/planes/{run_id}\n" in done.stdout
    assert "next:  python -m pipelines status planes" in done.stdout
    report = workspace.folder / f"output/runs/{run_id}/report.html"
    assert "3,322 rows scored" in report.read_text()
    assert "3,322 predictions + 0 rejected = 3,322 selected rows" in report.read_text()
    assert workspace.type("report", "planes").stdout.strip() == str(report.relative_to(workspace.folder))
    assert run_id not in workspace.type("report", "planes", "--pipeline", "training").stdout
    rows = {row["tailnum"]: row for row in workspace.predictions()}
    assert len(rows) == 3322
    assert {row["run_id"] for row in rows.values()} == {run_id}
    assert {row["model_version"] for row in rows.values()} == {"1"}
    golden = json.loads(
        (workspace.folder / "output/registry/planes/versions/1/evaluation/golden.json").read_text()
    )
    served = dict(zip(golden["keys"], golden["scores"], strict=True))
    assert {key: rows[key]["score"] for key in served} == pytest.approx(served, abs=1e-6)
    assert run_id in workspace.type("status", "planes").stdout


def test_predictions_of_a_repeated_run_take_its_place_and_another_run_is_added(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    assert workspace.type("predict-batch", "my/planes", "--version", "1").returncode == 0
    run_id, before = workspace.manifests()[-1]["run_id"], len(workspace.predictions())
    repeated = workspace.type("predict-batch", "my/planes", "--repeat", run_id)
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert ran(workspace.manifests()[-1]) == {"choose", "deliver"}, "nothing has changed: all is in the cache"
    assert len(workspace.predictions()) == before
    assert workspace.type("predict-batch", "my/planes").returncode == 0
    assert len(workspace.predictions()) == before + 3322


def test_a_prediction_that_fails_names_the_cause_and_the_command_that_goes_on(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    failed = workspace.type("predict-batch", "my/planes", "--set", "prediction.columns=[owner]")
    assert failed.returncode == 1
    assert "select failed  MissingFeatureError: the column 'owner'" in failed.stdout
    run_id = workspace.manifests()[-1]["run_id"]
    assert f"predict-batch my/planes --set 'prediction.columns=[owner]' --repeat {run_id}" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    unknown = workspace.type("predict-batch", "my/planes", "--version", "77")
    assert "choose failed  RegistryError" in unknown.stdout
    assert "one of the versions 1" in unknown.stdout


def test_an_unchanged_run_is_taken_from_the_cache(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    workspace.type("run", "my/planes")  # the first run has kept its schema: validate looks once more
    again = workspace.type("run", "my/planes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert ran(workspace.manifests()[-1]) == {"resolve", "deploy"}
    assert "already serving" in again.stdout
    assert workspace.traffic() == {"1": 100}


def test_a_worse_model_is_not_deployed(workspace: Workspace, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    rejected = workspace.type("run", "my/planes", "--set", "evaluation.gates=[{metric: auc, floor: 1.0}]")
    assert rejected.returncode == 0, rejected.stdout + rejected.stderr
    assert "rejected: nothing is deployed" in rejected.stdout
    manifest = workspace.manifests()[-1]
    assert "reject" in ran(manifest)
    assert "deploy" not in ran(manifest)
    assert not {"ingest", "transform", "train"} & ran(manifest)
    assert workspace.traffic() == {"1": 100}


def test_a_failure_names_the_stage_the_cause_the_log_and_the_command(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    failed = workspace.type("run", "my/planes", "--set", "features.numeric.wingspan={}")
    assert failed.returncode == 1
    assert "ingest failed" in failed.stdout
    assert "wingspan" in failed.stdout
    assert "ingest.log" in failed.stdout
    assert "python -m pipelines run my/planes --set" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert workspace.manifests()[-1]["state"] == "failed"


def test_a_model_of_other_settings_becomes_the_next_version_and_can_be_rolled_back(
    workspace: Workspace, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    other = ("--set", "training.seed=18", "--set", "evaluation.gates=[{metric: auc, floor: 0.5}]")
    assert workspace.type("run", "my/planes", *other).returncode == 0
    assert workspace.traffic() == {"2": 100}
    back = workspace.type("rollback", "my/planes")
    assert back.returncode == 0
    assert workspace.traffic() == {"1": 100}
    again = workspace.type("run", "my/planes", *other)
    assert again.returncode == 0
    assert workspace.traffic() == {"1": 100}, "what a person rolled back, a rerun must not bring back"
    promoted = workspace.type("promote", "my/planes", "2")
    assert promoted.returncode == 0
    assert workspace.traffic() == {"2": 100}
    shown = workspace.type("status", "planes")
    assert "rolled back" in shown.stdout or "former champion" in shown.stdout


def test_help_answers_without_the_heavy_libraries() -> None:
    heavy = ("tensorflow", "apache_beam", "kfp", "duckdb", "pyarrow", "pandas")
    code = f"import sys, pipelines.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistyped_use_case_is_one_line(workspace: Workspace) -> None:
    done = workspace.type("run", "my/plans")
    assert done.returncode == 1
    assert done.stderr.startswith("SettingsError: use case 'my/plans'")
    assert len(done.stderr.strip().splitlines()) == 1
