"""A worker of Beam, started by the entry point of the image, does the work of the transform stage."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.transform import core
from configs import loading
from configs.dataflow import beam
from configs.stages.training import TransformStage, transform_stage
from tests.images.engine import CONFINED, Engine

_OF_THE_CODE = ("--sdk_container_image", "--sdk_location", "--no_save_main_session", "--experiments")
_DOCKER = """#!/bin/sh
# What Beam calls `docker`.
case $1 in
pull) exit 1 ;; # there is no registry
run) shift; exec podman run --label={label} {confined} --volume={desk}:{desk} "$@" ;;
esac
exec podman "$@"
"""


@pytest.fixture
def docker(engine: Engine, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A `docker` on the PATH, whose containers are confined; the label by which they are found."""
    label = f"beam-{tmp_path.name}"
    command = tmp_path / "docker"
    command.write_text(_DOCKER.format(label=label, confined=" ".join(CONFINED), desk=desk))
    command.chmod(0o755)
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield label
    found = engine.podman("ps", "--all", "--quiet", f"--filter=label={label}").split()
    if found:
        engine.podman("rm", "--force", *found)


def test_a_worker_that_the_entry_point_starts_writes_the_examples_of_the_run(
    engine: Engine,
    pipeline_image: str,
    run: Path,
    docker: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = run / "worker"
    (shared / "tmp").mkdir(parents=True)
    for each in (shared, shared / "tmp"):
        each.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(shared / "tmp"))
    mask = os.umask(0)
    try:
        core.run(
            _only(run, "ingest/rows"),
            _stage(run, pipeline_image),
            shared / "graph",
            shared / "examples",
            _unwatched,
        )
    finally:
        os.umask(mask)

    names = engine.podman("ps", "--all", f"--filter=label={docker}", "--format={{.Image}}").split()
    assert set(names) == {pipeline_image}
    assert _files(shared / "examples") == _files(_only(run, "transform/examples"))


def _unwatched(what: str, done: int, total: int | None = None, *, job: str = "") -> None:
    """Nobody looks on."""


def _stage(run: Path, image: str) -> TransformStage:
    """As it is told, with Beam's workers in containers; of their code, what Dataflow is told."""
    there = loading.load(run / "my/planes", "dev", [f"image={image}"])
    options = [
        *(option for option in beam(there).options if option.startswith(_OF_THE_CODE)),
        "--runner=PortableRunner",
        "--job_endpoint=embed",
        "--environment_type=DOCKER",
        f"--environment_config={image}",
    ]
    assert len(options) == len(_OF_THE_CODE) + 4
    settings = loading.load(run / "my/planes", overrides=[f"beam.options={options}"])
    return transform_stage(settings)


def _only(run: Path, artifact: str) -> Path:
    (found,) = run.glob(f"training-planes-*/{artifact}")
    return found


def _files(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}
    assert files
    return files
