"""Counts that Beam's workers send back: rows, rejected rows by reason, missing values by column."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

from configs.settings import Split

_ROWS, _REJECTED, _MISSING = "rows", "rejected", "missing"
_CLOSED = "."
"""Ends a name that is not ours: of Dataflow's counters, Beam leaves out those that end in _COUNT, _MIN, …"""


@dataclasses.dataclass(frozen=True)
class Counts:
    """What was met on the way through a split."""

    rows: int
    rejected: Mapping[str, int]
    """By reason."""
    missing: Mapping[str, int]
    """By numeric column, among the accepted rows."""

    @property
    def accepted(self) -> int:
        """The rows that can be used."""
        return self.rows - sum(self.rejected.values())


def count(split: Split, *, rows: int, rejected: Iterable[str], missing: Mapping[str, int]) -> None:
    """Count a batch, inside a worker."""
    Metrics.counter(f"{split}.{_ROWS}", _ROWS).inc(rows)
    for reason, number in Counter(rejected).items():
        Metrics.counter(f"{split}.{_REJECTED}", reason + _CLOSED).inc(number)
    for column, number in missing.items():
        Metrics.counter(f"{split}.{_MISSING}", column + _CLOSED).inc(number)


def counted(result: PipelineResult, split: Split) -> Counts:
    """The sums over all workers, after the run."""
    return Counts(
        rows=_sums(result, f"{split}.{_ROWS}").get(_ROWS, 0),
        rejected=_sums(result, f"{split}.{_REJECTED}"),
        missing=_sums(result, f"{split}.{_MISSING}"),
    )


def rows_so_far(result: PipelineResult, splits: Sequence[Split]) -> int:
    """The rows of these splits that the workers have met by now."""
    return sum(_sums(result, f"{split}.{_ROWS}").get(_ROWS, 0) for split in splits)


def _sums(result: PipelineResult, namespace: str) -> dict[str, int]:
    found = result.metrics().query(MetricsFilter().with_namespace(namespace))["counters"]
    sums: Counter[str] = Counter()
    for counter in found:
        sums[counter.key.metric.name.removesuffix(_CLOSED)] += int(counter.result)
    return dict(sorted(sums.items()))
