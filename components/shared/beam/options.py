"""Beam's pipeline options, made of the settings and checked."""

import argparse
import contextlib
import difflib
import io
import re

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.shared.gcp.endpoints import emulator
from configs.dataflow import RUNNER as DATAFLOW_RUNNER
from configs.errors import SettingsError
from configs.places import Beam

LOCAL_RUNNER = "FnApiRunner"
"""Where no runner is named: Beam's own default would look for a binary in the network first."""
_ON_THIS_MACHINE = frozenset(
    {LOCAL_RUNNER, "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner", "PrismRunner"}
)
_MOST_NAME = 56
"""Characters of a job's name, so that what a stage adds to it stays within Dataflow's 63."""


def pipeline_options(settings: Beam, stage: str = "", out: Place | None = None) -> PipelineOptions:
    """The options as Beam understands them; without `--runner`, the local one.

    Args:
        settings: As configured.
        stage: The stage that runs the pipeline.
        out: Where an artifact of the stage goes. Both name the jobs on Dataflow, unless the settings do.

    Raises:
        SettingsError: An option or a runner that Beam does not know, a value that it cannot take, or
            artifacts that Dataflow's workers cannot reach.
    """
    options = PipelineOptions(list(settings.options))
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            options.get_all_options(
                add_extra_args_fn=lambda parser: _reject_unknown(parser, settings.options)
            )
    except SystemExit as error:  # argparse explains a bad value and leaves
        raise _option_error(message.getvalue().strip().rpartition("error: ")[-1]) from error
    standard = options.view_as(StandardOptions)
    standard.runner = standard.runner or LOCAL_RUNNER
    try:
        create_runner(standard.runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise _option_error(f"--runner={standard.runner}") from error
    if out is not None and runs_on_dataflow(options):
        if not storage(out).shared:
            raise SettingsError(
                f"Dataflow for '{stage}'",
                expected="artifacts on gs://, which its workers reach",
                got=str(out),
                remedy="Run on Vertex AI, or with --set 'cloud.dataflow.options=[--runner=FnApiRunner]'.",
            )
        _name_job(options.view_as(GoogleCloudOptions), stage, out)
    if runs_on_dataflow(options) and (server := emulator("dataflow")):
        cloud = options.view_as(GoogleCloudOptions)
        cloud.dataflow_endpoint, cloud.no_auth = server, True
    return options


def runs_elsewhere(options: PipelineOptions) -> bool:
    """Whether the workers run on other machines."""
    return str(options.view_as(StandardOptions).runner).rpartition(".")[2] not in _ON_THIS_MACHINE


def runs_on_dataflow(options: PipelineOptions) -> bool:
    """Whether Dataflow runs the pipeline."""
    return str(options.view_as(StandardOptions).runner).rpartition(".")[2] == DATAFLOW_RUNNER


def _name_job(cloud: GoogleCloudOptions, stage: str, out: Place) -> None:
    """Name a job by its stage and run; label it with both, so that a run's jobs can be found again.

    The run is known by its folder: an output lies at …/RUN/TASK/ARTIFACT, here and on Vertex AI.
    """
    run = re.sub(r"[^a-z0-9-]+", "-", out.parent.parent.name.lower()).strip("-")
    longest = _MOST_NAME - len(stage) - 1
    cloud.job_name = cloud.job_name or f"{stage}-{run[-longest:].strip('-')}".strip("-")
    cloud.labels = [*(cloud.labels or []), f"stage={stage}", f"run={run[:63]}"]


def _reject_unknown(parser: argparse.ArgumentParser, options: tuple[str, ...]) -> None:
    _, unknown = parser.parse_known_args(list(options))
    if unknown:
        known = [flag for action in parser._actions for flag in action.option_strings]  # noqa: SLF001 - argparse has no public list
        nearest = difflib.get_close_matches(unknown[0].split("=", 1)[0], known, n=1)
        raise _option_error(unknown[0], f"Did you mean {nearest[0]}?" if nearest else "")


def _option_error(got: str, remedy: str = "") -> SettingsError:
    return SettingsError(
        "setting `beam.options`",
        expected="options of Apache Beam, as --name=value",
        got=got,
        remedy=remedy or "Look it up in the list of Beam's pipeline options.",
    )
