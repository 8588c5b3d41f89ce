"""What workers count on their way through the rows: a PCollection, added up by Beam and brought back as JSON.

Beam's counters would be fewer lines, and are right most of the time: an attempt that a runner repeats may be
in them twice, or a lost report not at all. The output of a bundle is in a PCollection exactly once. Counters
are used for the progress that is shown (`Work`) and decide nothing.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.row_ranges import RowRange
from components.shared.stage.recording import JobProgress
from configs.errors import JobError
from configs.rows import Part

_FILE = "counts.json"
_NAMESPACE, _ROWS = "progress", "rows"


@dataclass(frozen=True)
class Counts:
    """Counts of some rows of a split, or of the rows to score. They add up by `+`."""

    rows: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Missing values by column, among the accepted rows."""
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Values in no vocabulary by column, among the accepted rows."""
    positives: int = 0
    """Positive predictions."""

    @property
    def accepted(self) -> int:
        """The rows that can be used."""
        return self.rows - sum(self.rejected.values())

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of both; names in alphabetical order, so that the order of adding leaves no trace."""
        sums: dict[str, Any] = {}
        for name, mine in vars(self).items():
            theirs = getattr(other, name)
            sums[name] = mine + theirs if isinstance(mine, int) else _add_up(mine, theirs)
        return Counts(**sums)


def add_counts(several: Iterable[Counts]) -> Counts:
    """The sum of counts, as Beam's combiners want it."""
    return sum(several, start=Counts())


class WriteCounts(beam.PTransform):
    """Adds up (part, counts) by part and writes the sums into a folder that the stage can read.

    They are one element, written in one step: where a runner repeats it, the same content is written again.
    """

    def __init__(self, folder: Place) -> None:
        super().__init__()
        self._uri = str(folder / _FILE)

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Take (part, counts); return one element when the sums are written."""
        return (
            counts
            | "Add up" >> beam.CombinePerKey(add_counts)
            | "Gather" >> beam.combiners.ToDict().without_defaults()
            | "Write" >> beam.Map(_write, self._uri)
        )


def read_counts(folder: Place, ranges: Sequence[RowRange]) -> dict[Part, Counts]:
    """The sums that `WriteCounts` left in a folder, by part, in the order of the ranges.

    Raises:
        JobError: The workers met other rows than were planned by the files' own footers.
    """
    sums = {part: Counts(**counts) for part, counts in read_json(folder / _FILE).items()}
    planned: Counter[Part] = Counter()
    for row_range in ranges:
        planned[row_range.split] += row_range.rows
    counts = {part: sums.get(part, Counts()) for part in planned}
    for part, rows in planned.items():
        if counts[part].rows != rows:
            raise JobError(
                f"the rows that were read of '{part}'",
                expected=f"{rows:,}",
                got=f"{counts[part].rows:,}",
                remedy="The files were changed meanwhile: run the same command again.",
            )
    return counts


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


def _write(counts: Mapping[Part, Counts], uri: str) -> None:
    write_json(place(uri), {part: dataclasses.asdict(counts[part]) for part in sorted(counts)})


def _add_up(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    total = Counter(mine)
    total.update(theirs)
    return dict(sorted(total.items()))
