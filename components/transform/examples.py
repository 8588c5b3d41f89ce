"""The examples: the learned graph applied to the rows on Beam, one shard a piece."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions

from components.shared.beam.counters import Counts, counted, rows_so_far
from components.shared.beam.running import distribute, run, watched
from components.shared.beam.work import Work
from components.shared.files.artifacts import shard_path, writing_file
from components.shared.files.paths import local_copy
from components.shared.rows.raw import raw_tensors
from components.shared.rows.rejected import REJECTED
from components.shared.rows.row_ranges import RowRange
from components.shared.stage.recording import JobProgress
from components.transform.inputs import Inputs
from components.transform.reading import Batch, read
from components.transform.settings import TransformStage
from configs.rows import Part


@dataclasses.dataclass(frozen=True)
class Writing:
    """What is written, with which graph, and where."""

    stage: TransformStage
    inputs: Inputs
    graph: Path
    """Where workers reach it."""
    out: Path

    @property
    def schema(self) -> pa.Schema:
        """The columns of an example."""
        kinds: dict[str, pa.DataType] = {
            **dict.fromkeys(self.inputs.dense, pa.float32()),
            **dict.fromkeys(self.inputs.indexed, pa.int32()),
            self.stage.label.column: pa.int64(),
        }
        return pa.schema(kinds)


def write_examples(
    pieces: Sequence[RowRange], writing: Writing, options: PipelineOptions, progress: JobProgress
) -> dict[Part, Counts]:
    """Apply the graph to every piece and write its examples, and its rejected rows if there are any.

    A worker holds one batch at a time and moves a shard into place when it is whole; nothing is
    shuffled.

    Returns:
        The counts of each split.
    """
    splits = tuple(dict.fromkeys(piece.split for piece in pieces))
    work = Work(
        name="write",
        what="write examples",
        total=sum(piece.rows for piece in pieces),
        done=functools.partial(rows_so_far, splits=splits),
        progress=progress,
    )
    pipeline = beam.Pipeline(options=options)
    _ = distribute(pipeline, pieces) | "Write" >> beam.ParDo(_Write(writing))
    with watched(writing.out, pieces, work, options):
        result = run(pipeline, work)
    work.progress(work.what, work.total, work.total)
    return {split: counted(result, split) for split in splits}


class _Write(beam.DoFn):
    """One piece in, one shard in the file system."""

    def __init__(self, writing: Writing) -> None:
        self.writing, self.schema = writing, writing.schema

    def setup(self) -> None:
        self.held = contextlib.ExitStack()  # the graph's files, for as long as its layer is in use
        graph = self.held.enter_context(local_copy(self.writing.graph))
        self.transform = tft.TFTransformOutput(str(graph)).transform_features_layer()

    def teardown(self) -> None:
        self.held.close()

    def process(self, piece: RowRange) -> None:
        rejected = []
        path = shard_path(self.writing.out, piece.split, piece.index)
        with writing_file(path) as beside, pq.ParquetWriter(beside, self.schema) as shard:
            for batch in read(piece, self.writing.stage):
                if batch.raw.num_rows:
                    shard.write_batch(self._examples(batch))
                if batch.rejected is not None:
                    rejected.append(batch.rejected)
        if rejected:
            path = shard_path(self.writing.out / REJECTED, piece.split, piece.index)
            with writing_file(path) as beside:
                pq.write_table(pa.concat_tables(rejected), beside)

    def _examples(self, batch: Batch) -> pa.RecordBatch:
        tensors = self.transform(raw_tensors(batch.raw, self.writing.stage.features))
        values = [tensors[name].numpy() for name in self.schema.names[:-1]]
        columns = [
            pa.array(value, kind)
            for value, kind in zip([*values, batch.labels], self.schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)
