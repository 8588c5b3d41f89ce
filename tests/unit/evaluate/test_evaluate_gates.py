"""When a candidate may serve: every rule, at its edge, both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from components.evaluate.gates import Reason, Verdict, judge
from configs.evaluation import Evaluation, Gate
from configs.metrics import METRICS


def model(slices: Sequence[Mapping[str, Any]] = (), /, **overall: float | None) -> dict[str, Any]:
    """The metrics of a model; what is not said is not defined."""
    return {"overall": {**dict.fromkeys(METRICS), **overall}, "slices": list(slices)}


def part_of(carrier: str, rows: int = 1000, **metrics: float | None) -> dict[str, Any]:
    return {"slice": {"carrier": carrier}, "rows": rows, **dict.fromkeys(METRICS), **metrics}


def verdict(gate: Gate, candidate: Mapping[str, Any], champion: Mapping[str, Any] | None = None) -> Verdict:
    return judge([gate], candidate, champion, min_slice_rows=200)


def only_reason(judged: Verdict) -> Reason:
    (reason,) = judged.reasons
    return reason


@pytest.mark.parametrize(
    ("metric", "floor", "good", "bad"),
    [
        ("auc", 0.65, 0.65, 0.6499),
        ("pr_auc", 0.4, 0.4, 0.3999),
        ("precision", 0.5, 0.5, 0.4999),
        ("recall", 0.5, 0.5, 0.4999),
        ("log_loss", 0.6, 0.6, 0.6001),
        ("calibration", 0.2, 1.2, 1.2001),
        ("calibration", 0.2, 0.8, 0.7999),
    ],
)
def test_a_floor_passes_at_its_edge_and_not_beyond(
    metric: Any, floor: float, good: float, bad: float
) -> None:
    gate = Gate(metric=metric, floor=floor)
    passed, failed = (verdict(gate, model(**{metric: value})) for value in (good, bad))
    assert (passed.decision, failed.decision) == ("deploy", "reject")
    assert only_reason(failed).gate == f"{metric} floor"
    assert (only_reason(failed).value, only_reason(failed).limit) == (bad, floor)


@pytest.mark.parametrize(
    ("metric", "before", "good", "bad"),
    [
        ("auc", 0.705, 0.7, 0.6999),
        ("precision", 0.305, 0.3, 0.2999),
        ("log_loss", 0.5, 0.505, 0.5051),
        ("calibration", 1.1, 1.105, 1.1051),
        ("calibration", 1.1, 0.895, 0.8949),
    ],
)
def test_a_regression_passes_at_its_edge_and_not_beyond(
    metric: Any, before: float, good: float, bad: float
) -> None:
    gate = Gate(metric=metric, max_regression=0.005)
    passed, failed = (
        verdict(gate, model(**{metric: value}), model(**{metric: before})) for value in (good, bad)
    )
    assert (passed.decision, failed.decision) == ("deploy", "reject")
    assert "worse than the champion's" in only_reason(failed).sentence
    assert "beyond 0.005" in only_reason(failed).sentence


def test_a_better_model_passes_a_regression_of_zero_and_so_does_an_equal_one() -> None:
    gate = Gate(max_regression=0.0)
    assert verdict(gate, model(auc=0.71), model(auc=0.7)).decision == "deploy"
    assert verdict(gate, model(auc=0.7), model(auc=0.7)).decision == "deploy"
    assert verdict(gate, model(auc=0.6999), model(auc=0.7)).decision == "reject"


def test_a_calibration_nearer_to_one_is_better_from_either_side() -> None:
    gate = Gate(metric="calibration", max_regression=0.0)
    assert verdict(gate, model(calibration=0.95), model(calibration=1.1)).decision == "deploy"
    assert verdict(gate, model(calibration=0.85), model(calibration=1.1)).decision == "reject"


def test_without_a_champion_the_regression_is_recorded_and_does_not_stand_in_the_way() -> None:
    reason = only_reason(verdict(Gate(max_regression=0.0), model(auc=0.7)))
    assert reason.passed
    assert (reason.value, reason.limit) == (0.7, None)
    assert reason.sentence == "no champion yet to compare the AUC with"


@pytest.mark.parametrize(("value", "decision"), [(0.5, "deploy"), (0.4999, "reject")])
def test_a_slice_floor_passes_at_its_edge_and_not_beyond(value: float, decision: str) -> None:
    slices = [part_of("UA", auc=0.7), part_of("HA", auc=value)]
    judged = verdict(Gate(slice_floor=0.5), model(slices, auc=0.7))
    assert judged.decision == decision
    assert only_reason(judged).slice == {"carrier": "HA"}
    assert "carrier=HA" in only_reason(judged).sentence


@pytest.mark.parametrize(("rows", "decision"), [(199, "deploy"), (200, "reject")])
def test_only_a_slice_of_enough_rows_is_judged(rows: int, decision: str) -> None:
    slices = [part_of("UA", auc=0.7), part_of("HA", rows=rows, auc=0.3)]
    judged = verdict(Gate(slice_floor=0.5), model(slices, auc=0.7))
    assert judged.decision == decision
    if decision == "deploy":
        assert "1 smaller ones are not judged" in only_reason(judged).sentence


def test_every_failing_slice_has_its_reason_the_weakest_first() -> None:
    slices = [part_of("UA", auc=0.49), part_of("B6", auc=0.6), part_of("HA", rows=342, auc=0.4)]
    judged = verdict(Gate(slice_floor=0.5), model(slices, auc=0.7))
    assert [reason.slice for reason in judged.reasons] == [{"carrier": "HA"}, {"carrier": "UA"}]
    assert judged.reasons[0].sentence == "AUC 0.4 in carrier=HA (342 rows) is below the floor 0.5"


def test_the_weakest_slice_by_log_loss_is_the_one_with_the_highest() -> None:
    slices = [part_of("UA", log_loss=0.4), part_of("B6", log_loss=0.6)]
    gate = Gate(metric="log_loss", slice_floor=0.6)
    assert only_reason(verdict(gate, model(slices, log_loss=0.5))).slice == {"carrier": "B6"}
    gate = Gate(metric="log_loss", slice_floor=0.59)
    assert verdict(gate, model(slices, log_loss=0.5)).decision == "reject"


def test_a_metric_that_is_not_defined_in_a_slice_is_recorded_and_not_judged() -> None:
    slices = [part_of("UA", auc=0.7), part_of("HA", rows=342, auc=None)]
    judged = verdict(Gate(slice_floor=0.5), model(slices, auc=0.7))
    assert judged.decision == "deploy"
    assert judged.reasons[0].value is None
    assert judged.reasons[0].sentence == "AUC is not defined in carrier=HA (342 rows): not judged"


def test_a_metric_that_is_not_defined_on_the_whole_split_never_passes() -> None:
    gate = Gate(metric="precision", floor=0.1)
    reason = only_reason(verdict(gate, model(precision=None)))
    assert not reason.passed
    assert reason.sentence == "precision is not defined on these rows"
    gate = Gate(metric="precision", max_regression=0.1)
    assert verdict(gate, model(precision=None), model(precision=0.3)).decision == "reject"


def test_a_champion_without_the_metric_is_no_bar() -> None:
    gate = Gate(metric="precision", max_regression=0.1)
    reason = only_reason(verdict(gate, model(precision=0.2), model(precision=None)))
    assert reason.passed
    assert "the champion's precision is not defined" in reason.sentence


def test_a_rule_that_is_not_given_is_not_applied() -> None:
    judged = verdict(Gate(floor=0.6), model([part_of("HA", auc=0.1)], auc=0.65), model(auc=0.9))
    assert [reason.gate for reason in judged.reasons] == ["auc floor"]
    assert judged.decision == "deploy"


def test_one_gate_of_several_that_fails_is_enough() -> None:
    gates = [Gate(floor=0.6), Gate(metric="calibration", floor=0.1)]
    judged = judge(gates, model(auc=0.7, calibration=1.3), None, min_slice_rows=200)
    assert judged.decision == "reject"
    assert [reason.passed for reason in judged.reasons] == [True, False]
    assert judged.reasons[1].sentence == "calibration 1.3 is 0.3 away from 1, beyond 0.1"


def test_a_sentence_shows_enough_digits_to_tell_the_figures_apart() -> None:
    sentence = only_reason(verdict(Gate(floor=0.65), model(auc=0.649996))).sentence
    assert sentence == "AUC 0.649996 is below the floor 0.65"


def test_the_verdict_as_json_has_every_reason_with_its_figures() -> None:
    content = verdict(Gate(floor=0.65), model(auc=0.701)).content()
    assert content == {
        "decision": "deploy",
        "reasons": [
            {
                "gate": "auc floor",
                "metric": "auc",
                "slice": None,
                "passed": True,
                "value": 0.701,
                "limit": 0.65,
                "sentence": "AUC 0.701 is at least the floor 0.65",
            }
        ],
    }


def test_a_gate_without_a_rule_is_rejected() -> None:
    with pytest.raises(ValidationError, match="gate on recall has no rule"):
        Gate(metric="recall")


@pytest.mark.parametrize("slices", [(("a",), ("a",)), (("a", "b"), ("b", "a")), (("a", "a"),), ((),)])
def test_a_slicing_named_twice_or_empty_is_rejected(slices: Any) -> None:
    with pytest.raises(ValidationError, match="slices"):
        Evaluation(slices=slices)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_makes_all_rows_alike_is_rejected(threshold: float) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        Evaluation(threshold=threshold)
