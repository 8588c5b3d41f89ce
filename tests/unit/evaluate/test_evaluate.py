"""The stage as a whole: what it writes, and what it decides."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from kfp import dsl
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score

from components.evaluate.component import evaluate
from components.shared.files.artifacts import read_json
from components.shared.stage.recording import RECORDS_VARIABLE
from configs.evaluation import Gate

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # in TFMA, 0 / 0
Lab = Any
"""The fixture of conftest.py."""


def scored_by(model: Path, instances: list[dict[str, Any]]) -> list[float]:
    """What a client gets: JSON in, through the signature, in an own way to raw values."""

    def number(value: Any) -> float:
        return math.nan if value is None else float(value)

    def text(value: Any) -> str:
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    _, specs = signature.structured_input_signature
    columns = {
        name: tf.constant(
            [(number if spec.dtype == tf.float32 else text)(each[name]) for each in instances], spec.dtype
        )
        for name, spec in specs.items()
    }
    scores: list[float] = signature(**columns)["score"].numpy().tolist()
    return scores


def instances_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as a client would send them: what is not finite is missing."""
    return [
        {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in table.to_pylist()
    ]


def test_the_metrics_are_those_of_the_scores_of_the_exported_signature(
    judged: Path, table: pa.Table, candidate: Path, champion: Path
) -> None:
    metrics, labels = read_json(judged / "metrics.json"), table["late"].to_numpy()
    assert (metrics["rows"], metrics["positives"]) == (3000, int(labels.sum()))
    for role, model in (("candidate", candidate), ("champion", champion)):
        scores = np.array(scored_by(model, instances_of(table)))
        overall = metrics[role]["overall"]
        assert overall["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=2e-3)
        assert overall["log_loss"] == pytest.approx(log_loss(labels, scores), rel=1e-5)
        assert overall["precision"] == pytest.approx(precision_score(labels, scores >= 0.35))
        assert overall["recall"] == pytest.approx(recall_score(labels, scores >= 0.35))
        assert overall["calibration"] == pytest.approx(scores.mean() / labels.mean(), rel=1e-5)
    assert metrics["champion_version"] == "3"


def test_the_rows_of_the_slices_of_each_slicing_add_up(judged: Path, table: pa.Table) -> None:
    slices = read_json(judged / "metrics.json")["candidate"]["slices"]
    for columns in (["carrier"], ["month"], ["month", "carrier"]):
        of_these = [each for each in slices if list(each["slice"]) == columns]
        assert sum(each["rows"] for each in of_these) == len(table)
        assert sum(each["positives"] for each in of_these) == table["late"].to_numpy().sum()


def test_a_small_slice_is_counted_but_not_measured(judged: Path) -> None:
    slices = read_json(judged / "metrics.json")["candidate"]["slices"]
    small = next(each for each in slices if each["slice"] == {"month": 11, "carrier": "HA"})
    assert 0 < small["rows"] < 50
    assert all(small[name] is None for name in ("auc", "pr_auc", "precision", "recall", "log_loss"))


def test_tfma_loads_the_results_of_both_models(judged: Path) -> None:
    metrics = read_json(judged / "metrics.json")
    for role in ("candidate", "champion"):
        result = tfma.load_eval_result(str(judged / "tfma"), model_name=role)
        by_slice = dict(result.slicing_metrics)
        assert by_slice[()][""][""]["auc"]["doubleValue"] == metrics[role]["overall"]["auc"]
        assert (("carrier", "UA"), ("month", 11)) in by_slice
        assert (("carrier", ""),) in by_slice


def test_the_better_candidate_is_deployed_and_the_worse_one_is_not(
    lab: Lab, judged: Path, rows: Path, candidate: Path, champion: Path
) -> None:
    assert read_json(judged / "verdict.json")["decision"] == "deploy"
    against_the_better = read_json(lab.run(rows, champion, candidate, slices=()) / "verdict.json")
    assert against_the_better["decision"] == "reject"
    assert [reason["passed"] for reason in against_the_better["reasons"]] == [True, False]
    assert "worse than the champion's" in against_the_better["reasons"][1]["sentence"]


def test_the_first_model_has_no_champion(lab: Lab, rows: Path, candidate: Path) -> None:
    out = lab.run(rows, candidate, slices=())
    metrics, verdict = read_json(out / "metrics.json"), read_json(out / "verdict.json")
    assert (metrics["champion"], metrics["champion_version"]) == (None, None)
    assert read_json(out / "curves.json")["champion"] is None
    assert not (out / "champion").exists()
    assert verdict["decision"] == "deploy"
    assert verdict["reasons"][1]["sentence"] == "no champion yet to compare the AUC with"


def test_a_slice_of_one_label_has_no_auc_and_is_not_judged_by_it(
    lab: Lab, rows: Path, candidate: Path
) -> None:
    gates = (Gate(slice_floor=0.5),)
    out = lab.run(rows, candidate, min_slice_rows=10, slices=(("carrier",),), gates=gates)
    slices = read_json(out / "metrics.json")["candidate"]["slices"]
    of_one_label = next(each for each in slices if each["slice"] == {"carrier": "HA"})
    assert of_one_label["positives"] == 0
    assert [of_one_label[name] for name in ("auc", "pr_auc", "recall", "calibration")] == [None] * 4
    assert of_one_label["log_loss"] > 0
    verdict = read_json(out / "verdict.json")
    assert verdict["decision"] == "deploy"
    assert "AUC is not defined in carrier=HA" in verdict["reasons"][0]["sentence"]


def test_a_model_that_flags_nothing_has_no_precision_and_does_not_pass_by_it(
    lab: Lab, rows: Path, candidate: Path
) -> None:
    gates = (Gate(metric="precision", floor=0.0),)
    out = lab.run(rows, candidate, threshold=0.999, slices=(), gates=gates)
    overall = read_json(out / "metrics.json")["candidate"]["overall"]
    assert (overall["precision"], overall["recall"]) == (None, 0.0)
    verdict = read_json(out / "verdict.json")
    assert verdict["decision"] == "reject"
    assert verdict["reasons"][0]["sentence"] == "precision is not defined on these rows"


def test_golden_rows_come_from_the_whole_split_with_missing_values_and_their_offline_scores(
    judged: Path, candidate: Path
) -> None:
    golden = read_json(judged / "golden.json")
    assert len(golden["instances"]) == len(golden["scores"]) == len(golden["keys"]) == 16
    assert golden["scores"] == pytest.approx(scored_by(candidate, golden["instances"]), abs=1e-6)
    assert sorted(golden["keys"]) == golden["keys"]
    assert {int(key) // 600 for key in golden["keys"]} == {0, 1, 2, 3, 4}
    for name in ("humid", "seats", "carrier"):
        assert any(each[name] is None for each in golden["instances"]), name
    assert {type(each["weekend"]) for each in golden["instances"]} == {bool}
    assert {type(each["hour"]) for each in golden["instances"]} == {int}


def test_fewer_rows_than_golden_ones_are_all_golden(lab: Lab, candidate: Path) -> None:
    few = lab.made_rows(40)
    golden = read_json(lab.run(lab.rows(few), candidate, golden_rows=64, slices=()) / "golden.json")
    assert golden["keys"] == few["id"].to_pylist()


def test_curves_have_few_points_and_run_from_corner_to_corner(judged: Path) -> None:
    curves = read_json(judged / "curves.json")
    for role in ("candidate", "champion"):
        roc, pr, calibration = (curves[role][name] for name in ("roc", "pr", "calibration"))
        assert max(map(len, (roc, pr, calibration))) <= 200
        assert (roc[0]["fpr"], roc[0]["tpr"]) == (0.0, 0.0)
        assert (roc[-1]["fpr"], roc[-1]["tpr"], pr[-1]["recall"]) == (1.0, 1.0, 1.0)
        assert sum(each["rows"] for each in calibration) == 3000
        fpr, tpr = ([point[name] for point in roc] for name in ("fpr", "tpr"))
        area = read_json(judged / "metrics.json")[role]["overall"]["auc"]
        assert np.trapezoid(tpr, fpr) == pytest.approx(area, abs=1e-3)


def test_shards_and_batches_change_nothing(lab: Lab, judged: Path, table: pa.Table, candidate: Path) -> None:
    out = lab.run(lab.rows(table, shards=7), candidate, batch_rows=64)
    once, again = (read_json(path / "metrics.json")["candidate"] for path in (judged, out))
    # TensorFlow's last digit depends on the batch: a score at the edge of an interval may change sides.
    assert again["overall"] == pytest.approx(once["overall"], rel=1e-3)
    for name in ("log_loss", "calibration", "precision", "recall"):
        assert again["overall"][name] == pytest.approx(once["overall"][name], rel=1e-6)
    assert [each["rows"] for each in again["slices"]] == [each["rows"] for each in once["slices"]]


def test_the_component_returns_the_decision(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, rows: Path, candidate: Path, champion: Path
) -> None:
    monkeypatch.setenv(RECORDS_VARIABLE, str(lab.folder / "records"))
    decision = evaluate.python_func(
        rows=dsl.Dataset(name="rows", uri=str(rows)),
        model=dsl.Model(name="model", uri=str(champion)),
        champion=dsl.Model(name="champion", uri=str(candidate)),
        champion_version="3",
        settings=lab.part(slices=()).model_dump_json(),
        code="",
        evaluation=dsl.Artifact(name="evaluation", uri=str(lab.folder / "evaluation")),
        metrics=(numbers := dsl.Metrics(name="metrics", uri=str(lab.folder / "metrics"))),
        curve=(curve := dsl.ClassificationMetrics(name="curve", uri=str(lab.folder / "curve"))),
    )
    assert decision == "reject"
    measured = read_json(lab.folder / "evaluation" / "metrics.json")
    overall = measured["candidate"]["overall"]
    assert numbers.metadata == {name: value for name, value in overall.items() if value is not None}
    assert all(type(value) is float for value in numbers.metadata.values())
    _the_curve_is_that_of_the_scores(curve.metadata, overall)
    summary = read_json(lab.folder / "records" / "evaluate.stage.json")["summary"]
    assert summary["rows"] == 3000
    assert summary["decision"] == "reject"
    assert summary["auc"] < summary["champion_auc"]


def _the_curve_is_that_of_the_scores(shown: dict[str, Any], overall: dict[str, Any]) -> None:
    (negative, positive) = (row["row"] for row in shown["confusionMatrix"]["rows"])
    assert [each["displayName"] for each in shown["confusionMatrix"]["annotationSpecs"]] == [
        "negative", "positive",
    ]  # fmt: skip
    assert sum(negative) + sum(positive) == overall["rows"]
    assert sum(positive) == overall["positives"]
    assert positive[1] / sum(positive) == pytest.approx(overall["recall"], abs=1e-6)
    assert positive[1] / (positive[1] + negative[1]) == pytest.approx(overall["precision"], abs=1e-6)
    points = shown["confidenceMetrics"]
    first, last = points[0], points[-1]
    assert (first["recall"], first["falsePositiveRate"]) == (0.0, 0.0)
    assert (last["recall"], last["falsePositiveRate"]) == (1.0, 1.0)
    area = sum(
        (after["falsePositiveRate"] - before["falsePositiveRate"]) * (after["recall"] + before["recall"]) / 2
        for before, after in itertools.pairwise(points)
    )
    assert area == pytest.approx(overall["auc"], abs=2e-3)
