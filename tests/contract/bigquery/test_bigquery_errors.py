"""BigQuery's rejections, each as one line with the command that fixes it. Answers as BigQuery words them."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.shared.sources import open_source
from configs.bigquery import BigQuery
from configs.errors import PipelineError, QueryError, SourceError
from configs.rows import Source
from tests.errors import raises

VISITS = Source(sql="SELECT id\nFROM shop.visits")
JOBS = "/jobs"
UNFILTERED = (
    "Cannot query over table 'p.shop.visits' without a filter over column(s) 'seen' that can be used for "
    "partition elimination"
)
ELSEWHERE = "Cannot read and write in different locations: source: EU, destination: us-central1"
TOO_MUCH = "Query exceeded limit for bytes billed: 1048576. 20971520 or higher required."
NO_JOBS = (
    "Access Denied: Project {project}: User does not have bigquery.jobs.create permission in project "
    "{project}."
)
NO_TABLE = (
    "Access Denied: Table {project}:shop.visits: User does not have permission to query table "
    "{project}:shop.visits, or perhaps it does not exist."
)
NO_API = (
    "BigQuery API has not been used in project 123 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com then retry."
)
NO_BILLING = (
    "Access Denied: BigQuery BigQuery: Billing has not been enabled for this project. Enable billing at "
    "https://console.cloud.google.com/billing."
)


@pytest.fixture
def filled(service: Any, visits: pa.Table, tmp_path: Path) -> Any:
    """BigQuery with the table of visits."""
    service.load(visits, "shop.visits", tmp_path)
    return service


def rejection(service: Any, selection: Source = VISITS, **more: Any) -> PipelineError:
    """What binding a selection raises."""
    with pytest.raises(PipelineError) as caught:
        open_source(f"bq://{service.project}", access=service.access(**more)).rows(selection).__enter__()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "reason", "message", "expected"),
    [
        (
            400, "invalidQuery", 'Syntax error: Expected end of input but got identifier "shop" at [2:6]',
            ("the query, line 2, column 6", "Expected end of input", "in 'FROM shop.visits'"),
        ),
        (
            400, "invalidQuery", "Unrecognized name: idd; Did you mean id? at [1:8]",
            ("the query, line 1, column 8", "Did you mean id?", "in 'SELECT id'"),
        ),
        (
            400, "invalidQuery", UNFILTERED,
            ("table 'p.shop.visits'", "expected a filter on its partition column seen", "WHERE seen BETWEEN"),
        ),
        (
            400, "invalid", ELSEWHERE,
            ("got EU and us-central1", "Set cloud.bigquery.location: EU"),
        ),
        (
            400, "bytesBilledLimitExceeded", TOO_MUCH,
            ("maximum_bytes_billed: 1048576", "got 20.0 MiB (20971520)"),
        ),
        (
            403, "accessDenied", NO_JOBS,
            ("the role roles/bigquery.jobUser", "gcloud projects add-iam-policy-binding {project}"),
        ),
        (
            403, "accessDenied", NO_TABLE,
            ("the role roles/bigquery.dataViewer", "gcloud projects add-iam-policy-binding"),
        ),
        (
            403, "accessNotConfigured", NO_API,
            ("gcloud services enable bigquery.googleapis.com --project={project}",),
        ),
        (
            403, "billingNotEnabled", NO_BILLING,
            ("gcloud billing projects link {project}",),
        ),
        (
            403, "quotaExceeded", "Quota exceeded: Your project exceeded quota for free query bytes scanned.",
            ("the quota of project '{project}'", "iam-admin/quotas?project={project}"),
        ),
        (
            404, "notFound", "Not found: Table {project}:shop.visit was not found in location us-central1",
            ("table '{project}.shop.visit'", "one of visits", "Did you mean 'visits'?"),
        ),
        (
            404, "notFound", "Not found: Dataset {project}:shopp was not found in location us-central1",
            ("the dataset '{project}.shopp'", "in location us-central1", "Did you mean 'shop'?"),
        ),
        (
            404, "notFound", "Not found: Project {project}",
            ("the project '{project}'", "gcloud projects list"),
        ),
    ],
)  # fmt: skip
def test_a_rejection_says_what_to_do(
    filled: Any, status: int, reason: str, message: str, expected: tuple[str, ...]
) -> None:
    filled.reject(JOBS, status, reason, message.format(project=filled.project))
    text = str(rejection(filled))
    for part in expected:
        assert part.format(project=filled.project) in text
    assert [each for each in filled.jobs() if not each.job.get("dryRun")] == []


def test_a_missing_dataset_of_sample_data_is_answered_with_the_command_that_loads_it(filled: Any) -> None:
    command = "python -m pipelines seed flights --env dev"
    message = rejection(filled, Source(sql="SELECT * FROM\nflights"), seed_command=command)
    assert "the query, table 'flights', line 2, column 1" in str(message)
    assert f"Load the sample data: `{command}`." in str(message)
    message = rejection(filled, Source(sql="SELECT * FROM flights.flights"), seed_command=command)
    assert f"Load the sample data: `{command}`." in str(message)


def test_an_error_while_the_query_runs_points_into_it(filled: Any) -> None:
    selection = Source(sql="SELECT id,\n  ERROR(id) AS e\nFROM shop.visits")
    error = {
        "reason": "invalidQuery",
        "location": "query",
        "message": "v0000; error in ERROR expression at [4:3]",
    }

    def fails(request: Any) -> Any:
        if request.method != "POST" or not request.sql.startswith("CREATE"):
            return None
        return 200, {
            "jobReference": {**request.body["jobReference"], "location": "us-central1"},
            "configuration": request.job,
            "status": {"state": "DONE", "errorResult": error, "errors": [error]},
        }

    filled.dry_run(1, ("id", "STRING"), ("e", "STRING"))
    filled.scripts.append(fails)
    filled.scripts.append(lambda request: (200, {}) if "/queries/" in request.path else None)
    with (
        open_source(f"bq://{filled.project}", access=filled.access()).rows(selection) as rows,
        raises(
            QueryError,
            subject="the query, line 2, column 3",
            got=re.compile(r"^v0000.*in 'ERROR\(id\) AS e'"),
        ),
    ):
        rows.materialize()


def test_without_a_login_the_command_that_logs_in_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with raises(
        SourceError,
        subject=re.compile("the credentials"),
        remedy=re.compile("`gcloud auth application-default login`"),
    ):
        open_source("bq://my-project-dev").tables()


def test_a_temporary_dataset_elsewhere_is_rejected_before_the_query_runs(filled: Any) -> None:
    from google.cloud import bigquery

    dataset = bigquery.Dataset(f"{filled.project}.there")
    dataset.location = "EU"
    filled.client.create_dataset(dataset)
    filled.requests.clear()
    access = filled.access(bigquery=BigQuery(temporary_dataset="there"))
    with (
        open_source(f"bq://{filled.project}", access=access).rows(VISITS) as rows,
        raises(
            SourceError, expected="in us-central1", got="in EU", remedy=re.compile(r"bigquery\.location: EU")
        ),
    ):
        rows.materialize()
    assert len(filled.jobs()) == 1
