"""A run folder that shows a pipeline job: what the stages say, and the service where they cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.files.artifacts import write_json
from components.shared.files.gcs_path import BucketPath
from components.shared.gcp import links
from pipelines.runners.mirror import Mirror

gapic: Any = pytest.importorskip("google.cloud.aiplatform").gapic
STAGES = ("resolve", "ingest", "train")
State = gapic.PipelineTaskDetail.State


def job_of(bucket: BucketPath, *tasks: Any) -> Any:
    return gapic.PipelineJob(
        name="projects/1234/locations/us-central1/pipelineJobs/run-1",
        runtime_config={"gcs_output_directory": str(bucket / "root")},
        job_detail={"task_details": list(tasks)},
    )


def task(name: str, state: Any, **others: Any) -> Any:
    return gapic.PipelineTaskDetail(task_id=7, task_name=name, state=state, **others)


def record(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "stages" / f"{name}.stage.json").read_text())
    return content


def leave(bucket: BucketPath, stage: str, **content: Any) -> BucketPath:
    """What a stage has written, and its record beside it."""
    folder = bucket / "root" / "1234" / "run-1" / f"{stage}_7"
    out = folder / "rows"
    write_json(out / "rows.json", {"rows": 3})
    (out / "train" / "part-00000.parquet").write_bytes(b"many rows")
    started = {"stage": stage, "started_at": 1.0, "inputs": {}, "seconds": {}, "summary": {}}
    write_json(
        folder / f"{stage}.stage.json", {**started, "outputs": {"rows": {"path": str(out)}}, **content}
    )
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stages").mkdir()
    return tmp_path


def test_a_stage_that_waits_or_runs_is_shown_before_it_says_anything(
    folder: Path, bucket: BucketPath
) -> None:
    mirror = Mirror(folder, STAGES)
    assert mirror.update(job_of(bucket, task("train", State.PENDING)))
    assert record(folder, "train")["state"] == "running"
    assert "waiting for a machine" in (folder / "stages/train.progress.json").read_text()
    assert mirror.update(job_of(bucket, task("train", State.RUNNING)))
    assert not mirror.update(job_of(bucket, task("train", State.RUNNING)))


def test_an_artifact_stays_where_it_lies(folder: Path, bucket: BucketPath) -> None:
    out = leave(bucket, "ingest", state="done")
    Mirror(folder, STAGES).update(job_of(bucket, task("ingest", State.SUCCEEDED)))
    assert record(folder, "ingest")["outputs"]["rows"]["path"] == str(out)
    assert [path.name for path in folder.rglob("*.json")] == ["ingest.stage.json"]


def test_a_stage_from_the_cache_is_reported_as_such_with_its_own_record(
    folder: Path, bucket: BucketPath
) -> None:
    leave(bucket, "ingest", state="done", summary={"rows": 3})
    Mirror(folder, STAGES).update(job_of(bucket, task("ingest", State.SKIPPED)))
    assert record(folder, "ingest")["cached"]
    assert record(folder, "ingest")["summary"] == {"rows": 3}


def test_a_stage_that_was_killed_is_reported_by_the_service(folder: Path, bucket: BucketPath) -> None:
    leave(bucket, "train", state="running")
    killed = task("train", State.FAILED, error={"message": "out of memory"})
    Mirror(folder, STAGES).update(job_of(bucket, killed))
    assert record(folder, "train")["state"] == "failed"
    assert record(folder, "train")["error"] == {
        "kind": "Killed",
        "message": "out of memory",
        "expected": False,
    }


def test_a_stage_that_failed_by_itself_has_its_own_cause(folder: Path, bucket: BucketPath) -> None:
    cause = {"kind": "TrainingError", "message": "the loss is NaN", "expected": True}
    leave(bucket, "train", state="failed", error=cause)
    failed = task("train", State.FAILED, error={"message": "exited with 1"})
    Mirror(folder, STAGES).update(job_of(bucket, failed))
    assert record(folder, "train")["error"] == cause


def test_a_stage_without_outputs_is_identified_by_its_parameters(folder: Path, bucket: BucketPath) -> None:
    metadata = {"input:inputs": "x", "output:source": "abc"}
    resolved = task("resolve", State.SUCCEEDED, execution={"metadata": metadata})
    Mirror(folder, STAGES).update(job_of(bucket, resolved))
    assert record(folder, "resolve")["summary"] == {"source": "abc"}


def test_branches_not_taken_and_groups_leave_no_record(folder: Path, bucket: BucketPath) -> None:
    other = task("condition-passed", State.SUCCEEDED)
    assert not Mirror(folder, STAGES).update(job_of(bucket, task("train", State.NOT_TRIGGERED), other))
    assert list((folder / "stages").iterdir()) == []


def test_a_resource_that_a_stage_names_gets_its_page() -> None:
    place = "projects/p/locations/us-central1"
    found = links.of(
        {"dataflow_job": f"{place}/jobs/2026-11-25_1"},
        {"model": f"{place}/models/7@3", "endpoint": f"{place}/endpoints/9"},
        {"again": f"{place}/endpoints/9", "another": f"{place}/endpoints/10"},
    )
    assert set(found) == {"Dataflow job", "model version", "endpoint", "endpoint 10"}
    assert found["Dataflow job"].endswith("/dataflow/jobs/us-central1/2026-11-25_1?project=p")
    assert found["model version"].endswith("/models/7/versions/3?project=p")
