"""What two targets have made, read and compared."""

import datetime
from typing import Any

import pytest

from components.shared.files.artifacts import shards
from components.shared.files.place import Place
from components.shared.rows.parquet import open_parquet
from configs.rows import Part


def rows(folder: Place, split: Part) -> list[dict[str, Any]]:
    """The flights of a split; instants in UTC, since BigQuery exports them without a zone."""
    found = []
    for shard in shards(folder, split):
        with open_parquet(shard) as file:
            found += file.read().to_pylist()
    return [{**row, "decided_at": row["decided_at"].replace(tzinfo=datetime.UTC)} for row in found]


def close(value: Any, **tolerance: Any) -> Any:
    """The same, where floats may differ by a tolerance of `pytest.approx`."""
    if isinstance(value, dict):
        return {key: close(each, **tolerance) for key, each in value.items()}
    if isinstance(value, list):
        return [close(each, **tolerance) for each in value]
    return pytest.approx(value, **tolerance) if isinstance(value, float) else value
