"""The KFP component of `train`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def train(
    examples: dsl.Input[dsl.Dataset],
    transform_graph: dsl.Input[dsl.Artifact],
    settings: str,
    code: str,
    checkpoints: str,
    model: dsl.Output[dsl.Model],
    training_log: dsl.Output[dsl.Artifact],
) -> None:
    """Examples in, a SavedModel and its log out; `code` is a digest of the stage's source, for the cache."""
    import os

    from components.shared.files.paths import artifact_path, place
    from components.shared.stage.recording import stage
    from components.train.cluster import cluster

    hosts = cluster(os.environ)
    inputs, outputs = [examples, transform_graph], [model, training_log]
    parameters = {"settings": settings, "code": code}
    with stage("train", inputs=inputs, outputs=outputs, parameters=parameters, kept=hosts.chief) as record:
        from components.train import core, devices
        from components.train.settings import TrainStage

        record.imported()
        told = TrainStage.model_validate_json(settings)
        read = artifact_path(examples), artifact_path(transform_graph)
        written = artifact_path(model), artifact_path(training_log)
        here = devices.join(hosts)
        board = os.environ.get("AIP_TENSORBOARD_LOG_DIR")  # where Vertex AI TensorBoard looks
        shown = place(board) if board else None
        record.summary(core.run(*read, told, *written, place(checkpoints), record.progress, here, shown))
