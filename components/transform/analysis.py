"""The analysis: what the preprocessing function must know of the training split, learned on Beam."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from components.shared.beam.counters import Counts, counted, rows_so_far
from components.shared.beam.running import distribute, run
from components.shared.beam.staging import collected, scratch
from components.shared.beam.work import Work
from components.shared.rows.row_ranges import RowRange
from components.shared.stage.recording import JobProgress
from components.transform.reading import read
from components.transform.settings import TransformStage
from configs.features import Features

Function = Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]
"""A preprocessing function: raw columns to outputs, by name."""


def analyze(  # noqa: PLR0913, PLR0917 - what, of which rows, how, and where to
    function: Function,
    pieces: Sequence[RowRange],
    stage: TransformStage,
    options: PipelineOptions,
    graph: Path,
    progress: JobProgress,
) -> Counts:
    """Learn what `function` needs to know from the accepted rows of `pieces`, and write it to `graph`.

    Rows are read batch by batch and only the analyzers' accumulators are kept: memory does not grow
    with the rows.
    """
    work = Work(
        name="learn",
        what="learn from the training rows",
        total=sum(piece.rows for piece in pieces),
        done=functools.partial(rows_so_far, splits=("train",)),
        progress=progress,
    )
    work.progress(work.what, 0, work.total)
    with (
        scratch(options) as temporary,
        collected(graph, options) as reachable,
        tft_beam.Context(temp_dir=str(temporary)),
        np.errstate(invalid="ignore"),  # TFT divides by 0 where a column is missing throughout
    ):
        pipeline = beam.Pipeline(options=options)
        rows = distribute(pipeline, pieces) | "Read" >> beam.FlatMap(_raw, stage).with_output_types(
            pa.RecordBatch
        )
        learned = (rows, _layout(stage.features)) | tft_beam.AnalyzeDataset(function)
        _ = learned | "Write" >> tft_beam.WriteTransformFn(str(reachable))
        learnt = counted(run(pipeline, work), "train")
    work.progress(work.what, work.total, work.total)
    return learnt


def _raw(piece: RowRange, stage: TransformStage) -> Iterator[pa.RecordBatch]:
    for batch in read(piece, stage):
        if batch.raw.num_rows:
            yield _listed(batch.raw)


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
