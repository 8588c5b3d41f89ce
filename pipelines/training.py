"""The training pipeline: the whole graph on one screen, the same for every target."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kfp import dsl

from components.deploy.component import deploy, hold
from components.evaluate.component import evaluate
from components.ingest.component import ingest
from components.resolve.component import resolve
from components.train.component import train
from components.transform.component import transform
from components.validate.component import validate
from configs.settings import Settings
from configs.stages.training import told_training
from pipelines.graph import placement
from pipelines.graph.code_digest import code_digest

STAGES = ("resolve", "ingest", "validate", "transform", "train", "evaluate", "deploy")
"""In the order of the data."""
NEVER_CACHED = frozenset({"resolve", "deploy", "hold"})
"""They look at, or change, the world outside the run."""


def build(settings: Settings, schema_pbtxt: str = "", fresh: Collection[str] = ()) -> Callable[..., Any]:
    """The training pipeline of a use case in an environment.

    Args:
        settings: What and where.
        schema_pbtxt: The reviewed schema; empty: infer one.
        fresh: Stages that must not be taken from the cache.

    Returns:
        A KFP pipeline: call it to run it, or compile it.
    """
    told = told_training(settings, schema_pbtxt)
    code = {stage: code_digest(stage) for stage in STAGES}
    inputs = _inputs_digest(told, code)

    trainer = placement.on_its_machine(train, settings)

    def placed(task: dsl.PipelineTask) -> dsl.PipelineTask:
        cached = task.name not in NEVER_CACHED and task.name not in fresh
        return placement.placed(task, settings).set_caching_options(cached)

    @dsl.pipeline(name=f"training-{settings.name}", description=settings.question)
    def training(run_id: str = "", checkpoints: str = f"{settings.places.root}/checkpoints") -> None:
        found = placed(resolve(settings=told["resolve"], inputs="" if fresh else inputs))
        rows = placed(
            ingest(settings=told["ingest"], code=code["ingest"], source=found.outputs["source"])
        ).outputs["rows"]
        checked = placed(
            validate(
                rows=rows,
                baseline=found.outputs["statistics"],
                settings=told["validate"],
                code=code["validate"],
            )
        )
        transformed = placed(
            transform(rows=rows, settings=told["transform"], code=code["transform"]).after(checked)
        )
        trained = placed(
            trainer(
                examples=transformed.outputs["examples"],
                transform_graph=transformed.outputs["transform_graph"],
                checkpoints=checkpoints,
                settings=told["train"],
                code=code["train"],
            )
        )
        judged = placed(
            evaluate(
                rows=rows,
                model=trained.outputs["model"],
                champion=found.outputs["model"],
                champion_version=found.outputs["champion"],
                settings=told["evaluate"],
                code=code["evaluate"],
            )
        )
        with dsl.If(judged.outputs["Output"] == "deploy", name="passed"):
            placed(
                deploy(
                    model=trained.outputs["model"],
                    evaluation=judged.outputs["evaluation"],
                    statistics=checked.outputs["statistics"],
                    run_id=run_id,
                    job=placement.job_name(settings),
                    source=found.outputs["source"],
                    inputs_digest=inputs,
                    champion_version=found.outputs["champion"],
                    settings=told["deploy"],
                )
            )
        with dsl.Else(name="failed"):
            placed(hold(evaluation=judged.outputs["evaluation"], statistics=checked.outputs["statistics"]))

    pipeline: Callable[..., Any] = training
    return pipeline


def _inputs_digest(told: Mapping[str, str], code: Mapping[str, str]) -> str:
    """What, besides the source's content, decides which model a run makes.

    Without `validate`: it blocks or lets pass, and its schema may be written by the first run.
    """
    text = "\n".join(f"{stage} {told[stage]} {code[stage]}" for stage in STAGES if stage != "validate")
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
