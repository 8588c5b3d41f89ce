"""Vertex AI Experiments: each training run with its settings and its figures, to be compared there."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.shared.files.artifacts import read_json
from components.shared.gcp import vertex_sdk
from components.shared.gcp.retry import with_retries
from components.shared.stage.records import artifact_path
from configs.cloud import Cloud
from configs.errors import CloudError
from configs.settings import Settings

_SECTIONS = ("training", "transform", "evaluation", "split", "source")
"""The parts of the settings that runs are compared by."""


def experiment_name(settings: Settings, cloud: Cloud) -> str:
    """The experiment that the runs of a use case belong to."""
    return cloud.tracking.experiment or settings.name


def log_run(settings: Settings, manifest: Mapping[str, Any]) -> str:
    """Log a run that has ended; the same again when it is repeated.

    Returns:
        Why it could not be logged, or nothing. A run does not fail for it.
    """
    cloud = settings.cloud
    if cloud is None or manifest["pipeline"] != "training":
        return ""
    try:
        with vertex_sdk.translate_sdk_errors(cloud):
            _log(settings, cloud, manifest)
    except (CloudError, RuntimeError) as error:
        return str(error)
    return ""


def _log(settings: Settings, cloud: Cloud, manifest: Mapping[str, Any]) -> None:
    client = vertex_sdk.connect(cloud)
    name, run_id = experiment_name(settings, cloud), manifest["run_id"]
    with_retries(client.Experiment.get_or_create)(name)
    run = with_retries(client.ExperimentRun.get)(run_id, experiment=name) or client.ExperimentRun.create(
        run_id, experiment=name, tensorboard=cloud.tracking.tensorboard or None
    )
    run.log_params(dict(parameters(settings)))
    run.log_metrics(metrics(manifest))
    run.log(pipeline_job=with_retries(client.PipelineJob.get)(manifest["job"]))
    states = client.gapic.Execution.State
    run.end_run(state=states.COMPLETE if manifest["state"] == "done" else states.FAILED)


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
