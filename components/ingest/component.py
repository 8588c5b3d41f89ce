"""The KFP component of `ingest`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def ingest(settings: str, code: str, source: str, rows: dsl.Output[dsl.Dataset]) -> None:
    """A query in, rows out; `source` is the fingerprint of what it reads, part of the cache key."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"settings": settings, "code": code, "source": source}
    with stage("ingest", outputs=[rows], parameters=parameters) as record:
        from components.ingest import core
        from components.ingest.settings import IngestStage

        record.imported()
        told = IngestStage.model_validate_json(settings)
        record.summary(core.run(told, artifact_path(rows), record.progress))
