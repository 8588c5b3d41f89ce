"""The analysis: what the preprocessing function must know of the training split, learned on Beam."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from components.shared.beam.counts import Counts, WriteCounts, read_counts
from components.shared.beam.running import distribute, run
from components.shared.beam.staging import staged_output, temporary_folder
from components.shared.beam.work import Work, count_progress
from components.shared.rows.row_ranges import RowRange, count_rows
from components.shared.stage.recording import JobProgress
from components.transform.examples import read_rows
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
