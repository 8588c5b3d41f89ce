"""What TFMA's own tools find in an evaluation; its verdict by thresholds is that of the gates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.experimental import dataframe
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import validation_result_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from components.evaluate.analysis import slice_key
from components.evaluate.eval_config import CANDIDATE, CHAMPION, Defined, Measure, eval_config
from components.evaluate.gates import judge
from components.evaluate.slices import Slice
from components.shared.files.artifacts import read_json
from configs.evaluation import Gate
from configs.metrics import METRICS

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # in TFMA, 0 / 0
Lab = Any
"""The fixture of conftest.py."""
MIN_ROWS = 200
SLICINGS = (("carrier",), ("month",))
GATES = (
    Gate(floor=0.6, max_regression=0.0, slice_floor=0.5),
    Gate(metric="calibration", floor=0.3, max_regression=0.1, slice_floor=0.4),
    Gate(metric="log_loss", floor=0.3),
)


# --- rows and groups --------------------------------------------------------------------------------


def awkward(columns: Mapping[str, Any]) -> Any:
    """Saturated scores, and many exactly at the operating threshold 0.25."""
    ties = tf.where(columns["weekend"] == "true", 0.25, 1 / (1 + tf.exp((14 - columns["hour"]) / 4)))
    return tf.where(columns["hour"] < 7, 0.0, tf.where(columns["hour"] > 20, 1.0, ties))


@pytest.fixture(scope="module")
def both_ways(
    tmp_path_factory: pytest.TempPathFactory, champion: Path, lab_class: Any, table: pa.Table
) -> dict[str, Path]:
    """The same rows evaluated as groups and row by row; some integers are missing, some slices tiny."""
    random = np.random.default_rng(7)
    gate = pa.array(random.choice([1, 2, 30], 900), mask=random.random(900) < 0.2)
    flights = table.slice(0, 900).append_column("gate", gate)
    found = {}
    for how in ("grouped", "rows"):
        lab = lab_class(tmp_path_factory.mktemp(how))
        model = lab.model(awkward, numeric=("hour",), categorical=("weekend",))
        slices = (("carrier",), ("gate",), ("month", "carrier"))
        found[how] = lab.run(
            lab.rows(flights), model, champion, threshold=0.25, slices=slices, gates=GATES, aggregation=how
        )
    return found


def test_rows_one_by_one_give_what_groups_give(both_ways: Mapping[str, Path]) -> None:
    for file in ("metrics.json", "curves.json", "golden.json", "verdict.json"):
        grouped, rows = (read_json(both_ways[how] / file) for how in ("grouped", "rows"))
        assert_close(grouped, rows, file)
    slices = read_json(both_ways["rows"] / "metrics.json")["candidate"]["slices"]
    assert {"gate": ""} in [each["slice"] for each in slices]
    assert any(each["rows"] < 50 and each["log_loss"] is None for each in slices)


def assert_close(one: Any, other: Any, where: str) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_close(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for index, (each, its_other) in enumerate(zip(one, other, strict=True)):
            assert_close(each, its_other, f"{where}/{index}")
    else:
        assert one == (pytest.approx(other, abs=1e-12) if isinstance(one, float) else other), where


def test_both_ways_have_one_configuration_and_one_validation(both_ways: Mapping[str, Path]) -> None:
    configs = [
        tfma.load_eval_result(str(path / "tfma"), model_name=CANDIDATE).config for path in both_ways.values()
    ]
    assert configs[0] == configs[1]
    grouped, rows = (tfma.load_validation_result(str(path / "tfma")) for path in both_ways.values())
    ours = {
        (tuple(sorted((reason["slice"] or {}).items())), reason["gate"])
        for reason in read_json(both_ways["rows"] / "verdict.json")["reasons"]
        if not reason["passed"]
    }
    assert len(ours) >= 3
    assert failures(grouped) == failures(rows) == ours


def failures(result: Any) -> set[tuple[Any, str]]:
    """Slice and gate of every threshold that was not reached."""
    return {
        (key, gate_of(failure.metric_key, key))
        for part in result.metric_validations_per_slice
        for failure in part.failures
        for key in [slicer_lib.deserialize_slice_key(part.slice_key)]
    }


def gate_of(metric: Any, slice_: Any) -> str:
    rule = "regression" if metric.is_diff else "slice floor" if slice_ else "floor"
    return f"{metric.name.removesuffix('_distance')} {rule}"


# --- TFMA's own tools -------------------------------------------------------------------------------


def test_tfma_reads_metrics_slices_thresholds_and_validation(both_ways: Mapping[str, Path]) -> None:
    out = both_ways["grouped"]
    folder, metrics = str(out / "tfma"), read_json(out / "metrics.json")
    result = tfma.load_eval_result(folder, model_name=CANDIDATE)
    assert (
        dict(result.slicing_metrics)[()][""][""]["auc"]["doubleValue"]
        == metrics["candidate"]["overall"]["auc"]
    )
    assert [list(spec.feature_keys) for spec in result.config.slicing_specs] == [
        [], ["carrier"], ["gate"], ["month", "carrier"],
    ]  # fmt: skip
    assert [spec.is_baseline for spec in result.config.model_specs] == [False, True]
    frames = dataframe.metrics_as_dataframes(tfma.load_metrics(folder))
    assert {CANDIDATE, CHAMPION} <= set(frames.double_value["metric_keys", "model_name"])
    validation = tfma.load_validation_result(folder)
    assert validation.validation_ok == (read_json(out / "verdict.json")["decision"] == "deploy")
    checked = {
        tuple(each.slicing_spec.feature_keys) for each in validation.validation_details.slicing_details
    }
    assert () in checked
    assert not validation.missing_slices


def test_a_candidate_that_passes_is_validated_by_tfma(
    lab: Lab, rows: Path, candidate: Path, champion: Path
) -> None:
    gates = (Gate(floor=0.6, max_regression=0.0, slice_floor=0.5), Gate(metric="precision", floor=0.1))
    out = lab.run(rows, candidate, champion, gates=gates)
    assert read_json(out / "verdict.json")["decision"] == "deploy"
    assert tfma.load_validation_result(str(out / "tfma")).validation_ok


def test_a_metric_that_is_not_defined_fails_on_the_whole_split_and_is_not_judged_in_a_slice(
    lab: Lab, rows: Path, candidate: Path
) -> None:
    lenient = {"min_slice_rows": 10, "slices": (("carrier",),), "gates": (Gate(slice_floor=0.5),)}
    out = lab.run(rows, candidate, **lenient)  # HA has one label
    assert tfma.load_validation_result(str(out / "tfma")).validation_ok
    gates = (Gate(metric="precision", floor=0.0),)
    out = lab.run(rows, candidate, threshold=0.999, slices=(), gates=gates)
    assert read_json(out / "verdict.json")["decision"] == "reject"
    assert not tfma.load_validation_result(str(out / "tfma")).validation_ok


# --- one verdict --------------------------------------------------------------------------------------


NUDGES = (0.0, 1e-9, -1e-9, 2e-9, -2e-9, 5e-10, 1e-3, -1e-3, 2.3e-16, -2.3e-16)
LIMITS = (0.0, 0.005, 0.3, 0.5, 0.65, 0.705)


@st.composite
def near(draw: st.DrawFn) -> float:
    """A value at a limit or a hair beside it, on either side of 1."""
    limit = draw(st.sampled_from((*LIMITS, *(1 + each for each in LIMITS), *(1 - each for each in LIMITS))))
    return limit + draw(st.sampled_from(NUDGES))


gates = st.builds(
    Gate,
    metric=st.sampled_from(sorted(METRICS)),
    floor=st.sampled_from((None, *LIMITS)),
    max_regression=st.sampled_from((None, 0.0, 0.005, 0.3)),
    slice_floor=st.sampled_from((0.3, 0.5, 0.65)),
)
values = st.fixed_dictionaries({name: st.one_of(near(), near(), near(), st.none()) for name in METRICS})


@given(st.lists(gates, min_size=1, max_size=3), values, st.one_of(st.none(), values), st.data())
@settings(max_examples=300, deadline=None)
def test_tfma_and_the_gates_come_to_one_verdict(
    gates: Sequence[Gate], overall: dict[str, Any], before: dict[str, Any] | None, data: st.DataObject
) -> None:
    parts = [
        Slice((column,), (value,)) for column, value in (("carrier", "UA"), ("carrier", ""), ("month", 11))
    ]
    slices = [
        {"slice": each.named, "rows": data.draw(st.sampled_from((100, 1000))), **data.draw(values)}
        for each in parts
    ]
    champion = {"overall": before, "slices": []} if before else None
    ours = judge(gates, {"overall": overall, "slices": slices}, champion, MIN_ROWS)
    theirs = validated(gates, overall, before, list(zip(parts, slices, strict=True)))
    assert theirs == (ours.decision == "deploy")


def validated(
    gates: Sequence[Gate],
    overall: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    slices: Sequence[tuple[Slice, Mapping[str, Any]]],
) -> bool:
    """What TFMA's validator says of metrics as its evaluator gives them; NaN: not defined."""
    judged = {
        name: [each for each, values in slices if values["rows"] >= MIN_ROWS and values[name] is not None]
        for name in METRICS
    }
    unjudged = {name: {each.columns for each, _ in slices if each not in judged[name]} for name in METRICS}
    champion = {name for name in METRICS if before[name] is not None} if before else None
    models = [CANDIDATE, CHAMPION] if before else [CANDIDATE]
    measure = Measure("late", 500, 0.5)
    config = eval_config(models, SLICINGS, measure, gates, Defined(judged, unjudged, champion))
    whole = validation_result_pb2.ValidationResult(validation_ok=True)
    for each, values in ((Slice(), overall), *slices):
        found = dict(tfma_metrics(values, before, "" if len(models) == 1 else CANDIDATE))
        result = metrics_validator.validate_metrics((slice_key(each), found), config)
        whole.validation_ok &= result.validation_ok
        metrics_validator.merge_details(whole, result)
    missing = metrics_validator.get_missing_slices(whole.validation_details.slicing_details, config)
    return whole.validation_ok and not missing


def tfma_metrics(
    candidate: Mapping[str, Any], before: Mapping[str, Any] | None, model: str
) -> Iterator[tuple[Any, float]]:
    """The metrics of a slice by TFMA's keys, with distances from 1 and changes."""

    def every(values: Mapping[str, Any]) -> dict[str, float]:
        known = {name: math.nan if values[name] is None else values[name] for name in METRICS}
        return known | {"calibration_distance": abs(known["calibration"] - 1.0)}

    for name, value in every(candidate).items():
        key = metric_types.MetricKey(name=name, model_name=model, example_weighted=True)
        yield key, value
        if before:
            yield key.make_baseline_key(CHAMPION), every(before)[name]
            yield key.make_diff_key(), value - every(before)[name]
