"""The KFP component of `train`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def train(
    examples: dsl.Input[dsl.Dataset], transform_graph: dsl.Input[dsl.Artifact], settings: str, code: str,
    checkpoints: str, model: dsl.Output[dsl.Model], training_log: dsl.Output[dsl.Artifact],
) -> None:  # fmt: skip
    """Examples in, a SavedModel and its log out; `code` is a digest of the stage's source, for the cache."""
    from components.shared.stage.opening import open_stage
    from components.train.cluster import cluster

    hosts = cluster()
    with open_stage("train", locals(), recorded=hosts.chief) as stage:
        from components.train import core, devices
        from components.train.settings import TrainStage

        part, read = stage.settings(TrainStage), (stage.path(examples), stage.path(transform_graph))
        written = stage.path(model), stage.path(training_log), stage.place(checkpoints)
        board = stage.place(hosts.board) if hosts.board else None
        stage.done(core.run(*read, part, *written, stage.progress, devices.together(hosts), board))
