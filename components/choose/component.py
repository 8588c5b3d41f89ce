"""The KFP component of `choose`."""

from typing import NamedTuple

from kfp import dsl

from components.shared.stage.kfp import component


@component
def choose(
    settings: str, how: str, version: str, run_id: str, scored_at: str, job: str, created: str,
    choice: dsl.Output[dsl.Artifact]) -> NamedTuple("Choice", [(each, str) for each in (  # type: ignore[valid-type]
    "source", "version", "model", "features", "run_id", "scored_at")]):  # fmt: skip
    """The world as it is now: never cached. `job` and `created` stand in for id and instant not given."""
    from components.shared.stage.opening import open_stage

    with open_stage("choose", locals()) as stage:
        from components.choose import core
        from components.choose.settings import ChooseStage

        given, otherwise = core.Stamp(run_id, scored_at), core.Stamp(job, created)
        chosen = core.run(stage.settings(ChooseStage), version, given, otherwise, stage.path(choice))
        stage.done({name: getattr(chosen, name) for name in ("version", "scored_at", "source")})
    return chosen
