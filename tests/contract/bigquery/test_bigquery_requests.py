"""What BigQuery is asked: what costs is known first, limited, labelled and cleared away."""

import datetime
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.shared.files.gcs_path import BucketPath
from components.shared.sources import open_source
from configs.bigquery import BigQuery
from configs.errors import QueryError, SourceError
from configs.rows import Source
from tests.errors import raises

VISITS = Source(sql="SELECT * FROM shop.visits")


@pytest.fixture
def filled(service: Any, visits: pa.Table, tmp_path: Path) -> Any:
    """BigQuery with the table of visits."""
    service.load(visits, "shop.visits", tmp_path)
    return service


def source(service: Any, uri: str = "", **more: Any) -> Any:
    """The adapter, as a stage opens it."""
    return open_source(uri or f"bq://{service.project}", access=service.access(**more))


def test_a_dry_run_comes_first_and_binding_alone_costs_nothing(filled: Any) -> None:
    with source(filled).rows(VISITS):
        assert [each.job.get("dryRun") for each in filled.jobs()] == [True]
        assert filled.jobs()[0].sql == "SELECT * FROM shop.visits"


def test_the_bytes_are_reported_before_the_query_runs(filled: Any, capsys: Any) -> None:
    filled.dry_run(3 * 2**30, ("id", "STRING"))
    reported: list[tuple[str, int]] = []
    with source(filled).rows(VISITS) as rows:
        assert rows.estimate == {"scanned_bytes": 3 * 2**30}

        def note(what: str, _: int, __: int | None = None) -> None:
            reported.append((what, len(filled.jobs())))

        rows.materialize(note)
    assert reported[0] == ("running the query (3.0 GiB to scan)", 1)
    assert capsys.readouterr().out == "BigQuery: running the query (3.0 GiB to scan)\n"


def test_a_query_above_the_limit_is_rejected_with_both_figures_before_it_costs(filled: Any) -> None:
    filled.dry_run(20 * 2**30, ("id", "STRING"))
    tight = source(filled, bigquery=BigQuery(maximum_bytes_billed=10 * 2**30))
    message = r"at most 10\.0 GiB .*maximum_bytes_billed: 10737418240\), got 20\.0 GiB \(21474836480\)"
    with pytest.raises(QueryError, match=message):
        tight.rows(VISITS).__enter__()
    assert len(filled.jobs()) == 1


def test_every_job_is_labelled_and_limited_and_nothing_of_it_stays(filled: Any, tmp_path: Path) -> None:
    limit = BigQuery(maximum_bytes_billed=7 * 2**20, temporary_dataset="passing", expire_hours=5)
    with source(filled, bigquery=limit).rows(VISITS) as rows:
        rows.materialize()
        list(rows.select("SELECT COUNT(*) AS n FROM result"))
        rows.write("SELECT id FROM result", ("id",), lambda index: tmp_path / f"{index}.parquet", 1000)
        made = [each.table_id for each in filled.client.list_tables("passing")]
        assert len(made) == 2
    jobs = [each.job for each in filled.jobs()]
    assert len(jobs) == 5  # dry run, held rows, select, count, shards
    assert all(
        job["labels"] == {"environment": "test", "use_case": "visits", "stage": "ingest"} for job in jobs
    )
    assert all(job["query"]["maximumBytesBilled"] == str(7 * 2**20) for job in jobs)
    assert all(job["query"]["useLegacySql"] is False for job in jobs)
    created = [each.sql for each in filled.jobs() if each.sql.startswith("CREATE")]
    assert all(
        "expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 5 HOUR)" in sql for sql in created
    )
    assert all(
        "labels = [('environment', 'test'), ('use_case', 'visits'), ('stage', 'ingest')]" in sql
        for sql in created
    )
    assert "PARTITION BY RANGE_BUCKET(shard, GENERATE_ARRAY(0, 3, 1))" in created[1]
    dataset = filled.client.get_dataset("passing")
    assert (dataset.location, dataset.default_table_expiration_ms) == ("us-central1", 5 * 3_600_000)
    assert list(filled.client.list_tables("passing")) == []


def test_what_was_made_is_dropped_after_a_failure_too(filled: Any) -> None:
    def breaking() -> None:
        with source(filled).rows(VISITS) as rows:
            rows.materialize()
            raise KeyError

    with pytest.raises(KeyError):
        breaking()
    assert list(filled.client.list_tables("pipeline_temporary")) == []


def test_parameters_travel_typed(filled: Any) -> None:
    values = {
        "a": 1, "b": 0.5, "c": "x",
        "d": datetime.date(2020, 1, 2), "e": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    }  # fmt: skip
    sql = "SELECT @a AS a, @b AS b, @c AS c, @d AS d, @e AS e"
    with source(filled).rows(Source(sql=sql, parameters=values)) as rows:
        assert [str(field.type) for field in rows.schema] == [
            "int64", "double", "string", "date32[day]", "timestamp[us, tz=UTC]",
        ]  # fmt: skip
    sent = filled.jobs()[0].job["query"]["queryParameters"]
    assert [each["parameterType"]["type"] for each in sent] == [
        "INT64",
        "FLOAT64",
        "STRING",
        "DATE",
        "TIMESTAMP",
    ]


def test_rows_on_cloud_storage_are_exported_and_never_read_here(filled: Any, bucket: BucketPath) -> None:
    with source(filled).rows(VISITS) as rows:
        rows.materialize()
        written = rows.write(
            "SELECT id, page FROM result",
            ("id",),
            lambda index: bucket / f"train/part-{index:05d}.parquet",
            900,
        )
    exports = [each.sql for each in filled.jobs() if each.sql.startswith("EXPORT DATA")]
    assert written == 2400
    assert len(exports) == 3
    assert f"uri = '{bucket}train/part-00000-*.parquet', format = 'PARQUET'" in min(exports)
    assert not [each for each in filled.requests if "/queries/" in each.path and each.body]


def test_columns_alone_are_read_without_a_query(filled: Any) -> None:
    with source(filled).rows(VISITS) as rows:
        rows.materialize()
        before = len(filled.jobs())
        assert sum(batch.num_rows for batch in rows.select("SELECT page, id FROM result")) == 2400
        assert len(filled.jobs()) == before
        list(rows.select("SELECT page FROM result LIMIT 3"))
        assert len(filled.jobs()) == before + 1


def test_a_table_named_without_a_dataset_lies_in_the_one_of_the_uri(filled: Any) -> None:
    with source(filled, f"bq://{filled.project}.shop").rows(Source(sql="SELECT id FROM visits")) as rows:
        assert rows.materialize() == 2400
    default = filled.jobs()[0].job["query"]["defaultDataset"]
    assert (default["projectId"], default["datasetId"]) == (filled.project, "shop")


def test_another_project_may_pay(filled: Any) -> None:
    payer = f"{filled.project}-payer"
    with source(filled, project=payer).rows(VISITS) as rows:
        assert rows.materialize() == 2400
    posted = {each.path for each in filled.jobs()}
    assert posted == {f"/bigquery/v2/projects/{payer}/jobs"}
    assert filled.jobs()[0].sql.endswith(f"FROM `{filled.project}.shop.visits`")


def test_a_table_of_the_list_is_rejected_without_a_filter_on_its_partitions(filled: Any) -> None:
    from google.cloud import bigquery

    table = bigquery.Table(
        f"{filled.project}.shop.events",
        [bigquery.SchemaField("id", "STRING"), bigquery.SchemaField("day", "DATE")],
    )
    table.time_partitioning = bigquery.TimePartitioning(field="day")
    filled.client.create_table(table)
    guarded = source(filled, bigquery=BigQuery(require_partition_filter=("shop.events",)))
    for unfiltered in ("SELECT id FROM shop.events", "SELECT id FROM shop.events AS e WHERE e.id = 'x'"):
        with raises(
            QueryError,
            subject=re.compile(r"shop\.events', line 1, column 16$"),
            expected=re.compile("partition column day"),
        ):
            guarded.rows(Source(sql=unfiltered)).__enter__()
    filtered = "SELECT id FROM (SELECT * FROM shop.events AS e WHERE e.day >= '2020-01-01')"
    with guarded.rows(Source(sql=filtered)):
        assert len(filled.jobs()) == 1


def test_the_fingerprint_knows_the_tables_behind_a_view(
    filled: Any, visits: pa.Table, tmp_path: Path
) -> None:
    from google.cloud import bigquery

    view = bigquery.Table(f"{filled.project}.shop.recent")
    view.view_query = f"SELECT id FROM `{filled.project}.shop.visits`"  # noqa: S608 - ours
    filled.client.create_table(view)
    filled.dry_run(1, ("id", "STRING"), tables=(f"{filled.project}.shop.visits",))
    selection = Source(sql="SELECT id FROM shop.recent")
    before = source(filled).fingerprint(selection)
    assert source(filled).fingerprint(selection) == before
    filled.load(visits.slice(0, 100), "shop.visits", tmp_path)
    assert source(filled).fingerprint(selection) != before


def test_the_fingerprint_scans_nothing(filled: Any) -> None:
    source(filled).fingerprint(VISITS)
    assert [each.job.get("dryRun") for each in filled.jobs()] == [True]


@pytest.mark.parametrize("kind", ["GEOGRAPHY", "RANGE"])
def test_a_type_that_parquet_cannot_keep_is_rejected(filled: Any, kind: str) -> None:
    filled.dry_run(1, ("id", "STRING"), ("odd", kind))
    with raises(
        QueryError,
        subject="the column 'odd' of the query",
        got=re.compile(kind),
        remedy=re.compile("CAST"),
    ):
        source(filled).rows(VISITS).__enter__()


def test_types_inside_others_are_kept_or_rejected_by_their_path(filled: Any) -> None:
    with source(filled).rows(Source(sql="SELECT [1, 2] AS l, STRUCT('x' AS a, [1.5] AS b) AS s")) as rows:
        assert str(rows.schema.field("l").type) == "list<item: int64>"
        assert str(rows.schema.field("s").type) == "struct<a: string, b: list<item: double>>"
    with raises(
        QueryError,
        subject="the column 's.t' of the query",
        expected=re.compile("nested"),
        got=re.compile("^TIME"),
    ):
        source(filled).rows(Source(sql="SELECT STRUCT(TIME '01:02:03' AS t) AS s")).__enter__()


def test_a_passing_failure_of_the_service_is_tried_again(filled: Any) -> None:
    failing = iter([(503, {"error": {"message": "try again", "errors": [{"reason": "backendError"}]}})])
    filled.scripts.append(lambda request: next(failing, None) if request.sql.startswith("CREATE") else None)
    with source(filled).rows(VISITS) as rows:
        assert rows.materialize() == 2400


@pytest.mark.parametrize("uri", ["bq://", "bq://a.b.c", "bq://UPPER", "bq://project/dataset"])
def test_a_uri_that_names_no_project_is_rejected(uri: str) -> None:
    with raises(SourceError, expected=re.compile(r"bq://PROJECT\[\.DATASET\]")):
        open_source(uri)


def test_a_column_without_a_name_is_rejected(filled: Any) -> None:
    filled.dry_run(1, ("id", "STRING"), ("f0_", "INTEGER"))
    with raises(QueryError, got="none for column 2", remedy=re.compile("AS name")):
        source(filled).rows(VISITS).__enter__()


def test_without_settings_the_project_of_the_uri_pays(filled: Any) -> None:
    with open_source(f"bq://{filled.project}").rows(VISITS) as rows:
        rows.materialize()
        assert [
            row["n"] for batch in rows.select("SELECT COUNT(*) AS n FROM result") for row in batch.to_pylist()
        ] == [2400]
    assert "labels" not in next(each.sql for each in filled.jobs() if each.sql.startswith("CREATE"))
