"""The plan asks BigQuery, in a dry run, what the query will scan; a query that could not run has no plan."""

import re
from typing import Any

import pytest

from configs.errors import BudgetError, QueryError
from configs.loading import load
from configs.rows import Source as Selection
from configs.settings import Settings
from pipelines.plan import command
from tests.errors import raises

TIB = 2**40


@pytest.fixture
def there(service: Any, visits: Any, tmp_path: Any) -> Any:
    """The settings of `dev` with a query over the visits, by overrides."""
    service.load(visits, "shop.visits", tmp_path)

    def settings(*overrides: str) -> Settings:
        loaded = load("flights", "dev", [f"cloud.project={service.project}", *overrides])
        source = Selection(uri=f"bq://{service.project}", sql="SELECT id, amount FROM shop.visits")
        return loaded.model_copy(update={"source": source})

    return settings


def test_the_bytes_come_from_a_dry_run_and_nothing_runs(service: Any, there: Any) -> None:
    service.dry_run(3 * 2**30, ("id", "STRING"))
    plan = command.make_plan(there())
    assert (plan.scanned.low, plan.scanned.high, plan.scanned.basis) == (3 * 2**30, 3 * 2**30, "dry run")
    assert [each.job["dryRun"] for each in service.jobs()] == [True]
    (queries,) = (line for line in plan.run if line.service == "BigQuery")
    assert queries.cost.high == pytest.approx(6.25 * 3 / 1024)


@pytest.fixture
def scored(there: Any) -> Any:
    """The same, with a query of the rows to score over those of the first."""

    def settings(*overrides: str) -> Settings:
        loaded: Settings = there(*overrides)
        sql = "SELECT id, amount FROM examples WHERE amount > @least"
        rows = loaded.prediction.model_copy(update={"sql": sql, "parameters": {"least": 1}})
        return loaded.model_copy(update={"prediction": rows})

    return settings


def test_the_rows_to_score_are_selected_by_their_own_query(service: Any, scored: Any) -> None:
    service.dry_run(5 * 2**30, ("id", "STRING"))
    plan = command.make_plan(scored(), "prediction")
    assert (plan.scanned.high, plan.scanned.basis) == (5 * 2**30, "dry run")
    (job,) = service.jobs()
    assert job.job["dryRun"]
    assert "SELECT id, amount FROM shop.visits" in job.sql, "the table `examples`"
    assert "WHERE amount > @least" in job.sql
    assert job.job["labels"]["stage"] == "select"
    (queries,) = (line for line in plan.run if line.service == "BigQuery")
    assert queries.stage == "select"
    assert queries.cost.high == pytest.approx(6.25 * 5 / 1024)


def test_the_budget_judges_what_scoring_scans(service: Any, scored: Any) -> None:
    service.dry_run(2 * TIB, ("id", "STRING"))
    limit = f"cloud.bigquery.maximum_bytes_billed={4 * TIB}"
    command.check(scored(limit, "cloud.budget_usd=500"), "prediction")
    with raises(
        BudgetError,
        subject=re.compile("a prediction run of flights in dev"),
        expected=re.compile(r"at most 25\.00 USD"),
    ):
        command.check(scored(limit), "prediction")


def test_the_emulator_itself_answers_a_plan(there: Any) -> None:
    assert command.make_plan(there()).scanned.unknown == ""


def test_the_budget_judges_what_the_query_scans(service: Any, there: Any) -> None:
    service.dry_run(2 * TIB, ("id", "STRING"))
    command.check(there(f"cloud.bigquery.maximum_bytes_billed={4 * TIB}", "cloud.budget_usd=500"))
    with raises(
        BudgetError,
        expected=re.compile(r"^at most 25\.00 USD "),
        got=re.compile(r"1\d\.\d\d to \d+\.\d\d USD"),
    ):
        command.check(there(f"cloud.bigquery.maximum_bytes_billed={4 * TIB}"))


def test_without_a_budget_a_run_is_not_judged_and_no_service_is_called(service: Any, there: Any) -> None:
    assert command.check(there("cloud.budget_usd=null")) is None
    assert service.jobs() == []


def test_a_query_above_its_limit_has_no_plan(service: Any, there: Any) -> None:
    service.dry_run(20 * 2**30, ("id", "STRING"))
    with raises(QueryError, expected=re.compile(r"at most 10\.0 GiB "), got=re.compile(r"^20\.0 GiB")):
        command.make_plan(there())


def test_a_table_that_is_not_there_has_no_plan(there: Any) -> None:
    missing = there()
    source = missing.source.model_copy(update={"sql": "SELECT id FROM shop.visit"})
    with raises(QueryError, subject=re.compile("visit"), remedy=re.compile("'visits'")):
        command.make_plan(missing.model_copy(update={"source": source}))


def test_a_closed_door_is_reported_and_the_plan_goes_on(service: Any, there: Any) -> None:
    service.reject("/jobs", 403, "accessDenied", "Access Denied: User does not have bigquery.jobs.create")
    plan = command.make_plan(there())
    assert plan.scanned.high == 10 * 2**30
    (warning,) = (each for each in plan.warnings if "what the query scans is unknown" in each)
    assert "roles/bigquery.jobUser" in warning
