"""Rows made for a test, judged by the core."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.artifacts import shard_path
from components.shared.stage.recording import silent
from components.validate import core
from components.validate.settings import ValidateStage
from configs.errors import AnomaliesError
from configs.features import Categorical, Features, Numeric
from configs.rows import SPLITS, Label
from configs.validation import Validation

Columns = dict[str, Any]


@dataclass
class Judged:
    """What came of a run of the core: the report it wrote, and the error it raised."""

    out: Path
    report: dict[str, Any]
    error: AnomaliesError | None

    def found(self, kind: str) -> list[tuple[str, str, str]]:
        """Column, split and severity of the findings of a kind."""
        return [
            (one["column"], one["split"], one["severity"])
            for one in self.report["findings"]
            if one["kind"] == kind
        ]

    def one(self, kind: str) -> Mapping[str, Any]:
        """The only finding of a kind."""
        [finding] = [one for one in self.report["findings"] if one["kind"] == kind]
        return dict(finding)


def made(split: str, rows: int = 400) -> Columns:
    """Columns of every kind, of the same distribution whatever the split."""
    order = np.arange(rows)
    return {
        "id": [f"{split}-{i:04d}" for i in order],
        "at": pa.array(1_700_000_000_000_000 + order * 3_600_000_000, pa.timestamp("us", tz="UTC")),
        "bought": pa.array(order % 4 == 0, pa.bool_()).cast(pa.int64()),
        "price": 10 + (order * 37 % rows) / rows,
        "rooms": order % 6,
        "color": [("red", "green", "blue", "blue")[i % 4] for i in order],
        "sunny": pa.array(order % 2 == 0),
        "note": [f"free text {i}" for i in order],
    }


def without(columns: Columns, name: str) -> Columns:
    """The columns but one."""
    return {key: values for key, values in columns.items() if key != name}


def shifted(columns: Columns) -> Columns:
    """The columns after the world has changed: dearer, and all of one color."""
    return columns | {"price": np.asarray(columns["price"]) + 5, "color": ["red"] * len(columns["color"])}


def write_rows(folder: Path, **splits: Columns) -> Path:
    """A rows artifact in two shards a split."""
    for split in SPLITS:
        table = pa.table(splits.get(split) or made(split))
        folder.mkdir(exist_ok=True)
        half = table.num_rows // 2
        pq.write_table(table.slice(0, half), shard_path(folder, split, 0))
        pq.write_table(table.slice(half), shard_path(folder, split, 1))
    return folder


def stage_for(schema: str = "", **validation: Any) -> ValidateStage:
    """The stage of the made rows."""
    return ValidateStage(
        schema_pbtxt=schema,
        label=Label(column="bought"),
        key="id",
        features=Features(
            numeric={"price": Numeric(), "rooms": Numeric()},
            categorical={"color": Categorical(), "sunny": Categorical()},
        ),
        validation=Validation(**{"threads": 1} | validation),
    )


def judged(folder: Path, stage: ValidateStage, baseline: Path | None, **splits: Columns) -> Judged:
    """Run the core over made rows in a new folder."""
    rows, out, error = write_rows(folder / "rows", **splits), folder / "statistics", None
    try:
        core.run(rows, stage, baseline, out, silent)
    except AnomaliesError as raised:
        error = raised
    return Judged(out, json.loads((out / core.FINDINGS).read_text()), error)


@dataclass
class Judge:
    """Runs the core over made rows: `judge(stage, baseline, train=…, test=…)`; a split not given is clean.

    Args:
        folder: Where rows and statistics are written.
        clean: What came of clean rows, without a schema and without a baseline.
    """

    folder: Path
    clean: Judged
    made = staticmethod(made)
    stage = staticmethod(stage_for)
    write_rows = staticmethod(write_rows)

    @property
    def schema(self) -> str:
        """The schema inferred from clean rows."""
        return (self.clean.out / "schema.pbtxt").read_text()

    def __call__(
        self, stage: ValidateStage | None = None, baseline: Path | None = None, **splits: Columns
    ) -> Judged:
        """What comes of these rows; without a stage, of the made rows' own."""
        folder = self.folder / f"run-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return judged(folder, stage or stage_for(), baseline, **splits)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Clean rows, judged without a schema and without a baseline."""
    return judged(tmp_path_factory.mktemp("clean"), stage_for(), None)


@pytest.fixture
def judge(tmp_path: Path, clean: Judged) -> Judge:
    """A judge of made rows."""
    return Judge(tmp_path, clean)
