"""What TFX calls: the same features, the same kind of model, in the way TFX's own templates write them.

Runs in the peer's environment (Python 3.10, TFX 1.16). The features come in as `custom_config`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from tfx_bsl.public import tfxio

Features = Mapping[str, Any]


def _features(custom_config: Mapping[str, str]) -> Features:
    features: Features = json.loads(custom_config["features"])
    return features


def _filled(x: Any, default: Any) -> Any:
    """A sparse column as [batch]."""
    if isinstance(x, tf.sparse.SparseTensor):
        x = tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1]), default)
    return tf.squeeze(x, axis=1)


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, str]) -> dict[str, Any]:
    """z-scores with an indicator of what is missing, vocabularies, hashed crosses."""
    features = _features(custom_config)
    outputs: dict[str, Any] = {}
    for name in features["numeric"]:
        x = _filled(inputs[name], float("nan"))
        missing = tf.math.is_nan(x)
        known = tf.boolean_mask(x, ~missing)
        x = tf.where(missing, tft.mean(known), x)
        outputs[name] = tft.scale_to_z_score(x)
        outputs[f"{name}_missing"] = tf.cast(missing, tf.float32)
    texts = {name: _filled(inputs[name], "") for name in features["categorical"]}
    for name, text in texts.items():
        outputs[name] = tft.compute_and_apply_vocabulary(
            text, top_k=1000, num_oov_buckets=1, vocab_filename=name
        )
    for name, cross in features["crosses"].items():
        parts = [texts[column] for column in cross["of"]]
        outputs[name] = tft.hash_strings(tf.strings.join(parts, "|"), cross["buckets"])
    outputs[features["label"]] = _filled(inputs[features["label"]], 0)
    return outputs


def _dataset(files: Sequence[str], fn_args: Any, training: Mapping[str, Any], *, shuffle: bool) -> Any:
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    label = _features(fn_args.custom_config)["label"]
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=training["batch_size"],
        label_key=label,
        num_epochs=1,
        shuffle=shuffle,
        drop_final_batch=False,
    )
    return fn_args.data_accessor.tf_dataset_factory(files, options, transformed.transformed_metadata.schema)


def _model(features: Features, transformed: Any, training: Mapping[str, Any]) -> Any:
    """Wide & deep: embeddings and numbers through hidden layers, plus a linear part."""
    dense = [*features["numeric"], *(f"{name}_missing" for name in features["numeric"])]
    sizes = {name: transformed.vocabulary_size_by_name(name) + 1 for name in features["categorical"]}
    sizes |= {name: cross["buckets"] for name, cross in features["crosses"].items()}
    inputs = {name: keras.Input((1,), name=name, dtype="float32") for name in dense}
    inputs |= {name: keras.Input((1,), name=name, dtype="int64") for name in sizes}
    numbers = keras.layers.concatenate([inputs[name] for name in dense])
    embedded = [
        keras.layers.Flatten()(
            keras.layers.Embedding(size, max(4, min(32, int(2 * size**0.25))))(inputs[name])
        )
        for name, size in sizes.items()
    ]
    wide = [
        keras.layers.Flatten()(keras.layers.Embedding(size, 1)(inputs[name])) for name, size in sizes.items()
    ]
    deep = keras.layers.concatenate([numbers, *embedded])
    for units in training["hidden_units"]:
        deep = keras.layers.Dense(units, activation="relu")(deep)
        deep = keras.layers.Dropout(training["dropout"])(deep)
    logit = keras.layers.add([keras.layers.Dense(1)(deep), keras.layers.Dense(1)(numbers), *wide])
    model = keras.Model(inputs, keras.layers.Activation("sigmoid")(logit))
    model.compile(
        keras.optimizers.AdamW(training["learning_rate"], weight_decay=0.004),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
    )
    return model


def run_fn(fn_args: Any) -> None:
    """Train and export with the transform graph inside."""
    features = _features(fn_args.custom_config)
    training = json.loads(fn_args.custom_config["training"])
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    train = _dataset(fn_args.train_files, fn_args, training, shuffle=True)
    held_out = _dataset(fn_args.eval_files, fn_args, training, shuffle=False)
    model = _model(features, transformed, training)
    model.fit(train, validation_data=held_out, epochs=training["epochs"], verbose=2)
    model.transform_layer = transformed.transform_features_layer()

    @tf.function(  # type: ignore[untyped-decorator]  # TensorFlow has no types
        input_signature=[tf.TensorSpec([None], tf.string, "examples")]
    )
    def serve(examples: Any) -> dict[str, Any]:
        spec = transformed.raw_feature_spec()
        spec.pop(features["label"])
        made = model.transform_layer(tf.io.parse_example(examples, spec))
        chosen = {
            name: tf.expand_dims(made[name], 1) if made[name].shape.rank == 1 else made[name]
            for name in model.input_names
        }
        return {"score": model(chosen, training=False)}

    model.save(fn_args.serving_model_dir, save_format="tf", signatures={"serving_default": serve})
