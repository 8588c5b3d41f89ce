"""Schedules of Vertex AI: runs of a use case's compiled pipelines, started by a clock.

One schedule a use case, environment and pipeline, found by its name: creating it twice leaves one.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from components.shared.gcp.retry import with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs.cloud import Cloud
from configs.errors import CloudError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.runners import cron, vertex
from pipelines.runners.target import cloud_of

Action = Literal["pause", "resume", "delete"]
_ACTIONS: Mapping[Action, tuple[str, Callable[[Any], None]]] = {
    "pause": ("PAUSED", lambda schedule: schedule.pause()),
    "resume": ("ACTIVE", lambda schedule: schedule.resume(catch_up=False)),
    "delete": ("", lambda schedule: schedule.delete()),
}
"""Each with the state that it ends in."""


@dataclass(frozen=True)
class Schedule:
    """A schedule as it is now."""

    name: str
    """For a person."""
    resource: str
    """Its full name."""
    state: str
    cron: str
    time_zone: str
    max_concurrent: int
    next_run: str
    """The instant (UTC) of the next run; empty where there is none."""
    runs: int
    """That it has started."""


def title(settings: Settings, pipeline: Pipeline) -> str:
    """The name by which the schedule of a use case's pipeline in an environment is found."""
    return f"{pipeline}-{settings.name}-{settings.environment}"


def create(
    settings: Settings, timing: cron.Timing, pipeline: Pipeline = "training"
) -> tuple[Schedule, Literal["made", "updated"]]:
    """Let a clock start runs; a schedule that is there gets the new timing and the pipeline as it is now.

    Raises:
        SettingsError: The environment is not on Google Cloud, or the pipeline does not compile.
        CloudError: The service rejects it, or does not answer.
    """
    from pipelines.graph import compiling

    cloud = cloud_of(settings)
    client = connect(cloud)
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "pipeline.yaml"
        compiling.compile_to(settings, compiled, pipeline)
        with translate_sdk_errors(cloud):
            given = definitions.of(pipeline).parameters(settings)
            job = vertex.pipeline_job(settings, compiled, title(settings, pipeline), given)
            done = with_retries(lambda: _put(client, settings, pipeline, job, timing))()
    return _required(settings, pipeline), done


def listed(settings: Settings, pipeline: Pipeline | None = None) -> list[Schedule]:
    """Every schedule of a pipeline's runs in the environment's project and region; None: of all pipelines.

    Raises:
        SettingsError: The environment is not on Google Cloud.
        CloudError: The service does not answer.
    """
    cloud = cloud_of(settings)
    client = connect(cloud)
    ours = tuple(f"{each}-" for each in ([pipeline] if pipeline else get_args(Pipeline)))
    with translate_sdk_errors(cloud):
        every = with_retries(client.PipelineJobSchedule.list)(order_by="create_time")
        return [_seen(each) for each in every if each.display_name.startswith(ours)]


def act(action: Action, settings: Settings, pipeline: Pipeline = "training") -> Schedule:
    """Pause, resume or delete a schedule; nothing is done where it is so already.

    Runs that it has started go on in any case; those that were due while it was paused are not made up for.

    Returns:
        What it is then; of one that is deleted, what it was.

    Raises:
        CloudError: There is no such schedule, or the service does not answer.
    """
    cloud = cloud_of(settings)
    before = _required(settings, pipeline)
    client = connect(cloud)
    end, do = _ACTIONS[action]

    def acted() -> None:
        for schedule in _found(client, before.name):
            if schedule.state.name != end:
                do(schedule)

    with translate_sdk_errors(cloud):
        with_retries(acted)()
    return before if action == "delete" else _required(settings, pipeline)


def _put(
    client: Any, settings: Settings, pipeline: Pipeline, job: Any, timing: cron.Timing
) -> Literal["made", "updated"]:
    """Make or update; looked for first at every attempt, so that a lost answer does not make two."""
    cloud = cloud_of(settings)
    there = _found(client, title(settings, pipeline))
    if there:
        _update(there[0], settings, cloud, job, timing)
        return "updated"
    job.create_schedule(
        display_name=title(settings, pipeline),
        cron=timing.expression,
        max_concurrent_run_count=timing.max_concurrent,
        service_account=cloud.identities.pipeline or None,
        network=cloud.network.network or None,
    )
    return "made"


def _update(there: Any, settings: Settings, cloud: Cloud, job: Any, timing: cron.Timing) -> None:
    """All at once, the pipeline too: the client's own `update` leaves that out."""
    from google.protobuf import field_mask_pb2

    encryption = {"encryption_spec": {"kms_key_name": cloud.kms_key}} if cloud.kms_key else {}
    changed = {
        "name": there.resource_name,
        "display_name": there.display_name,
        "cron": timing.expression,
        "max_concurrent_run_count": timing.max_concurrent,
        "create_pipeline_job_request": {
            "parent": there.resource_name.partition("/schedules/")[0],
            "pipeline_job": {
                "pipeline_spec": job.pipeline_spec,
                "runtime_config": job.runtime_config,
                "labels": settings.labels,
                "service_account": cloud.identities.pipeline,
                "network": cloud.network.network,
                **encryption,
            },
        },
    }
    paths = ["cron", "max_concurrent_run_count", "create_pipeline_job_request"]
    mask = field_mask_pb2.FieldMask(paths=paths)
    there.api_client.update_schedule(request={"schedule": changed, "update_mask": mask})


def _found(client: Any, name: str) -> list[Any]:
    """The schedule of that name; more than one only where somebody else made them."""
    wanted = f'display_name="{name}"'
    found: list[Any] = client.PipelineJobSchedule.list(filter=wanted, order_by="create_time")
    return found


def _required(settings: Settings, pipeline: Pipeline) -> Schedule:
    cloud = cloud_of(settings)
    client = connect(cloud)
    with translate_sdk_errors(cloud):
        found = with_retries(lambda: _found(client, title(settings, pipeline)))()
        if found:
            return _seen(found[0])
    raise CloudError(
        f"the schedule '{title(settings, pipeline)}' in {cloud.project}, {cloud.location}",
        expected="one of that name",
        got="none",
        remedy=f"Make it: python -m pipelines schedule create {settings.name} --env {settings.environment} "
        f'--pipeline {pipeline} --cron "0 6 * * *" --time-zone UTC',
    )


def _seen(schedule: Any) -> Schedule:
    found = schedule.gca_resource
    expression, time_zone = cron.split(found.cron)
    return Schedule(
        name=found.display_name,
        resource=found.name,
        state=found.state.name.lower(),
        cron=expression,
        time_zone=time_zone,
        max_concurrent=int(found.max_concurrent_run_count),
        next_run=f"{found.next_run_time:%Y-%m-%d %H:%M}" if found.next_run_time else "",
        runs=int(found.started_run_count),
    )
