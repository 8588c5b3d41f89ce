"""The records of a pipeline job's stages, and a run folder here that shows them while the job runs.

Each stage writes its record beside its outputs. What it cannot say itself (it waits, it was taken from the
cache, it was killed) is taken from the service's own account of its tasks.
"""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import write_json
from components.shared.files.gcs import reading as gcs_reading
from components.shared.gcp import links
from configs.errors import PlaceError

_STATES = {
    "PENDING": "running",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "SKIPPED": "done",
    "CANCEL_PENDING": "running",
    "CANCELLING": "running",
    "CANCELLED": "failed",
    "FAILED": "failed",
}
"""Of a task, in the words of our records; a group's branch that was not taken has none."""


class Mirror:
    """The folder of a run, with the records of these stages of a job as a run on this machine has them."""

    def __init__(self, folder: Path, stages: tuple[str, ...]) -> None:
        self.folder, self.stages = folder, stages
        self._seen: dict[str, str] = {}

    def update(self, job: Any) -> bool:
        """Bring the folder up to a job (its message); returns whether a task has changed its state."""
        changed = False
        for task in shown_tasks(job, self.stages):
            state = task.state.name
            ended = self._seen.get(task.task_name) == state and _STATES[state] != "running"
            if not ended:
                self._write(job, task)
                changed = changed or self._seen.get(task.task_name) != state
                self._seen[task.task_name] = state
        return changed

    def _write(self, job: Any, task: Any) -> None:
        record = task_record(job, task)
        name, stages = task.task_name, self.folder / "stages"
        if record["state"] == "running":
            what = {"PENDING": "waiting for a machine"}.get(task.state.name, "running on Vertex AI")
            progress = record.get("progress") or {"what": what, "done": 0, "total": None}
            write_json(stages / f"{name}.progress.json", progress)
        else:
            (stages / f"{name}.progress.json").unlink(missing_ok=True)
        write_json(stages / f"{name}.stage.json", record)


def shown_tasks(job: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """The tasks of these names that have begun, or wait."""
    for task in job.job_detail.task_details:
        if task.task_name in names and task.state.name in _STATES:
            yield task


def place_of(job: Any) -> str:
    """Where a job writes: the outputs of each task lie in a folder of their own below it."""
    root = job.runtime_config.gcs_output_directory.rstrip("/")
    return f"{root}/{job.name.split('/')[1]}/{job.name.rsplit('/', 1)[-1]}"


def task_record(job: Any, task: Any) -> dict[str, Any]:
    """The stage's own record, or one made of what the service says; the service has the last word."""
    state = _STATES[task.state.name]
    record = next(_own_records(job, task), None) or _made(task)
    record["cached"] = task.state.name == "SKIPPED"
    main_job = task.executor_detail.container_detail.main_job
    if main_job:
        record |= {"job": main_job, "log": links.logs(main_job)}
    resources = json.loads(_metadata(task, "output:").get("gcp_resources", "{}")).get("resources", [])
    if resources:
        record["job"] = resources[0]["resourceUri"].partition("/v1/")[2]
    if state == "failed" and record["state"] != "failed":
        record["error"] = _error(task)
    record["state"] = state
    return record


def _own_records(job: Any, task: Any) -> Iterator[dict[str, Any]]:
    """The record beside the stage's outputs: where they are named, or else where they will be."""
    named = [
        artifact.uri.rpartition("/")[0] for listed in task.outputs.values() for artifact in listed.artifacts
    ]
    expected = f"{place_of(job)}/{task.task_name}_{task.task_id}"
    for folder in dict.fromkeys([*named, expected]):
        try:
            yield json.loads(gcs_reading.read(f"{folder}/{task.task_name}.stage.json"))
        except PlaceError:
            continue


def _made(task: Any) -> dict[str, Any]:
    """A record of a stage that left none: it has not begun, or was killed before it could."""
    created, started, ended = (_seconds(at) for at in (task.create_time, task.start_time, task.end_time))
    started = started or created or time.time()
    return {
        "stage": task.task_name,
        "state": _STATES[task.state.name],
        "started_at": started,
        "parameters": {name: str(value) for name, value in _metadata(task, "input:").items()},
        "inputs": _paths(task.inputs),
        "outputs": _paths(task.outputs),
        "seconds": {"work": round(max(ended - started, 0.0), 3)} if ended else {},
        "summary": {
            name: value for name, value in _metadata(task, "output:").items() if name != "gcp_resources"
        },
    }


def _paths(lists: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {name: {"path": listed.artifacts[0].uri} for name, listed in lists.items() if listed.artifacts}


def _metadata(task: Any, prefix: str) -> dict[str, Any]:
    metadata = task.execution.metadata or {}
    return {name.removeprefix(prefix): value for name, value in metadata.items() if name.startswith(prefix)}


def _error(task: Any) -> dict[str, Any]:
    message = task.error.message if task.error else ""
    if task.state.name == "CANCELLED":
        return {"kind": "Cancelled", "message": "the run was cancelled", "expected": True}
    return {
        "kind": "Killed",
        "message": message or "terminated without an error record (killed or out of memory)",
        "expected": False,
    }


def _seconds(instant: Any) -> float:
    """Since 1970; 0 where there is no instant yet."""
    return float(instant.timestamp()) if instant else 0.0
