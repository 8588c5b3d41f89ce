"""Counts are a PCollection: bundles that a runner repeats, and counters that it loses, do not change them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metric import MetricResults
from apache_beam.metrics.metricbase import MetricName
from apache_beam.runners.runner import PipelineResult
from hypothesis import given
from hypothesis import strategies as st

from components.shared.beam.counts import (
    Counts,
    Work,
    WriteCounts,
    add_counts,
    count_progress,
    counted_progress,
    read_counts,
)
from components.shared.beam.options import pipeline_options
from components.shared.beam.running import distribute, run
from components.shared.rows.row_ranges import RowRange
from components.shared.stage.recording import silent
from configs.errors import JobError
from configs.places import Beam

_NUMBERS = st.integers(0, 10**12)
_BY_NAME = st.dictionaries(st.text(max_size=3), _NUMBERS, max_size=4)
_COUNTS = st.builds(
    Counts, rows=_NUMBERS, rejected=_BY_NAME, missing=_BY_NAME, unseen=_BY_NAME, positives=_NUMBERS
)


@given(st.lists(_COUNTS, max_size=5), st.randoms())
def test_counts_add_up_in_any_order(several: list[Counts], random: Any) -> None:
    total = add_counts(several)
    assert total.rows == sum(each.rows for each in several)
    assert total.positives == sum(each.positives for each in several)
    for name in ("rejected", "missing", "unseen"):
        expected: Counter[str] = Counter()
        for each in several:
            expected.update(getattr(each, name))
        assert getattr(total, name) == expected
    shuffled = random.sample(several, len(several))
    half = len(several) // 2
    assert add_counts([add_counts(shuffled[:half]), add_counts(shuffled[half:])]) == total


RANGES = [RowRange("train" if index < 3 else "eval", f"shard-{index}", 0, 100, index) for index in range(5)]


class Count(beam.DoFn):
    """Counts a range; keeps a line of each time it does so."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def process(self, row_range: RowRange) -> Iterator[tuple[str, Counts]]:
        """(part, counts)."""
        with self.log.open("a") as file:
            file.write("counted\n")
        count_progress(row_range.rows)
        yield row_range.split, Counts(row_range.rows, {f"reason {row_range.index % 2}": 1})


@pytest.mark.parametrize("repeats", [0, 1, 3])
def test_a_bundle_that_is_repeated_counts_once(repeats: int, tmp_path: Path) -> None:
    options = pipeline_options(Beam(options=(f"--direct_runner_bundle_repeat={repeats}",)))
    pipeline = beam.Pipeline(options=options)
    _ = distribute(pipeline, RANGES) | beam.ParDo(Count(tmp_path / "log")) | WriteCounts(tmp_path)
    result = run(pipeline, Work(name="count", what="count", total=500, progress=silent))
    assert (tmp_path / "log").read_text().count("counted") == 5 * (1 + repeats), "bundles were repeated"
    assert read_counts(tmp_path, RANGES) == {
        "train": Counts(300, {"reason 0": 2, "reason 1": 1}),
        "eval": Counts(200, {"reason 0": 1, "reason 1": 1}),
    }
    assert counted_progress(result) >= 500


@pytest.mark.parametrize(
    ("planned", "part"), [(RANGES[:2], "train"), (RANGES[1:], "train"), (RANGES[:4], "eval")]
)
def test_other_rows_than_were_planned_stop_the_stage(
    planned: list[RowRange], part: str, tmp_path: Path
) -> None:
    pipeline = beam.Pipeline(options=pipeline_options(Beam()))
    _ = distribute(pipeline, RANGES) | beam.ParDo(Count(tmp_path / "log")) | WriteCounts(tmp_path)
    run(pipeline, Work(name="count", what="count", total=500, progress=silent))
    with pytest.raises(JobError) as raised:
        read_counts(tmp_path, planned)
    counted = {"train": 300, "eval": 200}[part]
    assert part in raised.value.subject
    assert raised.value.got == str(counted)
    assert raised.value.expected == str(sum(each.rows for each in planned if each.split == part))


class Committed(MetricResults):
    """A runner's counters: committed values alone, as Beam's portable runner has them."""

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
        return Committed(self._counters)


@pytest.mark.parametrize("rows", [0, 7])
def test_a_count_of_zero_that_is_only_committed_is_a_zero(rows: int) -> None:
    counters = {("progress", "rows"): rows, ("evaluate", "rows"): 9, ("progress", "others"): 3}
    assert counted_progress(Ended(counters)) == rows
