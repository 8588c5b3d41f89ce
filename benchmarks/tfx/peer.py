"""TFX's pipeline, whole: `python peer.py EXAMPLES OUT SETTINGS` in the peer's environment; prints the AUC.

ImportExampleGen, StatisticsGen, SchemaGen, ExampleValidator, Transform, Trainer, Evaluator (with the slices
of the use case) and Pusher, by TFX's LocalDagRunner. EXAMPLES holds TFRecord files of tf.Example in train/,
eval/ and test/; SETTINGS is a JSON file with features, training, slices and threshold.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx


def components(examples: str, out: str, settings: Mapping[str, Any]) -> list[Any]:
    """The graph."""
    splits = [tfx.proto.Input.Split(name=split, pattern=f"{split}/*") for split in ("train", "eval", "test")]
    config = {"features": json.dumps(settings["features"]), "training": json.dumps(settings["training"])}
    rows = tfx.components.ImportExampleGen(input_base=examples, input_config=tfx.proto.Input(splits=splits))
    statistics = tfx.components.StatisticsGen(examples=rows.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
    anomalies = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    module = str(Path(__file__).with_name("module.py"))
    transform = tfx.components.Transform(
        examples=rows.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=module,
        custom_config=config,
        splits_config=tfx.proto.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
    )
    trainer = tfx.components.Trainer(
        module_file=module,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        custom_config=config,
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
    )
    evaluator = tfx.components.Evaluator(
        examples=rows.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=eval_config(settings),
        example_splits=["test"],
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=f"{out}/pushed")
        ),
    )
    return [rows, statistics, schema, anomalies, transform, trainer, evaluator, pusher]


def eval_config(settings: Mapping[str, Any]) -> Any:
    """The same metrics over the same slices as ours."""
    named = [
        "AUC",
        "AUCPrecisionRecall",
        "Precision",
        "Recall",
        "Calibration",
        "BinaryCrossEntropy",
        "ExampleCount",
    ]
    metrics = [tfma.MetricConfig(class_name=name) for name in named]
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(label_key=settings["features"]["label"], signature_name="serving_default")
        ],
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=s) for s in settings["slices"])],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def main() -> None:
    """Run and print."""
    examples, out, settings = sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text())
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="peer",
        pipeline_root=f"{out}/pipeline",
        components=components(examples, out, settings),
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            f"{out}/metadata.db"
        ),
        enable_cache=False,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    folder = max(Path(out).glob("pipeline/Evaluator/evaluation/*"))
    overall = dict(tfma.load_eval_result(str(folder)).slicing_metrics)[()]
    values = next(iter(next(iter(overall.values())).values()))
    print(json.dumps({"auc": values["auc"]["doubleValue"]}))


if __name__ == "__main__":
    main()
