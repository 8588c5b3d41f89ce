"""The pipelines that there are: the stages of each, how it is built, what its query reads, what runs where.

Nothing of KFP is imported before a pipeline is built.
"""

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from configs.cloud import BigQueryAccess
from configs.rows import Ingest, Source
from configs.settings import Settings
from configs.stages.prediction import select_stage
from configs.stages.training import ingest_stage

Pipeline = Literal["training", "prediction"]


class Reading(NamedTuple):
    """What the query of a pipeline reads, and as whom."""

    source: Source
    ingest: Ingest
    access: BigQueryAccess | None
    """For a source on Google Cloud."""


@dataclass(frozen=True)
class Definition:
    """All that commands about a pipeline have to know of it.

    Args:
        name: Its name.
        stages: In the order of the data, each with what it makes of what.
        build: A KFP pipeline, from settings, the reviewed schema, and the stages not to take from the cache.
        reads: What its query reads.
        parameters: What a run is given that a clock or an event starts, beside its id.
        queries: The stage that runs the query.
        beam: The stages whose work is Beam's.
        custom_jobs: The stages that are a job on machines of their own.
        branches: Tasks that a gate may run in place of a stage.
        leaves_endpoint: Whether servers stand after a run.
        cheaper: What makes a run cost less.
    """

    name: Pipeline
    stages: Mapping[str, str]
    build: Callable[[Settings, str, Collection[str]], Callable[..., Any]]
    reads: Callable[[Settings], Reading]
    parameters: Callable[[Settings], dict[str, str]]
    queries: str
    beam: frozenset[str]
    custom_jobs: frozenset[str]
    branches: tuple[str, ...]
    leaves_endpoint: bool
    cheaper: str

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the stages, in the order of the data."""
        return tuple(self.stages)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of all tasks that may leave a record."""
        return (*self.stages, *self.branches)


def of(name: Pipeline) -> Definition:
    """The definition of a pipeline."""
    return _DEFINITIONS[name]


def every() -> tuple[Definition, ...]:
    """All of them."""
    return tuple(_DEFINITIONS.values())


def with_stage(name: str) -> Definition | None:
    """The pipeline that has a stage of this name."""
    return next((each for each in _DEFINITIONS.values() if name in each.stages), None)


def _graph(name: Pipeline) -> Any:
    """The module with a pipeline's graph, found by its name: the graphs themselves stand on this package."""
    return importlib.import_module(f"pipelines.{name}")


def _training(settings: Settings, schema_pbtxt: str, fresh: Collection[str]) -> Callable[..., Any]:
    built: Callable[..., Any] = _graph("training").build(settings, schema_pbtxt, fresh)
    return built


def _prediction(settings: Settings, _: str, fresh: Collection[str]) -> Callable[..., Any]:
    """The model knows its features: no schema is asked."""
    built: Callable[..., Any] = _graph("prediction").build(settings, fresh)
    return built


def _examples_read(settings: Settings) -> Reading:
    told = ingest_stage(settings)
    return Reading(told.source, told.ingest, told.access)


def _rows_to_score_read(settings: Settings) -> Reading:
    from components.shared.sources.selection import with_examples

    told = select_stage(settings)
    return Reading(with_examples(told.source, told.examples), told.ingest, told.access)


def _checkpoints(settings: Settings) -> dict[str, str]:
    return {"checkpoints": f"{settings.places.root}/{settings.name}/checkpoints"}


def _defaults(_: Settings) -> dict[str, str]:
    """The champion scores, stamped by the job."""
    return {}


_DEFINITIONS: Mapping[Pipeline, Definition] = {
    "training": Definition(
        name="training",
        stages={
            "resolve": "the source and the champion",
            "ingest": "source to rows",
            "validate": "rows to statistics and findings",
            "transform": "rows to examples",
            "train": "examples to model",
            "evaluate": "model to verdict",
            "deploy": "version to endpoint",
        },
        build=_training,
        reads=_examples_read,
        parameters=_checkpoints,
        queries="ingest",
        beam=frozenset({"transform", "evaluate"}),
        custom_jobs=frozenset({"train"}),
        branches=("hold",),
        leaves_endpoint=True,
        cheaper="choose smaller, fewer or spot machines, shorten cloud.training.timeout_hours",
    ),
    "prediction": Definition(
        name="prediction",
        stages={
            "choose": "the version and the source",
            "select": "source to rows",
            "predict": "rows to predictions",
            "deliver": "predictions to where they are wanted",
        },
        build=_prediction,
        reads=_rows_to_score_read,
        parameters=_defaults,
        queries="select",
        beam=frozenset({"predict"}),
        custom_jobs=frozenset(),
        branches=(),
        leaves_endpoint=False,
        cheaper="select fewer rows, choose smaller or fewer machines in cloud.dataflow",
    ),
}
