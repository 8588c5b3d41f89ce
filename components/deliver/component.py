"""The KFP component of `deliver`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def deliver(predictions: dsl.Input[dsl.Dataset], settings: str, delivery: dsl.Output[dsl.Artifact]) -> None:
    """Predictions in, the same where the settings say: never cached, safe to repeat."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    parameters = {"settings": settings}
    with stage("deliver", inputs=[predictions], outputs=[delivery], parameters=parameters) as record:
        from components.deliver import core
        from components.deliver.settings import DeliverStage

        record.imported()
        told = DeliverStage.model_validate_json(settings)
        record.summary(core.run(artifact_path(predictions), told, artifact_path(delivery), record.progress))
