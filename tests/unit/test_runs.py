"""Runs on disk: found by id or name, with the records of cached stages."""

import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.report.manifest import MANIFEST
from components.report.running import again
from components.shared.files.artifacts import write_json
from components.shared.stage.records import artifact_path, stage_records
from configs.errors import UnknownRunError
from configs.loading import load
from configs.stages import Pipeline
from pipelines.__main__ import app
from pipelines.runs import (
    begin_manifest,
    end_manifest,
    find_run,
    new_run,
    runs,
)


def make_run(root: Path, run_id: str, started_at: float, pipeline: Pipeline = "training") -> Path:
    folder = root / "runs" / run_id
    (folder / "stages").mkdir(parents=True)
    manifest = {"name": "flights", "started_at": started_at, "pipeline": pipeline, "run_id": run_id}
    write_json(folder / MANIFEST, manifest)
    return folder


def put_record(place: Path, stage: str, inputs: dict[str, Path], outputs: dict[str, Path]) -> dict[str, Any]:
    record = {
        "stage": stage,
        "started_at": time.time(),
        "inputs": {name: {"path": str(path)} for name, path in inputs.items()},
        "outputs": {name: {"path": str(path)} for name, path in outputs.items()},
    }
    place.mkdir(parents=True, exist_ok=True)
    write_json(place / f"{stage}.stage.json", record)
    return record


def test_a_run_is_found_by_its_id_and_the_last_one_by_its_use_case(tmp_path: Path) -> None:
    first, second = make_run(tmp_path, "flights-1", 1.0), make_run(tmp_path, "flights-0", 2.0)
    assert find_run(tmp_path, "flights-1") == first
    assert find_run(tmp_path, "flights") == second
    assert runs(tmp_path) == [first, second]


def test_the_report_is_of_the_last_run_of_either_pipeline_or_of_the_one_that_is_named(tmp_path: Path) -> None:
    make_run(tmp_path, "flights-1", 1.0)
    make_run(tmp_path, "flights-prediction-1", 2.0, "prediction")

    def reported(*options: str) -> str:
        done = CliRunner().invoke(app, ["report", "flights", "--root", str(tmp_path), *options])
        assert done.exit_code == 0, done.output
        return done.output.strip().rpartition("/runs/")[2]

    assert reported() == "flights-prediction-1/report.html"
    assert reported("--pipeline", "prediction") == "flights-prediction-1/report.html"
    assert reported("--pipeline", "training") == "flights-1/report.html"
    make_run(tmp_path, "flights-2", 3.0)
    assert reported() == "flights-2/report.html"


def test_a_prediction_goes_on_in_its_own_place_and_training_by_its_command() -> None:
    manifest = {"command": "python -m pipelines predict-batch x", "run_id": "r", "pipeline": "prediction"}
    assert again(manifest) == "python -m pipelines predict-batch x --repeat r"
    for repeats in ("--repeat q", "--repeat=q"):
        command = f"python -m pipelines predict-batch x {repeats}"
        assert again({**manifest, "command": command}) == command
    assert again({**manifest, "pipeline": "training"}) == manifest["command"]
    assert again({"run_id": "r", "pipeline": "prediction"}) == ""


def test_an_unknown_run_id_names_the_nearest(tmp_path: Path) -> None:
    make_run(tmp_path, "flights-20261101-120000-abcd", 1.0)
    with pytest.raises(UnknownRunError, match="Did you mean 'flights-20261101-120000-abcd'"):
        find_run(tmp_path, "flights-20261101-120000-abce")


def test_without_runs_the_remedy_is_to_list_them(tmp_path: Path) -> None:
    with pytest.raises(UnknownRunError, match="python -m pipelines status"):
        find_run(tmp_path, "x")


def test_the_records_of_cached_stages_are_found_beside_what_others_read(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier", tmp_path / "now"
    rows, examples, model = earlier / "i" / "rows", earlier / "t" / "examples", now / "tr" / "model"
    put_record(rows.parent, "ingest", {}, {"rows": rows})
    put_record(examples.parent, "transform", {"rows": rows}, {"examples": examples})
    put_record(now / "stages", "train", {"examples": examples}, {"model": model})
    records = stage_records(now)
    assert {record["stage"]: record["cached"] for record in records} == {
        "ingest": True,
        "transform": True,
        "train": False,
    }
    model.mkdir(parents=True)
    assert artifact_path({"stages": records}, "model") == model
    assert artifact_path({"stages": records}, "rows") is None


def test_a_manifest_is_there_from_the_start_and_tells_how_it_ended(tmp_path: Path) -> None:
    settings = load("flights", overrides=[f"places.root={tmp_path}"])
    folder = new_run(settings)
    manifest = begin_manifest(folder, settings, "python -m pipelines run flights")
    assert find_run(tmp_path, "flights") == folder
    ended = end_manifest(folder, manifest, "failed")
    assert ended["state"] == "failed"
    assert ended["settings"]["name"] == "flights"
    assert ended["versions"]["tensorflow"]
    assert ended["seconds"] >= 0
