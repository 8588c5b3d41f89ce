"""The KFP component of `evaluate`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def evaluate(
    rows: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    champion: str,
    champion_version: str,
    settings: str,
    code: str,
    evaluation: dsl.Output[dsl.Artifact],
) -> str:
    """Rows and a model in, metrics and a verdict out; the value is the decision, `deploy` or `reject`."""
    from components.shared.files.paths import artifact_path, place
    from components.shared.stage.recording import stage

    told = {"champion": champion, "champion_version": champion_version, "settings": settings, "code": code}
    with stage("evaluate", inputs=[rows, model], outputs=[evaluation], parameters=told) as record:
        from components.evaluate import core
        from components.evaluate.settings import EvaluateStage
        from components.shared.files.artifacts import read_json

        record.imported()
        part, out = EvaluateStage.model_validate_json(settings), artifact_path(evaluation)
        models = artifact_path(model), place(champion) if champion else None
        record.summary(core.run(artifact_path(rows), *models, champion_version, part, out, record.progress))
        decision: str = read_json(out / "verdict.json")["decision"]
    return decision
