"""Rows made for a test, small SavedModels, and a settings part to judge them with."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from components.evaluate import core
from components.evaluate.frozen import open_split
from components.evaluate.settings import EvaluateStage
from components.shared.files.artifacts import shard_path
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import silent
from configs.evaluation import Evaluation, Gate
from configs.places import Beam
from configs.rows import Label

NUMERIC, CATEGORICAL = ("hour", "humid", "seats"), ("carrier", "weekend")
Columns = Mapping[str, Any]
Score = Callable[[Columns], Any]


def made_rows(count: int, seed: int = 17) -> pa.Table:
    """Flights with missing values of every kind; the carrier HA has few rows, and one label."""
    random = np.random.default_rng(seed)
    hour = random.integers(5, 23, count)
    humid = random.normal(60, 20, count)
    carrier = random.choice(["UA", "B6", "EV", "", "HA"], count, p=[0.5, 0.3, 0.15, 0.04, 0.01]).astype(
        object
    )
    logit = 0.15 * (hour - 14) + (humid - 60) / 25 + 0.6 * (carrier == "EV") - 0.9
    late = (random.random(count) < 1 / (1 + np.exp(-logit))) & (carrier != "HA")
    humid[random.random(count) < 0.05] = np.nan
    humid[random.random(count) < 0.01] = np.inf
    seats = random.integers(20, 380, count)
    columns: dict[str, Any] = {
        "id": [f"{index:06d}" for index in range(count)],
        "late": late.astype(np.int64),
        "hour": hour,
        "humid": humid,
        "seats": pa.array(seats, mask=random.random(count) < 0.1),
        "carrier": pa.array([value or None for value in carrier]),
        "weekend": random.random(count) < 2 / 7,
        "month": pa.array(random.choice([11, 12], count), pa.int32()),
    }
    return pa.table(columns)


def write_rows(folder: Path, table: pa.Table, shards: int = 2) -> Path:
    """A `rows` artifact with a test split."""
    folder.mkdir(parents=True)
    size = -(-len(table) // shards)
    for index in range(shards):
        pq.write_table(table.slice(index * size, size), shard_path(folder, "test", index))
    return folder


def sensible(columns: Columns) -> Any:
    """A score that knows something of the label."""
    humid = tf.where(tf.math.is_nan(columns["humid"]), 60.0, columns["humid"])
    seats = tf.where(tf.math.is_nan(columns["seats"]), 0.0, columns["seats"])
    bonus = tf.where(columns["carrier"] == "EV", 0.6, 0.0) - tf.where(columns["weekend"] == "true", 0.1, 0.0)
    return tf.sigmoid(0.15 * (columns["hour"] - 14) + (humid - 60) / 25 + seats / 1e4 + bonus - 0.9)


def poor(columns: Columns) -> Any:
    """A score that knows little of it."""
    return tf.sigmoid(0.05 * (columns["hour"] - 14) - 0.6)


def save_model(
    folder: Path,
    score: Score,
    numeric: Sequence[str] = NUMERIC,
    categorical: Sequence[str] = CATEGORICAL,
    output: str = "score",
) -> Path:
    """A SavedModel as `train` exports it, with a rule for a model."""

    @tf.function  # type: ignore[untyped-decorator]
    def serve(**columns: Any) -> dict[str, Any]:
        return {output: score(columns)}

    specs = {name: tf.TensorSpec([None], tf.float32, name=name) for name in numeric}
    specs |= {name: tf.TensorSpec([None], tf.string, name=name) for name in categorical}
    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures=serve.get_concrete_function(**specs))
    return folder


def part(key: str | None = "id", **evaluation: Any) -> EvaluateStage:
    """The stage's settings: slices by carrier, month, and both; a lenient gate."""
    given = {
        "threshold": 0.35,
        "slices": (("carrier",), ("month",), ("month", "carrier")),
        "min_slice_rows": 50,
        "golden_rows": 16,
        "batch_rows": 700,
        "gates": (Gate(floor=0.5, max_regression=0.0),),
    }
    return EvaluateStage(
        label=Label(column="late"), key=key, evaluation=Evaluation(**{**given, **evaluation}), beam=Beam()
    )


@dataclass(frozen=True)
class Lab:
    """Makes what a test needs, in a folder of its own."""

    folder: Path

    made_rows = staticmethod(made_rows)
    part = staticmethod(part)
    sensible = staticmethod(sensible)

    def rows(self, table: pa.Table, shards: int = 2) -> Path:
        """A `rows` artifact."""
        return write_rows(self.folder / f"rows-{uuid4().hex}", table, shards)

    def model(self, score: Score, **more: Any) -> Path:
        """A SavedModel."""
        return save_model(self.folder / f"model-{uuid4().hex}", score, **more)

    def run(self, rows: Path, model: Path, champion: Path | None = None, **settings: Any) -> Path:
        """Run the stage; returns its `evaluation` artifact."""
        out = self.folder / "evaluation"
        core.run(rows, model, champion, "3" if champion else "", part(**settings), out, silent)
        return out

    def scored(self, rows: Path, model: Path) -> dict[str, Any]:
        """The labels and scores of all rows, in order."""
        split, scorer = open_split(rows, "late"), Scorer(model, "the model")
        batches = list(split.batches(700, scorer.features.columns))
        return {
            "label": np.concatenate([labels for _, labels in batches]),
            "score": np.concatenate([scorer.scores(batch) for batch, _ in batches]),
        }


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A fresh one."""
    return Lab(tmp_path)


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """3,000 rows."""
    return made_rows(3000)


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> Path:
    """The same as a `rows` artifact."""
    return write_rows(tmp_path_factory.mktemp("evaluate") / "rows", table)


@pytest.fixture(scope="session")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is worth something."""
    return save_model(tmp_path_factory.mktemp("models") / "candidate", sensible)


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is worth less, with fewer features."""
    return save_model(tmp_path_factory.mktemp("models") / "champion", poor, ("hour",), ())


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory, rows: Path, candidate: Path, champion: Path) -> Path:
    """The `evaluation` of the candidate against the champion."""
    return Lab(tmp_path_factory.mktemp("judged")).run(rows, candidate, champion)


@pytest.fixture(scope="session")
def lab_class() -> type[Lab]:
    """For fixtures that outlive a test."""
    return Lab
