"""The KFP component `reject`: it runs in the place of `deploy` where a gate did not pass."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def reject(
    evaluation: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    deployment: dsl.Output[dsl.Artifact],
) -> None:
    """A model that did not pass is not deployed; its reasons are recorded. `statistics`: for the lineage."""
    from components.shared.stage.opening import open_stage

    with open_stage("reject", locals()) as stage:
        from components.deploy import core

        stage.record.imported()
        stage.done(core.reject(stage.path(evaluation), stage.path(deployment)))
