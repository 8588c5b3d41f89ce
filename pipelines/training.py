"""The training pipeline: the whole graph on one screen, the same for every target."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kfp import dsl

from components.deploy.component import deploy
from components.deploy.reject import reject
from components.evaluate.component import evaluate
from components.ingest.component import ingest
from components.resolve.component import resolve
from components.train.component import train
from components.transform.component import transform
from components.validate.component import validate
from configs.settings import Settings
from pipelines.graph import placement
from pipelines.graph.tasks import Tasks


def build(settings: Settings, fresh: Collection[str] = ()) -> Callable[..., Any]:
    """The training pipeline of a use case in an environment.

    Args:
        settings: What and where.
        fresh: Stages that must not be taken from the cache.

    Returns:
        A KFP pipeline: call it to run it, or compile it.
    """
    tasks = Tasks("training", settings, fresh)
    inputs = _inputs_digest(tasks.parameters)

    @dsl.pipeline(name=f"training-{settings.name}", description=settings.question)
    def training(run_id: str = "", checkpoints: str = f"{settings.places.root}/checkpoints") -> None:
        resolved = tasks.add(resolve, how=tasks.how, inputs="" if fresh else inputs)
        rows = tasks.add(ingest, source=resolved.outputs["source"]).outputs["rows"]
        validated = tasks.add(validate, rows=rows, baseline=resolved.outputs["statistics"])
        transformed = tasks.add(transform, rows=rows).after(validated)
        trained = tasks.add(
            train,
            examples=transformed.outputs["examples"],
            transform_graph=transformed.outputs["transform_graph"],
            checkpoints=checkpoints,
        )
        evaluated = tasks.add(
            evaluate,
            rows=rows,
            model=trained.outputs["model"],
            champion=resolved.outputs["model"],
            champion_version=resolved.outputs["champion"],
        )
        with dsl.If(evaluated.outputs["Output"] == "deploy", name="passed"):
            tasks.add(
                deploy,
                model=trained.outputs["model"],
                evaluation=evaluated.outputs["evaluation"],
                statistics=validated.outputs["statistics"],
                run_id=run_id,
                job=placement.job_name(settings),
                source=resolved.outputs["source"],
                inputs_digest=inputs,
                champion_version=resolved.outputs["champion"],
            )
        with dsl.Else(name="failed"):
            tasks.add(
                reject,
                evaluation=evaluated.outputs["evaluation"],
                statistics=validated.outputs["statistics"],
            )
        tasks.add_others()

    pipeline: Callable[..., Any] = training
    return pipeline


def _inputs_digest(parameters: Mapping[str, Mapping[str, str]]) -> str:
    """What, besides the source's content, decides which model a run makes.

    Without `validate`: it blocks or lets pass, and its schema may be written by the first run.
    """
    text = "\n".join(
        f"{stage} {each['settings']} {each['code']}"
        for stage, each in parameters.items()
        if stage != "validate"
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
