"""The KFP wrapper: unpacks, calls the core, records."""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.ingest.component import ingest
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import read_json


def call(stage: IngestStage, folder: Path) -> None:
    ingest.python_func(
        settings=stage.model_dump_json(),
        code="",
        source="fingerprint",
        rows=dsl.Dataset(name="rows", uri=str(folder / "again")),
    )


def test_the_component_records_what_it_did(
    run: Any, stage: IngestStage, visits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    folder = run(stage, visits)
    call(stage, tmp_path)
    record = read_json(tmp_path / "records/ingest.stage.json")
    assert record["state"] == "done"
    assert record["summary"]["train"] == 1296
    assert record["parameters"]["source"] == "fingerprint"
    assert read_json(tmp_path / "again/rows.json") == read_json(folder / "rows.json")


def test_a_rejection_is_recorded_in_one_line_and_leaves_nothing(
    run: Any, stage: IngestStage, visits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    run(stage, visits)
    with pytest.raises(SystemExit):
        call(stage.model_copy(update={"columns": ("pages",)}), tmp_path)
    error = read_json(tmp_path / "records/ingest.stage.json")["error"]
    assert error["kind"] == "MissingFeatureError"
    assert "Did you mean 'page'?" in error["message"]
    assert not (tmp_path / "again").exists()
