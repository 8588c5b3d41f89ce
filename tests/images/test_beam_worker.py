"""A worker of Beam, started by the entry point of the image, does the work of the predict stage."""

import datetime
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.predict import core
from components.predict.scored import Stamp
from components.predict.settings import PredictStage
from configs import loading
from configs.dataflow import beam
from tests.images.engine import CONFINED, Engine

_OF_THE_CODE = ("--sdk_container_image", "--sdk_location", "--no_save_main_session", "--experiments")
_DOCKER = """#!/bin/sh
# What Beam calls `docker`.
case $1 in
pull) exit 1 ;; # there is no registry
run) shift; exec podman run --label={label} {confined} --volume={workspace}:{workspace} "$@" ;;
esac
exec podman "$@"
"""
_STAMP = Stamp("planes", "1", datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC), "in-a-worker")


@pytest.fixture
def docker(engine: Engine, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A `docker` on the PATH, whose containers are confined; the label by which they are found."""
    label = f"beam-{tmp_path.name}"
    command = tmp_path / "docker"
    command.write_text(_DOCKER.format(label=label, confined=" ".join(CONFINED), workspace=workspace))
    command.chmod(0o755)
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield label
    found = engine.podman("ps", "--all", "--quiet", f"--filter=label={label}").split()
    if found:
        engine.podman("rm", "--force", *found)


def test_a_worker_that_the_entry_point_starts_scores_as_this_process_does(
    engine: Engine, pipeline_image: str, run: Path, docker: str
) -> None:
    (test_rows,) = run.glob("training-planes-*/ingest/rows/test")
    shutil.copytree(test_rows, run / "rows/score")

    here = _scores(run, "here", [])
    there = _scores(run, "there", _worker(run, pipeline_image))

    images = engine.podman("ps", "--all", f"--filter=label={docker}", "--format={{.Image}}").split()
    assert set(images) == {pipeline_image}
    assert here.keys() == there.keys()
    assert len(here) > 500
    np.testing.assert_allclose([there[key] for key in here], list(here.values()), atol=1e-6)


def test_what_a_worker_writes_belongs_to_the_images_user(run: Path) -> None:
    owners = {path.stat().st_uid for path in (run / "there").rglob("*.parquet")}

    assert owners == {10001}


def _worker(run: Path, image: str) -> list[str]:
    """Beam's options for workers in containers; of the workers' code they say what Dataflow gets."""
    there = loading.load(run / "my/planes", "dev", [f"image={image}"])
    of_the_code = [option for option in beam(there).options if option.startswith(_OF_THE_CODE)]
    assert len(of_the_code) == len(_OF_THE_CODE)
    runner = ["--runner=PortableRunner", "--job_endpoint=embed"]
    return [*of_the_code, *runner, "--environment_type=DOCKER", f"--environment_config={image}"]


def _scores(run: Path, name: str, options: list[str]) -> dict[str, float]:
    """The scores by aircraft of the rows, from Beam with these options."""
    stage = PredictStage.of(loading.load(run / "my/planes", overrides=[f"beam.options={options}"]))
    model = next((run / "registry").rglob("saved_model.pb")).parent
    mask = os.umask(0)  # the worker is another user than we are
    try:
        core.run(run / "rows", model, _STAMP, stage, run / name, _unwatched)
    finally:
        os.umask(mask)
    rows = pq.read_table(run / name / "score", columns=["tailnum", "score"]).to_pylist()
    return {row["tailnum"]: row["score"] for row in rows}


def _unwatched(what: str, done: int, total: int | None = None, *, job: str = "") -> None:
    """Nobody looks on."""
