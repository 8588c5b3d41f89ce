"""The KFP component of `evaluate`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def evaluate(
    rows: dsl.Input[dsl.Dataset], model: dsl.Input[dsl.Model], champion: dsl.Input[dsl.Model],
    champion_version: str, settings: str, code: str, evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics], curve: dsl.Output[dsl.ClassificationMetrics]) -> str:  # fmt: skip
    """Rows and models in, metrics and a verdict out; the value is the decision, `deploy` or `reject`."""
    from components.shared.stage.opening import open_stage

    with open_stage("evaluate", locals()) as stage:
        from components.evaluate import core, figures
        from components.evaluate.settings import EvaluateStage

        part, out = stage.settings(EvaluateStage), stage.path(evaluation)
        models = stage.path(model), stage.path(champion) if champion_version else None
        summary = core.run(stage.path(rows), *models, champion_version, part, out, stage.progress)
        figures.log(out, metrics, curve)
        stage.done(summary)
    return str(summary["decision"])
