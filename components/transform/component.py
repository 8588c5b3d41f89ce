"""The KFP component of `transform`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def transform(
    rows: dsl.Input[dsl.Dataset], settings: str, code: str,
    transform_graph: dsl.Output[dsl.Artifact], examples: dsl.Output[dsl.Dataset],
) -> None:  # fmt: skip
    """Rows in, transform graph and examples out; `code`: the digest of the stage's source, for the cache."""
    from components.shared.stage.opening import open_stage

    with open_stage("transform", locals()) as stage:
        from components.transform import core
        from components.transform.settings import TransformStage

        part, written = stage.settings(TransformStage), (stage.path(transform_graph), stage.path(examples))
        stage.done(core.run(stage.path(rows), part, *written, stage.progress))
