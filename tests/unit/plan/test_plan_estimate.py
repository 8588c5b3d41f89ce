"""What a run may cost: low to high, from the settings and the list prices."""

import datetime
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from configs.errors import BudgetError, SettingsError
from configs.loading import load
from configs.prices import Prices, load_prices
from configs.stages import Pipeline
from pipelines.__main__ import app
from pipelines.plan import command
from pipelines.plan.command import Plan, check_budget, estimate
from pipelines.plan.lines import Cost, Line, Scanned
from tests.errors import raises

TIB = 2**40
TODAY = datetime.date(2025, 7, 1)


def planned(
    *overrides: str,
    scanned: int = 0,
    prices: Prices | None = None,
    today: datetime.date = TODAY,
    pipeline: Pipeline = "training",
) -> Plan:
    settings = load("flights", "dev", overrides)
    scan = Scanned(scanned, scanned, "test")
    return estimate(settings, prices or load_prices(), scan, today, pipeline)


def line(plan: Plan, stage: str, service: str) -> Line:
    (found,) = (each for each in (*plan.run, *plan.monthly) if (each.stage, each.service) == (stage, service))
    return found


def test_a_training_hour_is_the_list_price() -> None:
    plan = planned("cloud.training.provisioning=STANDARD", "cloud.training.timeout_hours=1")
    train = line(plan, "train", "Vertex AI custom job")
    assert train.minutes is not None
    assert (train.minutes.low, train.minutes.high) == (6, 60)
    machine, gpu, disk = 0.436997, 0.4025, 100 * 0.1955 / 730
    assert train.cost.high == pytest.approx(machine + gpu + disk, rel=1e-3)
    assert train.cost.low == pytest.approx(train.cost.high / 10)
    assert (train.machines, train.accelerator) == ("n1-standard-8 x 1", "NVIDIA_TESLA_T4 x 1")
    assert train.identity == "trainer@my-project-dev.iam.gserviceaccount.com"


def test_a_tebibyte_scanned_is_the_list_price() -> None:
    assert line(planned(scanned=TIB), "ingest", "BigQuery").cost == Cost(6.25, 6.25)


def test_spot_is_cheaper_and_its_price_uncertain() -> None:
    standard = line(planned("cloud.training.provisioning=STANDARD"), "train", "Vertex AI custom job").cost
    spot = line(planned(), "train", "Vertex AI custom job").cost
    assert spot.low < 0.25 * standard.low
    assert spot.high < 0.55 * standard.high


def test_more_hosts_workers_and_replicas_cost_more() -> None:
    one, many = planned(), planned("cloud.training.replicas=4", "cloud.dataflow.max_workers=40")
    for stage, service in (("train", "Vertex AI custom job"), ("transform", "Dataflow")):
        assert line(many, stage, service).cost.high > 3.9 * line(one, stage, service).cost.high
    assert line(many, "transform", "Dataflow").cost.low == line(one, "transform", "Dataflow").cost.low
    assert line(many, "transform", "Dataflow").machines == "n2-standard-4 x 1..40"


def test_another_runner_than_dataflow_has_no_workers_to_pay() -> None:
    plan = planned("cloud.dataflow.options=[--runner=FnApiRunner]")
    assert {each.service for each in plan.run if each.stage == "transform"} == {"Vertex AI Pipelines"}
    named = planned("cloud.dataflow.options=[--runner=DataflowRunner]")
    assert line(named, "transform", "Dataflow").cost == line(planned(), "transform", "Dataflow").cost


def test_reduction_servers_and_tpus_are_priced() -> None:
    servers = planned("cloud.training.replicas=2", "cloud.training.reduction_server_replicas=3")
    assert line(servers, "train", "Vertex AI reduction server").machines == "n1-highcpu-16 x 3"
    tpu = "{machine_type: ct5lp-hightpu-4t, tpu_topology: 4x4, accelerator: null, accelerator_count: 0}"
    train = line(
        planned(f"cloud.training={tpu}", "cloud.training.timeout_hours=1"), "train", "Vertex AI custom job"
    )
    assert (train.machines, train.accelerator) == ("ct5lp-hightpu-4t x 4", "TPU_V5E x 16")
    assert 0.2 * 16 * 1.38 <= train.cost.high <= 16 * 1.38 + 1


def test_a_region_has_its_factor_and_an_unknown_one_a_range() -> None:
    here = planned(scanned=TIB)
    zurich = planned("cloud.location=europe-west6", "cloud.network.subnetwork=''", scanned=TIB)
    assert zurich.month.high == pytest.approx(1.4 * here.month.high)
    elsewhere = planned("cloud.location=mars-west1", "cloud.network.subnetwork=''", scanned=TIB)
    assert elsewhere.cost.low == pytest.approx(here.cost.low)
    assert elsewhere.cost.high > 1.5 * here.cost.high
    assert any("no factor for mars-west1" in each for each in elsewhere.warnings)


def test_the_whole_is_the_sum_of_its_lines_and_the_endpoint_is_not_in_it() -> None:
    plan = planned(scanned=TIB)
    assert plan.cost.high == pytest.approx(sum(each.cost.high for each in plan.run))
    assert line(plan, "deploy", "Vertex AI endpoint") not in plan.run
    endpoint = line(plan, "deploy", "Vertex AI endpoint").cost
    assert endpoint.low == pytest.approx(0.1095 * 730)
    assert endpoint.high == pytest.approx(4 * endpoint.low)


def test_old_prices_and_the_default_service_account_are_warned_of() -> None:
    assert planned().warnings == ()
    (old,) = planned(today=datetime.date(2026, 1, 15)).warnings
    assert "the oldest price here is 6 months old (2025-06-30)" in old
    (default,) = planned("cloud.identities.trainer=''").warnings
    assert "no service account for trainer" in default


def test_the_budget_is_judged_at_its_edge() -> None:
    high = planned(scanned=TIB).cost.high
    check_budget(planned(f"cloud.budget_usd={high!r}", scanned=TIB))
    check_budget(planned("cloud.budget_usd=null", scanned=TIB))
    with pytest.raises(BudgetError) as caught:
        check_budget(planned(f"cloud.budget_usd={high - 0.01!r}", scanned=TIB))
    said = str(caught.value)
    assert f"{high - 0.01:,.2f} USD" in said
    assert f"to {high:,.2f} USD" in said
    assert "Most of it is transform on Dataflow" in said
    assert "python -m pipelines plan flights --env dev --pipeline training" in said
    assert "spot machines" in said


def test_a_prediction_run_is_judged_by_its_own_lines() -> None:
    high = planned(scanned=TIB, pipeline="prediction").cost.high
    assert high < planned(scanned=TIB).cost.high
    check_budget(planned(f"cloud.budget_usd={high!r}", scanned=TIB, pipeline="prediction"))
    with pytest.raises(BudgetError, match=r"a prediction run of flights in dev.*at most") as caught:
        check_budget(planned(f"cloud.budget_usd={high - 0.01!r}", scanned=TIB, pipeline="prediction"))
    said = str(caught.value)
    assert "Most of it is predict on Dataflow" in said
    assert "select fewer rows" in said
    assert "python -m pipelines plan flights --env dev --pipeline prediction" in said


def test_a_prediction_run_starts_its_own_stages_and_leaves_no_endpoint() -> None:
    plan = planned(scanned=TIB, pipeline="prediction")
    assert line(plan, "select", "BigQuery").cost == Cost(6.25, 6.25)
    assert line(plan, "predict", "Dataflow").machines == "n2-standard-4 x 1..4"
    assert line(plan, "predict", "Dataflow").identity.startswith("dataflow-worker@")
    assert {each.stage for each in plan.run} == {"all", "choose", "select", "predict", "deliver", "report"}
    assert [each.service for each in plan.monthly] == ["Cloud Storage"]
    here = planned("cloud.dataflow.options=[--runner=FnApiRunner]", pipeline="prediction")
    assert "Dataflow" not in {each.service for each in here.run}


def test_predictions_into_a_table_are_merged_and_kept_there() -> None:
    into = ("prediction.output=bq://my-project-dev.scores.flights", "prediction.parameters.days=30")
    plan = planned(*into, scanned=10**12, pipeline="prediction")
    (merge,) = (each for each in plan.run if (each.stage, each.service) == ("deliver", "BigQuery"))
    assert merge.cost.high == pytest.approx(3.0 * 6.25 * 10**12 / TIB)
    assert merge.cost.low == pytest.approx(0.1 * 6.25 * 10**12 / TIB)
    (kept,) = (each for each in plan.monthly if each.service == "BigQuery")
    assert kept.cost.high == pytest.approx(3.0 * 1000 * 0.023)
    assert planned(*into, pipeline="training").cost == planned(pipeline="training").cost


def test_what_has_no_price_is_rejected_not_left_out() -> None:
    prices = load_prices()
    unlisted = prices.vertex.model_copy(update={"accelerators": {}, "training": {}})
    without = prices.model_copy(update={"accelerators": {}, "vertex": unlisted})
    with raises(SettingsError, subject=re.compile("NVIDIA_TESLA_T4")):
        planned(prices=without)
    with raises(SettingsError, subject=re.compile("n1")):
        planned(
            prices=prices.model_copy(update={"machines": {"e2": prices.machines["e2"]}, "vertex": unlisted})
        )


def test_the_sum_knows_its_oldest_price_and_what_stands_on_memory() -> None:
    listed = line(planned(scanned=TIB), "ingest", "BigQuery").cost
    assert (listed.as_of, listed.remembered) == (datetime.date(2026, 9, 2), 0.0)
    container = line(planned(), "resolve", "Vertex AI Pipelines").cost  # of the family e2
    assert (container.as_of, container.share_remembered) == (datetime.date(2025, 6, 30), 1.0)
    spot = line(planned(), "train", "Vertex AI custom job").cost
    standard = line(planned("cloud.training.provisioning=STANDARD"), "train", "Vertex AI custom job").cost
    assert spot.share_remembered == pytest.approx(1.0), "what a spot machine costs is from memory"
    disk = 1.5 * 100 * 0.17 * 1.15 / 730
    assert standard.remembered == pytest.approx(disk), "the disk's price is, the machine's and the T4's not"
    plan = planned(scanned=TIB)
    assert plan.cost.as_of == datetime.date(2025, 6, 30)
    assert 0 < plan.cost.share_remembered < 1
    assert plan.cost.remembered == pytest.approx(sum(each.cost.remembered for each in plan.run))


def test_another_regions_factor_is_from_memory_and_so_is_what_it_makes() -> None:
    zurich = planned("cloud.location=europe-west6", "cloud.network.subnetwork=''", scanned=TIB)
    queries = line(zurich, "ingest", "BigQuery").cost
    assert queries.share_remembered == 1.0
    assert queries.as_of == datetime.date(2025, 6, 30)
    once = line(zurich, "all", "Vertex AI Pipelines").cost
    assert once.share_remembered == 0.0, "a run's own price has no factor"


def test_where_vertex_ai_lists_a_machine_or_an_accelerator_that_is_taken() -> None:
    prices = load_prices()
    dear = prices.vertex.model_copy(
        update={
            "training": {"n1-standard-8": prices.vertex.pipeline_run.model_copy(update={"usd": 70.0})},
            "accelerators": {"NVIDIA_TESLA_T4": prices.vertex.pipeline_run.model_copy(update={"usd": 9.0})},
        }
    )
    standard = "cloud.training.provisioning=STANDARD"
    plan = planned(
        standard, "cloud.training.timeout_hours=1", prices=prices.model_copy(update={"vertex": dear})
    )
    assert line(plan, "train", "Vertex AI custom job").cost.high == pytest.approx(79.0, abs=0.1)
    bare = prices.vertex.model_copy(update={"training": {}, "prediction": {}, "accelerators": {}})
    plain = planned(standard, prices=prices.model_copy(update={"vertex": bare}))
    assert plain.cost.high == pytest.approx(planned(standard).cost.high, rel=0.01)


def test_bytes_that_nobody_knows_are_bounded_by_what_is_allowed() -> None:
    settings = load("flights", "dev", ["cloud.bigquery.maximum_bytes_billed=1099511627776"])
    unknown = Scanned(0, TIB, "unknown", "nobody is logged in")
    plan = estimate(settings, load_prices(), unknown, TODAY)
    assert line(plan, "ingest", "BigQuery").cost == Cost(0.0, 6.25)
    assert plan.warnings == ("what the query scans is unknown: nobody is logged in",)


def test_a_run_on_this_machine_has_no_plan() -> None:
    with pytest.raises(SettingsError, match="what runs here costs nothing"):
        command.make_plan(load("flights"))
    assert command.check(load("flights")) is None
    assert command.check(load("flights"), "prediction") is None


@pytest.fixture
def logged_out(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("logged_out")
def test_without_credentials_the_plan_says_so_and_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    shown = CliRunner().invoke(app, ["plan", "flights", "--env", "prod"])
    assert shown.exit_code == 0, shown.output
    said = " ".join(capfd.readouterr().out.split())
    for words in (
        "the query scans unknown, at most 100.0 GiB",
        "gcloud auth application-default login",
        "Vertex AI custom job n1-standard-8 x 1",
        "dataflow-worker@my-project-prod",
        "within the budget of 100.00 USD",
        "An estimate, list price, no discounts, no taxes; never exact",
        "the oldest is of 2025-06-30",
    ):
        assert words in said
    remembered = re.search(r"(\d+)% of one run's high estimate stands on memory, 0% of a month's", said)
    assert remembered
    assert 0 < int(remembered[1]) < 100


@pytest.mark.usefixtures("logged_out")
def test_the_command_plans_either_pipeline(capfd: pytest.CaptureFixture[str]) -> None:
    shown = CliRunner().invoke(app, ["plan", "flights", "--pipeline", "prediction"])
    assert shown.exit_code == 0, shown.output
    said = " ".join(capfd.readouterr().out.split())
    assert said.startswith("flights, prediction, in dev: project my-project-dev")
    assert "predict Dataflow" in said
    assert "train Vertex AI custom job" not in said
    assert "Vertex AI endpoint" not in said


@pytest.mark.usefixtures("logged_out")
def test_a_plan_imports_no_framework() -> None:
    program = (
        "import sys\nfrom configs.loading import load\nfrom pipelines.plan import command\n"
        "command.make_plan(load('flights', 'dev'))\n"
        "command.make_plan(load('flights', 'dev'), 'prediction')\n"
        "heavy = {'tensorflow', 'apache_beam', 'kfp', 'google.cloud.aiplatform'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
