"""Golden rows: some of the test rows as the requests that a client would send, with their scores."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from components.evaluate.preaggregated import Floats
from components.shared.rows.missing import is_missing, missing_values
from components.shared.rows.raw import raw_batch
from configs.features import Features

Instance = dict[str, Any]


class Golden(NamedTuple):
    """A row as a JSON instance, its name and its offline score."""

    instance: Instance
    key: str | None
    score: float


class GoldenRows:
    """Chooses rows while the split passes by: evenly spread, and one for each feature that can be missing.

    Args:
        wanted: How many rows.
        rows: How many rows will pass.
        features: What the model wants to know of a row.
        key: The column that names a row.
        first: The place in the split of the first row that will pass here.
    """

    def __init__(self, wanted: int, rows: int, features: Features, key: str | None, first: int = 0) -> None:
        self._wanted, self._features, self._key = wanted, features, key
        self._spread = np.unique(np.linspace(0, rows - 1, min(wanted, rows)).astype(np.int64))
        self.missing_in: dict[str, int] = {}
        self._passed = first
        self.chosen: dict[int, Golden] = {}

    def see(self, batch: pa.RecordBatch, scores: Floats) -> None:
        """The next rows of the split, with their scores."""
        ahead = self._spread[self._spread >= self._passed] - self._passed
        chosen = set(ahead[ahead < batch.num_rows].tolist()) | self._first_missing(batch)
        indices = sorted(chosen)
        taken = batch.take(pa.array(indices, type=pa.int64()))
        keys = taken.column(self._key).to_pylist() if self._key else [None] * len(indices)
        for index, instance, key in zip(indices, instances(taken, self._features), keys, strict=True):
            named = None if key is None else str(key)
            self.chosen[self._passed + index] = Golden(instance, named, float(scores[index]))
        self._passed += batch.num_rows

    def add(self, other: "GoldenRows") -> None:
        """What was chosen among other rows of the same split."""
        self.chosen |= other.chosen
        for name, place in other.missing_in.items():
            self.missing_in[name] = min(place, self.missing_in.get(name, place))

    def content(self) -> Mapping[str, list[Any]]:
        """`instances`, `keys` and `scores` of equal length: at most half chosen for a missing value."""
        missing = sorted(set(self.missing_in.values()))[: self._wanted // 2]
        rest = [index for index in sorted(self.chosen) if index in set(self._spread) - set(missing)]
        room = min(self._wanted - len(missing), len(rest))
        even = [rest[place] for place in np.linspace(0, len(rest) - 1, room).astype(int)]
        golden = [self.chosen[index] for index in sorted({*missing, *even})]
        return {
            "instances": [each.instance for each in golden],
            "keys": [each.key for each in golden],
            "scores": [each.score for each in golden],
        }

    def _first_missing(self, batch: pa.RecordBatch) -> set[int]:
        """The first rows without a value, of features that had one everywhere so far."""
        found = set()
        for name in self._features.columns:
            if name in self.missing_in:
                continue
            missing = np.flatnonzero(missing_values(batch.column(name)))
            if missing.size:
                self.missing_in[name] = self._passed + int(missing[0])
                found.add(int(missing[0]))
        return found


def instances(batch: pa.RecordBatch, features: Features) -> list[Instance]:
    """Rows as JSON objects: numbers, strings and booleans as they are, missing values as null."""
    texts = raw_batch(batch, Features(categorical=features.categorical)) if features.categorical else None
    columns: dict[str, list[Any]] = {
        name: [_number(value) for value in batch.column(name).to_pylist()] for name in features.numeric
    }
    for name in features.categorical:
        kind = batch.schema.field(name).type
        plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        values = (batch if plain or texts is None else texts).column(name).to_pylist()
        columns[name] = [None if value == "" else value for value in values]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _number(value: Any) -> float | int | bool | None:
    if value is None or isinstance(value, bool | int):
        return value
    number = float(value)
    return None if is_missing(number) else number
