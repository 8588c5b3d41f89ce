"""The KFP wrapper: unpacks, calls the core, records."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.validate.component import validate

Judge = Any
"""The fixture of conftest.py."""


def call(rows: Path, folder: Path, stage: Any, baseline: str = "") -> dsl.Artifact:
    statistics = dsl.Artifact(name="statistics", uri=str(folder / "statistics"))
    validate.python_func(
        rows=dsl.Dataset(name="rows", uri=str(rows)),
        baseline=baseline,
        settings=stage.model_dump_json(),
        code="",
        statistics=statistics,
    )
    return statistics


def record(folder: Path) -> Any:
    return json.loads((folder / "validate.stage.json").read_text())


def test_the_component_records_what_it_did(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    rows = judge.write_rows(tmp_path / "rows")
    accepted = judge.clean.out.as_uri()
    statistics = call(rows, tmp_path, judge.stage(judge.schema), accepted)
    assert (Path(statistics.path) / "findings.json").is_file()
    recorded = record(tmp_path / "records")
    assert recorded["state"] == "done"
    assert recorded["summary"] == {
        "rows": 1200,
        "columns": 8,
        "errors": 0,
        "warnings": 0,
        "schema": "reviewed",
    }
    assert recorded["parameters"]["baseline"] == accepted
    assert "Nothing wrong with the data" in (tmp_path / "records" / "validate.log").read_text()


def test_a_rejection_is_recorded_and_its_findings_stay(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    rows = judge.write_rows(tmp_path / "rows", test=judge.made("test") | {"bought": [0] * 400})
    with pytest.raises(SystemExit):
        call(rows, tmp_path, judge.stage())
    recorded = record(tmp_path / "records")
    assert recorded["error"]["kind"] == "AnomaliesError"
    assert "bought (test): expected both 0 and 1, got always 0" in recorded["error"]["message"]
    assert (tmp_path / "statistics" / "findings.json").is_file()
    assert "always 0" in (tmp_path / "records" / "validate.log").read_text()
