"""The rows to score: key, carried columns and raw features, without a label or a split."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.select import core
from components.select.component import select
from components.select.settings import SelectStage
from components.shared.files.artifacts import digest, read_json, shards
from components.shared.stage.recording import silent
from configs.errors import DataError, MissingFeatureError
from configs.features import Features
from configs.rows import Ingest, Source
from tests.unit.prediction.conftest import replaced

FEATURES = Features.raw(["distance", "seats"], ["carrier", "origin"])


@pytest.fixture
def stage(tmp_path: Path) -> SelectStage:
    return SelectStage(
        source=Source(uri=f"file://{tmp_path / 'data'}"),
        examples="",
        key="id",
        columns=("day",),
        ingest=Ingest(shard_rows=300),
    )


@pytest.fixture(autouse=True)
def data(flights: pa.Table, tmp_path: Path) -> Path:
    """The source: a label that is nowhere known, and columns that nobody needs."""
    return fill(tmp_path, flights.append_column("late", pa.nulls(1000, pa.int64())))


def fill(tmp_path: Path, table: pa.Table) -> Path:
    (tmp_path / "data").mkdir(exist_ok=True)
    pq.write_table(table, tmp_path / "data/flights.parquet")
    return tmp_path / "data"


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for shard in shards(folder, "score") for row in pq.read_table(shard).to_pylist()]


def selected(stage: SelectStage, tmp_path: Path, name: str = "rows") -> tuple[Path, Any]:
    summary = core.run(stage, FEATURES, tmp_path / name, silent)
    return tmp_path / name, summary


def with_sql(stage: SelectStage, sql: str, examples: str = "", **parameters: Any) -> SelectStage:
    source = stage.source.model_copy(update={"sql": sql, "query": "prediction.sql", "parameters": parameters})
    return stage.model_copy(update={"source": source, "examples": examples})


def test_all_rows_are_there_whatever_their_label(
    stage: SelectStage, flights: pa.Table, tmp_path: Path
) -> None:
    folder, summary = selected(stage, tmp_path)
    assert summary == {"rows": 1000, "columns": 6}
    content = read_json(folder / "rows.json")
    assert (content["rows"], content["repeated_keys"]) == (1000, 0)
    assert list(content["columns"]) == ["id", "day", "distance", "seats", "carrier", "origin"]
    assert str(rows(folder)) == str(flights.to_pylist())  # NaN equals nothing
    assert content["shards"] == len(shards(folder, "score")) > 1


def test_equal_rows_make_equal_shards(stage: SelectStage, flights: pa.Table, tmp_path: Path) -> None:
    first, _ = selected(stage, tmp_path)
    fill(tmp_path, flights.take(list(reversed(range(1000)))))
    assert digest(selected(stage, tmp_path, "again")[0]) == digest(first)


def test_a_key_that_stands_for_two_rows_is_counted(
    stage: SelectStage, flights: pa.Table, tmp_path: Path
) -> None:
    fill(tmp_path, replaced(flights, "id", ["same", *flights["id"].to_pylist()[:-2], "same"]))
    folder, summary = selected(stage, tmp_path)
    assert summary["repeated_keys"] == 1
    assert len(rows(folder)) == 1000


def test_the_rows_of_the_training_query_are_the_table_examples(stage: SelectStage, tmp_path: Path) -> None:
    examples = "SELECT *, 1 AS late FROM flights WHERE origin = @origin -- the rows of training\n;"
    sql = "SELECT e.* EXCEPT (late)\nFROM examples AS e WHERE e.day >= @day ORDER BY e.day"
    config = with_sql(stage, sql, examples, origin="JFK", day="2020-05-21")
    folder, summary = selected(config, tmp_path)
    assert summary["rows"] == 330
    assert min(str(row["day"]) for row in rows(folder)) == "2020-05-21"
    twice = "SELECT * EXCEPT (late) FROM examples WHERE id = (SELECT MAX(id) FROM examples)"
    assert selected(with_sql(stage, twice, examples, origin="JFK"), tmp_path, "one")[1]["rows"] == 1


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ("day, distance, seats, carrier, origin", "id"),
        ("id, day, distance, seats, carrier AS carier, origin", "carrier"),
    ],
)
def test_a_column_that_is_not_returned_is_named(
    stage: SelectStage, tmp_path: Path, columns: str, named: str
) -> None:
    sql = f"SELECT {columns} FROM flights"  # noqa: S608 - ours
    with pytest.raises(MissingFeatureError, match=f"the column '{named}'") as error:
        selected(with_sql(stage, sql), tmp_path)
    assert named != "carrier" or "Did you mean 'carier'?" in str(error.value)


def test_a_text_where_the_model_wants_a_number_is_rejected(stage: SelectStage, tmp_path: Path) -> None:
    sql = "SELECT id, day, 'far' AS distance, seats, carrier, origin FROM flights"
    with pytest.raises(DataError, match=r"feature 'distance' is declared numeric.*SAFE_CAST"):
        selected(with_sql(stage, sql), tmp_path)


def test_no_rows_is_an_error_that_names_query_and_parameters(stage: SelectStage, tmp_path: Path) -> None:
    sql = "SELECT * FROM flights WHERE id = @wanted"
    with pytest.raises(DataError, match=r"got none with wanted=x. Look at prediction.sql"):
        selected(with_sql(stage, sql, wanted="x"), tmp_path)
    assert not (tmp_path / "rows").exists()


def call(stage: SelectStage, out: Path, features: Sequence[str] = ("distance",)) -> None:
    select.python_func(
        settings=stage.model_dump_json(),
        code="",
        source="fingerprint",
        features=json.dumps({"numeric": features, "categorical": ["carrier"]}),
        rows=dsl.Dataset(name="rows", uri=str(out)),
    )


def test_the_component_selects_what_the_model_says_and_records_it(
    stage: SelectStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    call(stage, tmp_path / "out/rows")
    assert list(rows(tmp_path / "out/rows")[0]) == ["id", "day", "distance", "carrier"]
    record = read_json(tmp_path / "records/select.stage.json")
    assert (record["state"], record["summary"]["rows"]) == ("done", 1000)
    with pytest.raises(SystemExit):
        call(stage, tmp_path / "out/rows", ["wingspan"])
    assert "wingspan" in read_json(tmp_path / "records/select.stage.json")["error"]["message"]
