"""The KFP component of `transform`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def transform(
    rows: dsl.Input[dsl.Dataset],
    settings: str,
    code: str,
    transform_graph: dsl.Output[dsl.Artifact],
    examples: dsl.Output[dsl.Dataset],
) -> None:
    """Rows in, transform graph and examples out; `code`: the digest of the stage's source, for the cache."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"settings": settings, "code": code}
    outputs = [transform_graph, examples]
    with stage("transform", inputs=[rows], outputs=outputs, parameters=parameters) as record:
        from components.transform import core
        from components.transform.settings import TransformStage

        record.imported()
        told = TransformStage.model_validate_json(settings)
        places = artifact_path(transform_graph), artifact_path(examples)
        record.summary(core.run(artifact_path(rows), told, *places, record.progress))
