"""The KFP component of `predict`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def predict(
    rows: dsl.Input[dsl.Dataset],
    model: str,
    version: str,
    run_id: str,
    scored_at: str,
    settings: str,
    code: str,
    predictions: dsl.Output[dsl.Dataset],
) -> None:
    """Rows and the place of a model in, predictions out, stamped with version, run and instant."""
    from components.shared.files.paths import artifact_path, place
    from components.shared.stage.recording import stage

    told = {"model": model, "version": version, "run_id": run_id, "scored_at": scored_at}
    told |= {"settings": settings, "code": code}
    with stage("predict", inputs=[rows], outputs=[predictions], parameters=told) as record:
        from components.predict import core
        from components.predict.scored import Stamp
        from components.predict.settings import PredictStage

        record.imported()
        part = PredictStage.model_validate_json(settings)
        stamp = Stamp.of(part.name, version, scored_at, run_id)
        places = artifact_path(rows), place(model)
        record.summary(core.run(*places, stamp, part, artifact_path(predictions), record.progress))
