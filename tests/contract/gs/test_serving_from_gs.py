"""The prediction server with its model on `gs://`."""

import json
import math
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from components.shared.files.artifacts import read_json
from tests.contract.gs.conftest import (
    Chains,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def server(chains: Chains, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The container's contract: the model's URI is in AIP_STORAGE_URI."""
    yield from _serving(str(chains[1].at("model", "train")), tmp_path / "server.log")


def _serving(uri: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "components.serve", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "AIP_STORAGE_URI": uri},
            stdout=out,
            stderr=out,
        )
        try:
            yield process, log
        finally:
            process.terminate()
            process.wait(30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while True:
        for line in log.read_text().splitlines():
            if "listening on " in line:
                return line.rpartition(" ")[2]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)


def test_the_server_loads_its_model_from_gs(
    chains: Chains, server: tuple[subprocess.Popen[bytes], Path]
) -> None:
    process, log = server
    golden = read_json(chains[1].at("evaluation", "evaluate") / "golden.json")
    with httpx.Client(base_url=_address(process, log), trust_env=False, timeout=60) as client:
        while client.get("/health").status_code != httpx.codes.OK:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        served: Sequence[float] = client.post("/predict", json={"instances": golden["instances"]}).json()[
            "predictions"
        ]
    assert all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(served, golden["scores"], strict=True))


@pytest.mark.usefixtures("storage_server")
def test_a_server_without_its_model_says_so_in_one_line(tmp_path: Path) -> None:
    uri = f"gs://no-such-bucket-{uuid.uuid4().hex[:6]}/model"
    for process, log in _serving(uri, tmp_path / "server.log"):
        assert process.wait(60) == 1
        message = log.read_text()
        assert "Traceback" not in message
        assert "gcloud storage buckets create" in message.splitlines()[-1]
        assert json.dumps(uri)[1:-1] in message
