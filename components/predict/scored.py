"""Predictions: the columns of a row, its score and where it comes from; the distribution of the scores.

Scores are counted as they are written, and added up from the shards' footers, which are read in any case, to
count the rows that were written; to read the scores again would be another pass over all of them.
"""

import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.files.place import Place
from components.shared.rows.rejected import Wrong
from components.shared.rows.scoring import Floats, Scorer
from components.shared.rows.vocabulary_file import FILE, MISSING, parse_vocabularies

_STAMPED = pa.timestamp("us", "UTC")
_PREDICTED: dict[str, pa.DataType] = {
    "score": pa.float64(),
    "prediction": pa.int64(),
    "model_name": pa.string(),
    "model_version": pa.string(),
    "scored_at": _STAMPED,
    "run_id": pa.string(),
}
BINS = 100
"""Of equal width, from 0 to 1; the last one holds 1 itself."""
_KEY = "scores"
"""Its key in a shard's footer."""
_DIGITS = 6
"""Digits of a mean or an edge that are reported: further down, sums of floats depend on their order."""


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
        self.features = self.scorer.features
        """The raw columns that the model takes."""
        asset = folder / "assets" / FILE
        known = parse_vocabularies(asset.read_bytes()) if asset.exists() else {}
        self._known = {name: pa.array([MISSING.encode(), *values]) for name, values in known.items()}

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
                found[name] = raw.num_rows - seen.true_count
        return found


def schema(rows: pa.Schema, carried: Sequence[str]) -> pa.Schema:
    """The columns of a prediction: those carried over from its row, then what was predicted.

    An instant without a zone, as BigQuery exports it, is one in UTC.
    """
    types = {name: rows.field(name).type for name in carried}
    zoned = {name: _STAMPED if pa.types.is_timestamp(kind) else kind for name, kind in types.items()}
    return pa.schema({**zoned, **_PREDICTED})


def predictions(
    batch: pa.RecordBatch, scores: Floats, threshold: float, stamp: Stamp, columns: pa.Schema
) -> pa.RecordBatch:
    """The predictions for some rows, with the columns of `schema`."""
    carried, said = columns.names[: -len(_PREDICTED)], dataclasses.asdict(stamp)
    stamped = {name: pa.scalar(value, columns.field(name).type) for name, value in said.items()}
    found = {
        **{name: batch.column(name).cast(columns.field(name).type) for name in carried},
        "score": pa.array(scores),
        "prediction": pa.array((scores >= threshold).astype(np.int64)),
        **{name: pa.repeat(value, len(scores)) for name, value in stamped.items()},
    }
    return pa.RecordBatch.from_pydict(found, schema=columns)


def find_key_errors(batch: pa.RecordBatch, key: str | None) -> Iterator[tuple[str, Wrong]]:
    """Find rows without a key: a prediction without one belongs to no row."""
    if key:
        yield f"{key} is missing", batch.column(key).is_null().to_numpy(zero_copy_only=False)


@dataclasses.dataclass(frozen=True)
class Scores:
    """The distribution of some scores. Distributions add up by `+`."""

    counts: tuple[int, ...] = (0,) * BINS
    total: float = 0.0
    """Their sum."""
    low: float = 1.0
    high: float = 0.0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def footer(self) -> dict[str, str]:
        """The distribution as an entry of a shard's footer."""
        return {_KEY: json.dumps([self.counts, self.total, self.low, self.high])}

    def content(self) -> dict[str, Any]:
        """For predictions.json: `counts` by bin, `mean`, `min`, `max`; empty where there are no scores."""
        rows = sum(self.counts)
        if not rows:
            return {}
        edges = {"mean": self.total / rows, "min": self.low, "max": self.high}
        return {"counts": [*self.counts], **{name: round(value, _DIGITS) for name, value in edges.items()}}


NO_SCORES = Scores()


def count_scores(scores: Floats) -> Scores:
    """The distribution of scores, [rows], each from 0 to 1."""
    counts, _ = np.histogram(scores, BINS, (0.0, 1.0))
    low, high = scores.min(initial=NO_SCORES.low), scores.max(initial=NO_SCORES.high)
    return Scores(tuple(map(int, counts)), float(scores.sum()), float(low), float(high))


def parse_footer(metadata: Mapping[bytes, bytes]) -> Scores:
    """The distribution in a shard's footer."""
    counts, total, low, high = json.loads(metadata[_KEY.encode()])
    return Scores(tuple(counts), total, low, high)
