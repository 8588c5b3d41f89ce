"""Beam pipelines as every stage runs them: followed while they work, errors as they were raised."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult

from components.shared.beam.counts import Work
from components.shared.beam.options import runs_on_dataflow
from components.shared.rows.row_ranges import RowRange
from configs.errors import PipelineError, PlaceError

_PROGRESS_SECONDS, _TIMES_A_LOOK = 0.5, 10
"""Seconds between two looks at what is written; more where a look itself takes long."""


def distribute(pipeline: beam.Pipeline, ranges: Sequence[RowRange]) -> beam.PCollection:
    """The row ranges, distributed over all workers.

    Keyed by their place: Beam's own `Reshuffle` draws random keys, and in another order the sums of the
    analysis differ in the last digit.
    """
    return (
        pipeline
        | "Ranges" >> beam.Create(list(enumerate(ranges)), reshuffle=False)
        | "Distribute" >> beam.GroupByKey()
        | "Take" >> beam.FlatMapTuple(lambda _, same_place: same_place)
    )


def run(pipeline: beam.Pipeline, work: Work) -> PipelineResult:
    """Run a pipeline to its end, and show its progress.

    Args:
        pipeline: What to run. On Dataflow, a job is submitted and followed; the code that its workers load
            is that of the image.
        work: What it does.

    Raises:
        JobError: The job on Dataflow failed, or was cancelled.
        CloudError: Dataflow rejects the job, or does not answer.
        PipelineError: As raised in a local worker; Beam wraps it in an error of its own.
        OSError: Likewise, with its number, so that a full disk is seen for what it is.
    """
    if runs_on_dataflow(pipeline.options):
        from components.shared.beam import dataflow_run

        return dataflow_run.run(pipeline, work)
    work.show(0)
    with _show_written(work):
        try:
            result = pipeline.run()
            result.wait_until_finish()
        except Exception as error:
            raise _original(error) from error
    work.show(work.total)
    return result


@contextlib.contextmanager
def _show_written(work: Work) -> Iterator[None]:
    """Show how much is written while Beam works: its local runner returns only at the end."""
    if work.written is None:
        yield
        return
    written, ended = work.written, threading.Event()

    def watch() -> None:
        wait = _PROGRESS_SECONDS
        while not ended.wait(wait):
            began = time.monotonic()
            with contextlib.suppress(PlaceError):  # a look that fails is no reason to stop
                work.show(written())
            wait = max(_PROGRESS_SECONDS, _TIMES_A_LOOK * (time.monotonic() - began))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _original(error: BaseException) -> BaseException:
    """The first error of ours or of the operating system behind Beam's, else Beam's own."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, PipelineError | OSError):
            return behind
        behind = behind.__cause__ or behind.__context__
    return error
