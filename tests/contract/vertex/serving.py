"""Deployed versions that really serve: each one's own container command, as a process of this machine."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.loopback import free_port, wait_until_it_answers

ROOT = Path(__file__).parents[3]
_MOST_SECONDS = 60.0


class Servers:
    """A predictor: asks the server of a version, and starts it at the first question.

    The process gets what Vertex AI gives a container: AIP_HTTP_PORT, AIP_STORAGE_URI and the two routes.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = dict(variables or {})
        self._running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def __call__(self, model: Any, instances: Sequence[Any], parameters: Any) -> Sequence[Any]:
        """Answers of a version (the service's Model message)."""
        url = self._url(model)
        body = {"instances": list(instances), **({"parameters": parameters} if parameters else {})}
        answer = httpx.post(url + model.container_spec.predict_route, json=body, timeout=_MOST_SECONDS)
        return list(answer.raise_for_status().json()["predictions"])

    def close(self) -> None:
        """End every server."""
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.wait(_MOST_SECONDS)

    def _url(self, model: Any) -> str:
        key = f"{model.name}@{model.version_id}"
        if key not in self._running:
            port = free_port()
            process, url = _started(model, port, self._variables), f"http://127.0.0.1:{port}"
            self._running[key] = process, url
            health = url + model.container_spec.health_route
            wait_until_it_answers(health, _MOST_SECONDS, lambda: _ended(process))
        return self._running[key][1]


def _started(model: Any, port: int, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    container = model.container_spec
    command = [sys.executable if word == "python" else word for word in container.command]
    return subprocess.Popen(
        [*command, *container.args], cwd=ROOT, env={**os.environ, **variables, **_contract(model, port)}
    )


def _contract(model: Any, port: int) -> Mapping[str, str]:
    """The variables of Vertex AI's custom containers."""
    return {
        "AIP_HTTP_PORT": str(port),
        "AIP_STORAGE_URI": model.artifact_uri,
        "AIP_HEALTH_ROUTE": model.container_spec.health_route,
        "AIP_PREDICT_ROUTE": model.container_spec.predict_route,
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _ended(process: "subprocess.Popen[bytes]") -> str | None:
    """How a process has ended, if it has."""
    return None if process.poll() is None else f"the server ended with {process.returncode}"
