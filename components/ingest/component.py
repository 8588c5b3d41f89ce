"""The KFP component of `ingest`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def ingest(settings: str, code: str, source: str, rows: dsl.Output[dsl.Dataset]) -> None:
    """A query in, rows out; `source` is the fingerprint of what it reads, part of the cache key."""
    from components.shared.stage.opening import open_stage

    with open_stage("ingest", locals()) as stage:
        from components.ingest import core
        from components.ingest.settings import IngestStage

        stage.done(core.run(stage.settings(IngestStage), stage.path(rows), stage.progress))
