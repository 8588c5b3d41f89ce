"""The KFP component of `select`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def select(settings: str, code: str, source: str, features: str, rows: dsl.Output[dsl.Dataset]) -> None:
    """A query and a model's features in, rows out; `source`, a fingerprint, is part of the cache key."""
    import json

    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"settings": settings, "code": code, "source": source, "features": features}
    with stage("select", outputs=[rows], parameters=parameters) as record:
        from components.select import core
        from components.select.settings import SelectStage
        from components.shared.rows.raw import declared

        record.imported()
        told, wanted = SelectStage.model_validate_json(settings), declared(**json.loads(features))
        record.summary(core.run(told, wanted, artifact_path(rows), record.progress))
