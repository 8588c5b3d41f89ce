"""The runs of an environment as Vertex AI has them, whoever started them: a person, a clock or an event."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.report.manifest import MANIFEST, OF_THE_PROCESS, RunInfo, describe
from components.report.settings import ReportStage
from components.shared.files.artifacts import read_json
from components.shared.files.paths import place
from components.shared.gcp.links import job_name
from components.shared.gcp.retry import with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs.errors import UnknownRunError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.runners import vertex
from pipelines.runners.mirror import shown_tasks, task_record
from pipelines.runners.target import cloud_of

_AT_ONCE = 8


def newest_runs(
    settings: Settings, wanted: str = "", most: int = 1, pipeline: Pipeline | None = None
) -> list[dict[str, Any]]:
    """The manifests of an environment's last runs, oldest first.

    Args:
        settings: Of the environment.
        wanted: A use case, or a run's id; empty: the runs of all use cases.
        most: How many.
        pipeline: Of which pipeline; None: of either.

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
        return [manifest for manifest in reversed(list(pool.map(manifest_of, found))) if manifest]


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


def manifest_of(message: Any) -> dict[str, Any]:
    """What a run wrote of itself; of one that goes on or was cut short, what its records and the service say.

    Returns:
        The manifest, with `report` where the run has one; empty for a job that is no run of ours.
    """
    if page := report_of(message):
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
    manifest = describe(settings, info, job_records(message, pipeline))
    return {name: value for name, value in manifest.items() if name not in OF_THE_PROCESS}


def job_records(message: Any, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The records of a job's stages so far."""
    return [task_record(message, each) for each in shown_tasks(message, definitions.of(pipeline).tasks)]


def report_of(message: Any) -> str:
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
