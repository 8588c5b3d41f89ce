"""The KFP wrapper: unpacks, calls the core, records."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.train.component import train

Trainer = Any
"""That of conftest.py."""


def call(trainer: Trainer, folder: Path, graph: Path, **knobs: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGE_RECORDS", str(folder / "records"))
        train.python_func(
            examples=dsl.Dataset(name="examples", uri=str(trainer.examples)),
            transform_graph=dsl.Artifact(name="transform_graph", uri=str(graph)),
            settings=trainer.stage(**knobs).model_dump_json(),
            code="",
            checkpoints=str(folder / "checkpoints"),
            model=dsl.Model(name="model", uri=str(folder / "model")),
            training_log=dsl.Artifact(name="training_log", uri=str(folder / "training_log")),
        )
    return record(folder)


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "records" / "train.stage.json").read_text())
    return content


def test_the_component_records_what_it_did(trainer: Trainer, tmp_path: Path) -> None:
    recorded = call(trainer, tmp_path, trainer.transform_graph)
    assert recorded["state"] == "done"
    assert recorded["summary"]["train_rows"] == 4000
    assert recorded["summary"]["eval_auc"] > 0.6
    assert (tmp_path / "model" / "saved_model.pb").is_file()
    assert (tmp_path / "training_log" / "history.json").is_file()
    progress = json.loads((tmp_path / "records" / "train.progress.json").read_text())
    assert progress == {"what": "epoch 2 of 2, examples", "done": 4000, "total": 4000}


def test_a_failure_leaves_no_outputs_and_says_what_to_run(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        call(trainer, tmp_path, tmp_path / "nowhere")
    recorded = record(tmp_path)
    assert recorded["error"]["kind"] == "TrainingError"
    assert recorded["error"]["message"].endswith("Run the pipeline again with --from transform.")
    assert not (tmp_path / "model").exists()


def test_the_curves_are_where_tensorboard_looks_for_them(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIP_TENSORBOARD_LOG_DIR", str(tmp_path / "shown"))
    call(trainer, tmp_path, trainer.transform_graph)
    kept = tmp_path / "training_log" / "tensorboard"
    files = sorted(path.relative_to(kept) for path in kept.rglob("events*"))
    assert {file.parts[0] for file in files} == {"train", "eval"}
    for file in files:
        assert (tmp_path / "shown" / file).read_bytes() == (kept / file).read_bytes()
