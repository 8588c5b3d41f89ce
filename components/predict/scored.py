"""Predictions: the columns of a row, its score and where the score comes from."""

import dataclasses
import datetime
from collections.abc import Iterator, Sequence

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
