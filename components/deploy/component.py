"""The KFP component of `deploy`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def deploy(
    model: dsl.Input[dsl.Model], evaluation: dsl.Input[dsl.Artifact], statistics: dsl.Input[dsl.Artifact],
    run_id: str, job: str, source: str, inputs_digest: str, champion_version: str, settings: str,
    deployment: dsl.Output[dsl.Artifact],
) -> None:  # fmt: skip
    """A model that passed becomes a version, and the version serves; `job` names a run that has no id."""
    from components.shared.stage.opening import open_stage

    with open_stage("deploy", locals()) as stage:
        from components.deploy import core
        from components.deploy.settings import DeployStage
        from components.shared.registry import Submission

        lineage = {"run_id": run_id or job, "source": source, "inputs_digest": inputs_digest}
        lineage["judged_against"] = champion_version
        candidate = Submission(stage.path(model), stage.path(statistics), stage.path(evaluation), lineage)
        stage.done(core.run(candidate, stage.settings(DeployStage), stage.path(deployment), stage.progress))
