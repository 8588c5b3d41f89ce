"""Shards written by Beam's workers, one for each row range.

Not by Beam's own sinks: `WriteToParquet` makes shards of whatever rows a bundle has, and `WriteToFiles` ends
well although a file could not be moved to its name (docs/adr/0013).
"""

import abc
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions

from components.shared.beam.counts import Counts, Work, WriteCounts, count_progress, read_counts
from components.shared.beam.running import distribute, run
from components.shared.beam.staging import temporary_folder
from components.shared.files.artifacts import shard_name, shard_path, shards, writing_file
from components.shared.files.place import Place
from components.shared.rows.rejected import REJECTED
from components.shared.rows.row_ranges import RowRange, count_rows
from components.shared.stage.recording import JobProgress
from configs.rows import Part


class Batch(NamedTuple):
    """What some rows of a range became."""

    written: pa.RecordBatch
    """For the shard; the rejected rows are not in it."""
    rejected: pa.Table | None
    """The rejected rows with their reasons, if there are any."""
    counts: Counts


class WriteShard(beam.DoFn, abc.ABC):
    """Takes row ranges; writes a shard for each, and one of its rejected rows, and returns (part, counts).

    The name of a shard follows from its range, and it is moved into place when it is whole. A range that a
    runner repeats, or runs twice at the same time, replaces its shard by the same content. One batch is in
    memory at a time; nothing is shuffled.

    Args:
        out: The artifact's folder.
    """

    def __init__(self, out: Place) -> None:
        self.out = out

    @abc.abstractmethod
    def schema(self, row_range: RowRange) -> pa.Schema:
        """The columns of the shard."""

    @abc.abstractmethod
    def batches(self, row_range: RowRange, schema: pa.Schema) -> Iterator[Batch]:
        """What the rows of a range become, in order, with the columns of `schema`."""

    def footer(self) -> dict[str, str]:
        """What the shard's footer says of the range that was written last."""
        return {}

    def process(self, row_range: RowRange) -> Iterator[tuple[Part, Counts]]:
        """Write the shard of a range."""
        counts, rejected, schema = Counts(), [], self.schema(row_range)
        path = shard_path(self.out, row_range.split, row_range.index)
        with writing_file(path) as tmp, pq.ParquetWriter(tmp, schema) as shard:
            for batch in self.batches(row_range, schema):
                counts += batch.counts
                count_progress(batch.counts.rows)
                if batch.written.num_rows:
                    shard.write_batch(batch.written)
                if batch.rejected is not None:
                    rejected.append(batch.rejected)
            if footer := self.footer():
                shard.add_key_value_metadata(footer)
        if rejected:
            path = shard_path(self.out / REJECTED, row_range.split, row_range.index)
            with writing_file(path) as tmp:
                pq.write_table(pa.concat_tables(rejected), tmp)
        yield row_range.split, counts


def write_shards(
    ranges: Sequence[RowRange], write: WriteShard, options: PipelineOptions, what: str, progress: JobProgress
) -> dict[Part, Counts]:
    """Write the shards of these ranges on Beam's workers; returns the counts by part.

    Args:
        ranges: Together all rows of their parts.
        write: How a range becomes a shard.
        options: Beam's.
        what: `write examples`; its first word ends the job's name on Dataflow.
        progress: Called with the rows that are written.

    Raises:
        JobError, CloudError, PipelineError, OSError: As `run`; or other rows were read than were planned.
    """
    written = functools.partial(_rows_written, write.out, ranges)
    work = Work(what.split(maxsplit=1)[0], what, count_rows(ranges), progress, written=written)
    with temporary_folder(options) as temporary:
        pipeline = beam.Pipeline(options=options)
        _ = distribute(pipeline, ranges) | "Write" >> beam.ParDo(write) | "Count" >> WriteCounts(temporary)
        run(pipeline, work)
        return read_counts(temporary, ranges)


def _rows_written(out: Place, ranges: Sequence[RowRange]) -> int:
    """The rows whose shards are in place."""
    parts = {row_range.split for row_range in ranges}
    names = {part: {path.name for path in shards(out, part)} for part in parts}
    return sum(each.rows for each in ranges if shard_name(each.index) in names[each.split])
