"""The training pipeline: the whole graph on one screen, the same for every target."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kfp import dsl

from components.deploy.component import deploy
from components.deploy.rejection import reject
from components.evaluate.component import evaluate
from components.ingest.component import ingest
from components.resolve.component import resolve
from components.train.component import train
from components.transform.component import transform
from components.validate.component import validate
from configs.settings import Settings
from configs.stages import STAGES
from pipelines.graph.tasks import Tasks


def build(settings: Settings, fresh: Collection[str] = ()) -> Callable[..., Any]:
    """The training pipeline of a use case in an environment; `fresh` stages are not taken from the cache.

    Returns:
        A KFP pipeline: call it to run it, or compile it.
    """
    tasks = Tasks("training", settings, fresh)
    inputs = inputs_digest(tasks.parameters)

    @dsl.pipeline(name=f"training-{settings.name}", description=settings.question)
    def training(run_id: str = "", checkpoints: str = settings.checkpoints, command: str = "") -> None:
        with tasks.reported(run_id=run_id, command=command):
            resolved = tasks.add(resolve, how=tasks.how, inputs="" if fresh else inputs).outputs
            rows = tasks.add(ingest, source=resolved["source"]).outputs["rows"]
            validated = tasks.add(validate, rows=rows, baseline=resolved["statistics"])
            transformed = tasks.add(transform, rows=rows).after(validated).outputs
            model = tasks.add(
                train,
                examples=transformed["examples"],
                transform_graph=transformed["transform_graph"],
                checkpoints=checkpoints,
            ).outputs["model"]
            evaluated = tasks.add(
                evaluate,
                rows=rows,
                model=model,
                champion=tasks.import_model(resolved["model"], resolved["champion"]),
                champion_version=resolved["champion"],
            ).outputs
            found = {"evaluation": evaluated["evaluation"], "statistics": validated.outputs["statistics"]}
            with dsl.If(evaluated["Output"] == "deploy", name="passed"):
                tasks.add(
                    deploy,
                    **found,
                    model=model,
                    run_id=run_id,
                    job=tasks.job_name,
                    source=resolved["source"],
                    inputs_digest=inputs,
                    champion_version=resolved["champion"],
                )
            with dsl.Else(name="failed"):
                tasks.add(reject, **found)
            tasks.add_others()

    pipeline: Callable[..., Any] = training
    return pipeline


def inputs_digest(parameters: Mapping[str, Mapping[str, str]]) -> str:
    """What, besides the source's content, decides which model a run makes."""
    decisive = [parameters[spec.name] for spec in STAGES["training"] if spec.decides_model]
    text = "\n".join(f"{each['settings']} {each['code']}" for each in decisive)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
