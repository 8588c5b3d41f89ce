"""The manifest of a run: what it was, how it ended, where it lies, and the records of its stages."""

import importlib.metadata
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self, cast

from components.report.experiment import experiment_name
from components.shared.files.artifacts import read_json
from components.shared.gcp import links
from components.shared.stage.records import artifact_path
from configs.settings import Settings
from configs.stages import STAGES, Pipeline

MANIFEST, REPORT = "manifest.json", "report.html"
State = Literal["running", "done", "failed", "cancelled"]
_STATES: Mapping[str, State] = {"SUCCEEDED": "done", "CANCELLED": "cancelled"}
_ROOT = Path(__file__).parents[2]
_VERSIONS_OF = (
    "apache-beam", "duckdb", "keras", "kfp", "numpy", "pyarrow", "tensorflow",
    "tensorflow-model-analysis", "tensorflow-transform",
)  # fmt: skip


OF_THE_PROCESS = ("versions", "commit", "machine")
"""What a manifest says of the process that writes it, which stands for those of the stages."""


class FinalStatus(Protocol):
    """The part of `dsl.PipelineTaskFinalStatus` that is used here."""

    state: str
    error_message: str | None


@dataclass(frozen=True)
class RunInfo:
    """What a run knows of itself, apart from its settings and its records."""

    pipeline: Pipeline
    run_id: str
    """The parameter of that name, or else the name of the job."""
    state: State = "running"
    error: str = ""
    """Why it failed, in the runner's words."""
    command: str = ""
    """What was typed; empty: a clock, an event or another program started it."""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pipeline: str, command: str, parameters: Mapping[str, str], final: FinalStatus) -> Self:
        """What the exit task of a run is given, its state in KFP's words."""
        state, error = _STATES.get(final.state, "failed"), final.error_message or ""
        return cls(cast("Pipeline", pipeline), parameters["run_id"], state, error, command, parameters)


def describe(settings: Settings, run: RunInfo, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest of a run as it is now, with the records of its stages, cached ones included.

    Returns:
        JSON: who it is, how it ended, its settings, versions and links, and `stages`, the records.
    """
    now = time.time()
    manifest = {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "parameters": dict(run.parameters),
        "name": settings.name,
        "question": settings.question,
        "environment": settings.environment,
        "state": run.state,
        "command": run.command or command(settings, run.pipeline),
        "started_at": min([_began(each) for each in records if not each["cached"]], default=now),
        "settings": settings.model_dump(mode="json"),
        "labels": settings.labels,  # by which a bill tells what it cost
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONS_OF},
        "commit": _commit(),
        "machine": {"platform": platform.platform(), "python": platform.python_version()},
        "stages": list(records),
        "links": {},
    }
    if run.error:
        manifest["error"] = run.error
    if settings.cloud:
        manifest["job"] = links.job_name(settings.cloud.project, settings.cloud.location, run.run_id)
        manifest["links"] = _links(settings, manifest)
    return manifest if run.state == "running" else ended(manifest, run.state, now)


def ended(manifest: Mapping[str, Any], state: State, now: float) -> dict[str, Any]:
    """The manifest of a run that has ended at an instant."""
    seconds = round(now - manifest["started_at"], 2)
    return {**manifest, "state": state, "finished_at": now, "seconds": seconds}


def command(settings: Settings, pipeline: Pipeline) -> str:
    """The command that starts such a run."""
    verb = {"training": "run", "prediction": "predict-batch"}[pipeline]
    env = "" if settings.environment == "local" else f" --env {settings.environment}"
    return f"python -m pipelines {verb} {settings.name}{env}"


def _began(record: Mapping[str, Any]) -> float:
    """When the process of a stage began."""
    return float(record["started_at"] - record.get("seconds", {}).get("start-up", 0.0))


def _links(settings: Settings, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The console's pages of the job and of all that its stages started or changed."""
    cloud, pipeline = settings.cloud, manifest["pipeline"]
    if cloud is None:
        return {}
    own = {spec.name for spec in STAGES[pipeline] if spec.custom_job}
    started = [
        [record.get("summary"), record.get("jobs"), record.get("job") if record["stage"] in own else ""]
        for record in manifest["stages"]
        if not record["cached"]
    ]
    wrote = {name: _content(manifest, name) for name in ("choice", "deployment", "delivery")}
    found = links.of(manifest["job"], started, wrote)
    if pipeline == "training":  # predictions are no experiment
        name = experiment_name(settings, cloud)
        found["experiment"] = links.experiment(cloud.project, cloud.location, name)
    if page := links.delivered(wrote["delivery"].get("output", ""), cloud.project):
        found["predictions' page"] = page
    return found


def _content(manifest: Mapping[str, Any], artifact: str) -> dict[str, Any]:
    """The JSON of an artifact; nothing if the run did not get so far."""
    folder = artifact_path(manifest, artifact)
    content: dict[str, Any] = read_json(folder / f"{artifact}.json") if folder else {}
    return content


def _commit() -> str:
    """The commit of the code, with `+` where the working tree differs; empty outside a checkout."""
    git = ["git", "-C", str(_ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")
