"""The KFP component of `deliver`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def deliver(predictions: dsl.Input[dsl.Dataset], settings: str, delivery: dsl.Output[dsl.Artifact]) -> None:
    """Predictions in, the same where the settings say: never cached, safe to repeat."""
    from components.shared.stage.opening import open_stage

    with open_stage("deliver", locals()) as stage:
        from components.deliver import core
        from components.deliver.settings import DeliverStage

        part = stage.settings(DeliverStage)
        stage.done(core.run(stage.path(predictions), part, stage.path(delivery), stage.progress))
