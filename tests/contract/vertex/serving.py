"""Deployed versions that really serve: each one's own container command, as a process of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

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
        asked = {"instances": list(instances), **({"parameters": parameters} if parameters else {})}
        answer = httpx.post(url + model.container_spec.predict_route, json=asked, timeout=_MOST_SECONDS)
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
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            url = f"http://127.0.0.1:{port}"
            self._running[key] = _started(model, port, self._variables), url
            _wait_until_healthy(self._running[key][0], url + model.container_spec.health_route)
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


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            """It does not listen yet."""
        time.sleep(0.1)
    raise TimeoutError(f"{url} was not healthy within {_MOST_SECONDS:.0f} s")
