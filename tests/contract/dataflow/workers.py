"""The workers of the loopback Dataflow: one process that runs jobs, replaced when a job is cancelled."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.contract.iam.callers import running_as

_ROOT = Path(__file__).parents[3]

Ended = Callable[[dict[str, Any]], None]
LOST = {"error": "The worker was lost."}


class Workers:
    """Runs one pipeline at a time.

    Args:
        variables: Of the environment, besides this process's own.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self._account = ""
        self._process: subprocess.Popen[str] | None = None
        self._answers: Any = None
        self._waiting: threading.Thread | None = None

    def run(self, pipeline: str, options: Mapping[str, Any], ended: Ended, account: str = "") -> None:
        """Begin a job as a service account; `ended` is called with its counters or its error."""
        if account != self._account:
            self.stop()
        self._account = account
        process = self._started()
        assert process.stdin
        process.stdin.write(json.dumps({"pipeline": pipeline, "options": dict(options)}) + "\n")
        process.stdin.flush()

        def wait(answers: Any) -> None:
            line = answers.readline()
            if not line:
                process.wait()
            ended(json.loads(line) if line else LOST)

        self._waiting = threading.Thread(target=wait, args=(self._answers,), daemon=True)
        self._waiting.start()

    def kill(self) -> None:
        """Kill the process; whoever waits for its job hears that it was lost."""
        if self._process:
            self._process.kill()

    def stop(self) -> None:
        """End the process, and with it what it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin
            self._process.stdin.close()
            if self._waiting:
                self._waiting.join(10)
            self._answers.close()
            self._process = None

    def _started(self) -> "subprocess.Popen[str]":
        """The process; it stays, since TensorFlow takes seconds to import."""
        if self._process is None or self._process.poll() is not None:
            if self._answers:
                self._answers.close()
            read, write = os.pipe()
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("executing.py")), str(write)],
                cwd=_ROOT,
                env={
                    **os.environ,
                    **self.variables,
                    **running_as(self._account),
                    "PYTHONPATH": str(_ROOT),
                },
                stdin=subprocess.PIPE,
                pass_fds=[write],
                text=True,
            )
            os.close(write)
            self._answers = os.fdopen(read)
        return self._process
