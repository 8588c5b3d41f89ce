"""Pipeline jobs on the Vertex AI server: the very file that is submitted runs, task by task."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions

from components.shared.files.gcs_path import BucketPath
from tests.contract.vertex.server import VertexServer

aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")
pytestmark = pytest.mark.usefixtures("client_of_vertex")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.contract.vertex import small

    path = tmp_path_factory.mktemp("compiled") / "small.yaml"
    small.compile_to(path)
    return path


def submit(compiled: Path, bucket: BucketPath, job_id: str = "small-1", **values: Any) -> Any:
    job = aiplatform.PipelineJob(
        display_name="small",
        template_path=str(compiled),
        job_id=job_id,
        pipeline_root=str(bucket / "root"),
        parameter_values=values,
    )
    job.submit()
    return job


def until(job: Any, holds: Callable[[Any], bool]) -> Any:
    for _ in range(300):
        seen = job.api_client.get_pipeline_job(name=job.resource_name)
        if holds(seen):
            return seen
        time.sleep(0.1)
    raise AssertionError(seen)


def ended(job: Any) -> bool:
    return job.state.name in {"PIPELINE_STATE_SUCCEEDED", "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED"}


def states(job: Any) -> dict[str, str]:
    return {task.task_name: task.state.name for task in job.job_detail.task_details}


def test_a_job_runs_and_tells_of_its_tasks(vertex: VertexServer, compiled: Path, bucket: BucketPath) -> None:
    job = until(submit(compiled, bucket, count=5), ended)
    assert job.state.name == "PIPELINE_STATE_SUCCEEDED", job.error
    assert states(job) == {
        "make": "SUCCEEDED", "fit": "SUCCEEDED", "tell": "SUCCEEDED",
        "say": "SUCCEEDED", "say-2": "NOT_TRIGGERED",
    }  # fmt: skip
    fit = next(task for task in job.job_detail.task_details if task.task_name == "fit")
    assert fit.end_time >= fit.start_time
    assert fit.outputs["model"].artifacts[0].uri.startswith(f"{bucket / 'root'}/1234/small-1/fit")
    assert fit.outputs["model"].artifacts[0].metadata["rows"] == 5
    assert fit.execution.metadata["output:score"] == 0.5
    custom_job = vertex.store.get(fit.executor_detail.container_detail.main_job)
    machine = custom_job.job_spec.worker_pool_specs[0].machine_spec
    assert (machine.machine_type, machine.accelerator_count) == ("n1-standard-8", 1)


def test_the_second_run_takes_tasks_from_the_cache(compiled: Path, bucket: BucketPath) -> None:
    until(submit(compiled, bucket), ended)
    again = until(submit(compiled, bucket, "small-2"), ended)
    assert states(again)["make"] == states(again)["fit"] == "SKIPPED"


def test_a_task_that_fails_fails_the_job(compiled: Path, bucket: BucketPath) -> None:
    job = until(submit(compiled, bucket, seconds=-1.0), ended)
    assert job.state.name == "PIPELINE_STATE_FAILED"
    assert "[fit]" in job.error.message
    fit = next(task for task in job.job_detail.task_details if task.task_name == "fit")
    assert "ml_job" in fit.error.message


def test_a_job_is_cancelled_and_then_deleted(compiled: Path, bucket: BucketPath) -> None:
    job = submit(compiled, bucket, seconds=60.0)
    until(job, lambda seen: states(seen).get("fit") == "RUNNING")
    with pytest.raises(exceptions.BadRequest, match="cancel it first"):
        job.api_client.delete_pipeline_job(name=job.resource_name)
    job.cancel()
    seen = until(job, ended)
    assert (seen.state.name, states(seen)["fit"]) == ("PIPELINE_STATE_CANCELLED", "CANCELLED")
    job.delete()
    assert aiplatform.PipelineJob.list() == []


def test_what_the_spec_does_not_know_is_rejected(compiled: Path, bucket: BucketPath) -> None:
    submit(compiled, bucket)
    with pytest.raises(exceptions.Conflict):
        submit(compiled, bucket)
    job = submit(compiled, bucket, "small-2")._gca_resource
    job.runtime_config.parameter_values = {"nothing": 1}
    service = aiplatform.PipelineJob.list()[0].api_client
    with pytest.raises(exceptions.BadRequest, match="unknown parameter nothing"):
        service.create_pipeline_job(parent="projects/1234/locations/us-central1", pipeline_job=job)


def test_a_schedule_is_kept_paused_and_strikes(
    vertex: VertexServer, compiled: Path, bucket: BucketPath
) -> None:
    job = aiplatform.PipelineJob("small", str(compiled), pipeline_root=str(bucket / "root"))
    schedule = job.create_schedule(cron="TZ=America/New_York 0 6 * * *", display_name="daily")
    assert aiplatform.PipelineJobSchedule.list()[0].cron == "TZ=America/New_York 0 6 * * *"
    until(job_of(vertex.schedules.strike(schedule.resource_name).name), ended)
    schedule.pause()
    assert vertex.schedules.strike(schedule.resource_name) is None
    with pytest.raises(exceptions.BadRequest, match="Invalid cron"):
        job.create_schedule(cron="at six", display_name="daily")


def job_of(name: str) -> Any:
    return aiplatform.PipelineJob.get(name)


def test_a_job_is_a_run_of_its_experiment(compiled: Path, bucket: BucketPath) -> None:
    job = aiplatform.PipelineJob(
        "small",
        str(compiled),
        job_id="small-1",
        pipeline_root=str(bucket / "root"),
        parameter_values={"count": 2},
    )
    job.submit(experiment="smalls")
    until(job, ended)
    frame = aiplatform.get_experiment_df("smalls")
    assert frame["run_name"].tolist() == ["small-1"]
    assert frame["param.count"].tolist() == [2]
