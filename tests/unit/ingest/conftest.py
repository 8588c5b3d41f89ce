"""A small table of visits, and ingest over whatever a test makes of it."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.ingest import core
from components.ingest.settings import IngestStage
from components.shared.stage.recording import silent
from configs.rows import HashSplit, Ingest, Label, Source, TimeSplit

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
BY_TIME = TimeSplit(
    by="time",
    column="at",
    eval_from=datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC),
    test_from=datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC),
)
Run = Callable[..., Path]


@pytest.fixture
def visits() -> dict[str, list[Any]]:
    """One visit an hour over a hundred days, every tenth without an outcome."""
    numbers = range(2400)
    return {
        "id": [f"v{number:04d}" for number in numbers],
        "at": [START + datetime.timedelta(hours=number) for number in numbers],
        "bought": [None if number % 10 == 0 else int(number % 3 == 0) for number in numbers],
        "why": ["gone" if number % 20 == 0 else None for number in numbers],
        "amount": [float("nan") if number % 7 == 0 else number / 2 for number in numbers],
        "page": [None if number % 11 == 0 else "abc"[number % 3] for number in numbers],
    }


@pytest.fixture
def stage(tmp_path: Path) -> IngestStage:
    """Ingest the table of visits, split by time."""
    return IngestStage(
        source=Source(uri=f"file://{tmp_path / 'data'}"),
        label=Label(column="bought", excluded_because="why"),
        key="id",
        split=BY_TIME,
        columns=("id", "amount", "page"),
        ingest=Ingest(shard_rows=500),
    )


@pytest.fixture
def by_hash() -> HashSplit:
    return HashSplit(by="hash", column="id", eval_percent=20, test_percent=30)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write a table, ingest it, and return the folder of the rows."""

    def ingested(stage: IngestStage, table: dict[str, list[Any]], out: str = "rows") -> Path:
        (tmp_path / "data").mkdir(exist_ok=True)
        pq.write_table(pa.table(table), tmp_path / "data/visits.parquet")
        core.run(stage, tmp_path / out, silent)
        return tmp_path / out

    return ingested
