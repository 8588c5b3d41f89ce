"""The parts of the report: numbers for people, axes, the order of slices, densities, commands."""

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.report import numbers
from components.report.distributions import _steps
from components.report.geometry import Scale, axis, path, ticks
from components.report.outcome import SAME
from components.report.reading import Run
from components.report.running import next_commands
from components.report.slices import Slices, auc_error, slices
from configs.metrics import METRICS


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.count(217719), "217,719"),
        (numbers.metric(0.70314), "0.7031"),
        (numbers.metric(math.nan), numbers.NOTHING),
        (numbers.metric(None), numbers.NOTHING),
        (numbers.signed(-0.00312), numbers.MINUS + "0.0031"),
        (numbers.signed(0.00001), "±0"),
        (numbers.percent(0.264), "26.4 %"),
        (numbers.percent(0.0001), "< 0.1 %"),
        (numbers.figure(1048.36, 3), "1,048"),
        (numbers.figure(29.954), "29.95"),
        (numbers.figure(951.2, 3), "951"),
        (numbers.figure(-0.5), numbers.MINUS + "0.5"),
        (numbers.figure("inferred"), "inferred"),
        (numbers.seconds(0.04), "0.0 s"),
        (numbers.seconds(133), "2 min 13 s"),
        (numbers.seconds(7500), "2 h 05 min"),
        (numbers.memory(640), "640 MiB"),
        (numbers.memory(1239), "1.21 GiB"),
        (numbers.instant(0), "1970-01-01 00:00 UTC"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 0.25, 0.5, 0.75, 1)),
        (0.41, 0.57, (0.45, 0.5, 0.55)),
        (0, 1e-3, (0, 2.5e-4, 5e-4, 7.5e-4, 1e-3)),
        (3, 3, (3,)),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_labels_of_an_axis_have_the_digits_they_need() -> None:
    assert [tick.text for tick in axis("", Scale(0, 1, 0, 100)).ticks] == [
        "0.00",
        "0.25",
        "0.50",
        "0.75",
        "1.00",
    ]
    assert [tick.text for tick in axis("", Scale(0, 40_000, 0, 1)).ticks] == ["0", "10k", "20k", "30k", "40k"]


def test_a_scale_keeps_outliers_inside_and_survives_a_constant() -> None:
    assert Scale(0, 10, 0, 100)(25) == 100
    assert Scale(3, 3, 0, 100)(3) == 50


def test_points_that_cannot_be_distinguished_are_not_drawn() -> None:
    assert path([(0, 0), (0.1, 0.1), (5, 5)]) == "M0 0L5 5"
    assert path([]) == ""


def test_the_error_of_an_auc_is_its_deviation_over_many_draws() -> None:
    random = np.random.default_rng(17)  # with exponential scores the formula is exact
    positives, negatives = random.exponential(3.0, (2000, 40)), random.exponential(1.0, (2000, 90))
    aucs = (positives[:, :, None] > negatives[:, None, :]).mean(axis=(1, 2))
    assert auc_error(0.75, 40, 90) == pytest.approx(aucs.std(), rel=0.06)
    assert auc_error(0.5, 0, 100) == 0


@pytest.mark.parametrize(
    ("value", "champion", "metric", "expected"),
    [
        (0.71, 0.70, "auc", "better"),
        (0.71, 0.70, "log_loss", "worse"),
        (0.70001, 0.70, "auc", "same"),
        (0.95, 0.90, "calibration", "better"),
        (1.2, 0.95, "calibration", "worse"),
        (0.0, 0.9, "calibration", "worse"),
    ],
)
def test_better_depends_on_the_metric(value: float, champion: float, metric: str, expected: str) -> None:
    assert METRICS[metric].judge(value, champion, SAME) == expected


def test_the_weakest_slice_comes_first_and_small_ones_last(until: Callable[[str], Any]) -> None:
    sample = until("evaluate")
    table = slices(Run(sample.folder, sample.manifest))
    assert isinstance(table, Slices)
    judged_slices = [row for row in table.rows if not row.small]
    assert [row.name for row in judged_slices[:2]] == ["carrier=9E", "carrier=US"]
    assert judged_slices == sorted(judged_slices, key=lambda row: row.metrics["auc"])
    assert [row.name for row in table.rows if row.small] == ["carrier=HA", "carrier=OO"]
    assert all(row.x is not None and row.x_low < row.x < row.x_high for row in judged_slices)


def test_a_far_outlier_does_not_crush_the_picture() -> None:
    column = statistics_pb2.NumericStatistics()
    histogram = column.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for low, high, rows in [(0, 1, 40), (1, 2, 30), (2, 3, 29), (3, 1000, 1)]:
        histogram.buckets.add(low_value=low, high_value=high, sample_count=rows)
    steps = _steps(column)
    assert (steps[-1].low, steps[-1].high, steps[-1].gathers) == (3, 4, 1)
    assert sum(step.density * (step.high - step.low) for step in steps) == pytest.approx(1)


def test_a_constant_column_can_be_drawn() -> None:
    column = statistics_pb2.NumericStatistics()
    histogram = column.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    histogram.buckets.add(low_value=7, high_value=7, sample_count=40)
    assert [(step.low, step.high, step.density) for step in _steps(column)] == [(7, 8, 1)]


def test_the_next_commands_name_the_use_case_and_the_environment(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    sample.manifest |= {"command": "python -m pipelines run 'my flights' --env dev", "environment": "dev"}
    lines = [command.line for command in next_commands(Run(sample.folder, sample.manifest))]
    assert lines[0] == "python -m pipelines serve 'my flights' --env dev"
    assert "python -m pipelines promote 'my flights' --env dev" in lines  # a challenger has traffic
    assert "python -m pipelines run 'my flights' --env dev" in lines


def test_the_report_costs_no_import_of_tensorflow() -> None:
    code = (
        "import sys; from components.report import component, core, experiment; "
        "print([name for name in ('tensorflow', 'apache_beam', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
