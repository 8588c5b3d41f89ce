"""Bases pinned from a registry, and an image pushed to one: Docker's own registry, on loopback."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.images.engine import ROOT, Engine
from tests.loopback import docker_registry

_PLAIN_HTTP = """[[registry]]
location = "localhost:{port}"
insecure = true
"""
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """An empty registry's address."""
    if shutil.which("docker-registry") is None:
        pytest.skip("no docker-registry here: apt-get install docker-registry")
    with docker_registry(tmp_path) as port:
        yield f"localhost:{port}"


@pytest.fixture
def alone(tmp_path: Path, registry: str) -> Engine:
    """An engine that has no image yet, and may use the registry."""
    engine = Engine(tmp_path / "engine")
    (tmp_path / "registries.conf").write_text(_PLAIN_HTTP.format(port=registry.partition(":")[2]))
    engine.environment["CONTAINERS_REGISTRIES_CONF"] = str(tmp_path / "registries.conf")
    return engine


def digest_there(registry: str, name: str, tag: str) -> str:
    answer = httpx.head(f"http://{registry}/v2/{name}/manifests/{tag}", headers={"Accept": _MANIFEST})
    return answer.headers["Docker-Content-Digest"]


def small_image(engine: Engine, folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    engine.podman("build", "--quiet", "--tag", name, str(folder))


def copy_of_the_repository(folder: Path, **bases: str) -> Path:
    """What the command needs, with other base images."""
    shutil.copytree(ROOT / "infra/images", folder / "infra/images")
    for name in ("pyproject.toml", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)
    for file in (folder / "infra/images").glob("*.Dockerfile"):
        text = file.read_text()
        for name, image in bases.items():
            text = re.sub(rf"^ARG {name}=.*", f"ARG {name}={image}", text, flags=re.MULTILINE)
        file.write_text(text)
    return folder


def test_bases_are_pinned_to_the_registrys_digests_and_then_accepted(
    engine: Engine, alone: Engine, registry: str, tmp_path: Path
) -> None:
    engine.environment["CONTAINERS_REGISTRIES_CONF"] = alone.environment["CONTAINERS_REGISTRIES_CONF"]
    for name in ("python", "beam"):
        small_image(engine, tmp_path / name, f"{registry}/{name}:3.11")
        engine.podman("push", "--quiet", f"{registry}/{name}:3.11")
        engine.podman("rmi", f"{registry}/{name}:3.11")
    bases = {"PYTHON_IMAGE": f"{registry}/python:3.11", "BEAM_IMAGE": f"{registry}/beam:3.11"}
    repository = copy_of_the_repository(tmp_path / "repository", **bases)
    command = str(repository / "infra/images/build")

    pinned = alone.ended(command, "pin")

    assert pinned.returncode == 0, pinned.stderr
    for name, image in bases.items():
        digest = digest_there(registry, image.rpartition("/")[2].partition(":")[0], "3.11")
        text = (repository / "infra/images/pipeline.Dockerfile").read_text()
        assert f"ARG {name}={image}@{digest}\n" in text
    alone.environment["ENGINE"] = "echo"
    assert alone.ended(command, "pipeline", "--pinned").returncode == 0


def test_what_is_pushed_is_named_by_its_digest(alone: Engine, registry: str, tmp_path: Path) -> None:
    small_image(alone, tmp_path / "python", "localhost/python:3.11")
    repository = copy_of_the_repository(tmp_path / "repository", PYTHON_IMAGE="localhost/python:3.11")
    (repository / "infra/images/serving.Dockerfile").write_text(
        "ARG PYTHON_IMAGE=localhost/python:3.11\nFROM ${PYTHON_IMAGE}\nCOPY infra/images/install /install\n"
    )
    tag = f"{registry}/pipeline-serving:v1"

    pushed = alone.ended(
        str(repository / "infra/images/build"), "serving", "--tag", tag, "--push", "--", "--isolation=chroot"
    )

    assert pushed.returncode == 0, pushed.stderr
    assert (
        pushed.stdout == f"{registry}/pipeline-serving@{digest_there(registry, 'pipeline-serving', 'v1')}\n"
    )
    (content,) = json.loads(alone.podman("image", "inspect", tag))
    assert content["Config"]["Labels"]["org.opencontainers.image.version"] == "0.1.0"
