"""What a Beam pipeline does, for whoever watches it, and how far it is."""

from collections.abc import Callable
from dataclasses import dataclass

from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

from components.shared.stage.recording import JobProgress

_NAMESPACE, _ROWS = "progress", "rows"


def count_progress(rows: int) -> None:
    """Count rows inside a worker, for the progress that is shown; repeated bundles may count twice."""
    Metrics.counter(_NAMESPACE, _ROWS).inc(rows)


def counted_progress(result: PipelineResult) -> int:
    """The rows that the workers have counted by now."""
    rows = result.metrics().query(MetricsFilter().with_namespace(_NAMESPACE).with_name(_ROWS))
    # A zero is None where a runner reports committed values only.
    return sum(int(counter.result or 0) for counter in rows["counters"])


@dataclass(frozen=True)
class Work:
    """What a pipeline does. Its progress is shown, and decides nothing."""

    name: str
    """The end of the job's name on Dataflow: `learn`."""
    what: str
    """`learn from the training rows`"""
    total: int
    """How much there is to do, in rows."""
    progress: JobProgress
    """Called now and then."""
    done: Callable[[PipelineResult], int] = counted_progress
    """How many rows a job on Dataflow has done, from its counters."""
    written: Callable[[], int] | None = None
    """How many rows a local run has done, from what it wrote: the local runner's counters come at the end."""

    def show(self, done: int, *, what: str = "", job: str = "") -> None:
        """Show how many rows are done."""
        self.progress(what or self.what, min(done, self.total), self.total, job=job)
