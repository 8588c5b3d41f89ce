"""Beam's two passes over the rows: learning what the preprocessing function must know, and writing examples.

The first reads the training split; the second applies the learned graph, one shard for each row range.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from components.shared.beam.counts import Counts, Work, WriteCounts, count_progress, read_counts
from components.shared.beam.running import distribute, run
from components.shared.beam.shards import Batch, WriteShard
from components.shared.beam.staging import staged_output, temporary_folder
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.rows.label import find_label_errors
from components.shared.rows.raw import count_missing, raw_batch, raw_tensors
from components.shared.rows.rejected import find_text_errors, split_batch
from components.shared.rows.row_ranges import RowRange, count_rows, read_range
from components.shared.stage.recording import JobProgress
from components.transform.preprocessing import Inputs
from components.transform.settings import TransformStage
from configs.features import Features

Function = Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]
"""A preprocessing function: raw columns to outputs, by name."""
_ROWS, _COUNTS = "rows", "counts"
"""The outputs of reading."""
_Output: TypeAlias = pa.RecordBatch | beam.pvalue.TaggedOutput[Literal["counts"], tuple[str, Counts]]


def analyze(  # noqa: PLR0913, PLR0917 - what, of which rows, how, and where to
    function: Function,
    ranges: Sequence[RowRange],
    stage: TransformStage,
    options: PipelineOptions,
    graph: Path,
    progress: JobProgress,
) -> Counts:
    """Learn what `function` needs to know of the accepted rows of `ranges`, and write it to `graph`.

    Rows are read batch by batch and only the analyzers' accumulators stay in memory, which does not grow
    with the rows.

    Returns:
        The counts of the training split.
    """
    work = Work(
        name="learn", what="learn from the training rows", total=count_rows(ranges), progress=progress
    )
    with (
        temporary_folder(options) as temporary,
        staged_output(graph, options) as reachable,
        tft_beam.Context(temp_dir=str(temporary)),
        np.errstate(invalid="ignore"),  # TFT divides by 0 where a column is missing throughout
    ):
        pipeline = beam.Pipeline(options=options)
        rows, counts = distribute(pipeline, ranges) | "Read" >> beam.ParDo(_ReadRows(stage)).with_outputs(
            _COUNTS, main=_ROWS
        )
        learned = (rows, _layout(stage.features)) | tft_beam.AnalyzeDataset(function)
        _ = learned | "Write" >> tft_beam.WriteTransformFn(str(reachable))
        _ = counts | "Count" >> WriteCounts(temporary)
        run(pipeline, work)
        return read_counts(temporary, ranges)["train"]


class _ReadRows(beam.DoFn):
    """Takes row ranges; returns their accepted rows as raw batches and, in another output, (part, counts)."""

    def __init__(self, stage: TransformStage) -> None:
        self.stage = stage

    def process(self, row_range: RowRange) -> Iterator[_Output]:
        counts = Counts()
        for batch in read_rows(row_range, self.stage):
            counts += batch.counts
            count_progress(batch.counts.rows)
            if batch.raw.num_rows:
                yield _listed(batch.raw)
        yield beam.pvalue.TaggedOutput(_COUNTS, (row_range.split, counts))


def _listed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Every value as a list of one, the form in which TFX takes Arrow columns; nothing is copied."""
    offsets = pa.array(np.arange(batch.num_rows + 1), pa.int32())
    columns = [pa.ListArray.from_arrays(offsets, column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _layout(features: Features) -> TensorAdapterConfig:
    """How these columns become tensors: one value a row, shape [batch]."""
    numbers = dict.fromkeys(features.numeric, pa.float32())
    kinds = numbers | dict.fromkeys(features.categorical, pa.string())
    scalars = {name: schema_pb2.TensorRepresentation() for name in kinds}
    for name, scalar in scalars.items():
        scalar.dense_tensor.column_name = name
        scalar.dense_tensor.shape.SetInParent()
    return TensorAdapterConfig(pa.schema([(name, pa.list_(kind)) for name, kind in kinds.items()]), scalars)


class RawBatch(NamedTuple):
    """Some rows of a range."""

    raw: pa.RecordBatch
    """The accepted rows: the features, by the raw convention."""
    labels: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """Their labels, 0 or 1."""
    rejected: pa.Table | None
    """The other rows with their reasons, if there are any."""
    counts: Counts


def read_rows(row_range: RowRange, stage: TransformStage) -> Iterator[RawBatch]:
    """The rows of a range in order, at most `batch_rows` at a time."""
    features, label = stage.features, stage.label.column
    columns = dict.fromkeys([*([stage.key] if stage.key else []), label, *features.columns])
    for batch in read_range(row_range, list(columns), stage.transform.batch_rows):
        texts = find_text_errors(batch, features.categorical, stage.transform.max_string_bytes)
        accepted, rejected, reasons = split_batch(batch, chain(find_label_errors(batch, label), texts))
        raw = raw_batch(accepted, features)
        missing = count_missing(raw, features.numeric)
        labels = accepted.column(label).to_numpy(zero_copy_only=False).astype(np.int64)
        yield RawBatch(raw, labels, rejected, Counts(batch.num_rows, reasons, missing))


class WriteExamples(WriteShard):
    """Row ranges become examples by the learned graph.

    Args:
        stage: Features and label.
        inputs: The outputs of the graph that become columns.
        graph: The graph, where workers reach it.
        out: The artifact's folder.
    """

    def __init__(self, stage: TransformStage, inputs: Inputs, graph: Place, out: Place) -> None:
        super().__init__(out)
        self.stage, self.graph = stage, graph
        kinds: dict[str, pa.DataType] = {
            **dict.fromkeys(inputs.dense, pa.float32()),
            **dict.fromkeys(inputs.indexed, pa.int32()),
            stage.label.column: pa.int64(),
        }
        self.columns = pa.schema(kinds)

    def setup(self) -> None:
        """Load the graph; its files must stay for as long as its layer is in use."""
        self.files = contextlib.ExitStack()
        graph = self.files.enter_context(local_copy(self.graph))
        self.transform = tft.TFTransformOutput(str(graph)).transform_features_layer()

    def teardown(self) -> None:
        """Remove the graph's files."""
        self.files.close()

    def schema(self, row_range: RowRange) -> pa.Schema:
        """The inputs of the model and the label."""
        del row_range
        return self.columns

    def batches(self, row_range: RowRange, schema: pa.Schema) -> Iterator[Batch]:
        """The examples of the accepted rows."""
        for batch in read_rows(row_range, self.stage):
            yield Batch(self._examples(batch, schema), batch.rejected, batch.counts)

    def _examples(self, batch: RawBatch, schema: pa.Schema) -> pa.RecordBatch:
        if not batch.raw.num_rows:
            return pa.RecordBatch.from_pylist([], schema=schema)
        tensors = self.transform(raw_tensors(batch.raw, self.stage.features))
        values = [tensors[name].numpy() for name in schema.names[:-1]]
        columns = [
            pa.array(value, kind) for value, kind in zip([*values, batch.labels], schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)
