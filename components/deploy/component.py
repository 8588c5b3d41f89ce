"""The KFP components of `deploy`, and of `reject`, its other branch."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def deploy(
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    run_id: str,
    job: str,
    source: str,
    inputs_digest: str,
    champion_version: str,
    settings: str,
    deployment: dsl.Output[dsl.Artifact],
) -> None:
    """A model that passed becomes a version, and the version serves; `job` names a run that has no id."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    lineage = {"run_id": run_id or job, "source": source, "inputs_digest": inputs_digest}
    told, inputs = {"settings": settings, "champion": champion_version}, [model, evaluation, statistics]
    with stage("deploy", inputs=inputs, outputs=[deployment], parameters=told | lineage) as record:
        from components.deploy import core
        from components.deploy.settings import DeployStage

        record.imported()
        lineage |= {"judged_against": champion_version}
        candidate = core.Candidate(
            artifact_path(model), artifact_path(evaluation), artifact_path(statistics), lineage
        )
        part, out = DeployStage.model_validate_json(settings), artifact_path(deployment)
        record.summary(core.run(candidate, part, out, record.progress))


@component
def reject(
    evaluation: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    deployment: dsl.Output[dsl.Artifact],
) -> None:
    """A model that did not pass is not deployed; the reasons are recorded."""
    from components.shared.files.paths import artifact_path
    from components.shared.stage.recording import stage

    with stage("reject", inputs=[evaluation, statistics], outputs=[deployment]) as record:
        from components.deploy import core

        record.imported()
        record.summary(core.reject(artifact_path(evaluation), artifact_path(deployment)))
