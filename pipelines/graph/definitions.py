"""The pipelines that there are: the stages of each, how it is built, and what its query reads.

Nothing of KFP is imported before a pipeline is built.
"""

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from components.ingest.settings import IngestStage
from components.select.settings import SelectStage
from configs.bigquery import BigQueryAccess
from configs.rows import Ingest, Source
from configs.settings import Settings
from configs.stages import STAGES, Pipeline, StageSpec


class Reading(NamedTuple):
    """What the query of a pipeline reads, and as whom."""

    source: Source
    ingest: Ingest
    access: BigQueryAccess | None
    """For a source on Google Cloud."""


@dataclass(frozen=True)
class Definition:
    """All that commands about a pipeline have to know of it."""

    name: Pipeline
    reads: Callable[[Settings], Reading]
    parameters: Callable[[Settings], dict[str, str]]
    """What a run is given that a clock or an event starts, besides its id."""
    leaves_endpoint: bool
    """Whether servers stand after a run."""
    cheaper: str
    """What makes a run cost less."""

    def build(self, settings: Settings, fresh: Collection[str] = ()) -> Callable[..., Any]:
        """Build the KFP pipeline; the stages in `fresh` are not taken from the cache."""
        built: Callable[..., Any] = importlib.import_module(f"pipelines.{self.name}").build(settings, fresh)
        return built

    @property
    def specs(self) -> tuple[StageSpec, ...]:
        """Its stages, in the order of the data."""
        return STAGES[self.name]

    @property
    def stages(self) -> Mapping[str, str]:
        """Its stages but the last, which is about them, by name, each with what it makes of what."""
        return {spec.name: spec.makes for spec in self.specs if not spec.last}

    @property
    def order(self) -> tuple[str, ...]:
        """The names of its stages, in the order of the data."""
        return tuple(self.stages)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of all tasks that may leave a record of the run: stages, and branches in their place."""
        return (*self.stages, *(branch for spec in self.specs for branch in spec.branches))

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the tasks that a person watches."""
        return tuple(spec.name for spec in self.specs)

    @property
    def query_stage(self) -> str:
        """The stage that runs the query."""
        return next(spec.name for spec in self.specs if spec.runs_query)


def of(name: Pipeline) -> Definition:
    """The definition of a pipeline."""
    return _DEFINITIONS[name]


def every() -> tuple[Definition, ...]:
    """The definitions of all pipelines."""
    return tuple(_DEFINITIONS.values())


def _training_reads(settings: Settings) -> Reading:
    part = IngestStage.of(settings)
    return Reading(part.source, part.ingest, part.access)


def _prediction_reads(settings: Settings) -> Reading:
    from components.shared.sources.selection import with_examples

    part = SelectStage.of(settings)
    return Reading(with_examples(part.source, part.examples), part.ingest, part.access)


_DEFINITIONS: Mapping[Pipeline, Definition] = {
    each.name: each
    for each in (
        Definition(
            name="training",
            reads=_training_reads,
            parameters=lambda settings: {"checkpoints": settings.checkpoints},
            leaves_endpoint=True,
            cheaper="choose smaller, fewer or spot machines, shorten cloud.training.timeout_hours",
        ),
        Definition(
            name="prediction",
            reads=_prediction_reads,
            parameters=lambda _: {},  # the champion scores, stamped by the job
            leaves_endpoint=False,
            cheaper="select fewer rows, choose smaller or fewer machines in cloud.dataflow",
        ),
    )
}
