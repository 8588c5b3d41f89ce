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
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"baseline": baseline, "settings": settings, "code": code}
    with stage("validate", inputs=[rows], outputs=[statistics], parameters=parameters) as record:
        from components.validate import core
        from components.validate.settings import ValidateStage

        record.imported()
        told = ValidateStage.model_validate_json(settings)
        accepted = core.baseline_folder(baseline)
        record.summary(
            core.run(artifact_path(rows), told, accepted, artifact_path(statistics), record.progress)
        )
