"""Runs on Google Cloud: begun, followed, looked up and cancelled from here; found, whoever started them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.report.manifest import MANIFEST, OF_THE_PROCESS, RunInfo, describe
from components.report.settings import ReportStage
from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import place
from components.shared.gcp.links import job_name
from components.shared.gcp.retry import poll, with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs import dataflow
from configs.cloud import Cloud
from configs.errors import PipelineError, UnknownRunError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.runners import vertex
from pipelines.runners.mirror import Mirror, shown_tasks, task_record
from pipelines.runners.target import cloud_of, on_dataflow
from pipelines.runs import end_manifest, pipeline_of, take_report

_AT_ONCE = 8


def start(folder: Path, settings: Settings, compiled: Path) -> dict[str, Any]:
    """Submit the compiled pipeline as this run; returns its manifest.

    Raises:
        CloudError: The service rejects it, or does not answer.
    """
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    vertex.submit(compiled, folder.name, settings, manifest["parameters"])
    return _noted(folder, {"submitted": True})


def follow(folder: Path, settings: Settings) -> dict[str, Any]:
    """Keep the folder up to date until the run has ended; returns the manifest of its end.

    Raises:
        CloudError: The service does not answer any more; the run goes on there.
    """
    cloud = cloud_of(settings)
    job = vertex.found(cloud, folder.name)
    mirror = Mirror(folder, definitions.of(pipeline_of(folder)).tasks)
    poll(lambda: _look(job, mirror, cloud), lambda seen: seen[0] != "running")
    return _end(folder, job)


def refresh(folder: Path) -> dict[str, Any]:
    """Look once at a run that was left alone; returns its manifest, of its end if it has ended.

    Raises:
        CloudError: It is not there, or the service does not answer.
    """
    cloud = cloud_of(_settings(folder))
    job = vertex.found(cloud, folder.name)
    if job.state.name in vertex.STATES:
        return _end(folder, job)
    return _noted(folder, {"stages": _job_records(job.gca_resource, pipeline_of(folder))})


def cancel(folder: Path) -> None:
    """Cancel a run, and what it runs.

    Raises:
        SettingsError: It runs on this machine.
        CloudError: It has ended, or the service does not answer.
    """
    settings = _settings(folder)
    cloud = cloud_of(settings)
    job = vertex.found(cloud, folder.name)
    with translate_sdk_errors(cloud):
        with_retries(job.cancel)()
    if on_dataflow(cloud):  # whose jobs a stage that is killed outright leaves running
        from components.shared.beam.dataflow_job import cancel_run
        from components.shared.beam.options import pipeline_options

        cancel_run(pipeline_options(dataflow.beam(settings)), folder.name)


def fail(folder: Path, error: PipelineError) -> None:
    """Note that a run was never submitted; one that was goes on there, though its end is not seen."""
    manifest = read_json(folder / MANIFEST)
    if not manifest.get("submitted"):
        end_manifest(folder, {**manifest, "error": str(error)}, "failed")


def _look(job: Any, mirror: Mirror, cloud: Cloud) -> tuple[vertex.State, bool]:
    """One look at a job: its state, and whether the run's folder has changed by it."""
    with translate_sdk_errors(cloud):
        state = with_retries(lambda: job.state)()
    return vertex.STATES.get(state.name, "running"), mirror.update(job.gca_resource)


def _end(folder: Path, job: Any) -> dict[str, Any]:
    """The manifest of a run that has ended: its own, or what its records and the service say."""
    message = job.gca_resource
    if page := _report_of(message):
        return take_report(folder, page)
    notes = {"stages": _job_records(message, pipeline_of(folder)), "error": message.error.message}
    return end_manifest(folder, _noted(folder, notes), vertex.STATES[job.state.name])


def _noted(folder: Path, notes: dict[str, Any]) -> dict[str, Any]:
    """The manifest with these added."""
    manifest = {**read_json(folder / MANIFEST), **notes}
    write_json(folder / MANIFEST, manifest)
    return manifest


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(read_json(folder / MANIFEST)["settings"])


# --- whoever started them --------------------------------------------------------------------------


def newest_runs(
    settings: Settings, wanted: str = "", most: int = 1, pipeline: Pipeline | None = None
) -> list[dict[str, Any]]:
    """The manifests of the last runs of an environment, or of a use case or an id in it, oldest first.

    Raises:
        SettingsError: The environment is this machine.
        CloudError: The service does not answer.
    """
    cloud = cloud_of(settings)
    client = connect(cloud)
    with translate_sdk_errors(cloud), ThreadPoolExecutor(_AT_ONCE) as pool:
        names = _job_names(client, settings, wanted, pipeline)[:most]
        if wanted and not names:
            names = [job_name(cloud.project, cloud.location, wanted)]
        found = [job for job in pool.map(lambda name: _job(client, name), names) if job]
        return [manifest for manifest in reversed(list(pool.map(_manifest_of, found))) if manifest]


def _job_names(client: Any, settings: Settings, use_case: str, pipeline: Pipeline | None) -> list[str]:
    """The full names of an environment's pipeline jobs, the newest first."""
    labels = {"environment": settings.labels["environment"], **({"use_case": use_case} if use_case else {})}
    matching = " AND ".join(f'labels.{name}="{value}"' for name, value in labels.items())
    listed = with_retries(client.PipelineJob.list)(
        filter=matching, order_by="create_time desc", enable_simple_view=True
    )
    return [
        job.resource_name
        for job in listed
        if job.pipeline_spec["pipelineInfo"]["name"].startswith(f"{pipeline or ''}")
    ]


def _job(client: Any, name: str) -> Any:
    """A pipeline job with all that the service says of it; None without one."""
    from google.api_core.exceptions import NotFound

    try:
        return with_retries(client.PipelineJob.get)(name).gca_resource
    except NotFound:
        return None


def find_run(settings: Settings, wanted: str, pipeline: Pipeline | None) -> dict[str, Any]:
    """The manifest of a run by its id, or of the last run of a use case.

    Raises:
        UnknownRunError: The environment has none.
        CloudError: The service does not answer.
    """
    for manifest in newest_runs(settings, wanted, 1, pipeline):
        return manifest
    raise UnknownRunError(
        f"run '{wanted}'",
        expected=f"the id of a run in environment '{settings.environment}', or a use case that has run there",
        remedy=f"List them: python -m pipelines status --env {settings.environment}",
    )


def _manifest_of(message: Any) -> dict[str, Any]:
    """What a run wrote of itself; of one that goes on or was cut short, what its records and the service say.

    Returns:
        The manifest, with `report` where the run has one; empty for a job that is no run of ours.
    """
    if page := _report_of(message):
        return {**read_json(place(page).parent / MANIFEST), "report": page}
    given = _report_inputs(message)
    if not given:
        return {}
    settings = ReportStage.model_validate_json(given["settings"]).settings
    pipeline: Pipeline = given["pipeline"]
    values = dict(message.runtime_config.parameter_values)
    run_id = message.name.rsplit("/", 1)[-1]
    info = RunInfo(
        pipeline,
        run_id,
        vertex.STATES.get(message.state.name, "running"),
        message.error.message,
        str(values.get("command", "")),
        {name: str(values.get(name, "")) for name in ("run_id", "scored_at", "version")},
    )
    manifest = describe(settings, info, _job_records(message, pipeline))
    return {name: value for name, value in manifest.items() if name not in OF_THE_PROCESS}


def _job_records(message: Any, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The records of a job's stages so far."""
    return [task_record(message, each) for each in shown_tasks(message, definitions.of(pipeline).tasks)]


def _report_of(message: Any) -> str:
    """The URI of a job's report; empty without one."""
    for task in message.job_detail.task_details:
        if task.task_name == "report" and task.state.name == "SUCCEEDED":
            return next((each.uri for each in task.outputs["report"].artifacts), "")
    return ""


def _report_inputs(message: Any) -> Mapping[str, Any]:
    """The constants that a compiled graph gives to its task `report`; none where there is no such task."""
    try:
        given = message.pipeline_spec["root"]["dag"]["tasks"]["report"]["inputs"]["parameters"]
        return {name: given[name]["runtimeValue"]["constant"] for name in ("settings", "pipeline")}
    except (KeyError, TypeError):
        return {}
