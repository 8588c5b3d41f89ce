"""The KFP component of `choose`."""

from typing import NamedTuple

from kfp import dsl

from components.shared.stage.kfp import component


@component
def choose(
    settings: str,
    version: str,
    run_id: str,
    scored_at: str,
    job: str,
    created: str,
    choice: dsl.Output[dsl.Artifact],
) -> NamedTuple(  # type: ignore[valid-type]
    "Choice",
    [
        ("source", str),
        ("version", str),
        ("model", str),
        ("features", str),
        ("run_id", str),
        ("scored_at", str),
    ],
):
    """The world as it is now: never cached. `job` and `created` stand in for id and instant not given."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"settings": settings, "version": version}
    with stage("choose", outputs=[choice], parameters=parameters) as record:
        from components.choose import core
        from components.choose.settings import ChooseStage

        record.imported()
        told = ChooseStage.model_validate_json(settings)
        given, otherwise = core.Stamp(run_id, scored_at), core.Stamp(job, created)
        chosen = core.run(told, version, given, otherwise, artifact_path(choice))
        record.summary({name: getattr(chosen, name) for name in ("version", "scored_at", "source")})
    return chosen
