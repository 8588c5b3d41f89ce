"""A stage of prediction by itself, on the artifacts of the last prediction run."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json, write_json
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry
from configs.errors import SettingsError, UnknownRunError
from configs.loading import load
from configs.settings import Settings
from pipelines.__main__ import app
from pipelines.commands import predict_batch as batch_command
from pipelines.commands import stage as stage_command
from pipelines.graph import definitions
from pipelines.runs import begin_manifest, find_run, new_run

USE_CASE = """
name: flights
key: id
label: {column: late}
split: {by: hash, column: id}
features:
  numeric: {distance: {}, seats: {}}
  categorical: {carrier: {}, origin: {}}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, model: Path, flights: pa.Table) -> Path:
    """A working folder with a use case, rows to score, and two versions: the first is the champion."""
    folder = tmp_path_factory.mktemp("workspace")
    registry, run = FolderRegistry(folder / "registry"), folder / "run"
    for artifact in ("statistics", "evaluation"):
        (run / artifact).mkdir(parents=True)
    for name in ("metrics.json", "verdict.json", "golden.json"):
        (run / "evaluation" / name).write_text("{}")
    registry.register("flights", Submission(model, run / "statistics", run / "evaluation"))
    registry.deploy("flights", 1, 100)
    for name in ("data", "flights"):
        (folder / name).mkdir()
    pq.write_table(flights, folder / "data/flights.parquet")
    (folder / "flights/use_case.yaml").write_text(USE_CASE)
    return folder


@pytest.fixture(scope="module")
def settings(workspace: Path) -> Settings:
    """Those of the working folder."""
    places = [f"places.root={workspace / 'output'}", f"places.registry=file://{workspace / 'registry'}"]
    return load(workspace / "flights", overrides=[*places, f"source.uri=file://{workspace / 'data'}"])


@pytest.fixture(scope="module")
def first(settings: Settings) -> Path:
    """A whole run."""
    assert batch_command.run(settings)
    return find_run(settings.run_root, "flights", "prediction")


def with_batches(settings: Settings, rows: int) -> Settings:
    changed = settings.prediction.model_copy(update={"batch_rows": rows})
    return settings.model_copy(update={"prediction": changed})


def test_choose_looks_at_the_registry_as_it_is(settings: Settings) -> None:
    out = stage_command.run("choose", settings, "")
    choice = read_json(out / "choice/choice.json")
    assert (choice["version"], choice["status"]) == ("1", "champion")
    assert choice["scored_at"].endswith("+00:00")


def test_select_and_predict_do_the_work_of_the_run_again(settings: Settings, first: Path) -> None:
    made = {each.parent.name: each.parent for each in first.rglob("rows.json")}
    again = stage_command.run("select", settings, "")
    assert read_json(again / "rows/rows.json") == read_json(made["rows"] / "rows.json")
    out = stage_command.run("predict", with_batches(settings, 77), first.name)
    content = read_json(out / "predictions/predictions.json")
    (whole,) = (each for each in first.rglob("predictions.json") if each.parent.name == "predictions")
    kept = read_json(whole)
    assert {**content, "scores": None} == {**kept, "scores": None}
    assert content["run_id"] == first.name, "the stamp of the run, whose artifacts they are"
    assert read_json(out / "predict.stage.json")["state"] == "done"


def test_deliver_takes_the_runs_own_place(settings: Settings, first: Path) -> None:
    delivered = settings.run_root / "predictions/flights"
    before = sorted(delivered.rglob("*"))
    out = stage_command.run("deliver", settings, "")
    assert read_json(out / "delivery/delivery.json")["run_id"] == first.name
    assert sorted(delivered.rglob("*")) == before
    rows: Any = sum(pq.read_metadata(shard).num_rows for shard in (delivered / first.name).glob("*.parquet"))
    assert rows == 1000


@pytest.mark.usefixtures("first")
def test_a_run_that_did_not_get_so_far_and_one_of_training_are_rejected(settings: Settings) -> None:
    began = new_run(settings, "prediction")
    begin_manifest(
        began, settings, "python -m pipelines predict-batch flights", "prediction", {"run_id": "x"}
    )
    with pytest.raises(UnknownRunError, match=r"the artifact 'choice'.*Name another run with --run"):
        stage_command.run("select", settings, began.name)
    (began / MANIFEST).unlink()
    training = new_run(settings)
    begin_manifest(training, settings, "python -m pipelines run flights")
    with pytest.raises(UnknownRunError, match="expected the id of a prediction run"):
        stage_command.run("deliver", settings, training.name)
    (training / MANIFEST).unlink()


def test_without_a_prediction_run_there_is_nothing_to_stand_on(settings: Settings, tmp_path: Path) -> None:
    places = settings.places.model_copy(update={"root": str(tmp_path)})
    elsewhere = settings.model_copy(update={"places": places})
    (tmp_path / "runs/flights-1/stages").mkdir(parents=True)
    write_json(tmp_path / "runs/flights-1" / MANIFEST, {"name": "flights", "started_at": 1.0, "stages": []})
    with pytest.raises(UnknownRunError, match="expected the id of a prediction run"):
        stage_command.run("predict", elsewhere, "")


def test_an_unknown_stage_is_reported_with_the_stages_of_both_pipelines(settings: Settings) -> None:
    every = [stage for each in definitions.every() for stage in each.order if stage != "resolve"]
    for name in ("choos", "resolve", "reject"):
        with pytest.raises(SettingsError) as caught:
            stage_command.run(name, settings, "")
        assert f"expected one of {', '.join(every)}, got '{name}'" in str(caught.value)
    shown = CliRunner().invoke(app, ["stage", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert all(stage in shown.output for stage in every)


def test_a_run_that_nobody_watched_is_repeated_with_what_it_chose(settings: Settings, tmp_path: Path) -> None:
    here = settings.model_copy(update={"places": settings.places.model_copy(update={"root": str(tmp_path)})})
    (tmp_path / "runs/job-1").mkdir(parents=True)
    summary = {"version": "3", "scored_at": "2026-11-03T14:00:00+00:00"}
    manifest = {
        "run_id": "job-1", "name": "flights", "started_at": 1.0, "pipeline": "prediction",
        "parameters": {"run_id": "", "scored_at": "", "version": ""},
        "stages": [{"stage": "choose", "summary": summary}],
    }  # fmt: skip
    write_json(tmp_path / "runs/job-1" / MANIFEST, manifest)
    again = batch_command._parameters(here, repeat="job-1")
    assert again == {"run_id": "job-1", **summary}
    newer = batch_command._parameters(here, version="4", repeat="job-1")
    assert newer == {**again, "version": "4"}
    write_json(tmp_path / "runs/job-1" / MANIFEST, {**manifest, "parameters": {**again, "run_id": "first"}})
    assert batch_command._parameters(here, repeat="job-1")["run_id"] == "first"
