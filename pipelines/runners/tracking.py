"""Vertex AI Experiments: each run with what it was told and what it reached. Lineage is the service's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.shared.files.artifacts import read_json
from components.shared.stage.records import artifact_path
from configs.cloud import Cloud
from configs.errors import CloudError
from configs.settings import Settings

_SECTIONS = ("training", "transform", "evaluation", "split", "source")
"""The parts of the settings that runs are compared by."""


def experiment(settings: Settings, cloud: Cloud) -> str:
    """The experiment that the runs of a use case belong to."""
    return cloud.tracking.experiment or settings.name


def log_run(settings: Settings, cloud: Cloud, manifest: Mapping[str, Any], job: Any) -> str:
    """Log an ended run; returns why it could not be, or nothing.

    A run is not worse for being untold: what goes wrong here is said, and no more.
    """
    from pipelines.runners import vertex

    try:
        with vertex.translate_vertex_errors(cloud):
            _log(settings, cloud, manifest, job)
    except (CloudError, RuntimeError) as error:
        return str(error)
    return ""


def _log(settings: Settings, cloud: Cloud, manifest: Mapping[str, Any], job: Any) -> None:
    from pipelines.runners import vertex

    client = vertex.connect(cloud)
    name, run_id = experiment(settings, cloud), manifest["run_id"]
    client.Experiment.get_or_create(name)
    run = client.ExperimentRun.create(run_id, experiment=name, tensorboard=cloud.tracking.tensorboard or None)
    run.log_params(dict(parameters(settings)))
    run.log_metrics(metrics(manifest))
    run.log(pipeline_job=job)
    complete = manifest["state"] == "done"
    states = client.gapic.Execution.State
    run.end_run(state=states.COMPLETE if complete else states.FAILED)


def parameters(settings: Settings) -> Iterator[tuple[str, int | float | str]]:
    """The settings that runs are compared by, flat: `training.epochs` and so on."""
    content = settings.model_dump(mode="json", include=set(_SECTIONS), exclude={"source": {"sql"}})
    for section in _SECTIONS:
        yield from _flat(section, content[section])


def _flat(name: str, value: Any) -> Iterator[tuple[str, int | float | str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        yield name, str(value)[:500]
    else:
        yield name, value


def metrics(manifest: Mapping[str, Any]) -> dict[str, float]:
    """The candidate's figures on the whole test split; none if the run did not get so far."""
    evaluation = artifact_path(manifest, "evaluation")
    if evaluation is None or not (evaluation / "metrics.json").exists():
        return {}
    overall = read_json(evaluation / "metrics.json")["candidate"]["overall"]
    return {name: float(value) for name, value in overall.items() if isinstance(value, int | float)}
