"""The component does what the core does, and writes the record."""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.shared.files.artifacts import digest, read_json
from components.shared.stage.recording import RECORDS_VARIABLE
from components.transform.component import transform
from configs.features import Categorical, Features


def artifact(name: str, path: Path) -> dsl.Artifact:
    return dsl.Artifact(name=name, uri=str(path))


def test_the_component_writes_artifacts_and_record(
    run: Any, transformed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RECORDS_VARIABLE, str(tmp_path / "records"))
    config = run.stage(Features(categorical={"flight": Categorical(transform="hash", buckets=7)}))
    graph, examples = (
        artifact("transform_graph", tmp_path / "graph"),
        artifact("examples", tmp_path / "examples"),
    )
    transform.python_func(
        rows=artifact("rows", transformed.rows),
        settings=config.model_dump_json(),
        code="abc",
        transform_graph=graph,
        examples=examples,
    )
    record = read_json(tmp_path / "records" / "transform.stage.json")
    assert record["state"] == "done"
    assert record["summary"] == {"rows_in": 3800, "rows_out": 3800, "rejected": 0, "dense": 0, "indexed": 1}
    assert record["outputs"]["examples"]["digest"] == digest(tmp_path / "examples")
    assert examples.metadata["rows_out"] == 3800
    progress = read_json(tmp_path / "records" / "transform.progress.json")
    assert progress == {"what": "write examples", "done": 3800, "total": 3800}


def test_a_failure_is_described_in_the_record(
    run: Any, transformed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RECORDS_VARIABLE, str(tmp_path / "records"))
    config = run.stage(Features(categorical={"gone": Categorical()}))
    with pytest.raises(SystemExit):
        transform.python_func(
            rows=artifact("rows", transformed.rows),
            settings=config.model_dump_json(),
            code="abc",
            transform_graph=artifact("transform_graph", tmp_path / "graph"),
            examples=artifact("examples", tmp_path / "examples"),
        )
    record = read_json(tmp_path / "records" / "transform.stage.json")
    assert record["state"] == "failed"
    assert record["error"]["kind"] == "MissingFeatureError"
    assert not (tmp_path / "graph").exists()
