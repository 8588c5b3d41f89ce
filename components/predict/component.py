"""The KFP component of `predict`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def predict(
    rows: dsl.Input[dsl.Dataset], model: dsl.Input[dsl.Model], version: str, run_id: str, scored_at: str,
    settings: str, code: str, predictions: dsl.Output[dsl.Dataset],
) -> None:  # fmt: skip
    """Rows and a model in, predictions out, stamped with version, run and instant."""
    from components.shared.stage.opening import open_stage

    with open_stage("predict", locals()) as stage:
        from components.predict import core
        from components.predict.scored import Stamp
        from components.predict.settings import PredictStage

        part, read = stage.settings(PredictStage), (stage.path(rows), stage.path(model))
        stamp = Stamp.of(part.name, version, scored_at, run_id)
        stage.done(core.run(*read, stamp, part, stage.path(predictions), stage.progress))
