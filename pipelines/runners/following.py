"""Runs on Google Cloud, seen from their folders on this machine: begun, followed, looked at, cancelled."""

from pathlib import Path
from typing import Any

from components.shared.files.artifacts import read_json, write_json
from components.shared.gcp import links
from components.shared.stage.records import artifact_path, stage_records
from configs import dataflow
from configs.cloud import Cloud
from configs.errors import PipelineError, SettingsError
from configs.settings import Settings
from pipelines.graph import definitions
from pipelines.runners.target import on_dataflow
from pipelines.runs import MANIFEST, end_manifest, pipeline_of


def start(folder: Path, settings: Settings, compiled: Path) -> dict[str, Any]:
    """Submit the compiled pipeline as this run; returns the manifest, with the job's name and page.

    Raises:
        CloudError: The service refuses it, or does not answer.
    """
    from pipelines.runners import vertex

    cloud = _cloud(settings)
    name = vertex.job_name(cloud, folder.name)
    manifest = _noted(folder, {"job": name})
    vertex.submit(compiled, folder.name, settings, cloud, manifest["parameters"])
    return _noted(folder, {"links": _links(cloud, settings, manifest)})


def follow(folder: Path, settings: Settings) -> dict[str, Any]:
    """Keep the folder up to date until the run has ended; returns the manifest of its end.

    Raises:
        CloudError: The service does not answer any more; the run goes on there.
    """
    from pipelines.runners import vertex
    from pipelines.runners.mirror import Mirror

    cloud = _cloud(settings)
    job = vertex.found(cloud, folder.name)
    state = vertex.follow(job, Mirror(folder, definitions.of(pipeline_of(folder)).tasks), cloud)
    return _end(folder, settings, job, state)


def refresh(folder: Path) -> dict[str, Any]:
    """Look once at a run that was left alone; returns its manifest, of its end if it has ended.

    Raises:
        CloudError: It is not there, or the service does not answer.
    """
    from pipelines.runners import vertex
    from pipelines.runners.mirror import Mirror

    settings = _settings(folder)
    cloud = _cloud(settings)
    job = vertex.found(cloud, folder.name)
    state, _ = vertex.look(job, Mirror(folder, definitions.of(pipeline_of(folder)).tasks), cloud)
    if state != "running":
        return _end(folder, settings, job, state)
    return _noted(folder, {"stages": stage_records(folder)})


def cancel(folder: Path) -> None:
    """Cancel a run, and what it runs.

    Raises:
        SettingsError: It runs on this machine.
        CloudError: It has ended, or the service does not answer.
    """
    from pipelines.runners import vertex

    settings = _settings(folder)
    cloud = _cloud(settings)
    vertex.cancel(vertex.found(cloud, folder.name), cloud)
    if on_dataflow(cloud):  # whose jobs a stage that is killed outright leaves running
        from components.shared.beam.dataflow_job import cancel_run
        from components.shared.beam.options import pipeline_options

        cancel_run(pipeline_options(dataflow.beam(settings)), folder.name)


def fail(folder: Path, error: PipelineError) -> None:
    """Note that a run never got there, or that its end was not seen."""
    manifest = read_json(folder / MANIFEST)
    if "links" not in manifest:
        end_manifest(folder, {**manifest, "error": str(error)}, "failed")


def _end(folder: Path, settings: Settings, job: Any, state: str) -> dict[str, Any]:
    from pipelines.runners import tracking

    cloud = _cloud(settings)
    manifest = end_manifest(folder, read_json(folder / MANIFEST), state)
    told = {name: _told(manifest, name) for name in ("choice", "deployment", "delivery")}
    found = _links(cloud, settings, manifest, _started(manifest["stages"]), told)
    if page := links.delivered(told["delivery"].get("output", ""), cloud.project):
        found["predictions' page"] = page
    notes: dict[str, Any] = {"links": found}
    if job.gca_resource.error.message:
        notes["error"] = job.gca_resource.error.message
    manifest = _noted(folder, notes)
    if pipeline_of(folder) != "training":
        return manifest  # nothing to compare
    untold = tracking.log_run(settings, cloud, manifest, job)
    return _noted(folder, {"tracking": untold}) if untold else manifest


def _told(manifest: dict[str, Any], artifact: str) -> dict[str, Any]:
    """What an artifact says of itself; nothing if the run did not get so far."""
    folder = artifact_path(manifest, artifact)
    told: dict[str, Any] = read_json(folder / f"{artifact}.json") if folder else {}
    return told


def _links(cloud: Cloud, settings: Settings, manifest: dict[str, Any], *told: Any) -> dict[str, str]:
    from pipelines.runners import tracking

    found = links.of(manifest["job"], *told)
    if manifest.get("pipeline", "training") != "training":
        return found  # predictions are no experiment
    experiment = links.experiment(cloud.project, cloud.location, tracking.experiment(settings, cloud))
    return {**found, "experiment": experiment}


def _started(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the stages of this very run say of things they have started elsewhere."""
    fresh = [record for record in records if not record["cached"]]
    return [{name: record.get(name) for name in ("summary", "custom_job", "jobs")} for record in fresh]


def _noted(folder: Path, notes: dict[str, Any]) -> dict[str, Any]:
    """The manifest with these added."""
    manifest = {**read_json(folder / MANIFEST), **notes}
    write_json(folder / MANIFEST, manifest)
    return manifest


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(read_json(folder / MANIFEST)["settings"])


def _cloud(settings: Settings) -> Cloud:
    if settings.cloud is None:
        raise SettingsError(
            f"environment '{settings.environment}'",
            expected="a section `cloud`",
            got="none: its runs are on this machine",
            remedy="A run on this machine ends with Ctrl-C.",
        )
    return settings.cloud
