"""Predictions: the columns of a row, its score and where the score comes from."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.files.place import Place
from components.shared.rows.rejected import Wrong
from components.shared.rows.scoring import Floats, Scorer
from components.shared.rows.vocabulary_file import FILE, MISSING, parse_vocabularies
from configs.features import Features
from configs.prediction import PREDICTED

_STAMPED = pa.timestamp("us", "UTC")
_PREDICTED = len(PREDICTED)


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What every prediction of a run says of it."""

    model_name: str
    model_version: str
    scored_at: datetime.datetime
    """UTC."""
    run_id: str

    @classmethod
    def of(cls, name: str, version: str, scored_at: str, run_id: str) -> "Stamp":
        """A stamp from texts; `scored_at` is ISO 8601 in UTC."""
        return cls(name, version, datetime.datetime.fromisoformat(scored_at), run_id)

    def columns(self, rows: int) -> dict[str, "pa.Array[Any]"]:
        """The stamp as columns, each [rows]."""
        values: dict[str, Any] = {
            "model_name": pa.scalar(self.model_name),
            "model_version": pa.scalar(self.model_version),
            "scored_at": pa.scalar(self.scored_at, _STAMPED),
            "run_id": pa.scalar(self.run_id),
        }
        return {name: pa.repeat(value, rows) for name, value in values.items()}


class Model:
    """A model in memory, with the vocabularies it was trained with.

    Args:
        folder: A SavedModel, here or on `gs://`.
        version: What to call it in messages.

    Raises:
        ModelError: It cannot be loaded, or is of another form.
    """

    def __init__(self, folder: Place, version: str) -> None:
        self.scorer = Scorer(folder, f"version {version}")
        asset = folder / "assets" / FILE
        known = parse_vocabularies(asset.read_bytes()) if asset.exists() else {}
        self._known = {name: pa.array([MISSING.encode(), *values]) for name, values in known.items()}

    @property
    def features(self) -> Features:
        """The raw columns that the model takes."""
        return self.scorer.features

    def scores(self, raw: pa.RecordBatch) -> Floats:
        """The scores of raw columns, [rows]: the numbers that the server answers.

        Raises:
            ModelError: A score is no probability.
        """
        return self.scorer.scores(raw) if raw.num_rows else np.empty(0)

    def unseen(self, raw: pa.RecordBatch) -> dict[str, int]:
        """Values that are in no vocabulary, by column: to the model they are all the same."""
        found = {}
        for name in self.features.categorical:
            if name in self._known:
                column = raw.column(name).cast(pa.binary())
                seen = pc.or_(pc.is_in(column, self._known[name]), pc.equal(column, pa.scalar(b"")))
                found[name] = raw.num_rows - _count_true(seen)
        return found


def schema(rows: pa.Schema, carried: Sequence[str]) -> pa.Schema:
    """The columns of a prediction: those carried over from its row, then what was predicted.

    An instant without a zone, as BigQuery exports it, is one in UTC.
    """
    return pa.schema(
        [
            *((name, _with_zone(rows.field(name).type)) for name in carried),
            ("score", pa.float64()),
            ("prediction", pa.int64()),
            ("model_name", pa.string()),
            ("model_version", pa.string()),
            ("scored_at", _STAMPED),
            ("run_id", pa.string()),
        ]
    )


def predictions(
    batch: pa.RecordBatch, scores: Floats, threshold: float, stamp: Stamp, columns: pa.Schema
) -> pa.RecordBatch:
    """The predictions for some rows, with the columns of `schema`."""
    found = {
        **{name: batch.column(name).cast(columns.field(name).type) for name in columns.names[:-_PREDICTED]},
        "score": pa.array(scores),
        "prediction": pa.array((scores >= threshold).astype(np.int64)),
        **stamp.columns(len(scores)),
    }
    return pa.RecordBatch.from_pydict(found, schema=columns)


def find_key_errors(batch: pa.RecordBatch, key: str | None) -> Iterator[tuple[str, Wrong]]:
    """Find rows without a key: a prediction without one belongs to no row."""
    if key:
        yield f"{key} is missing", batch.column(key).is_null().to_numpy(zero_copy_only=False)


def without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: number for name, number in counts.items() if number}


def _with_zone(kind: pa.DataType) -> pa.DataType:
    return _STAMPED if pa.types.is_timestamp(kind) else kind


def _count_true(values: "pa.Array[Any]") -> int:
    return int(pc.sum(values).as_py() or 0)
