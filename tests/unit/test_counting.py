"""Counts as runners tell them."""

from typing import Any

from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metric import MetricResults
from apache_beam.metrics.metricbase import MetricName
from apache_beam.runners.runner import PipelineResult

from components.shared.beam.counters import counted


class Told(MetricResults):
    """What a runner tells of its counters: committed values alone, as Beam's portable runner does."""

    def __init__(self, counters: dict[tuple[str, str], int]) -> None:
        self._counters = counters

    def query(self, filter: Any = None) -> dict[str, list[Any]]:  # noqa: A002 - Beam's name
        """What a filter lets through."""
        found = [
            MetricResult(MetricKey("step", MetricName(*name)), value, None)
            for name, value in self._counters.items()
        ]
        return {"counters": [each for each in found if self.matches(filter, each.key)]}


class Ended(PipelineResult):
    """A pipeline at its end."""

    def __init__(self, counters: dict[tuple[str, str], int]) -> None:
        super().__init__("DONE")
        self._counters = counters

    def metrics(self) -> MetricResults:
        """Its counters."""
        return Told(self._counters)


def test_a_count_of_zero_that_is_only_committed_is_a_zero() -> None:
    counts = counted(
        Ended({("score.rows", "rows."): 7, ("score.missing", "year."): 0, ("eval.rows", "rows."): 9}), "score"
    )

    assert (counts.rows, counts.missing) == (7, {"year": 0})
