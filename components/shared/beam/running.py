"""Beam pipelines as every stage runs them: followed while they work, errors as they were raised."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from components.shared.beam.options import on_dataflow
from components.shared.beam.work import Work
from components.shared.files.artifacts import shard_name, shards
from components.shared.files.paths import is_remote
from components.shared.rows.row_ranges import RowRange
from configs.errors import PipelineError, PlaceError

_PROGRESS_SECONDS, _REMOTE_PROGRESS_SECONDS = 0.5, 5.0


def distribute(pipeline: beam.Pipeline, pieces: Sequence[RowRange]) -> beam.PCollection:
    """The pieces, over all workers.

    Keyed by their place: Beam's own reshuffle draws random keys, and in another order the sums of the
    analysis are others in the last digit.
    """
    return (
        pipeline
        | "Pieces" >> beam.Create(list(enumerate(pieces)), reshuffle=False)
        | "Spread" >> beam.GroupByKey()
        | "Take" >> beam.FlatMap(_taken)
    )


def _taken(keyed: tuple[int, Iterable[RowRange]]) -> Iterable[RowRange]:
    return keyed[1]


@contextlib.contextmanager
def watched(out: Path, every: Sequence[RowRange], work: Work, options: PipelineOptions) -> Iterator[None]:
    """Tell of the finished shards while Beam works: its local runner comes back only at the end.

    Args:
        out: Where each piece becomes the shard of its split and index.
        every: The pieces.
        work: What is done with them.
        options: Of the pipeline.
    """
    if on_dataflow(options):  # whose job tells by itself
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_REMOTE_PROGRESS_SECONDS if is_remote(out) else _PROGRESS_SECONDS):
            with contextlib.suppress(PlaceError):  # a look that fails is no reason to stop
                splits = {piece.split for piece in every}
                there = {split: {path.name for path in shards(out, split)} for split in splits}
                done = sum(piece.rows for piece in every if shard_name(piece.index) in there[piece.split])
                work.progress(work.what, done, work.total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def run(pipeline: beam.Pipeline, work: Work) -> PipelineResult:
    """Run a pipeline to its end.

    Args:
        pipeline: What to run. On Dataflow, a job is submitted and followed; the code that its workers load
            is that of the image.
        work: What it does.

    Raises:
        JobError: The job on Dataflow failed, or was cancelled.
        CloudError: Dataflow refuses the job, or does not answer.
        PipelineError: As raised in a local worker; Beam wraps it in an error of its own.
        OSError: Likewise, with its number, so that a full disk is seen for what it is.
    """
    if on_dataflow(pipeline.options):
        from components.shared.beam import dataflow_run

        return dataflow_run.run(pipeline, work)
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:
        raise _original(error) from error
    return result


def _original(error: BaseException) -> BaseException:
    """The first error of ours or of the operating system behind Beam's, else Beam's own."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, PipelineError | OSError):
            return behind
        behind = behind.__cause__ or behind.__context__
    return error
