"""One vocabulary file, one analysis and one lookup table for all categorical columns.

`tft.vocabulary` adds some thirty Beam steps and a table of its own for every column, a second or so
of start-up each; here the values of all columns are counted together, keyed by column.

The file is that of `components.shared.rows.vocabulary_file`.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from components.shared.rows.vocabulary_file import FILE, MISSING
from configs.features import Categorical

Ranked = tuple[int, bytes]


def indices(columns: Mapping[str, tf.Tensor], settings: Mapping[str, Categorical]) -> dict[str, tf.Tensor]:
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


def _rank(count: tuple[tuple[int, bytes], int], min_counts: Sequence[int]) -> Iterator[tuple[int, Ranked]]:
    (index, value), number = count
    if number >= min_counts[index]:
        yield index, (number, value)


def _write(
    path: str, sections: Sequence[tuple[str, int]], ranked: Mapping[int, Iterable[Ranked]]
) -> np.ndarray:
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        for index, (name, top) in enumerate(sections):
            values = [value for _, value in list(ranked.get(index, ()))[:top]]
            file.write(b"".join(b"%s=%s\n" % (name.encode(), value) for value in [*values, b""]))
    return np.array(path)
