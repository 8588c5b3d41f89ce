"""The real prediction server as a child process, for the time of a few questions."""

import contextlib
import logging
import operator
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import httpx

from components.shared.gcp.retry import poll
from configs.deployment import Serving
from configs.errors import EndpointError

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "components.serve")
"""A process of its own: it listens on the socket it inherits and ends with its parent."""
_STOP_SECONDS = 5.0


@contextlib.contextmanager
def started(
    model: Path, serving: Serving, start_seconds: float, command: Sequence[str] = COMMAND
) -> Iterator[httpx.Client]:
    """A healthy server of a model folder, behind a client; its log goes to our standard error.

    Raises:
        EndpointError: It ended, or was not healthy after `start_seconds`; with the last line it said.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for every question
    with socket.socket() as listener, tempfile.TemporaryFile() as log:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [*command, "--model", str(model.resolve()), "--settings", serving.model_dump_json(),
             "--fd", str(listener.fileno()), "--until-stdin-closes"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[listener.fileno()],
        )  # fmt: skip
        listener.close()
        try:
            with httpx.Client(base_url=address, trust_env=False, timeout=start_seconds) as client:
                _wait_until_healthy(client, process, start_seconds, log)
                yield client
        finally:
            _stop(process)
            log.seek(0)
            shutil.copyfileobj(log, sys.stderr.buffer)


def _wait_until_healthy(
    client: httpx.Client, process: subprocess.Popen[bytes], seconds: float, log: IO[bytes]
) -> None:
    def complaint() -> str:
        if process.poll() is not None:
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
            raise EndpointError(
                "prediction server",
                expected="a server that starts",
                got=f"exit status {process.returncode}: {lines[-1] if lines else 'no output'}",
            )
        try:
            answer = client.get("/health")
        except httpx.TransportError as error:
            return str(error) or type(error).__name__
        return "" if answer.status_code == httpx.codes.OK else f"{answer.status_code} {answer.text}"

    got = poll(complaint, operator.not_, seconds=seconds, first=0.1, most=0.1)
    if got:
        raise EndpointError(
            "prediction server",
            expected=f"healthy within {seconds:.0f} s",
            got=got,
            remedy="A slower machine needs a larger deployment.start_seconds.",
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
