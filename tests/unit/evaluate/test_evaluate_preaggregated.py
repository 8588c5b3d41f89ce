"""Pre-aggregated rows give the metrics of the rows: TFMA's own, on the same scores, by the same slices."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from tensorflow_model_analysis.proto import config_pb2

from components.evaluate.analysis import Metrics, SliceKey, analyze_groups, slice_key
from components.evaluate.eval_config import CANDIDATE, Defined, Measure, eval_config
from components.evaluate.preaggregated import PreaggregatedRows, chosen_bins
from components.evaluate.slices import OVERALL, SliceBook
from components.shared.beam.options import pipeline_options
from configs.places import Beam

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # in TFMA, 0 / 0
THRESHOLD = 0.25
SLICINGS = [("carrier",), ("month",), ("month", "carrier")]
PLAIN = """
    model_specs {{ label_key: "late" prediction_key: "score" }}
    slicing_specs {{}}
    slicing_specs {{ feature_keys: "carrier" }}
    slicing_specs {{ feature_keys: "month" }}
    slicing_specs {{ feature_keys: "month" feature_keys: "carrier" }}
    metrics_specs {{
      metrics {{ class_name: "AUC" config: '{{"name": "auc", "num_thresholds": {bins}}}' }}
      metrics {{ class_name: "AUCPrecisionRecall" config: '{{"name": "pr_auc", "num_thresholds": {bins}}}' }}
      metrics {{ class_name: "Precision" config: '{{"name": "precision", "thresholds": [{threshold}]}}' }}
      metrics {{ class_name: "Recall" config: '{{"name": "recall", "thresholds": [{threshold}]}}' }}
      metrics {{ class_name: "Calibration" config: '{{"name": "calibration"}}' }}
      metrics {{ class_name: "BinaryCrossEntropy" config: '{{"name": "log_loss"}}' }}
      metrics {{ class_name: "ExampleCount" config: '{{"name": "example_count"}}' }}
    }}
"""


@pytest.fixture(scope="module")
def scored(table: pa.Table) -> pa.Table:
    """1,000 rows with scores; one in ten lies exactly at the threshold, some at edges of TFMA's buckets."""
    random = np.random.default_rng(5)
    late = table["late"].to_numpy()[:1000]
    scores = (1 / (1 + np.exp(-random.normal(late - 1.5, 1.0)))).astype(np.float32).astype(np.float64)
    scores[::10] = THRESHOLD
    scores[::17] = np.round(scores[::17], 4)
    rows = table.slice(0, 1000).select(["late", "carrier", "month"])
    carrier: Any = pc.fill_null(rows["carrier"], "")  # type: ignore[type-var]  # TFMA's slicer leaves rows without the feature out
    return rows.set_column(1, "carrier", carrier).append_column("score", pa.array(scores))


@pytest.fixture(scope="module")
def book(scored: pa.Table) -> SliceBook:
    """The slices of the rows, numbered."""
    book = SliceBook(SLICINGS)
    list(book.numbered(whole(scored)))
    return book


def whole(scored: pa.Table) -> pa.RecordBatch:
    return scored.combine_chunks().to_batches()[0]


def in_lists(scored: pa.Table) -> pa.RecordBatch:
    """TFMA's form of rows: every value a list of one."""
    offsets = pa.array(range(len(scored) + 1), pa.int32())
    columns = {
        name: pa.ListArray.from_arrays(offsets, column)
        for name, column in zip(scored.column_names, whole(scored).columns, strict=True)
    }
    return pa.RecordBatch.from_pydict(columns)


def groups_of(scored: pa.Table, book: SliceBook) -> PreaggregatedRows:
    batch = whole(scored)
    scores, labels = batch.column("score").to_numpy(), batch.column("late").to_numpy()
    return PreaggregatedRows.of(scores, labels, book.numbered(batch), THRESHOLD)


def analyzed(
    folder: Path, slices: Mapping[SliceKey, PreaggregatedRows], bins: int
) -> dict[SliceKey, Metrics]:
    """What the stage makes of pre-aggregated rows of one model."""
    config = eval_config([CANDIDATE], SLICINGS, Measure("late", bins, THRESHOLD), (), Defined({}, {}))
    return analyze_groups(folder, config, {CANDIDATE: slices}, pipeline_options(Beam()))[CANDIDATE]


def metrics_of(folder: Path) -> dict[Any, dict[str, float]]:
    """What TFMA's own loader finds in a result folder, by slice."""
    found = tfma.load_eval_result(str(folder)).slicing_metrics
    return {
        key: {name: float(value["doubleValue"]) for name, value in outputs[""][""].items()}
        for key, outputs in found
    }


def by_plain_tfma(scored: pa.Table, bins: int, folder: Path) -> dict[Any, dict[str, float]]:
    """Every row through TFMA's own extractors and slicer."""
    threshold = np.nextafter(THRESHOLD, 0.0)
    config = text_format.Parse(
        PLAIN.format(bins=bins, threshold=repr(float(threshold))), config_pb2.EvalConfig()
    )
    with beam.Pipeline(options=pipeline_options(Beam())) as pipeline:
        evaluation = (
            pipeline
            | beam.Create([in_lists(scored)], reshuffle=False)
            | tfma.BatchedInputsToExtracts()
            | tfma.ExtractAndEvaluate(
                tfma.default_extractors(eval_config=config), tfma.default_evaluators(eval_config=config)
            )
        )
        evaluation | tfma.WriteResults(tfma.default_writers(str(folder), eval_config=config))
    return metrics_of(folder)


@pytest.mark.parametrize("bins", [200, 10_000])
def test_every_metric_of_every_slice_equals_plain_tfma(
    tmp_path: Path, scored: pa.Table, book: SliceBook, bins: int
) -> None:
    groups = groups_of(scored, book).within(bins)
    assert len(groups.key) < 4 * len(scored)  # fewer than rows x slicings
    slices = {slice_key(book.slices[number]): group for number, group in groups.by_slice().items()}
    analyzed(tmp_path / "grouped", slices, bins)

    ours, plain = metrics_of(tmp_path / "grouped"), by_plain_tfma(scored, bins, tmp_path / "plain")

    assert ours.keys() == plain.keys()
    assert len(ours) == len(book.slices) == 1 + 5 + 2 + 10
    for key in plain:
        assert ours[key] == pytest.approx(plain[key], rel=1e-9, nan_ok=True), key
        assert ours[key]["example_count"] == plain[key]["example_count"]


def test_what_is_returned_is_what_was_written(tmp_path: Path, scored: pa.Table, book: SliceBook) -> None:
    groups = groups_of(scored, book).within(100).by_slice()
    returned = analyzed(tmp_path / "it", {slice_key(book.slices[n]): g for n, g in groups.items()}, 100)
    for key, metrics in metrics_of(tmp_path / "it").items():
        assert {name: np.nan if value is None else value for name, value in returned[key].items()} == (
            pytest.approx(metrics, nan_ok=True)
        )


@pytest.fixture(scope="module")
def overall(
    tmp_path_factory: pytest.TempPathFactory, scored: pa.Table, book: SliceBook
) -> Mapping[int, Metrics]:
    """The metrics of the whole split by number of bins."""
    found = {}
    for bins in (50, 1000):
        groups = groups_of(scored, book).within(bins).by_slice()[OVERALL]
        folder = tmp_path_factory.mktemp("overall") / str(bins)
        found[bins] = analyzed(folder, {(): groups}, bins)[()]
    return found


@pytest.mark.parametrize(("bins", "tolerance"), [(50, 3e-3), (1000, 3e-4)])
def test_areas_come_close_to_those_of_scikit_learn(
    scored: pa.Table, book: SliceBook, overall: Mapping[int, Metrics], bins: int, tolerance: float
) -> None:
    labels, scores = scored["late"].to_numpy(), scored["score"].to_numpy()
    exact = roc_auc_score(labels, scores)
    assert overall[bins]["auc"] == pytest.approx(exact, abs=tolerance)
    assert overall[bins]["pr_auc"] == pytest.approx(
        average_precision_score(labels, scores), abs=5 * tolerance
    )
    uncertainty = groups_of(scored, book).within(bins).by_slice()[OVERALL].auc_resolution_error()
    assert abs((overall[bins]["auc"] or 0) - exact) <= uncertainty


def test_counts_sums_and_the_operating_point_are_exact(
    scored: pa.Table, overall: Mapping[int, Metrics]
) -> None:
    labels, scores = scored["late"].to_numpy(), scored["score"].to_numpy()
    flagged = scores >= THRESHOLD
    assert (scores == THRESHOLD).sum() >= 100
    for metrics in overall.values():
        assert metrics["example_count"] == 1000
        assert metrics["precision"] == pytest.approx(labels[flagged].mean(), rel=1e-12)
        assert metrics["recall"] == pytest.approx(flagged[labels == 1].mean(), rel=1e-12)
        assert metrics["calibration"] == pytest.approx(scores.mean() / labels.mean(), rel=1e-12)
        assert metrics["log_loss"] == pytest.approx(log_loss(labels, scores), rel=1e-12)


def test_a_saturated_score_has_a_large_loss_but_no_infinite_one() -> None:
    scores, labels = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1, 0, 0, 1])
    groups = PreaggregatedRows.of(scores, labels, [np.zeros(4, dtype=np.int64)], 0.5)
    expected = log_loss(labels, scores.astype(np.float32))
    assert groups.loss_sum.sum() / 4 == pytest.approx(expected, rel=1e-6)


def test_the_groups_of_batches_add_up_to_those_of_all_rows(scored: pa.Table, book: SliceBook) -> None:
    parts = PreaggregatedRows.merged(groups_of(part, book) for part in in_parts(scored))
    at_once = groups_of(scored, book)
    for name, column in at_once._asdict().items():
        np.testing.assert_allclose(getattr(parts, name), column, rtol=1e-12, err_msg=name)


def in_parts(scored: pa.Table) -> Iterator[pa.Table]:
    return (scored.slice(start, 300) for start in range(0, len(scored), 300))


@given(
    st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=60),
    st.sampled_from([10, 200, 1000, 9999, 10_000]),
    st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
)
def test_a_group_lies_where_its_rows_lie(scores: list[float], bins: int, threshold: float) -> None:
    rows = np.array([*scores, threshold])
    none = np.zeros(len(rows), dtype=np.int64)
    groups = PreaggregatedRows.of(rows, none, [none], threshold).within(bins)
    again = PreaggregatedRows.of(groups.score, groups.positives, [groups.slice_number], threshold).within(
        bins
    )
    np.testing.assert_array_equal(again.key, groups.key)
    assert groups.rows.sum() == len(rows)


def test_scores_close_together_get_finer_bins() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 4000)
    none = np.zeros(4000, dtype=np.int64)
    wide = PreaggregatedRows.of(random.random(4000), labels, [none], 0.5)
    rare = PreaggregatedRows.of(random.random(4000) / 200, labels, [none], 0.5)
    assert chosen_bins([wide], None) == 500
    assert chosen_bins([wide, rare], None) == 10_000
    assert chosen_bins([wide, rare], 300) == 300
