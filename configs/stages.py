"""The stages: one line each, from which everything that depends on them derives.

A new stage is one folder `components/<name>/` and one line here. The folder has `settings.py` (the part of
the settings that it needs), `core.py` (the work) and `component.py` (the KFP wrapper). The graph, the
command line, the report, the cost estimate, the checks of the settings and the import contracts follow.
"""

from dataclasses import dataclass
from typing import Literal

Pipeline = Literal["training", "prediction"]


@dataclass(frozen=True)
class StageSpec:
    """One stage of a pipeline.

    Args:
        name: Of its folder, its component and its task.
        makes: What it makes of what, for the reader.
        artifacts: The names of its output artifacts.
        minutes: How long it takes, its machine's start included: for the flights data, and for ten times it.
        cached: Whether KFP may take it from the cache; not where it looks at, or changes, the world outside.
        beam: Whether its work is Beam's.
        custom_job: Whether it runs as a Vertex AI custom job, on machines of its own.
        runs_query: Whether it runs the query of its pipeline.
        decides_model: Whether its settings and its code decide which model a run makes. Not so for what lets
            a model pass or not, or moves it.
        branches: Tasks that a gate may run in its place.
        alone: Whether it can be run by itself, on the artifacts of an earlier run.
        last: Whether it runs when all others have ended, well or not: KFP's exit task.
    """

    name: str
    makes: str
    artifacts: tuple[str, ...] = ()
    minutes: tuple[float, float] = (1, 10)
    cached: bool = True
    beam: bool = False
    custom_job: bool = False
    runs_query: bool = False
    decides_model: bool = False
    branches: tuple[str, ...] = ()
    alone: bool = True
    last: bool = False


_REPORT = StageSpec(
    "report", "records to a page", ("report",), minutes=(1, 2), cached=False, alone=False, last=True
)

# fmt: off
STAGES: dict[Pipeline, tuple[StageSpec, ...]] = {
    "training": (
        StageSpec("resolve", "the source and the champion", ("standing",), minutes=(1, 4), cached=False,
                  alone=False),
        StageSpec("ingest", "source to rows", ("rows",), minutes=(2, 15), runs_query=True,
                  decides_model=True),
        StageSpec("validate", "rows to statistics and findings", ("statistics",), minutes=(2, 15)),
        StageSpec("transform", "rows to examples", ("transform_graph", "examples"), minutes=(6, 40),
                  beam=True, decides_model=True),
        StageSpec("train", "examples to model", ("model", "training_log"), minutes=(6, 90),
                  custom_job=True, decides_model=True),
        StageSpec("evaluate", "model to verdict", ("evaluation", "metrics", "curve"), minutes=(6, 40),
                  beam=True),
        StageSpec("deploy", "version to endpoint", ("deployment",), minutes=(8, 30), cached=False,
                  branches=("reject",)),
        _REPORT,
    ),
    "prediction": (
        StageSpec("choose", "the version and the source", ("choice",), minutes=(1, 4), cached=False),
        StageSpec("select", "source to rows", ("rows",), minutes=(2, 15), runs_query=True),
        StageSpec("predict", "rows to predictions", ("predictions",), minutes=(5, 30), beam=True),
        StageSpec("deliver", "predictions to where they are wanted", ("delivery",), minutes=(1, 10),
                  cached=False),
        _REPORT,
    ),
}
"""The stages of each pipeline, in the order of the data."""
# fmt: on


def every_stage() -> tuple[StageSpec, ...]:
    """The stages of all pipelines, each once, in the order of the table."""
    return tuple(dict.fromkeys(spec for specs in STAGES.values() for spec in specs))


def stage_spec(name: str) -> StageSpec:
    """The line of a stage.

    Raises:
        KeyError: The table has no such stage.
    """
    return {spec.name: spec for spec in every_stage()}[name]


def artifact_makers(pipeline: Pipeline) -> dict[str, str]:
    """The stage that writes an artifact, by the artifact's name."""
    return {artifact: spec.name for spec in STAGES[pipeline] for artifact in spec.artifacts}


def task_artifacts(task: str) -> tuple[str, ...]:
    """The names of the output artifacts of a task: a stage, or a branch that runs in its place."""
    return next(spec.artifacts for spec in every_stage() if task in (spec.name, *spec.branches))


def container_tasks() -> tuple[str, ...]:
    """The tasks that run in a container whose machine the service chooses: all but the custom jobs."""
    return tuple(
        task for spec in every_stage() if not spec.custom_job for task in (spec.name, *spec.branches)
    )
