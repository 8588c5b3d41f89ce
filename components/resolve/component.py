"""The KFP component of `resolve`."""

from typing import NamedTuple

from kfp import dsl

from components.shared.stage.kfp import component


@component
def resolve(settings: str, how: str, inputs: str, standing: dsl.Output[dsl.Artifact]) -> NamedTuple(  # type: ignore[valid-type]
    "Standing", [("source", str), ("champion", str), ("model", str), ("statistics", str)]
):
    """The world as it is now: never cached. `how`: how the later stages work, which is in no cache key."""
    from components.shared.stage.opening import open_stage

    with open_stage("resolve", locals()) as stage:
        from components.resolve import core
        from components.resolve.settings import ResolveStage

        found = core.run(stage.settings(ResolveStage), inputs, stage.path(standing))
        stage.done(found.summary())
    return found
