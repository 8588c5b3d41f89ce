"""The KFP component of `choose`."""

from typing import NamedTuple

from kfp import dsl


@dsl.component(base_image="pipeline-python:local", install_kfp_package=False)
def choose(
    settings: str,
    version: str,
    run_id: str,
    scored_at: str,
    job: str,
    created: str,
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
    from components.recording import stage

    with stage("choose", parameters={"settings": settings, "version": version}) as record:
        from components.choose import core
        from configs.stages import ChooseStage

        record.imported()
        stamps = core.Stamp(run_id, scored_at), core.Stamp(job, created)
        choice = core.run(ChooseStage.model_validate_json(settings), version, *stamps)
        record.summary({"version": choice.version, "scored_at": choice.scored_at, "source": choice.source})
    return choice
