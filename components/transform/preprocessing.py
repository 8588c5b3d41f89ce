"""The preprocessing function: raw columns to model inputs, traced once and saved in the model.

One vocabulary file, one analysis and one lookup table serve all categorical columns: `tft.vocabulary` adds
some thirty Beam steps and a table of its own for every column, a second or so of start-up each; here the
values of all columns are counted together. The file is that of `components.shared.rows.vocabulary_file`.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from components.shared.rows.vocabulary_file import FILE, MISSING, count_indices
from configs.features import Categorical, Cross, Features, Numeric

Tensors = dict[str, tf.Tensor]
_Ranked = tuple[int, bytes]

_CONSTANT = 1e-12
"""A column whose standard deviation is below this share of its mean has one value (float64 noise)."""


def preprocess(inputs: Mapping[str, tf.Tensor], features: Features) -> Tensors:
    """All model inputs, each of shape [batch]: float32 for dense ones, int64 for indexed ones.

    One analyzer serves all numbers and one all vocabularies: the cost of an analysis grows with the
    number of its analyzers, not with their width.

    Args:
        inputs: float32 (missing: NaN) and string (missing: "") tensors of shape [batch].
        features: What is made of them.
    """
    scaled = [name for name, entry in features.numeric.items() if entry.transform != "bucketize"]
    crossed = {name for cross in features.crosses.values() for name in cross.of}
    bucketized = {
        name: entry for name, entry in features.numeric.items() if name not in scaled or name in crossed
    }
    buckets = _buckets(inputs, bucketized)
    return (
        (_scaled(inputs, features, scaled) if scaled else {})
        | {name: index for name, index in buckets.items() if name not in scaled}
        | _categories(inputs, features)
        | {name: _cross(inputs, buckets, cross) for name, cross in features.crosses.items()}
    )


def is_known(x: tf.Tensor) -> tf.Tensor:
    """Where raw numbers are not missing, by the rule of `components.shared.rows.missing`."""
    return tf.math.is_finite(x)


def _scaled(inputs: Mapping[str, tf.Tensor], features: Features, names: Sequence[str]) -> Tensors:
    """(x - mean) / standard deviation in float64; 0 where x is missing or never varied."""
    logs = [features.numeric[name].transform == "log" for name in names]
    x = tf.cast(tf.stack([inputs[name] for name in names], axis=1), tf.float64)
    known = is_known(x)
    x = tf.where(logs, tf.sign(x) * tf.math.log1p(tf.abs(x)), x)
    mean = tft.mean(x, reduce_instance_dims=False, name="mean")
    deviation = tf.sqrt(tft.var(x, reduce_instance_dims=False, name="variance"))
    varies = deviation > _CONSTANT * tf.abs(mean)
    z = tf.math.divide_no_nan(tf.where(known, x - mean, 0.0), tf.where(varies, deviation, 0.0))
    missing = dict(zip(names, tf.unstack(tf.cast(~known, tf.float32), axis=1), strict=True))
    indicators = {
        indicator: missing[name] for name, indicator in features.indicators.items() if name in missing
    }
    return dict(zip(names, tf.unstack(tf.cast(z, tf.float32), axis=1), strict=True)) | indicators


def _buckets(inputs: Mapping[str, tf.Tensor], settings: Mapping[str, Numeric]) -> Tensors:
    """The index of the quantile bucket, lower bound included; missing values have one of their own."""
    outputs: Tensors = {}
    for count in sorted({entry.buckets for entry in settings.values()}):
        names = [name for name, entry in settings.items() if entry.buckets == count]
        x = tf.stack([inputs[name] for name in names], axis=1)
        known = is_known(x)
        bounds = tft.quantiles(
            tf.where(known, x, float("nan")),
            count,
            epsilon=min(0.001, 0.1 / count),
            reduce_instance_dims=False,
            name=f"quantiles_{count}",
        )
        index = tf.searchsorted(bounds, tf.transpose(x), side="right", out_type=tf.int64)
        index = tf.where(tf.transpose(known), index, tf.constant(count, tf.int64))
        outputs |= dict(zip(names, tf.unstack(index, axis=0), strict=True))
    return outputs


def _categories(inputs: Mapping[str, tf.Tensor], features: Features) -> Tensors:
    known = {n: s for n, s in features.categorical.items() if s.transform == "vocabulary"}
    places = vocabulary_indices({name: inputs[name] for name in known}, known) if known else {}
    return {
        name: places[name] if name in places else tf.strings.to_hash_bucket_fast(inputs[name], entry.buckets)
        for name, entry in features.categorical.items()
    }


def _cross(inputs: Mapping[str, tf.Tensor], buckets: Tensors, cross: Cross) -> tf.Tensor:
    parts = [tf.strings.as_string(buckets[n]) if n in buckets else inputs[n] for n in cross.of]
    return tf.strings.to_hash_bucket_fast(tf.strings.join(parts, "\x1f"), cross.buckets)


class Inputs(NamedTuple):
    """Dense inputs are float32; indexed ones are integers below their cardinality."""

    dense: tuple[str, ...]
    indexed: Mapping[str, int]


def model_inputs(features: Features, missing: Mapping[str, int], graph: Path) -> Inputs:
    """List the inputs of the model.

    The indicator of a number that is never missing in the training split is left out: its weight
    would stay at its random start, and be added to the score of the first value missing in production.

    Args:
        features: As declared.
        missing: How many values of each number are missing in the training split.
        graph: The learned transform graph.
    """
    dense: list[str] = []
    for name, entry in features.numeric.items():
        if entry.transform != "bucketize":
            dense.append(name)
            if name in features.indicators and missing.get(name, 0):
                dense.append(features.indicators[name])
    bucketized = [name for name, entry in features.numeric.items() if entry.transform == "bucketize"]
    file = graph / "transform_fn" / "assets" / FILE
    known = count_indices(file.read_bytes()) if file.exists() else {}
    cardinalities = {
        **{
            name: features.numeric[name].buckets + 1 for name in bucketized
        },  # missing has an index of its own
        **{name: known.get(name, entry.buckets) for name, entry in features.categorical.items()},
        **{name: cross.buckets for name, cross in features.crosses.items()},
    }
    return Inputs(tuple(dense), cardinalities)


def features_json(inputs: Inputs, features: Features, label: str) -> dict[str, Any]:
    """The content of `features.json`."""
    return {
        "dense": list(inputs.dense),
        "indexed": dict(inputs.indexed),
        "label": label,
        "raw": {"numeric": list(features.numeric), "categorical": list(features.categorical)},
    }


def vocabulary_indices(
    columns: Mapping[str, tf.Tensor], settings: Mapping[str, Categorical]
) -> dict[str, tf.Tensor]:
    """The place of each value in its column's vocabulary, int64; all other values share the last.

    Equally frequent values are in reverse order of their bytes, as with `tft.vocabulary`; values
    with a line break are in no vocabulary.

    Args:
        columns: String tensors of shape [batch].
        settings: `top` and `min_count` of each.
    """
    names = tuple(columns)
    values = tf.stack([tf.where(column == "", MISSING, column) for column in columns.values()], 1)
    (file,) = tft.experimental.ptransform_analyzer(
        [values],
        _Vocabularies(names, tuple(settings[name] for name in names)),
        output_dtypes=[tf.string],
        output_shapes=[[]],
        output_asset_default_values=[b"="],
        name=FILE,
    )
    heads = tf.constant([[f"{name}=" for name in names]])
    lines = tft.apply_vocabulary(tf.concat([heads, heads + values], axis=0), file, default_value=-1)
    last, lines = lines[0], lines[1:]
    first = tf.concat([[0], last[:-1] + 1], axis=0)
    places = tf.where(lines < 0, last, lines) - first
    return dict(zip(names, tf.unstack(places, axis=1), strict=True))


class _Vocabularies(tft_beam.experimental.PTransformAnalyzer):
    """Batches of shape [rows, columns] in, the file's path out."""

    def __init__(self, names: Sequence[str], settings: Sequence[Categorical]) -> None:
        super().__init__()
        self.names, self.settings = names, settings

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        ranked = (
            batches
            | "Count in batch" >> beam.FlatMap(_count)
            | "Count" >> beam.CombinePerKey(sum)
            | "Keep frequent" >> beam.FlatMap(_rank, [entry.min_count for entry in self.settings])
            | "Keep top" >> beam.combiners.Top.LargestPerKey(max(s.top for s in self.settings))
        )
        sections = list(zip(self.names, [entry.top for entry in self.settings], strict=True))
        return (
            batches.pipeline
            | beam.Create([posixpath.join(self.base_temp_dir, FILE)])
            | "Write" >> beam.Map(_write, sections, beam.pvalue.AsDict(ranked))
        )


def _count(batch: tuple[np.ndarray]) -> Iterator[tuple[tuple[int, bytes], int]]:
    for index, column in enumerate(batch[0].T):
        for value, count in Counter(column.tolist()).items():
            if b"\n" not in value and b"\r" not in value:
                yield (index, value), count


def _rank(count: tuple[tuple[int, bytes], int], min_counts: Sequence[int]) -> Iterator[tuple[int, _Ranked]]:
    (index, value), number = count
    if number >= min_counts[index]:
        yield index, (number, value)


def _write(
    path: str, sections: Sequence[tuple[str, int]], ranked: Mapping[int, Iterable[_Ranked]]
) -> np.ndarray:
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        for index, (name, top) in enumerate(sections):
            values = [value for _, value in list(ranked.get(index, ()))[:top]]
            file.write(b"".join(b"%s=%s\n" % (name.encode(), value) for value in [*values, b""]))
    return np.array(path)
