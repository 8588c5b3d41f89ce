"""The batch prediction pipeline: the whole graph on one screen, the same for every target."""

from collections.abc import Callable, Collection
from typing import Any

from kfp import dsl

from components.choose.component import choose
from components.deliver.component import deliver
from components.predict.component import predict
from components.select.component import select
from configs.settings import Settings
from configs.stages.prediction import told_prediction
from pipelines.graph import placement
from pipelines.graph.code_digest import code_digest

STAGES = ("choose", "select", "predict", "deliver")
"""In the order of the data."""
NEVER_CACHED = frozenset({"choose", "deliver"})
"""They look at, or change, the world outside the run."""


def build(settings: Settings, fresh: Collection[str] = ()) -> Callable[..., Any]:
    """The batch prediction pipeline of a use case in an environment.

    Args:
        settings: What and where.
        fresh: Stages that must not be taken from the cache.

    Returns:
        A KFP pipeline: call it to run it, or compile it. Its parameters: `version`, a number or an alias,
        empty for the champion; `run_id` and `scored_at` (ISO 8601), by which its predictions are known,
        empty for the name of the job and the instant of its creation.

    Raises:
        SettingsError: The use case and the environment do not fit batch prediction.
    """
    told = told_prediction(settings)

    def placed(task: dsl.PipelineTask) -> dsl.PipelineTask:
        cached = task.name not in NEVER_CACHED and task.name not in fresh
        return placement.placed(task, settings).set_caching_options(cached)

    @dsl.pipeline(name=f"prediction-{settings.name}", description=settings.question)
    def prediction(run_id: str = "", scored_at: str = "", version: str = "") -> None:
        chosen = placed(
            choose(
                settings=told["choose"],
                version=version,
                run_id=run_id,
                scored_at=scored_at,
                job=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
                created=placement.job_created_at(settings),
            )
        )
        rows = placed(
            select(
                settings=told["select"],
                code=code_digest("select"),
                source=chosen.outputs["source"],
                features=chosen.outputs["features"],
            )
        ).outputs["rows"]
        predictions = placed(
            predict(
                rows=rows,
                model=chosen.outputs["model"],
                version=chosen.outputs["version"],
                run_id=chosen.outputs["run_id"],
                scored_at=chosen.outputs["scored_at"],
                settings=told["predict"],
                code=code_digest("predict"),
            )
        ).outputs["predictions"]
        placed(deliver(predictions=predictions, settings=told["deliver"]))

    pipeline: Callable[..., Any] = prediction
    return pipeline
