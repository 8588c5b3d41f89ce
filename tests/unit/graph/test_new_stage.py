"""A new stage is one folder and one line: everything else follows from them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

ROOT = Path(__file__).parents[3]
LINE = '        StageSpec("audit", "rows to a count", ("counts",), minutes=(1, 5)),\n'
BEFORE = '        StageSpec("transform",'
FOLDER = {
    "__init__.py": '"""Audit: `rows` in, how many there are out."""\n',
    "settings.py": '''"""What `audit` needs of the settings."""

from typing import Annotated, Self

from configs.section import HOW, Section
from configs.settings import Settings


class AuditStage(Section):
    """Which rows are counted."""

    name: str
    labels: Annotated[dict[str, str], HOW]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(name=settings.name, labels=settings.labels)
''',
    "core.py": '''"""Count rows."""

from pathlib import Path

import pyarrow.parquet as pq

from components.audit.settings import AuditStage
from components.shared.files.artifacts import Summary, write_json


def run(rows: Path, stage: AuditStage, out: Path) -> Summary:
    """Count the rows of all shards; writes counts.json."""
    total = sum(pq.read_metadata(shard).num_rows for shard in rows.rglob("*.parquet"))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "counts.json", {stage.name: total})
    return {"rows": total}
''',
    "component.py": '''"""The KFP component of `audit`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def audit(
    rows: dsl.Input[dsl.Dataset], settings: str, code: str, counts: dsl.Output[dsl.Artifact]
) -> None:
    """Rows in, their number out."""
    from components.shared.stage.opening import open_stage

    with open_stage("audit", locals()) as stage:
        from components.audit import core
        from components.audit.settings import AuditStage

        stage.done(core.run(stage.path(rows), stage.settings(AuditStage), stage.path(counts)))
''',
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product with one more stage."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("components", "configs", "pipelines"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("*.pyc"))
    for file in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / file, tree)
    (tree / "components/audit").mkdir()
    for name, text in FOLDER.items():
        (tree / "components/audit" / name).write_text(text)
    table = (tree / "configs/stages.py").read_text()
    assert table.count(BEFORE) == 1
    (tree / "configs/stages.py").write_text(table.replace(BEFORE, LINE + BEFORE))
    return tree


def called(tree: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_priced_and_known_to_the_checks(tree: Path) -> None:
    assert "audit" in called(tree, "-m", "pipelines", "stage", "--help")
    output = called(
        tree,
        "-c",
        "from configs.loading import load; from configs.prices import stage_minutes;"
        "from configs.stages import artifact_makers; from pipelines.graph import definitions;"
        "assert load('flights', 'dev', ['cloud.stages.audit.cpus=2']).cloud.stages['audit'].cpus == 2;"
        "print(definitions.of('training').order);"
        "print(artifact_makers('training')['counts'], stage_minutes('audit').high)",
    )
    assert "'validate', 'audit', 'transform'" in output
    assert output.split()[-2:] == ["audit", "5.0"]


@pytest.mark.parametrize("environment", ["local", "dev"])
def test_it_compiles_with_its_inputs_its_cache_key_and_its_image(tree: Path, environment: str) -> None:
    path = called(tree, "-m", "pipelines", "compile", "flights", "--env", environment).split()[-1]
    spec = yaml.safe_load((tree / path).read_text())
    dags = [spec["root"], *(each for each in spec["components"].values() if "dag" in each)]
    (task,) = (dag["dag"]["tasks"]["audit"] for dag in dags if "audit" in dag["dag"]["tasks"])
    assert task["inputs"]["artifacts"]["rows"]["taskOutputArtifact"]["producerTask"] == "ingest"
    assert task["cachingOptions"]["enableCache"]
    given = json.loads(task["inputs"]["parameters"]["settings"]["runtimeValue"]["constant"])
    assert given == {"name": "flights"}, "what it makes; how it works is left by the first task"
    (resolve,) = (dag["dag"]["tasks"]["resolve"] for dag in dags if "resolve" in dag["dag"]["tasks"])
    how = json.loads(resolve["inputs"]["parameters"]["how"]["runtimeValue"]["constant"])
    assert how["audit"] == {"labels": {"use_case": "flights", "environment": environment}}
    container = spec["deploymentSpec"]["executors"]["exec-audit"]["container"]
    assert ("resources" in container) == (environment == "dev")


def test_it_runs_by_itself_on_the_artifacts_of_an_earlier_run(tree: Path) -> None:
    run = tree / "output/runs/flights-20260101-000000-aaaa"
    (run / "rows/train").mkdir(parents=True)
    pq.write_table(pa.table({"a": list(range(7))}), run / "rows/train/0.parquet")
    outputs = {"rows": {"path": str(run / "rows")}}
    stage = {"stage": "ingest", "state": "done", "inputs": {}, "outputs": outputs, "started_at": 0.0}
    manifest = {
        "name": "flights",
        "pipeline": "training",
        "state": "done",
        "started_at": 0.0,
        "stages": [stage],
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    called(tree, "-m", "pipelines", "stage", "audit", "flights")
    out = tree / "output/alone/audit"
    assert json.loads((out / "counts/counts.json").read_text()) == {"flights": 7}
    assert json.loads((out / "audit.stage.json").read_text())["summary"] == {"rows": 7}


def test_the_import_contracts_hold_for_it(tree: Path) -> None:
    contracts = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    called(tree, "-c", contracts)
    core = tree / "components/audit/core.py"
    core.write_text(f"{FOLDER['core.py']}\nimport kfp\nfrom components.train import core\n")
    with pytest.raises(AssertionError, match=r"components\.audit\.core -> kfp") as broken:
        called(tree, "-c", contracts)
    core.write_text(FOLDER["core.py"])
    assert "components.audit is not allowed to import components.train" in str(broken.value)
