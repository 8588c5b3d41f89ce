"""How good the models are, side by side: `python -m benchmarks.quality`, about 4 minutes.

On the same rows of flights: `linear`, `dnn` and `wide_deep`, trained by the stage itself with the
settings of the use case, and scikit-learn's HistGradientBoosting (300 iterations, categories as such).
All learn from the training split; the networks stop by the eval split; the test split is scored once,
the networks through their exported signature. Required: a test AUC of at least 0.70, no more than
0.005 below the boosted trees, and above `linear`.
"""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks._harness import measure, newest
from components.shared.files.artifacts import shards
from components.shared.rows.raw import raw_tensors
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import silent
from components.train import core, fitting
from components.train.settings import TrainStage
from configs.loading import load
from configs.rows import Split
from configs.settings import Settings

FLOOR, BELOW_TREES = 0.70, 0.005
NETWORKS = ("linear", "dnn", "wide_deep")
MOST_CATEGORIES = 255
"""More than scikit-learn's trees take: the rarer ones are one."""
Floats = NDArray[np.float64]


class Quality(NamedTuple):
    """How well a model does on the test split."""

    auc: float
    log_loss: float
    calibration: float
    seconds: float
    """Of its training."""


def main() -> None:
    """Train, score and print."""
    rows = newest("rows")
    found = {name: network(rows, name) for name in NETWORKS}
    found["HistGradientBoosting"] = trees(rows, load("flights"))
    show(found)


def network(rows: Path, model: str) -> Quality:
    """A model of ours, trained by the stage and scored through what it exports."""
    settings = load("flights", overrides=[f"training.model={model}"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        inputs = newest("examples"), newest("transform_graph")
        outputs = out / "model", out / "log", out / "checkpoints"
        _, cost = measure(lambda: core.run(*inputs, TrainStage.of(settings), *outputs, silent))
        scorer = Scorer(out / "model", model)
        batches = [
            batch
            for shard in shards(rows, "test")
            for batch in pq.ParquetFile(shard).iter_batches(8192, columns=list(scorer.features.columns))
        ]
        scores = np.concatenate([scorer.scores(batch) for batch in batches])
    return quality(_label(rows, "test", settings), scores, cost.seconds)


def trees(rows: Path, settings: Settings) -> Quality:
    """Boosted trees on the raw features: missing numbers as such, categories as such."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.preprocessing import OrdinalEncoder

    names = list(settings.features.categorical)
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MOST_CATEGORIES,
    )
    train, test = _raw(rows, "train", settings), _raw(rows, "test", settings)
    encoder.fit(np.stack([train[name] for name in names], axis=1))

    def matrix(raw: dict[str, Any]) -> Floats:
        numbers = [raw[name] for name in settings.features.numeric]
        categories = encoder.transform(np.stack([raw[name] for name in names], axis=1))
        return np.column_stack([*numbers, categories])

    first = len(settings.features.numeric)
    model = HistGradientBoostingClassifier(
        max_iter=300,
        categorical_features=list(range(first, first + len(names))),
        early_stopping=False,
        random_state=settings.training.seed,
    )
    _, cost = measure(lambda: model.fit(matrix(train), _label(rows, "train", settings)))
    return quality(_label(rows, "test", settings), model.predict_proba(matrix(test))[:, 1], cost.seconds)


def _raw(rows: Path, split: Split, settings: Settings) -> dict[str, Any]:
    """The features of a split by the raw convention, as NumPy arrays."""
    parts = [
        raw_tensors(batch, settings.features)
        for shard in shards(rows, split)
        for batch in pq.ParquetFile(shard).iter_batches(columns=list(settings.features.columns))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in settings.features.columns}


def _label(rows: Path, split: Split, settings: Settings) -> Floats:
    column = settings.label.column
    parts = [pq.read_table(shard, columns=[column])[column].to_numpy() for shard in shards(rows, split)]
    return np.concatenate(parts).astype(np.float64)


def quality(label: Floats, score: Floats, seconds: float) -> Quality:
    """What is compared."""
    clipped = np.clip(score, 1e-7, 1 - 1e-7)
    return Quality(
        auc=fitting.auc(label, score),
        log_loss=fitting.log_loss(label, np.log(clipped / (1 - clipped))),
        calibration=float(score.mean() / label.mean()),
        seconds=seconds,
    )


def show(found: dict[str, Quality]) -> None:
    """The table, and how our model compares with what is required."""
    table = Table("", "test AUC", "log loss", "calibration", "training s", title="quality, test split")
    for name, one in found.items():
        figures = f"{one.auc:.4f}", f"{one.log_loss:.4f}", f"{one.calibration:.3f}", f"{one.seconds:.1f}"
        table.add_row(name, *figures)
    console = Console()
    console.print(table)
    ours = found[load("flights").training.model].auc
    console.print(
        f"AUC {ours:.4f}: {ours - FLOOR:+.4f} to the floor of {FLOOR}, "
        f"{ours - found['HistGradientBoosting'].auc:+.4f} to the trees (at least -{BELOW_TREES}), "
        f"{ours - found['linear'].auc:+.4f} to linear"
    )


if __name__ == "__main__":
    typer.run(main)
