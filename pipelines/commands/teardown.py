"""Everything that the pipeline has created on Google Cloud for a use case, found by its labels.

Datasets, buckets and what Terraform made are not the pipeline's and stay.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.report.experiment import experiment_name
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.gcp.retry import poll, with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs.cloud import Cloud
from configs.settings import Settings
from pipelines import view
from pipelines.runners import vertex
from pipelines.runners.target import cloud_of

_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Thing:
    """Something that costs, and how it is removed."""

    kind: str
    name: str
    detail: str
    delete: Callable[[], None]


def found(settings: Settings) -> list[Thing]:
    """What there is, in the order in which it can be deleted.

    Raises:
        SettingsError: The environment is not on Google Cloud.
        CloudError: The service does not answer.
    """
    cloud = cloud_of(settings)
    client = connect(cloud)
    labels = {key: settings.labels[key] for key in ("use_case", "environment")}
    labelled = " AND ".join(f'labels.{key}="{value}"' for key, value in labels.items())
    kinds: tuple[tuple[str, Any, Callable[[Any], None]], ...] = (
        ("pipeline job", client.PipelineJob, _end_and_delete),
        ("custom job", client.CustomJob, _end_and_delete),
        ("endpoint", client.Endpoint, lambda endpoint: endpoint.delete(force=True)),
        ("model", client.Model, lambda model: model.delete()),
    )
    with translate_sdk_errors(cloud):
        return [
            *_schedules(client, labels, cloud),
            *(
                _thing(title, each, cloud, delete)
                for title, kind, delete in kinds
                for each in with_retries(kind.list)(filter=labelled)
            ),
            *_experiment(client, settings, cloud),
            *_objects("artifacts", vertex.pipeline_root(settings)),
            *_objects("versions", f"gs://{cloud.bucket}/registry/{settings.name}"),
        ]


def _thing(title: str, each: Any, cloud: Cloud, delete: Callable[[Any], None]) -> Thing:
    def gone() -> None:
        from google.api_core import exceptions

        with translate_sdk_errors(cloud):
            try:
                with_retries(delete)(each)
            except exceptions.NotFound:
                """Deleted already, perhaps by an attempt whose answer was lost."""

    return Thing(title, each.resource_name, each.display_name, gone)


def _schedules(client: Any, labels: Mapping[str, str], cloud: Cloud) -> Iterable[Thing]:
    """A schedule has no labels of its own: those of the jobs that it starts decide."""
    for each in with_retries(client.PipelineJobSchedule.list)():
        own = each.gca_resource.create_pipeline_job_request.pipeline_job.labels
        if all(own.get(key) == value for key, value in labels.items()):
            yield _thing("schedule", each, cloud, lambda schedule: schedule.delete())


def _experiment(client: Any, settings: Settings, cloud: Cloud) -> Iterable[Thing]:
    name = experiment_name(settings, cloud)
    experiment = with_retries(client.Experiment.get)(name)
    if experiment is not None:
        detail = "its runs, with their parameters and metrics"
        yield Thing("experiment", name, detail, functools.partial(_delete_experiment, experiment, cloud))


def _objects(kind: str, uri: str) -> Iterable[Thing]:
    objects = gcs_reading.objects(uri)
    if objects:
        size = sum(each.size or 0 for each in objects.values()) / 2**20
        detail = f"{len(objects):,} objects, {size:,.0f} MiB"
        yield Thing(kind, uri, detail, functools.partial(gcs_writing.clear, uri))


def _end_and_delete(job: Any) -> None:
    if not job.done():
        job.cancel()
    poll(job.done, most=_LOOK_SECONDS)
    job.delete()


def _delete_experiment(experiment: Any, cloud: Cloud) -> None:
    with translate_sdk_errors(cloud):
        experiment.delete()


def teardown(settings: Settings, *, yes: bool) -> None:
    """List what the pipeline has created on Google Cloud for a use case; delete it with `yes`."""
    console = view.open_console()
    things = found(settings)
    if not things:
        console.print(f"nothing of {settings.name} in {settings.environment}")
        return
    for thing in things:
        console.print(f"{thing.kind:<14} {thing.name}  [dim]{thing.detail}", soft_wrap=True)
    if not yes:
        console.print("\nnothing is deleted without [bold]--yes[/]; datasets are left in any case")
        return
    console.print()
    for thing in things:
        thing.delete()
        console.print(f"deleted {thing.kind} {thing.name}", soft_wrap=True)
