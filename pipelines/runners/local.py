"""The laptop as a target: KFP's own local runner, each stage a process, artifacts in folders.

The libraries' output goes to log files; what a person sees is read from the stages' records.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.shared.stage.recording import RECORDS_VARIABLE, log_to
from pipelines.graph.code_digest import ROOT


def run(
    pipeline: Callable[..., Any], folder: Path, root: Path, parameters: Mapping[str, str], *, caching: bool
) -> bool:
    """Run a built pipeline to its end, in its folder; the cache lies in `root`, which the runs share.

    Returns:
        Whether every stage ended well; a failed stage's record says why.
    """
    from kfp import local

    with log_to(folder / "stages" / "pipeline.log"), _environment(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local.init(
            runner=local.SubprocessRunner(use_venv=False),
            pipeline_root=str(folder / "kfp"),
            workspace_root=str(folder / "workspace"),
            enable_caching=caching,
            cache_root=str(root / "cache"),
        )
        try:
            pipeline(**parameters)
        except RuntimeError as error:  # kfp.local's way to say that a task failed
            sys.stdout.write(f"{error}\n")
            return False
    return True


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """The variables that the stages' processes inherit."""
    variables = {
        RECORDS_VARIABLE: str((folder / "stages").absolute()),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
