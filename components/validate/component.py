"""The KFP component of `validate`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def validate(
    rows: dsl.Input[dsl.Dataset],
    baseline: str,
    settings: str,
    code: str,
    statistics: dsl.Output[dsl.Artifact],
) -> None:
    """Rows in, statistics and a verdict out; `baseline`: where the last accepted statistics lie, or empty."""
    from components.shared.stage.opening import open_stage

    with open_stage("validate", locals()) as stage:
        from components.validate import core
        from components.validate.settings import ValidateStage

        part, accepted = stage.settings(ValidateStage), stage.place(baseline) if baseline else None
        stage.done(core.run(stage.path(rows), part, accepted, stage.path(statistics), stage.progress))
