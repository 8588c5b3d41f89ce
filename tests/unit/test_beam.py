"""Beam's options are checked before anything runs, and a worker's error comes out as it was raised."""

import errno
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, GoogleCloudOptions, StandardOptions

from components.shared.beam.counts import Work
from components.shared.beam.options import pipeline_options
from components.shared.beam.running import run
from components.shared.stage.recording import silent
from configs.errors import DataError, SettingsError
from configs.places import Beam

NOTHING = Work(name="nothing", what="nothing", total=0, done=lambda _: 0, progress=silent)


def test_every_option_of_beam_can_be_given() -> None:
    parsed = pipeline_options(
        Beam(options=("--runner=DirectRunner", "--direct_num_workers=3", "--project=p", "--region", "r"))
    )
    assert parsed.view_as(StandardOptions).runner == "DirectRunner"
    assert parsed.view_as(DirectOptions).direct_num_workers == 3
    assert parsed.view_as(GoogleCloudOptions).project == "p"
    assert parsed.view_as(GoogleCloudOptions).region == "r"


def test_without_a_runner_it_is_the_local_one() -> None:
    assert pipeline_options(Beam(options=())).view_as(StandardOptions).runner == "FnApiRunner"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--runer=FnApiRunner", r"got --runer=FnApiRunner\. Did you mean --runner\?"),
        ("--direct_num_worker=2", r"Did you mean --direct_num_workers\?"),
        ("surplus", "got surplus"),
        ("--direct_num_workers=two", "invalid int value: 'two'"),
        ("--runner", "expected one argument"),
        ("--runner=Nonesuch", "got --runner=Nonesuch"),
        ("--runner=apache_beam.no.Such", r"got --runner=apache_beam\.no\.Such"),
    ],
)
def test_an_option_that_beam_does_not_know_or_cannot_take_is_named(option: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        pipeline_options(Beam(options=(option,)))
    assert raised.value.subject == "setting `beam.options`"


def failing(fail: Callable[[int], None]) -> beam.Pipeline:
    """A pipeline of this one step."""
    pipeline = beam.Pipeline(options=pipeline_options(Beam()))
    _ = pipeline | beam.Create([1], reshuffle=False) | beam.Map(fail)
    return pipeline


def test_our_own_error_in_a_worker_comes_out_as_itself() -> None:
    def fail(_: int) -> None:
        raise DataError("a column", expected="this", got="that", remedy="Fix it.")

    with pytest.raises(DataError) as raised:
        run(failing(fail), NOTHING)
    assert str(raised.value) == "a column: expected this, got that. Fix it."


def test_a_full_disk_in_a_worker_keeps_its_number() -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as raised:
        run(failing(fail), NOTHING)
    assert raised.value.errno == errno.ENOSPC


def test_any_other_error_is_beams() -> None:
    def fail(_: int) -> None:
        raise ValueError("surprise")

    with pytest.raises(ValueError, match="surprise"):
        run(failing(fail), NOTHING)


def test_a_pipeline_that_ends_gives_its_result() -> None:
    pipeline = beam.Pipeline(options=pipeline_options(Beam()))
    _ = pipeline | beam.Create([1], reshuffle=False) | beam.Map(_count)
    counters: list[Any] = run(pipeline, NOTHING).metrics().query()["counters"]
    assert [counter.result for counter in counters] == [5]


def _count(_: int) -> None:
    beam.metrics.Metrics.counter("test", "rows").inc(5)
