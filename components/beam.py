"""Beam as every stage uses it: options from the settings, errors as they were raised."""

import argparse
import contextlib
import difflib
import io
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult, create_runner

from components.artifacts import shard_name, shards
from components.pieces import Piece
from components.places import is_remote
from components.recording import JobProgress
from configs.dataflow import RUNNER as DATAFLOW_RUNNER
from configs.errors import PipelineError, PlaceError, SettingsError
from configs.places import Beam

LOCAL_RUNNER = "FnApiRunner"
"""Where no runner is named: Beam's own default would look for a binary in the network first."""
_ON_THIS_MACHINE = frozenset(
    {LOCAL_RUNNER, "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner", "PrismRunner"}
)
_PROGRESS_SECONDS, _REMOTE_PROGRESS_SECONDS = 0.5, 5.0
_MOST_NAME = 56
"""Characters of a job's name, so that what a stage adds to it stays within Dataflow's 63."""


@dataclass(frozen=True)
class Work:
    """What a pipeline does, for the onlooker of a job elsewhere."""

    name: str
    """The end of the job's name: `learn`."""
    what: str
    """`learn from the training rows`"""
    total: int
    """How much there is to do, in rows."""
    done: Callable[[PipelineResult], int]
    """How much of it is done by now, from the counters."""
    progress: JobProgress


def pipeline_options(settings: Beam, stage: str = "", out: Path | None = None) -> PipelineOptions:
    """The options as Beam understands them; without `--runner`, the local one.

    Args:
        settings: As configured.
        stage: Which stage asks.
        out: Where an artifact of the stage goes. Both name the jobs on Dataflow, unless the settings do.

    Raises:
        SettingsError: An option or a runner that Beam does not know, a value that it cannot take, or
            artifacts that Dataflow's workers cannot reach.
    """
    options = PipelineOptions(list(settings.options))
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options.get_all_options(
                add_extra_args_fn=lambda parser: _refuse_unknown(parser, settings.options)
            )
    except SystemExit as error:  # argparse explains a bad value and leaves
        raise _mistake(complaint.getvalue().strip().rpartition("error: ")[-1]) from error
    standard = options.view_as(StandardOptions)
    standard.runner = standard.runner or LOCAL_RUNNER
    try:
        create_runner(standard.runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise _mistake(f"--runner={standard.runner}") from error
    if out is not None and on_dataflow(options):
        if not is_remote(out):
            raise SettingsError(
                f"Dataflow for '{stage}'",
                expected="artifacts on gs://, which its workers reach",
                got=str(out),
                way_out="Run on Vertex AI, or with --set 'cloud.dataflow.options=[--runner=FnApiRunner]'.",
            )
        _named(options.view_as(GoogleCloudOptions), stage, out)
    return options


def elsewhere(options: PipelineOptions) -> bool:
    """Whether the workers are on other machines than this one."""
    return str(options.view_as(StandardOptions).runner).rpartition(".")[2] not in _ON_THIS_MACHINE


def on_dataflow(options: PipelineOptions) -> bool:
    """Whether it is Dataflow that runs the pipeline."""
    return str(options.view_as(StandardOptions).runner).rpartition(".")[2] == DATAFLOW_RUNNER


def _named(cloud: GoogleCloudOptions, stage: str, out: Path) -> None:
    """Name a job by its stage and run; label it with both, so that a run's jobs can be found again.

    The run is known by its folder: an output lies at …/RUN/TASK/ARTIFACT, here and on Vertex AI.
    """
    run = re.sub(r"[^a-z0-9-]+", "-", out.parent.parent.name.lower()).strip("-")
    room = _MOST_NAME - len(stage) - 1
    cloud.job_name = cloud.job_name or f"{stage}-{run[-room:].strip('-')}".strip("-")
    cloud.labels = [*(cloud.labels or []), f"stage={stage}", f"run={run[:63]}"]


def _refuse_unknown(parser: argparse.ArgumentParser, options: tuple[str, ...]) -> None:
    _, unknown = parser.parse_known_args(list(options))
    if unknown:
        known = [flag for action in parser._actions for flag in action.option_strings]  # noqa: SLF001 - argparse has no public list
        near = difflib.get_close_matches(unknown[0].split("=", 1)[0], known, n=1)
        raise _mistake(unknown[0], f"Did you mean {near[0]}?" if near else "")


def _mistake(got: str, way_out: str = "") -> SettingsError:
    return SettingsError(
        "setting `beam.options`",
        expected="options of Apache Beam, as --name=value",
        got=got,
        way_out=way_out or "Look it up in the list of Beam's pipeline options.",
    )


def spread(pipeline: beam.Pipeline, pieces: Sequence[Piece]) -> beam.PCollection:
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


def _taken(keyed: tuple[int, Iterable[Piece]]) -> Iterable[Piece]:
    return keyed[1]


@contextlib.contextmanager
def watched(out: Path, every: Sequence[Piece], work: Work, options: PipelineOptions) -> Iterator[None]:
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
        from components.dataflow import following

        return following.run(pipeline, work)
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
