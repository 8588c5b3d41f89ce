"""Batch prediction over Google Cloud's protocols: from and to `gs://`, and into a table of BigQuery."""

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.deliver import core as deliver
from components.deliver.settings import DeliverStage
from components.predict.component import predict
from components.predict.settings import PredictStage
from components.select.component import select
from components.select.settings import SelectStage
from components.shared.files.artifacts import digest, read_json, shards, writing
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.parquet import open_parquet
from components.shared.stage.recording import silent
from configs.bigquery import BigQueryAccess
from configs.errors import DataError, PlaceError, SourceError
from configs.places import Beam
from configs.rows import Ingest, Source
from tests.errors import raises

ROOT = Path(__file__).parents[3]
AT = "2020-05-01T12:00:00+00:00"
FEATURES = {"numeric": ["distance", "seats"], "categorical": ["carrier", "origin"]}
STAGE = PredictStage(
    name="flights",
    key="id",
    columns=("day", "seen"),
    threshold=0.5,
    shard_rows=150,
    batch_rows=70,
    max_string_bytes=1000,
    max_rejected=0.1,
    beam=Beam(),
)


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    """Some flights; one of them has no key."""
    numbers = range(400)
    start = datetime.datetime(2020, 5, 1, tzinfo=datetime.UTC)
    return pa.table(
        {
            "id": pa.array([None, *range(1, 400)], pa.int64()),
            "day": [start.date() + datetime.timedelta(days=n % 9) for n in numbers],
            "seen": pa.array(
                [start + datetime.timedelta(seconds=n) for n in numbers], pa.timestamp("us", "UTC")
            ),
            "distance": [float(n) for n in numbers],
            "seats": [n % 300 for n in numbers],
            "carrier": [["AA", "B6", "UA"][n % 3] for n in numbers],
            "origin": ["JFK"] * 400,
        }
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SavedModel."""
    folder = tmp_path_factory.mktemp("models") / "saved"
    script = ROOT / "tests/unit/serving/saved_model.py"
    subprocess.run([sys.executable, script, folder, "0.0"], check=True, capture_output=True)
    return folder


def run_below(root: Path, source: Path, model: Path, run_id: str = "run-1") -> Path:
    """`select` and `predict`, as KFP calls them; returns the place of the predictions."""
    config = SelectStage(
        source=Source(uri=f"file://{source}"),
        examples="",
        key="id",
        columns=("day", "seen"),
        ingest=Ingest(shard_rows=100),
    )
    rows = dsl.Artifact(name="rows", uri=str(root / "select/rows"))
    predictions = dsl.Artifact(name="predictions", uri=str(root / "predict/predictions"))
    select.python_func(
        settings=config.model_dump_json(), code="", source="", features=json.dumps(FEATURES), rows=rows
    )
    predict.python_func(
        rows=rows,
        model=dsl.Model(name="model", uri=str(model)),
        version="3",
        run_id=run_id,
        scored_at=AT,
        settings=STAGE.model_dump_json(),
        code="",
        predictions=predictions,
    )
    return root / "predict/predictions"


@pytest.fixture(scope="module")
def source(flights: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    pq.write_table(flights, folder / "flights.parquet")
    return folder


@pytest.fixture(scope="module")
def here(source: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions in a folder of this machine."""
    return run_below(tmp_path_factory.mktemp("here"), source, model)


@pytest.fixture(scope="module")
def there(source: Path, model: Path, beam_storage: Any) -> Path:
    """The same in a bucket; the model is in it too."""
    bucket = beam_storage.new_bucket()
    with writing(bucket / "model") as folder:
        for file in sorted(model.rglob("*")):
            if file.is_file():
                (folder / file.relative_to(model)).parent.mkdir(parents=True, exist_ok=True)
                (folder / file.relative_to(model)).write_bytes(file.read_bytes())
    return run_below(bucket / "runs", source, bucket / "model")


def rows_of(files: Sequence[Place]) -> list[dict[str, Any]]:
    rows = []
    for file in files:
        with open_parquet(file) as shard:
            rows += shard.read().to_pylist()
    return rows


# --- on gs:// -------------------------------------------------------------------------------------


def test_predictions_in_a_bucket_are_those_in_a_folder(here: Path, there: Path) -> None:
    assert digest(there) == digest(here)
    content = read_json(there / "predictions.json")
    assert (content["rows"], content["predictions"]) == (400, 399)
    assert content["rejected"] == {"id is missing": 1}


def test_a_bucket_gets_a_folder_for_each_run(
    here: Path, there: Path, bucket: BucketPath, tmp_path: Path
) -> None:
    for predictions in (here, there, there):
        stage = DeliverStage(output=f"{bucket}scores")
        summary = deliver.run(predictions, stage, tmp_path / "delivery", silent)
        output = place(str(summary["output"]))
        assert output == bucket / "scores" / "run-1"
        names = list(gcs_reading.objects(str(output)))
        assert names == [
            "_predictions.json",
            *(f"part-{index:05d}.parquet" for index in range(len(names) - 1)),
        ]
        assert rows_of([output / name for name in names[1:]]) == rows_of(shards(here, "score"))
        assert read_json(output / "_predictions.json") == read_json(here / "predictions.json")


def test_what_lies_in_a_bucket_is_copied_there_and_not_fetched(
    there: Path, bucket: BucketPath, tmp_path: Path, storage_server: Any
) -> None:
    deliver.run(there, DeliverStage(output=f"{bucket}scores"), tmp_path / "delivery", silent)
    assert storage_server.sent(r"score.*alt=media|/download/.*score") == 0


def test_a_bucket_that_is_not_there_is_one_line(there: Path, tmp_path: Path) -> None:
    with raises(PlaceError, remedy=re.compile("gcloud storage buckets create gs://nobodys-bucket")):
        deliver.run(there, DeliverStage(output="gs://nobodys-bucket/x"), tmp_path / "out", silent)


# --- into BigQuery --------------------------------------------------------------------------------


@pytest.fixture
def table(service: Any) -> str:
    """A table that is not there yet, nor its dataset."""
    return f"{service.project}.scores.flights"


@pytest.fixture
def into(service: Any, table: str, tmp_path: Path) -> Any:
    """Delivers predictions into the table."""

    def run(predictions: Path) -> Any:
        stage = DeliverStage(output=f"bq://{table}", access=service.access())
        return deliver.run(predictions, stage, tmp_path / "delivery", silent)

    return run


def stored(service: Any, table: str, where: str = "TRUE") -> list[dict[str, Any]]:
    sql = f"SELECT * FROM `{table}` WHERE {where} ORDER BY id"  # noqa: S608 - ours
    return [dict(row) for row in service.client.query(sql).result()]


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_table_has_every_prediction_once_however_often_the_run_is_repeated(
    where: str, request: pytest.FixtureRequest, service: Any, table: str, into: Any
) -> None:
    predictions: Path = request.getfixturevalue(where)
    for _ in range(2):
        assert into(predictions) == {"rows": 399, "output": f"bq://{table}"}
        assert stored(service, table) == rows_of(shards(predictions, "score"))
    assert read_json(predictions / "predictions.json")["rejected"] == {"id is missing": 1}


def test_the_table_is_partitioned_by_day_and_clustered_by_run(
    service: Any, table: str, into: Any, here: Path
) -> None:
    into(here)
    made = service.client.get_table(table)
    assert made.time_partitioning.field == "scored_at"
    assert made.clustering_fields == ["run_id"]
    assert made.labels["use_case"] == "visits"
    assert [(field.name, field.field_type) for field in made.schema] == [
        ("id", "INTEGER"), ("day", "DATE"), ("seen", "TIMESTAMP"), ("score", "FLOAT"),
        ("prediction", "INTEGER"),
        ("model_name", "STRING"), ("model_version", "STRING"), ("scored_at", "TIMESTAMP"),
        ("run_id", "STRING"),
    ]  # fmt: skip


def test_rows_change_in_one_statement_and_only_those_of_the_run(
    service: Any, table: str, into: Any, here: Path, tmp_path: Path
) -> None:
    into(here)
    service.requests.clear()
    other = tmp_path / "other"
    with writing(other) as folder:
        (folder / "score").mkdir()
        shard = pq.read_table(shards(here, "score")[0])
        place_of_run = shard.schema.get_field_index("run_id")
        renamed = shard.set_column(place_of_run, "run_id", pa.array(["run-2"] * len(shard)))
        pq.write_table(renamed, folder / "score/part-00000.parquet")
        content = read_json(here / "predictions.json")
        (folder / "predictions.json").write_text(
            json.dumps({**content, "run_id": "run-2", "predictions": len(shard)})
        )
    into(other)
    assert len(stored(service, table, "run_id = 'run-1'")) == 399
    assert len(stored(service, table, "run_id = 'run-2'")) == len(shard)
    changing = [job.sql for job in service.jobs() if job.sql.startswith(("MERGE", "DELETE", "INSERT"))]
    (merge,) = changing
    assert "there.run_id = @run_id AND there.scored_at = @scored_at THEN DELETE" in merge


def test_nothing_is_left_beside_the_table(service: Any, into: Any, here: Path) -> None:
    into(here)
    assert [
        each.table_id for each in service.client.list_tables(f"{service.project}.pipeline_temporary")
    ] == []


def test_a_table_without_a_column_is_answered_with_the_statement_that_adds_it(
    service: Any, table: str, into: Any, here: Path
) -> None:
    service.client.create_dataset("scores")
    service.client.query(
        f"CREATE TABLE `{table}` (id INT64, day DATE, score FLOAT64, run_id STRING)"
    ).result()
    with raises(DataError, remedy=re.compile(r"ALTER TABLE `.*scores\.flights` ADD COLUMN seen TIMESTAMP")):
        into(here)
    service.client.query(f"CREATE OR REPLACE TABLE `{table}` (id INT64, day DATE, seen STRING)").result()
    with raises(
        DataError,
        expected=re.compile("seen TIMESTAMP$"),
        got="seen STRING",
        remedy=re.compile("another table"),
    ):
        into(here)


def test_nested_columns_are_rejected_before_anything_is_made(
    service: Any, into: Any, here: Path, tmp_path: Path
) -> None:
    with writing(tmp_path / "nested") as folder:
        (folder / "score").mkdir()
        pq.write_table(pa.table({"id": [[1, 2]]}), folder / "score/part-00000.parquet")
        (folder / "predictions.json").write_text((here / "predictions.json").read_text())
    with raises(
        DataError,
        subject=re.compile("'id'"),
        got=re.compile("list<"),
        remedy=re.compile(r"prediction\.columns"),
    ):
        into(tmp_path / "nested")
    assert list(service.client.list_datasets()) == []


def test_a_rejection_of_bigquery_says_which_role_is_missing(service: Any, into: Any, here: Path) -> None:
    message = f"Access Denied: Dataset {service.project}:scores: "
    message += "Permission bigquery.tables.create denied on dataset"
    service.reject("/tables", 403, "accessDenied", message)
    with raises(SourceError, remedy=re.compile(r"roles/bigquery\.dataEditor")):
        into(here)


def test_without_an_environment_on_google_cloud_the_tables_project_pays(
    service: Any, table: str, here: Path, tmp_path: Path
) -> None:
    deliver.run(here, DeliverStage(output=f"bq://{table}"), tmp_path / "delivery", silent)
    assert len(stored(service, table)) == 399
    assert BigQueryAccess(project=service.project).labels == {}
