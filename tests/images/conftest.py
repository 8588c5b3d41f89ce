"""Images that are really built, and a pipeline that really runs in them.

`make images-test`; root, and about ten minutes the first time, three after that. Not among the default tests.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from configs import loading
from tests.images.engine import Engine, missing
from tests.planes import lay_out

_TASK_MEMORY = "size=2g"


@pytest.fixture(scope="session")
def engine() -> Engine:
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    engine = Engine()
    engine.bases()
    return engine


@pytest.fixture(scope="session")
def pipeline_image(engine: Engine) -> str:
    return engine.build("pipeline", "localhost/pipeline-python:test")


@pytest.fixture(scope="session")
def serving_image(engine: Engine) -> str:
    return engine.build("serving", "localhost/pipeline-serving:test")


@pytest.fixture(scope="session")
def docker_host(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Docker's API, which podman speaks, at an address of its own."""
    socket = tmp_path_factory.mktemp("podman") / "api.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time=0", f"unix://{socket}"], env=engine.environment
    )
    try:
        until = time.monotonic() + 30
        while not socket.exists():
            assert service.poll() is None, "podman's service ended"
            assert time.monotonic() < until, "podman's service does not listen"
            time.sleep(0.1)
        yield f"unix://{socket}"
    finally:
        service.terminate()
        service.wait(30)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that any user may write to, with the use case of docs/your-data.md and its 3,322 rows."""
    folder = tmp_path_factory.mktemp("workspace")
    lay_out(folder, Path("my/planes"))
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o777)
    return folder


@pytest.fixture(scope="session")
def run(pipeline_image: str, docker_host: str, workspace: Path) -> Path:
    """The whole training pipeline, every stage in a confined container of the image; returns its folder.

    KFP itself runs it, by its runner for Docker: the command in the container is the compiled one.
    """
    if find_spec("docker") is None:
        pytest.skip("KFP's runner for Docker wants the package docker: pip install docker")
    from kfp import local

    from pipelines import training

    settings = loading.load(
        workspace / "my/planes",
        overrides=[
            f"image={pipeline_image}",
            f"source.uri=file://{workspace}/data/planes",
            f"places.root={workspace}/output",
            f"places.registry=file://{workspace}/registry",
            "training.epochs=5",
        ],
    )
    confined: dict[str, Any] = {
        "entrypoint": "/usr/bin/env",  # a container's command on Vertex AI takes the place of the entry point
        "read_only": True,
        "tmpfs": {"/tmp": _TASK_MEMORY},  # noqa: S108 - in the container
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    }
    before, mask = os.environ.get("DOCKER_HOST"), os.umask(0)
    os.environ["DOCKER_HOST"] = docker_host
    try:
        local.init(
            runner=local.DockerRunner(**confined),
            pipeline_root=str(workspace),
            workspace_root=str(workspace / "workspace"),
        )
        training.build(settings)(run_id="in-containers", checkpoints=f"{workspace}/checkpoints")
    finally:
        os.umask(mask)
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before
    return workspace
