"""The command line as a person has it: `python -m pipelines …`, a process with a working folder."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import read_json
from configs.stages import Pipeline

ROOT = Path(__file__).parents[2]
_MOST_SECONDS = 900.0


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    shown: str
    """On its screen."""


class Workspace:
    """A working folder, and the commands that are typed there.

    Args:
        folder: Empty.
        environment: The `--env` of every command.
        overrides: The `--set` of every command.
        variables: Of the environment, beside this process's own.
    """

    def __init__(
        self,
        folder: Path,
        environment: str,
        overrides: Sequence[str],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.environment, self.overrides = folder, environment, tuple(overrides)
        paths = [(variables or {}).get("PYTHONPATH", ""), str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._variables = {
            **os.environ,
            **(variables or {}),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Type a command and do not wait for its end."""
        sets = [word for override in self.overrides for word in ("--set", override)]
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines", *words, "--env", self.environment, *sets],
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, *words: str) -> Ended:
        """Type a command and wait for its end."""
        return ended(self.begin(*words))

    def manifest(self, pipeline: Pipeline) -> dict[str, Any]:
        """Of the only run of a pipeline."""
        found = [read_json(path) for path in self.folder.glob("output/runs/*/manifest.json")]
        (only,) = [each for each in found if each["pipeline"] == pipeline]
        return dict(only)

    def report(self, pipeline: Pipeline) -> str:
        """The page of the only run of a pipeline."""
        run_id: str = self.manifest(pipeline)["run_id"]
        return (self.folder / "output/runs" / run_id / "report.html").read_text()


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for the end of a command."""
    try:
        shown, _ = process.communicate(timeout=_MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        shown, _ = process.communicate()
    return Ended(process.returncode, shown)
