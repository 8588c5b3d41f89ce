"""The whole pipeline on Vertex AI: the very file that is submitted runs, stage by stage, to a served version.

The use case is the one of docs/your-data.md, its training job on a GPU as far as the service can see.
"""

import _thread
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from components.report import core as report_core
from components.report.experiment import log_run
from components.report.manifest import RunInfo
from components.report.settings import ReportStage
from components.shared.files.gcs_path import BucketPath
from components.shared.gcp.endpoints import VARIABLES
from configs.errors import CloudError
from configs.loading import load
from configs.settings import Settings
from pipelines.commands import run as run_command
from pipelines.commands import runs as runs_command
from pipelines.commands import teardown as teardown_command
from pipelines.runners import following
from pipelines.runs import begin_manifest, new_run
from tests.contract.registries import golden_scores
from tests.contract.vertex import small
from tests.contract.vertex.rejections import Status
from tests.contract.vertex.server import VertexServer
from tests.planes import lay_out

ROOT = Path(__file__).parents[2]
aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the use case `planes` and its data."""
    lay_out(tmp_path, Path("planes"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def there(vertex: VertexServer, bucket: BucketPath, workspace: Path, *overrides: str) -> Settings:
    """The settings of `dev`, at the loopback server."""
    return load(
        "planes",
        "dev",
        [
            "cloud.dataflow.options=[--runner=FnApiRunner]",
            f"cloud.project={vertex.project}",
            f"places.root={bucket / 'runs'}",
            f"cloud.bucket={str(bucket).removeprefix('gs://').strip('/')}",
            f"places.registry=vertex://{vertex.project}/{vertex.location}",
            f"source.uri=file://{workspace / 'data/planes'}",
            "training.epochs=3",
            "evaluation.gates=[{metric: auc, floor: 0.5}]",
            *overrides,
        ],
    )


def manifests(workspace: Path) -> list[dict[str, Any]]:
    """Of all runs, oldest first."""
    found = [json.loads(path.read_text()) for path in workspace.glob("output/runs/*/manifest.json")]
    return sorted(found, key=lambda manifest: float(manifest["started_at"]))


def test_a_run_ends_with_a_served_version_and_the_same_report(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = there(vertex, bucket, workspace)
    vertex.endpoints.predictor = golden_scores
    assert run_command.run("planes", settings), capfd.readouterr().out
    shown = capfd.readouterr().out
    assert "passed: the candidate may serve" in shown
    assert "version 1 100 %" in shown
    (manifest,) = manifests(workspace)
    assert {record["stage"]: record["state"] for record in manifest["stages"]} == dict.fromkeys(
        run_command.STAGES, "done"
    )
    assert manifest["links"].keys() == {
        "pipeline job", "custom job", "experiment", "model version", "endpoint",
    }  # fmt: skip
    report = next(workspace.glob("output/runs/*/report.html")).read_text()
    assert manifest["links"]["custom job"] in report
    assert "is no longer there" not in report
    _the_job_was_the_compiled_file_with_its_gpu(vertex, workspace)
    _the_experiment_has_the_run(manifest)
    assert not vertex.requests_of("CreateTensorboard"), "nobody asked for one, and it costs"

    assert run_command.run("planes", settings), capfd.readouterr().out  # the first has kept its schema
    assert run_command.run("planes", settings), capfd.readouterr().out
    shown = capfd.readouterr().out
    assert "cached  train" in shown
    assert "already serving" in shown
    cached = {record["stage"] for record in manifests(workspace)[-1]["stages"] if record["cached"]}
    assert cached == {"ingest", "validate", "transform", "train", "evaluate"}
    _the_lineage_has_the_models(vertex)


def _the_job_was_the_compiled_file_with_its_gpu(vertex: VertexServer, workspace: Path) -> None:
    (request,) = vertex.requests_of("CreatePipelineJob")
    job = request.pipeline_job
    compiled = yaml.safe_load(next(workspace.glob("output/runs/*/pipeline.yaml")).read_text())
    assert json_format.MessageToDict(job.pipeline_spec) == compiled
    assert dict(job.labels) == {"use_case": "planes", "environment": "dev"}
    assert job.service_account.startswith("pipeline@")
    (training,) = vertex.store.of_kind("google.cloud.aiplatform.v1.CustomJob")
    assert training.job_spec.worker_pool_specs[0].machine_spec.machine_type == "n1-standard-8"
    assert training.state == 4  # succeeded


def _the_lineage_has_the_models(vertex: VertexServer) -> None:
    """The candidate is train's output, the champion an artifact of its own: the same one in every run."""
    jobs = vertex.store.of_kind("google.cloud.aiplatform.v1.PipelineJob")
    evaluated = [task_of(job, "evaluate") for job in jobs]
    champions = {task.inputs["champion"].artifacts[0].name for task in evaluated}
    assert len(champions) == 1
    champion = vertex.store.get(champions.pop())
    assert champion.schema_title == "system.Model"
    assert champion.uri.endswith("/registry/planes/none"), "each run stands where the first one stood"
    candidate = evaluated[0].inputs["model"].artifacts[0]
    assert candidate.name == task_of(jobs[0], "train").outputs["model"].artifacts[0].name
    numbers, curve = (evaluated[0].outputs[name].artifacts[0] for name in ("metrics", "curve"))
    assert (numbers.schema_title, curve.schema_title) == ("system.Metrics", "system.ClassificationMetrics")
    assert 0.5 < numbers.metadata["auc"] < 1.0
    assert {"confidenceMetrics", "confusionMatrix"} <= set(curve.metadata)
    page = task_of(jobs[0], "report").outputs["report"].artifacts[0]
    assert page.schema_title == "system.HTML"


def task_of(job: Any, name: str) -> Any:
    (found,) = [task for task in job.job_detail.task_details if task.task_name == name]
    return found


def _the_experiment_has_the_run(manifest: dict[str, Any]) -> None:
    frame = aiplatform.get_experiment_df("planes")
    run = frame[frame["run_name"] == manifest["run_id"]].dropna(axis="columns").iloc[0]
    assert run["param.training.epochs"] == 3
    assert 0.5 < run["metric.auc"] < 1.0


def test_a_stage_that_fails_shows_its_cause_and_where_its_log_is(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not run_command.run("planes", there(vertex, bucket, workspace, "features.numeric.wingspan={}"))
    shown = capfd.readouterr().out
    assert "ingest failed  MissingFeatureError" in shown
    assert "wingspan" in shown
    assert "https://console.cloud.google.com/logs/query;query=" in shown
    (manifest,) = manifests(workspace)
    assert manifest["state"] == "failed"
    assert manifest["error"]
    report = next(workspace.glob("output/runs/*/report.html")).read_text()
    assert "Failed in ingest" in report
    assert "wingspan" in report


def test_a_job_that_fails_before_its_stages_says_why(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vertex.faults.fail_job("CreatePipelineJob", "the quota custom_model_training_nvidia_t4_gpus is exceeded")
    assert not run_command.run("planes", there(vertex, bucket, workspace))
    assert "outside its stages  the quota custom_model_training_nvidia_t4_gpus" in capfd.readouterr().out


def test_a_run_that_cannot_be_logged_in_its_experiment_says_why_and_does_not_fail(
    vertex: VertexServer, bucket: BucketPath, workspace: Path
) -> None:
    part = ReportStage(settings=there(vertex, bucket, workspace))
    page = bucket / "runs" / "planes" / "1234" / "planes-1" / "report_7" / "report.html"
    vertex.faults.reject("CreateContext", "PERMISSION_DENIED")
    summary = report_core.run(part, RunInfo("training", "planes-1", "done"), page)
    manifest = json.loads((page.parent / "manifest.json").read_text())
    assert (summary["state"], manifest["state"]) == ("done", "done")
    assert "injected by the test" in manifest["tracking"]
    assert "planes-1" in page.read_text()


def test_a_run_that_is_logged_twice_is_in_its_experiment_once(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, compiled: Path
) -> None:
    settings = there(vertex, bucket, workspace)
    folder = begun(settings, compiled)
    following.follow(folder, settings)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [log_run(settings, manifest), log_run(settings, manifest)] == ["", ""]
    frame = aiplatform.get_experiment_df("planes")
    assert list(frame["run_name"]) == [folder.name]


def test_ctrl_c_leaves_the_run_there_and_says_how_to_see_and_end_it(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = there(vertex, bucket, workspace)

    def interrupt() -> None:
        while "PipelineService.GetPipelineJob" not in vertex.calls[2:]:
            time.sleep(0.05)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(SystemExit) as left:
        run_command.run("planes", settings)
    assert left.value.code == 130
    (manifest,) = manifests(workspace)
    shown = capfd.readouterr().out
    assert f"python -m pipelines cancel {manifest['run_id']}" in shown
    runs_command.status("planes", Path("output"))
    assert "running" in capfd.readouterr().out
    runs_command.cancel(manifest["run_id"], Path("output"))
    runs_command.status(manifest["run_id"], Path("output"))
    assert "cancelled" in capfd.readouterr().out
    assert vertex.store.get(manifest["job"].replace("local-project", "1234")).state == 7  # cancelled
    with pytest.raises(CloudError, match="has ended"):
        runs_command.cancel(manifest["run_id"], Path("output"))


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A pipeline file that takes no time."""
    path = tmp_path / "pipeline.yaml"
    small.compile_to(path)
    return path


def begun(settings: Settings, compiled: Path) -> Path:
    """A run that has been submitted."""
    folder = new_run(settings)
    begin_manifest(folder, settings, "python -m pipelines run planes")
    following.start(folder, settings, compiled)
    return folder


def test_a_lost_answer_does_not_start_a_second_job(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, compiled: Path
) -> None:
    settings = there(vertex, bucket, workspace)
    vertex.faults.lose_answer("CreatePipelineJob")
    folder = begun(settings, compiled)
    assert len(vertex.requests_of("CreatePipelineJob")) == 2
    assert [job.display_name for job in aiplatform.PipelineJob.list()] == [folder.name]
    assert following.follow(folder, settings)["state"] == "done"


def test_a_busy_service_is_called_again(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, compiled: Path
) -> None:
    settings = there(vertex, bucket, workspace)
    vertex.faults.reject("CreatePipelineJob", "RESOURCE_EXHAUSTED")
    vertex.faults.reject("CreatePipelineJob", "UNAVAILABLE")
    vertex.faults.reject("GetPipelineJob", "UNAVAILABLE", times=2)
    folder = begun(settings, compiled)
    vertex.faults.lose_answer("GetPipelineJob", times=2)
    assert following.follow(folder, settings)["state"] == "done"


def test_a_rejection_is_one_line_with_the_command_that_fixes_it(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, compiled: Path
) -> None:
    with pytest.raises(CloudError, match="Permission denied") as rejected:
        begun(there(vertex, bucket, workspace, "cloud.project=other-project"), compiled)
    assert "gcloud projects add-iam-policy-binding other-project" in str(rejected.value)
    assert "\n" not in str(rejected.value)
    with pytest.raises(CloudError, match="europe-west4 is not served here"):
        begun(
            there(vertex, bucket, workspace, "cloud.location=europe-west4", "cloud.network.subnetwork=''"),
            compiled,
        )


@pytest.mark.parametrize(
    "rejection",
    [
        ("PERMISSION_DENIED", "You do not have permission to act as service account (actAs)",
         r"service-accounts add-iam-policy-binding pipeline@\S+ .*--role=roles/iam\.serviceAccountUser"),
        ("PERMISSION_DENIED", "Vertex AI API has not been used in project 1234 before",
         r"gcloud services enable aiplatform\.googleapis\.com --project=local-project"),
        ("INVALID_ARGUMENT", "The encryption key is not in the location of the job.", r"of the job\.$"),
    ],
)  # fmt: skip
def test_what_the_service_rejects_at_the_start_is_reported_with_its_remedy(
    vertex: VertexServer,
    bucket: BucketPath,
    workspace: Path,
    compiled: Path,
    rejection: tuple[Status, str, str],
) -> None:
    status, message, remedy = rejection
    account = f"cloud.identities.pipeline=pipeline@{vertex.project}.iam.gserviceaccount.com"
    vertex.faults.reject("CreatePipelineJob", status, message=message)
    with pytest.raises(CloudError, match=remedy) as rejected:
        begun(there(vertex, bucket, workspace, account), compiled)
    assert message in str(rejected.value)


def test_without_credentials_the_way_to_get_some_is_named(
    vertex: VertexServer, bucket: BucketPath, workspace: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLES["aiplatform"])
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(workspace))
    aiplatform.initializer.global_config._credentials = None
    with pytest.raises(CloudError, match="gcloud auth application-default login"):
        begun(there(vertex, bucket, workspace), compiled)


def test_teardown_lists_first_and_deletes_only_what_is_the_use_cases(
    vertex: VertexServer,
    bucket: BucketPath,
    workspace: Path,
    compiled: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = there(vertex, bucket, workspace)
    folder = begun(settings, compiled)
    assert log_run(settings, following.follow(folder, settings)) == ""  # as the task `report` does
    job = aiplatform.PipelineJob(
        "daily", str(compiled), pipeline_root=str(bucket / "x"), labels=settings.labels
    )
    job.create_schedule(cron="0 6 * * *", display_name="daily")
    model = upload("planes", settings.labels)
    endpoint = aiplatform.Endpoint.create(display_name="planes", labels=settings.labels)
    endpoint.deploy(model, machine_type="n1-standard-2", traffic_percentage=100)
    upload("trains", {"use_case": "trains", "environment": "dev"})
    place_of(settings).write_text("left behind")
    assert settings.cloud
    versions = BucketPath(f"gs://{settings.cloud.bucket}/registry/planes/versions/1/version.json")
    versions.write_text("{}")

    teardown_command.teardown(settings, yes=False)
    listed = capfd.readouterr().out
    for kind in ("schedule", "pipeline job", "endpoint", "model", "experiment", "artifacts", "versions"):
        assert re.search(rf"^{kind} ", listed, re.MULTILINE), listed
    assert "nothing is deleted without --yes" in listed
    assert aiplatform.Endpoint.list()

    teardown_command.teardown(settings, yes=True)
    teardown_command.teardown(settings, yes=True)
    assert "nothing of planes in dev" in capfd.readouterr().out
    assert [each.display_name for each in aiplatform.Model.list()] == ["trains"]
    assert not place_of(settings).exists()
    assert not versions.exists()


def upload(name: str, labels: dict[str, str]) -> Any:
    image = "registry.example/serving:1"
    return aiplatform.Model.upload(display_name=name, serving_container_image_uri=image, labels=labels)


def place_of(settings: Settings) -> BucketPath:
    return BucketPath(f"{settings.places.root}/planes/checkpoints/state")
