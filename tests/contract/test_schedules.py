"""Schedules on the loopback server: made once, brought up to date, paused, resumed, deleted."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.shared.files.gcs_path import BucketPath
from configs.errors import CloudError, SettingsError, UnknownRunError
from configs.loading import load
from configs.settings import Settings
from pipelines.__main__ import app
from pipelines.commands import runs as runs_command
from pipelines.runners import schedules
from pipelines.runners.cron import timing
from tests.contract.registries import golden_scores
from tests.contract.vertex.server import VertexServer
from tests.errors import raises
from tests.planes import lay_out

aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")
RUNNING = "PIPELINE_STATE_RUNNING"
AT_SIX = timing("0 6 * * *", "Europe/Zurich", 1)


@pytest.fixture
def there(vertex: VertexServer, bucket: BucketPath) -> Any:
    """The settings of the flights in `dev`, at the server, by further overrides."""

    def settings(*overrides: str) -> Settings:
        return load(
            "flights",
            "dev",
            [f"cloud.project={vertex.project}", f"places.root={bucket / 'runs'}", *overrides],
        )

    return settings


def test_a_schedule_starts_the_compiled_pipeline_as_its_account(
    vertex: VertexServer, there: Any, bucket: BucketPath
) -> None:
    made, done = schedules.create(there(), AT_SIX)
    assert (made.name, made.state, done) == ("training-flights-dev", "active", "made")
    (request,) = vertex.requests_of("CreateSchedule")
    kept = request.schedule
    assert kept.cron == "TZ=Europe/Zurich 0 6 * * *"
    assert kept.max_concurrent_run_count == 1
    job = kept.create_pipeline_job_request.pipeline_job
    assert job.pipeline_spec["pipelineInfo"]["name"] == "training-flights"
    assert job.service_account == "pipeline@my-project-dev.iam.gserviceaccount.com"
    assert there().labels.items() <= dict(job.labels).items()
    assert job.runtime_config.gcs_output_directory == f"{bucket / 'runs'}/flights"
    values = job.runtime_config.parameter_values
    assert values["checkpoints"].string_value == f"{bucket / 'runs'}/flights/checkpoints"
    assert job.runtime_config.failure_policy == 2  # fail fast


@pytest.fixture
def planes(vertex: VertexServer, bucket: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings of the use case `planes` in `dev`, at the server, by further overrides."""
    lay_out(tmp_path, Path("planes"))
    monkeypatch.chdir(tmp_path)
    overrides = (
        f"cloud.project={vertex.project}",
        "cloud.dataflow.options=[--runner=FnApiRunner]",
        f"places.root={bucket / 'runs'}",
        f"cloud.bucket={str(bucket).removeprefix('gs://').strip('/')}",
        f"places.registry=vertex://{vertex.project}/{vertex.location}",
        f"source.uri=file://{tmp_path / 'data/planes'}",
        "training.epochs=1",
        "evaluation.gates=[{metric: auc, floor: 0.01}]",
    )
    return lambda *more: load("planes", "dev", [*overrides, *more])


def struck(vertex: VertexServer, settings: Settings) -> str:
    """Let the clock start a run, and wait for its end; returns its id."""
    made, _ = schedules.create(settings, AT_SIX)
    job = vertex.schedules.strike(made.resource)
    while aiplatform.PipelineJob.get(job.name).state.name in ("PIPELINE_STATE_PENDING", RUNNING):
        time.sleep(0.5)
    return str(job.name.rsplit("/", 1)[-1])


def test_a_run_that_nobody_watches_leaves_what_a_watched_one_leaves(
    vertex: VertexServer, planes: Any, bucket: BucketPath, capfd: pytest.CaptureFixture[str]
) -> None:
    vertex.endpoints.predictor = golden_scores
    run_id = struck(vertex, planes())
    runs_command.status_there("planes", planes())
    shown = capfd.readouterr().out
    assert re.search(rf"{run_id} +done .* resolve ingest validate transform train evaluate deploy", shown)
    assert re.search(r"champion +100 %", shown)
    (page,) = (bucket / "runs" / "planes" / "1234" / run_id).glob("report_*/report.html")
    manifest = json.loads((page.parent / "manifest.json").read_text())
    assert (manifest["run_id"], manifest["state"]) == (run_id, "done")
    assert manifest["command"] == "python -m pipelines run planes --env dev"
    assert manifest["settings"]["training"]["epochs"] == 1
    assert manifest["versions"]["tensorflow"]
    assert set(manifest["links"]) == {
        "pipeline job", "custom job", "experiment", "model version", "endpoint",
    }  # fmt: skip
    frame = aiplatform.get_experiment_df("planes")
    assert list(frame["run_name"]) == [run_id]
    assert 0 < frame["metric.auc"][0] < 1
    fetched = runs_command.fetch_report(run_id, planes())
    assert fetched.read_text() == page.read_text()
    assert runs_command.fetch_report("planes", planes()) == fetched
    assert "Deployed as version 1" in fetched.read_text()


def test_a_run_that_fails_while_nobody_watches_has_a_report_that_says_why(
    vertex: VertexServer, planes: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = struck(vertex, planes("features.numeric.wingspan={}"))
    report = runs_command.fetch_report(run_id, planes()).read_text()
    assert "Failed in ingest" in report
    assert "MissingFeatureError" in report
    assert "console.cloud.google.com/logs/query" in report
    runs_command.status_there(run_id, planes())
    assert re.search(rf"{run_id} +failed .* resolve ingest", capfd.readouterr().out)


def test_a_run_that_was_cut_short_is_found_by_its_place_and_gets_its_report_here(
    vertex: VertexServer, planes: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    made, _ = schedules.create(planes(), AT_SIX)
    job = aiplatform.PipelineJob.get(vertex.schedules.strike(made.resource).name)
    run_id = job.name
    runs_command.status_there("", planes())
    assert re.search(rf"{run_id} +running", capfd.readouterr().out)
    job.cancel()
    runs_command.status_there("planes", planes())
    assert re.search(rf"{run_id} +cancelled", capfd.readouterr().out)
    assert "Cancelled" in runs_command.fetch_report("planes", planes()).read_text()


def test_runs_that_are_not_there_are_named_with_the_command_that_lists_them(planes: Any) -> None:
    with pytest.raises(UnknownRunError) as unknown:
        runs_command.fetch_report("planes-1", planes())
    assert unknown.value.subject == "run 'planes-1'"
    assert "status --env dev" in unknown.value.remedy


def test_a_use_case_has_one_schedule_an_environment_and_pipeline(vertex: VertexServer, there: Any) -> None:
    training, _ = schedules.create(there(), AT_SIX)
    at_seven = timing("0 7 * * *", "Europe/Zurich", 1)
    prediction, done = schedules.create(there(), at_seven, "prediction")
    assert (prediction.name, done) == ("prediction-flights-dev", "made")
    job = vertex.requests_of("CreateSchedule")[1].schedule.create_pipeline_job_request.pipeline_job
    assert job.pipeline_spec["pipelineInfo"]["name"] == "prediction-flights"
    assert dict(job.runtime_config.parameter_values) == {}, "the champion scores, stamped by the job"
    assert job.service_account == "pipeline@my-project-dev.iam.gserviceaccount.com"
    assert schedules.listed(there()) == [training, prediction]
    assert schedules.listed(there(), "prediction") == [prediction]
    assert schedules.act("pause", there(), "prediction").state == "paused"
    assert schedules.listed(there(), "training") == [training], "it goes on"
    again, done = schedules.create(there(), AT_SIX, "prediction")
    assert (again.resource, again.cron, done) == (prediction.resource, "0 6 * * *", "updated")
    schedules.act("delete", there(), "training")
    assert [each.name for each in schedules.listed(there())] == ["prediction-flights-dev"]
    assert schedules.act("resume", there(), "prediction").state == "active"


def test_what_is_requested_twice_is_there_once_and_up_to_date(vertex: VertexServer, there: Any) -> None:
    first, _ = schedules.create(there(), AT_SIX)
    there_now = there("training.epochs=7", "cloud.labels={team: sky}")
    second, done = schedules.create(there_now, timing("30 7 * * 1-5", "UTC", 2))
    assert (second.resource, done) == (first.resource, "updated")
    assert (second.cron, second.time_zone, second.max_concurrent) == ("30 7 * * 1-5", "UTC", 2)
    (kept,) = aiplatform.PipelineJobSchedule.list()
    job = kept.gca_resource.create_pipeline_job_request.pipeline_job
    assert job.labels["team"] == "sky"
    assert re.search(r"epochs\W+7", str(job))
    assert len(vertex.requests_of("CreateSchedule")) == 1


def test_a_lost_answer_does_not_make_two(vertex: VertexServer, there: Any) -> None:
    vertex.faults.lose_answer("CreateSchedule")
    _, done = schedules.create(there(), AT_SIX)
    assert done == "updated"
    assert len(aiplatform.PipelineJobSchedule.list()) == 1


def test_a_busy_service_is_called_again(vertex: VertexServer, there: Any) -> None:
    vertex.faults.reject("CreateSchedule", "RESOURCE_EXHAUSTED")
    vertex.faults.reject("ListSchedules", "UNAVAILABLE", times=2)
    schedules.create(there(), AT_SIX)
    assert len(aiplatform.PipelineJobSchedule.list()) == 1


def test_it_is_paused_and_resumed_once_however_often_that_is_requested(
    vertex: VertexServer, there: Any
) -> None:
    made, _ = schedules.create(there(), AT_SIX)
    assert [schedules.act("pause", there()).state for _ in range(2)] == ["paused", "paused"]
    assert vertex.schedules.strike(made.resource) is None
    assert [schedules.act("resume", there()).state for _ in range(2)] == ["active", "active"]
    assert (len(vertex.requests_of("PauseSchedule")), len(vertex.requests_of("ResumeSchedule"))) == (1, 1)


def test_a_paused_schedule_stays_paused_when_it_is_brought_up_to_date(there: Any) -> None:
    schedules.create(there(), AT_SIX)
    schedules.act("pause", there())
    again, _ = schedules.create(there(), AT_SIX)
    assert again.state == "paused"


def test_it_is_listed_and_deleted(there: Any) -> None:
    assert schedules.listed(there()) == []
    made, _ = schedules.create(there(), AT_SIX)
    assert schedules.listed(there()) == [made]
    assert schedules.act("delete", there()) == made
    assert schedules.listed(there()) == []


@pytest.mark.parametrize("action", ["pause", "resume", "delete"])
def test_what_is_not_there_is_reported_with_the_command_that_makes_it(there: Any, action: Any) -> None:
    schedules.create(there(), AT_SIX)
    with raises(
        CloudError, remedy=re.compile("schedule create flights --env dev --pipeline prediction --cron")
    ):
        schedules.act(action, there(), "prediction")
    assert [each.state for each in schedules.listed(there())] == ["active"]


def test_a_closed_service_is_reported_in_one_line(vertex: VertexServer, there: Any) -> None:
    vertex.faults.reject("ListSchedules", "PERMISSION_DENIED")
    with raises(CloudError, remedy=re.compile(r"roles/aiplatform\.user")):
        schedules.listed(there())


def test_a_machine_has_no_schedules() -> None:
    with pytest.raises(SettingsError, match="no clock starts it"):
        schedules.listed(load("flights"))


def test_the_command_checks_before_it_asks(
    vertex: VertexServer, bucket: BucketPath, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = [f"cloud.project={vertex.project}", f"places.root={bucket / 'runs'}"]
    options = ["flights", "--env", "dev", *(word for each in overrides for word in ("--set", each))]

    def typed(action: str, *more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["schedule", action, *options, *more])
        return done.exit_code, capfd.readouterr().out + done.output

    assert "got '25'" in typed("create", "--cron", "0 25 * * *")[1]
    assert "Did you mean" in typed("create", "--cron", "0 6 * * *", "--time-zone", "Europe/Zurih")[1]
    assert vertex.calls == []
    code, said = typed("create", "--cron", "0 6 * * *", "--time-zone", "Europe/Zurich")
    assert (code, "training-flights-dev: made" in said) == (0, True)
    assert "Europe/Zurich" in typed("list")[1]
    assert "training-flights-dev: paused" in typed("pause")[1]
    assert "training-flights-dev: resumed" in typed("resume")[1]
    assert "training-flights-dev: deleted" in typed("delete")[1]
    assert "no schedule" in typed("list")[1]
    code, said = typed("create", "--cron", "0 6 * * *", "--pipeline", "prediction")
    assert (code, "prediction-flights-dev: made" in said) == (0, True)
    assert "prediction-flights-dev" in typed("list")[1]
    assert "no schedule" in typed("list", "--pipeline", "training")[1]
    code, said = typed("delete")
    assert (code, "training-flights-dev" in said) == (1, True)
    assert "prediction-flights-dev: deleted" in typed("delete", "--pipeline", "prediction")[1]
    assert "'training', 'prediction'" in typed("list", "--pipeline", "serving")[1]
