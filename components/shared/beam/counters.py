"""Counts that Beam's workers send back: rows, rejected rows by reason, odd values by column, positives."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

from configs.rows import Part

_ROWS, _REJECTED, _MISSING, _UNSEEN, _POSITIVES = "rows", "rejected", "missing", "unseen", "positives"
_CLOSED = "."
"""Ends a name that is not ours: of Dataflow's counters, Beam leaves out those that end in _COUNT, _MIN, …"""


@dataclasses.dataclass(frozen=True)
class Counts:
    """What was met on the way through a split, or through the rows to score."""

    rows: int
    rejected: Mapping[str, int]
    """By reason."""
    missing: Mapping[str, int]
    """By column, among the accepted rows."""
    unseen: Mapping[str, int]
    """Values in no vocabulary, by column, among the accepted rows."""
    positives: int
    """Positive predictions."""

    @property
    def accepted(self) -> int:
        """The rows that can be used."""
        return self.rows - sum(self.rejected.values())


def count(split: Part, *, rows: int, rejected: Iterable[str], missing: Mapping[str, int]) -> None:
    """Count a batch, inside a worker."""
    _add(split, _ROWS, {_ROWS: rows})
    _add(split, _REJECTED, Counter(rejected))
    _add(split, _MISSING, missing)


def count_scored(split: Part, *, positives: int, unseen: Mapping[str, int]) -> None:
    """Count what scoring found in a batch, inside a worker."""
    _add(split, _POSITIVES, {_POSITIVES: positives})
    _add(split, _UNSEEN, unseen)


def counted(result: PipelineResult, split: Part) -> Counts:
    """The sums over all workers, after the run."""
    return Counts(
        rows=_sums(result, f"{split}.{_ROWS}").get(_ROWS, 0),
        rejected=_sums(result, f"{split}.{_REJECTED}"),
        missing=_sums(result, f"{split}.{_MISSING}"),
        unseen=_sums(result, f"{split}.{_UNSEEN}"),
        positives=_sums(result, f"{split}.{_POSITIVES}").get(_POSITIVES, 0),
    )


def rows_so_far(result: PipelineResult, splits: Sequence[Part]) -> int:
    """The rows of these splits that the workers have met by now."""
    return sum(_sums(result, f"{split}.{_ROWS}").get(_ROWS, 0) for split in splits)


def _add(split: Part, kind: str, numbers: Mapping[str, int]) -> None:
    for name, number in numbers.items():
        Metrics.counter(f"{split}.{kind}", name + _CLOSED).inc(number)


def _sums(result: PipelineResult, namespace: str) -> dict[str, int]:
    found = result.metrics().query(MetricsFilter().with_namespace(namespace))["counters"]
    sums: Counter[str] = Counter()
    for counter in found:
        # A zero is None where a runner tells only what is committed.
        sums[counter.key.metric.name.removesuffix(_CLOSED)] += int(counter.result or 0)
    return dict(sorted(sums.items()))
