"""The KFP component of `resolve`."""

from typing import NamedTuple

from components.shared.stage.kfp import component


@component
def resolve(
    settings: str,
    inputs: str,
) -> NamedTuple(  # type: ignore[valid-type]
    "Standing", [("source", str), ("champion", str), ("model", str), ("statistics", str)]
):
    """The world as it is now: never cached."""
    from components.shared.stage.recording import stage

    with stage("resolve", parameters={"settings": settings, "inputs": inputs}) as record:
        from components.resolve import core
        from components.resolve.settings import ResolveStage

        record.imported()
        standing = core.run(ResolveStage.model_validate_json(settings), inputs)
        record.summary(standing._asdict())
    return standing
