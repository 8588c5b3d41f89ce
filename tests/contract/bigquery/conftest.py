"""BigQuery as its adapter meets it, and rows to ask for."""

import datetime
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.ingest import core
from components.ingest.settings import IngestStage
from components.shared.stage.recording import silent
from configs.bigquery import BigQueryAccess
from configs.rows import Ingest, Label, Source, TimeSplit
from tests.contract.bigquery.service import Service, serving

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="session")
def _service(bigquery_server: Any) -> Iterator[Service]:
    with serving(bigquery_server) as service:
        yield service


@pytest.fixture
def service(_service: Service, bigquery_server: Any, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The unmodified BigQuery clients of this process talk to it; a new project, no scripts, no memory."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", _service.url)
    _service.project = f"test-{uuid.uuid4().hex[:12]}"
    _service.client = bigquery_server.client(_service.project)
    _service.requests.clear()
    _service.scripts.clear()
    return _service


@pytest.fixture
def visits() -> pa.Table:
    """One visit an hour over a hundred days, to the microsecond, every tenth without an outcome."""
    numbers = range(2400)
    instants = [START + datetime.timedelta(hours=number, microseconds=number) for number in numbers]
    return pa.table(
        {
            "id": [f"v{number:04d}" for number in numbers],
            "seen": pa.array(instants, pa.timestamp("us", "UTC")),
            "day": [instant.date() for instant in instants],
            "bought": [None if number % 10 == 0 else int(number % 3 == 0) for number in numbers],
            "why": ["gone" if number % 20 == 0 else None for number in numbers],
            "amount": [float("nan") if number % 7 == 0 else number / 2 for number in numbers],
            "page": [None if number % 11 == 0 else "aé'"[number % 3] for number in numbers],
            "known": [number % 4 == 0 for number in numbers],
        }
    )


BY_TIME = TimeSplit(
    by="time",
    column="seen",
    eval_from=datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC),
    test_from=datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC),
)


@dataclass
class Adapter:
    """A source with the tables of a test, and how a stage is given it."""

    uri: str
    access: BigQueryAccess | None
    put: Callable[[pa.Table, str], None]
    """Fill `dataset.table`."""

    def stage(self, sql: str = "SELECT * FROM shop.visits", **more: Any) -> IngestStage:
        """Ingest of the visits, split by time."""
        return IngestStage(
            **{
                "source": Source(uri=self.uri, sql=sql),
                "label": Label(column="bought", excluded_because="why"),
                "key": "id",
                "split": BY_TIME,
                "columns": ("id", "amount", "page"),
                "ingest": Ingest(shard_rows=500),
                "access": self.access,
                **more,
            }
        )

    def ingest(self, out: Path, **more: Any) -> Path:
        """Run ingest; returns the place of its rows."""
        core.run(self.stage(**more), out, silent)
        return out


@pytest.fixture
def duckdb_adapter(tmp_path: Path) -> Adapter:
    """A warehouse of this machine."""
    import duckdb

    file = tmp_path / "warehouse.duckdb"

    def put(table: pa.Table, name: str) -> None:
        with duckdb.connect(file) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
            connection.register("given", table)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM given")

    return Adapter(f"duckdb://{file}", None, put)


@pytest.fixture
def bigquery_adapter(service: Service, tmp_path: Path) -> Adapter:
    """BigQuery on loopback."""
    return Adapter(
        f"bq://{service.project}", service.access(), lambda table, name: service.load(table, name, tmp_path)
    )


@pytest.fixture(params=["duckdb", "bigquery"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter in turn: what holds for one holds for the other."""
    found: Adapter = request.getfixturevalue(f"{request.param}_adapter")
    return found
