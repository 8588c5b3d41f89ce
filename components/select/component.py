"""The KFP component of `select`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def select(settings: str, code: str, source: str, features: str, rows: dsl.Output[dsl.Dataset]) -> None:
    """A query and a model's features in, rows out; `source`, a fingerprint, is part of the cache key."""
    import json

    from components.shared.stage.opening import open_stage

    with open_stage("select", locals()) as stage:
        from components.select import core
        from components.select.settings import SelectStage
        from configs.features import Features

        part, wanted = stage.settings(SelectStage), Features.raw(**json.loads(features))
        stage.done(core.run(part, wanted, stage.path(rows), stage.progress))
