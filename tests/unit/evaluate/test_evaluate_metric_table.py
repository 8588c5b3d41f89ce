"""One table of metrics: a new entry is measured, gated and shown, and all judge by one rule."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from rich.console import Console
from sklearn.metrics import recall_score

from components.evaluate.gates import judge
from components.report.outcome import SAME, Comparison, comparison, tiles, verdict
from components.report.reading import Run
from components.report.slices import Slices, slices
from components.shared.files.artifacts import read_json
from configs.errors import DataError
from configs.evaluation import Gate
from configs.metrics import METRICS, Metric, slice_name
from configs.verdict import current_verdict
from pipelines import view

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # in TFMA, 0 / 0
Lab = Any
"""The fixture of conftest.py."""


def report_of(folder: Path, evaluation: Path) -> Run:
    """A run of which only the evaluation is there, as the report reads it."""
    record = {"stage": "evaluate", "state": "done", "outputs": {"evaluation": {"path": str(evaluation)}}}
    return Run(folder, {"run_id": "r", "state": "done", "stages": [{**record, "summary": {}, "seconds": {}}]})


def measured(**metrics: float) -> dict[str, Any]:
    return {"overall": {**dict.fromkeys(METRICS), **metrics}, "slices": []}


def write_evaluation(folder: Path, candidate: dict[str, Any], champion: dict[str, Any]) -> Path:
    """An `evaluation` with metrics only."""
    folder.mkdir(exist_ok=True)
    content = {"rows": 10, "positives": 4, "threshold": 0.5, "candidate": candidate, "champion": champion}
    (folder / "metrics.json").write_text(json.dumps({**content, "champion_version": "3"}))
    return folder


def shown(table: Any) -> str:
    console = Console(width=300, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_a_new_metric_is_one_entry(
    lab: Lab, rows: Path, candidate: Path, champion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs: Any = frozenset({"negatives"})
    specificity = Metric("specificity", "specificity", "higher", "Specificity", needs, "operating")
    monkeypatch.setitem(METRICS, "specificity", specificity)
    gates = (Gate(metric="specificity", floor=0.99, max_regression=0.0, slice_floor=0.1),)

    out = lab.run(rows, candidate, champion, gates=gates)

    metrics = read_json(out / "metrics.json")
    split = lab.scored(rows, candidate)
    assert metrics["candidate"]["overall"]["specificity"] == pytest.approx(
        recall_score(split["label"], np.asarray(split["score"]) >= 0.35, pos_label=0), abs=1e-12
    )
    assert all(
        each["specificity"] is not None for each in metrics["candidate"]["slices"] if each["rows"] >= 50
    )
    content = read_json(out / "verdict.json")
    assert [each["gate"] for each in content["reasons"]] == [
        "specificity floor", "specificity regression", "specificity slice floor",
    ]  # fmt: skip
    assert [each["passed"] for each in content["reasons"]] == [False, True, True]
    run = report_of(lab.folder, out)
    compared, sliced = comparison(run), slices(run)
    assert isinstance(compared, Comparison)
    assert isinstance(sliced, Slices)
    assert {row.name: row.judgment for row in compared.rows}["Specificity"] == "better"
    assert specificity in sliced.others
    assert "specificity" in shown(view.metrics_table(metrics))


def test_a_gate_on_an_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="one of auc, pr_auc"):
        Gate(metric="acu", floor=0.5)


@given(st.sampled_from(sorted(METRICS)), st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_report_and_gate_agree_on_what_is_worse(metric: str, value: float, before: float) -> None:
    gate = Gate(metric=metric, max_regression=0.0)
    (reason,) = judge([gate], measured(**{metric: value}), measured(**{metric: before}), 200).reasons
    judgment = METRICS[metric].judge(value, before, SAME)
    assert not (judgment == "worse" and reason.passed)
    assert not (judgment == "better" and not reason.passed)
    if abs(METRICS[metric].regression(value, before)) > SAME:
        assert (judgment == "worse") == (not reason.passed)


def test_a_calibration_of_1_30_is_worse_than_0_75_for_gate_and_report(tmp_path: Path) -> None:
    candidate, champion = measured(calibration=1.30), measured(calibration=0.75)
    decided = judge([Gate(metric="calibration", max_regression=0.0)], candidate, champion, 200)
    run = report_of(tmp_path, write_evaluation(tmp_path / "evaluation", candidate, champion))
    compared = comparison(run)
    assert decided.decision == "reject"
    assert isinstance(compared, Comparison)
    assert {row.name: row.judgment for row in compared.rows}["Calibration"] == "worse"
    assert {tile.name: tile.tone for tile in tiles(run)}["Calibration"] == "failed"


def test_a_slice_has_one_name() -> None:
    assert slice_name({"carrier": "UA", "month": 11}) == "carrier=UA, month=11"
    assert (slice_name({}), slice_name(None)) == ("", "")


def test_a_verdict_of_an_earlier_version_is_read_in_todays_words(tmp_path: Path) -> None:
    earlier = {"decision": "hold", "reasons": [{"held": False, "gate": "auc floor", "sentence": "AUC fell"}]}
    today = {
        "decision": "reject",
        "reasons": [{"passed": False, "gate": "auc floor", "sentence": "AUC fell"}],
    }
    assert current_verdict(earlier, "verdict.json") == today == current_verdict(today, "verdict.json")
    (tmp_path / "verdict.json").write_text(json.dumps(earlier))
    found = verdict(report_of(tmp_path, tmp_path))
    assert (found.decision, found.reasons[0]["passed"]) == ("reject", False)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content",
    [
        {"decision": "maybe", "reasons": []},
        {"reasons": []},
        {"decision": "deploy", "reasons": [{"sentence": "no word on the outcome"}]},
    ],
)
def test_a_verdict_in_no_known_words_is_rejected(content: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        current_verdict(content, "evaluation/verdict.json")
    assert caught.value.subject == "evaluation/verdict.json"
    assert "--from evaluate" in caught.value.remedy
