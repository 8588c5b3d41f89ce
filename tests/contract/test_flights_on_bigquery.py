"""The flights SQL, over BigQuery's wire and through DuckDB: the same rows."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from components.ingest import core
from components.ingest.settings import IngestStage
from components.select import core as select
from components.select.settings import SelectStage
from components.shared.files.artifacts import read_json
from components.shared.files.gcs_path import BucketPath
from components.shared.files.place import Place
from components.shared.sources import open_source
from components.shared.sources.samples import DATASET
from components.shared.stage.recording import silent
from configs.features import Features
from configs.loading import load
from configs.rows import SPLITS, Part, Source
from tests.contract import warehouses
from tests.contract.agreeing import close, rows

bigquery = pytest.importorskip("google.cloud.bigquery")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return warehouses.make(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def sql() -> str:
    return load("flights").source.sql


def test_bigquery_and_duckdb_return_the_same_rows(days: Path, sql: str, bigquery_client: Any) -> None:
    warehouses.load(days, bigquery_client)
    job = bigquery_client.query(
        sql, job_config=bigquery.QueryJobConfig(default_dataset=f"{bigquery_client.project}.{DATASET}")
    )
    there = {row["flight_id"]: dict(row) for row in job.result()}
    here = _through_duckdb(days, sql)
    assert len(here) > 5000
    assert there.keys() == here.keys()
    for flight_id, row in here.items():
        assert there[flight_id] == close(row, rel=1e-12)
    assert _values(here, "late") == {0, 1, None}
    assert _values(here, "aircraft_state") == {"unknown", "landed", "departed", "overdue"}
    assert [column for column in row if _values(here, column) == {None}] == []


def test_ingest_writes_the_same_flights_from_either(
    days: Path, bigquery_server: Any, bucket: BucketPath, tmp_path: Path
) -> None:
    """The use case as it is, but for its days; from BigQuery the shards are exported to a bucket."""
    project = "flights-project"
    warehouses.load(days, bigquery_server.client(project))
    split = ["split.eval_from=2013-11-07", "split.test_from=2013-11-10", "ingest.shard_rows=1000"]
    here = IngestStage.of(load("flights", "local", [*split, f"source.uri=duckdb://{days}"]))
    there = IngestStage.of(
        load("flights", "dev", [*split, f"cloud.project={project}", f"places.warehouse=bq://{project}"])
    )
    summary = core.run(here, tmp_path / "rows", silent)
    assert core.run(there, bucket / "rows", silent) == {**summary, "scanned_bytes": 0}  # of the emulator
    assert read_json(bucket / "rows" / "rows.json") == read_json(tmp_path / "rows/rows.json")
    for name in SPLITS:
        expected = _by_flight(tmp_path / "rows", name)
        found = _by_flight(bucket / "rows", name)
        assert found.keys() == expected.keys()
        assert len(found) == summary[name]
        for flight_id, row in expected.items():
            assert found[flight_id] == close(row, rel=1e-12)


def test_the_flights_to_score_are_the_same_from_either(
    days: Path, bigquery_server: Any, bucket: BucketPath, tmp_path: Path
) -> None:
    """Those of the last two days, through the training query."""
    project = "scored-project"
    warehouses.load(days, bigquery_server.client(project))
    settings = load("flights")
    features = Features.raw(settings.features.numeric, settings.features.categorical)
    last = ["prediction.parameters.days=2"]
    here = SelectStage.of(load("flights", "local", [*last, f"source.uri=duckdb://{days}"]))
    cloud = [f"cloud.project={project}", f"places.warehouse=bq://{project}"]
    there = SelectStage.of(load("flights", "dev", [*last, *cloud]))
    summary = select.run(here, features, tmp_path / "rows", silent)
    assert 1000 < int(summary["rows"]) < 3000
    assert select.run(there, features, bucket / "rows", silent)["rows"] == summary["rows"]
    ours, theirs = _by_flight(tmp_path / "rows", "score"), _by_flight(bucket / "rows", "score")
    assert ours.keys() == theirs.keys()
    for flight_id, row in ours.items():
        assert theirs[flight_id] == close(row, rel=1e-12)
    assert min(row["decided_at"] for row in ours.values()).date() >= datetime.date(2013, 11, 10)
    assert not {"late", "excluded_because"} & set(row)


def _by_flight(place: Place, split: Part) -> dict[str, dict[str, Any]]:
    return {row["flight_id"]: row for row in rows(place, split)}


def _through_duckdb(days: Path, sql: str) -> dict[str, dict[str, Any]]:
    with open_source(f"duckdb://{days}").rows(Source(sql=sql)) as rows:
        rows.materialize()
        batches = rows.select("SELECT * FROM result")
        return {row["flight_id"]: row for batch in batches for row in batch.to_pylist()}


def _values(rows: dict[str, dict[str, Any]], column: str) -> set[Any]:
    return {row[column] for row in rows.values()}
