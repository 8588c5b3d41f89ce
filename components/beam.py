"""Beam as every stage uses it: options from the settings, errors as they were raised."""

import argparse
import contextlib
import difflib
import io
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult, create_runner

from components.pieces import Piece
from configs.errors import PipelineError, SettingsError
from configs.settings import Beam

LOCAL_RUNNER = "FnApiRunner"
"""Where no runner is named: Beam's own default would look for a binary in the network first."""


def pipeline_options(settings: Beam) -> PipelineOptions:
    """The options as Beam understands them; without `--runner`, the local one.

    Raises:
        SettingsError: An option or a runner that Beam does not know, or a value that it cannot take.
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
    return options


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
        | "Take" >> beam.FlatMap(lambda keyed: keyed[1])
    )


def run(pipeline: beam.Pipeline) -> PipelineResult:
    """Run a pipeline to its end.

    Raises:
        PipelineError: As raised in a local worker; Beam wraps it in an error of its own.
        OSError: Likewise, with its number, so that a full disk is seen for what it is.
    """
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
