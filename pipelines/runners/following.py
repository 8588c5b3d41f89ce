"""Runs on Google Cloud, seen from their folders on this machine: begun, followed, looked up, cancelled."""

from pathlib import Path
from typing import Any

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json, write_json
from configs import dataflow
from configs.errors import PipelineError
from configs.settings import Settings
from pipelines.graph import definitions
from pipelines.runners.target import cloud_of, on_dataflow
from pipelines.runs import end_manifest, pipeline_of, take_report


def start(folder: Path, settings: Settings, compiled: Path) -> dict[str, Any]:
    """Submit the compiled pipeline as this run; returns its manifest.

    Raises:
        CloudError: The service rejects it, or does not answer.
    """
    from pipelines.runners import vertex

    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    vertex.submit(compiled, folder.name, settings, cloud_of(settings), manifest["parameters"])
    return _noted(folder, {"submitted": True})


def follow(folder: Path, settings: Settings) -> dict[str, Any]:
    """Keep the folder up to date until the run has ended; returns the manifest of its end.

    Raises:
        CloudError: The service does not answer any more; the run goes on there.
    """
    from pipelines.runners import vertex
    from pipelines.runners.mirror import Mirror

    cloud = cloud_of(settings)
    job = vertex.found(cloud, folder.name)
    vertex.follow(job, Mirror(folder, definitions.of(pipeline_of(folder)).tasks), cloud)
    return _end(folder, job)


def refresh(folder: Path) -> dict[str, Any]:
    """Look once at a run that was left alone; returns its manifest, of its end if it has ended.

    Raises:
        CloudError: It is not there, or the service does not answer.
    """
    from pipelines.runners import jobs, vertex

    cloud = cloud_of(_settings(folder))
    job = vertex.found(cloud, folder.name)
    if job.state.name in vertex.STATES:
        return _end(folder, job)
    return _noted(folder, {"stages": jobs.job_records(job.gca_resource, pipeline_of(folder))})


def cancel(folder: Path) -> None:
    """Cancel a run, and what it runs.

    Raises:
        SettingsError: It runs on this machine.
        CloudError: It has ended, or the service does not answer.
    """
    from pipelines.runners import vertex

    settings = _settings(folder)
    cloud = cloud_of(settings)
    vertex.cancel(vertex.found(cloud, folder.name), cloud)
    if on_dataflow(cloud):  # whose jobs a stage that is killed outright leaves running
        from components.shared.beam.dataflow_job import cancel_run
        from components.shared.beam.options import pipeline_options

        cancel_run(pipeline_options(dataflow.beam(settings)), folder.name)


def fail(folder: Path, error: PipelineError) -> None:
    """Note that a run was never submitted; one that was goes on there, though its end is not seen."""
    manifest = read_json(folder / MANIFEST)
    if not manifest.get("submitted"):
        end_manifest(folder, {**manifest, "error": str(error)}, "failed")


def _end(folder: Path, job: Any) -> dict[str, Any]:
    """The manifest of a run that has ended: its own, or what its records and the service say."""
    from pipelines.runners import jobs, vertex

    message = job.gca_resource
    if page := jobs.report_of(message):
        return take_report(folder, page)
    notes = {"stages": jobs.job_records(message, pipeline_of(folder)), "error": message.error.message}
    return end_manifest(folder, _noted(folder, notes), vertex.STATES[job.state.name])


def _noted(folder: Path, notes: dict[str, Any]) -> dict[str, Any]:
    """The manifest with these added."""
    manifest = {**read_json(folder / MANIFEST), **notes}
    write_json(folder / MANIFEST, manifest)
    return manifest


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(read_json(folder / MANIFEST)["settings"])
