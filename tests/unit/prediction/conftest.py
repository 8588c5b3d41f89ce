"""A table of flights to score, and a small model of known scores."""

import datetime
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.predict import core
from components.predict.scored import Stamp
from components.predict.settings import PredictStage
from components.shared.files.artifacts import read_json, shard_path, shards
from components.shared.stage.recording import silent
from configs.places import Beam

ROOT = Path(__file__).parents[3]
AT = datetime.datetime(2020, 5, 1, 12, tzinfo=datetime.UTC)
STAMP = Stamp("flights", "7", AT, "flights-prediction-1")
STAGE = PredictStage(
    name="flights",
    key="id",
    columns=("day",),
    threshold=0.5,
    shard_rows=400,
    batch_rows=150,
    max_string_bytes=1000,
    max_rejected=0.05,
    beam=Beam(),
)


def score(distance: float | None, seats: float | None, carrier: str | None) -> float:
    """What tests/unit/serving/saved_model.py computes, in Python."""
    index = {"AA": 0, "B6": 1, "UA": 2}.get(carrier or "", 3)
    known = [x if x is not None and math.isfinite(x) else 0.0 for x in (distance, seats)]
    return 1 / (1 + math.exp(-(known[0] / 1000 + 0.5 * index + 0.25 * known[1] / 100)))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SavedModel, with a vocabulary of two carriers; made in a process of its own."""
    folder = tmp_path_factory.mktemp("models") / "saved"
    script = ROOT / "tests/unit/serving/saved_model.py"
    subprocess.run([sys.executable, script, folder, "0.0"], check=True, capture_output=True)
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets/vocabularies").write_bytes(b"carrier=AA\ncarrier=B6\ncarrier=\n")
    return folder


@pytest.fixture(scope="session")
def flights() -> pa.Table:
    """A thousand flights with holes of every kind in them."""
    numbers = range(1000)
    holes = {5: None, 6: math.nan, 7: math.inf}
    return pa.table(
        {
            "id": [f"f{number:04d}" for number in numbers],
            "day": [datetime.date(2020, 5, 1 + number % 30) for number in numbers],
            "distance": [holes.get(number, float(number)) for number in numbers],
            "seats": pa.array([None if number % 10 == 0 else number % 300 for number in numbers], pa.int64()),
            "carrier": [None if number % 50 == 0 else ["AA", "B6", "ZZ"][number % 3] for number in numbers],
            "origin": ["JFK"] * 1000,
        }
    )


def replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    """A table with another column."""
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes a `rows` artifact, in shards of so many rows."""

    def written(table: pa.Table, shard_rows: int = 600, name: str = "rows") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index, start in enumerate(range(0, table.num_rows, shard_rows)):
            pq.write_table(table.slice(start, shard_rows), shard_path(folder, "score", index))
        return folder

    return written


class Predicted:
    """A `predictions` artifact."""

    def __init__(self, folder: Path, summary: Any) -> None:
        self.folder, self.summary = folder, summary

    @property
    def description(self) -> dict[str, Any]:
        """Of predictions.json."""
        description: dict[str, Any] = read_json(self.folder / "predictions.json")
        return description

    def rows(self, part: str = "") -> list[dict[str, Any]]:
        """The predictions, or what is in another folder of the artifact."""
        files = shards(self.folder / part if part else self.folder, "score")
        return [row for file in files for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def predicted(model: Path, tmp_path: Path) -> Callable[..., Predicted]:
    """Scores rows with the model."""

    def run(rows: Path, stage: PredictStage = STAGE, name: str = "predictions") -> Predicted:
        out = tmp_path / name
        return Predicted(out, core.run(rows, model, STAMP, stage, out, silent))

    return run
