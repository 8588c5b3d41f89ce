"""Servers in processes of their own, and models for them."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.loopback import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
REAL = (sys.executable, "-m", "components.serve")
FAKE = ("env", f"PYTHONPATH={ROOT}", sys.executable, str(HERE / "fake_server.py"))
FEATURES = {"numeric": ["distance", "seats"], "categorical": ["carrier", "origin"]}
Instance = Mapping[str, Any]


@dataclass
class Server:
    """A running server, its process and a client."""

    process: subprocess.Popen[str]
    client: httpx.Client
    log: Path

    def healthy(self) -> bool:
        """Wait until it answers 200, or has ended."""
        for _ in range(3000):
            if self.process.poll() is not None:
                return False
            if self._health() == httpx.codes.OK:
                return True
            time.sleep(0.02)
        raise TimeoutError(self.log.read_text())

    def _health(self) -> int | None:
        """The status of its health route; None while nobody listens."""
        try:
            return self.client.get("/health").status_code
        except httpx.TransportError:
            return None

    def listening(self) -> None:
        """Wait until it answers at all."""
        while True:
            try:
                self.client.get("/")
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.02)
            else:
                return

    def ask(self, *instances: Any) -> httpx.Response:
        """The answer to a prediction request."""
        return self.client.post("/predict", json={"instances": instances})

    def scores(self, *instances: Instance) -> list[float]:
        """The scores of a request that must succeed."""
        answer = self.ask(*instances)
        assert answer.status_code == 200, answer.text
        predictions: list[float] = answer.json()["predictions"]
        return predictions


Start = Callable[..., Server]
MakeModel = Callable[..., Path]


def score(instance: Instance, shift: float = 0.0) -> float:
    """What saved_model.py and fake_server.py compute, in Python."""
    index = {"AA": 0, "B6": 1, "UA": 2}.get(instance.get("carrier") or "", 3)
    distance, seats = (instance.get(name) or 0.0 for name in FEATURES["numeric"])
    logit = shift + distance / 1000 + 0.5 * index + 0.25 * seats / 100
    return 1 / (1 + math.exp(-logit))


@pytest.fixture(scope="session")
def expected() -> Callable[..., float]:
    """The score that a model must give an instance."""
    return score


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel; made in a process of its own, which keeps TensorFlow out of this one."""
    folder = tmp_path_factory.mktemp("models") / "saved"
    subprocess.run([sys.executable, HERE / "saved_model.py", folder, "0.0"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def fake() -> Sequence[str]:
    """The command of the fake server."""
    return FAKE


@pytest.fixture
def fake_model(tmp_path: Path) -> MakeModel:
    """Makes model folders for the fake server."""

    def made(shift: float = 0.0, *, fifos: Sequence[str] = (), features: Any = None) -> Path:
        folder = tmp_path / f"model-{shift}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "model.json").write_text(json.dumps({"shift": shift, "features": features or FEATURES}))
        for fifo in fifos:
            os.mkfifo(folder / fifo)
        return folder

    return made


def started(
    folder: Path, arguments: Sequence[str], command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[Server]:
    """A server that ends with the test."""
    port, log = free_port(), folder / "server.log"
    with (
        log.open("w") as stream,
        subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            env={**os.environ, "AIP_HTTP_PORT": str(port), **environment},
            stderr=stream,
            text=True,
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        yield Server(process, client, log)
        process.kill()


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers: `start("--model", folder, settings={...})`; the fake one by default."""
    running: list[Iterator[Server]] = []

    def run(
        *arguments: object,
        settings: Mapping[str, Any] | None = None,
        command: Sequence[str] = FAKE,
        environment: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> Server:
        command_line = [*map(str, arguments), "--settings", json.dumps(settings or {})]
        running.append(started(tmp_path_factory.mktemp("server"), command_line, command, environment or {}))
        server = next(running[-1])
        if wait:
            assert server.healthy(), server.log.read_text()
        return server

    yield run
    for server in running:
        next(server, None)


@pytest.fixture(scope="session")
def real_server(saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server, configured by Vertex AI's variables, with small limits."""
    settings = {"max_batch_rows": 100, "max_body_bytes": 50_000, "micro_batch_rows": 64}
    environment = {"AIP_STORAGE_URI": str(saved_model)}
    arguments = ["--settings", json.dumps(settings)]
    for server in started(tmp_path_factory.mktemp("server"), arguments, REAL, environment):
        assert server.healthy(), server.log.read_text()
        yield server
