"""The batch prediction pipeline: the whole graph on one screen, the same for every target."""

from collections.abc import Callable, Collection
from typing import Any

from kfp import dsl

from components.choose.component import choose
from components.deliver.component import deliver
from components.predict.component import predict
from components.select.component import select
from configs.settings import Settings
from pipelines.graph.tasks import Tasks


def build(settings: Settings, fresh: Collection[str] = ()) -> Callable[..., Any]:
    """The batch prediction pipeline of a use case in an environment; `fresh` stages are not cached ones.

    Returns:
        A KFP pipeline: call it to run it, or compile it. Its parameters: `version`, a number or an alias,
        empty for the champion; `run_id` and `scored_at` (ISO 8601), by which its predictions are known,
        empty for the name of the job and the instant of its creation; `command`, what was typed.

    Raises:
        SettingsError: The use case and the environment do not fit batch prediction.
    """
    tasks = Tasks("prediction", settings, fresh)

    @dsl.pipeline(name=f"prediction-{settings.name}", description=settings.question)
    def prediction(run_id: str = "", scored_at: str = "", version: str = "", command: str = "") -> None:
        with tasks.reported(run_id=run_id, scored_at=scored_at, version=version, command=command):
            chosen = tasks.add(
                choose,
                how=tasks.how,
                version=version,
                run_id=run_id,
                scored_at=scored_at,
                job=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
                created=tasks.job_created_at,
            ).outputs
            rows = tasks.add(select, source=chosen["source"], features=chosen["features"]).outputs["rows"]
            predicted = tasks.add(
                predict,
                rows=rows,
                model=tasks.import_model(chosen["model"], chosen["version"]),
                version=chosen["version"],
                run_id=chosen["run_id"],
                scored_at=chosen["scored_at"],
            )
            tasks.add(deliver, predictions=predicted.outputs["predictions"])
            tasks.add_others()

    pipeline: Callable[..., Any] = prediction
    return pipeline
