"""Rows with their scores: what a batch becomes, and what is counted of it."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows.rejected import Wrong
from components.shared.rows.scoring import Floats, Scorer
from components.shared.rows.vocabulary_file import FILE, MISSING, vocabularies
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
        """From texts; `scored_at` is ISO 8601 in UTC."""
        return cls(name, version, datetime.datetime.fromisoformat(scored_at), run_id)

    def columns(self, rows: int) -> dict[str, "pa.Array[Any]"]:
        """As columns of so many rows."""
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

    def __init__(self, folder: Path, version: str) -> None:
        self.scorer = Scorer(folder, f"version {version}")
        asset = folder / "assets" / FILE
        known = vocabularies(asset.read_bytes()) if asset.exists() else {}
        self._known = {name: pa.array([MISSING.encode(), *values]) for name, values in known.items()}

    @property
    def features(self) -> Features:
        """The raw columns it wants."""
        return self.scorer.features

    def scores(self, raw: pa.RecordBatch) -> Floats:
        """The scores of raw columns, [rows]: the numbers that the server answers with.

        Raises:
            ModelError: A score is no probability.
        """
        return self.scorer.scores(raw) if raw.num_rows else np.empty(0)

    def missing(self, raw: pa.RecordBatch) -> dict[str, int]:
        """Values that are missing, by column."""
        numbers = {name: int(np.isnan(raw.column(name)).sum()) for name in self.features.numeric}
        texts = {name: _true(pc.equal(raw.column(name), pa.scalar(""))) for name in self.features.categorical}
        return numbers | texts

    def unseen(self, raw: pa.RecordBatch) -> dict[str, int]:
        """Values that are in no vocabulary, by column: the model takes them all for one."""
        found = {}
        for name in self.features.categorical:
            if name in self._known:
                column = raw.column(name).cast(pa.binary())
                seen = pc.or_(pc.is_in(column, self._known[name]), pc.equal(column, pa.scalar(b"")))
                found[name] = raw.num_rows - _true(seen)
        return found


def schema(rows: pa.Schema, kept: Sequence[str]) -> pa.Schema:
    """The columns of a prediction: those kept of its row, then what was predicted.

    An instant without a zone, as BigQuery exports it, is one in UTC.
    """
    return pa.schema(
        [
            *((name, _zoned(rows.field(name).type)) for name in kept),
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
    """What was predicted for some rows, with the columns kept of them: as `schema` says."""
    found = {
        **{name: batch.column(name).cast(columns.field(name).type) for name in columns.names[:-_PREDICTED]},
        "score": pa.array(scores),
        "prediction": pa.array((scores >= threshold).astype(np.int64)),
        **stamp.columns(len(scores)),
    }
    return pa.RecordBatch.from_pydict(found, schema=columns)


def key_complaints(batch: pa.RecordBatch, key: str | None) -> Iterator[tuple[str, Wrong]]:
    """A prediction without a key belongs to nothing."""
    if key:
        yield f"{key} is missing", batch.column(key).is_null().to_numpy(zero_copy_only=False)


def named(counts: Mapping[str, int]) -> dict[str, int]:
    """Those that are not 0."""
    return {name: number for name, number in counts.items() if number}


def _zoned(kind: pa.DataType) -> pa.DataType:
    return _STAMPED if pa.types.is_timestamp(kind) else kind


def _true(values: "pa.Array[Any]") -> int:
    return int(pc.sum(values).as_py() or 0)
