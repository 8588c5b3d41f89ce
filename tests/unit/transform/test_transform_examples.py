"""The examples hold what a plain computation of the same rows gives."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from components.shared.files.artifacts import read_json, shards
from components.shared.rows import vocabulary_file

Floats = NDArray[np.float64]


def numbers(table: pa.Table, name: str) -> Floats:
    """A raw column with NaN for everything missing."""
    column = table[name].to_numpy().astype(np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def strings(table: pa.Table, name: str) -> list[str]:
    """A raw column as the vocabulary sees it."""
    return [value or vocabulary_file.MISSING for value in table[name].cast(pa.string()).to_pylist()]


def log(x: Floats) -> Floats:
    return np.sign(x) * np.log1p(np.abs(x))


def z_score(x: Floats, train: Floats) -> Floats:
    return np.asarray(np.nan_to_num((x - np.nanmean(train)) / np.nanstd(train)))


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("name", ["air_time", "bare"])
def test_a_z_score_uses_mean_and_deviation_of_the_training_split(
    transformed: Any, name: str, split: Any
) -> None:
    expected = z_score(numbers(transformed.raw(split), name), numbers(transformed.raw("train"), name))
    np.testing.assert_allclose(transformed.split(split)[name].to_numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("name", ["distance", "dep_delay"])
def test_log_is_signed_and_then_a_z_score(transformed: Any, name: str, split: Any) -> None:
    train = log(numbers(transformed.raw("train"), name))
    expected = z_score(log(numbers(transformed.raw(split), name)), train)
    np.testing.assert_allclose(transformed.split(split)[name].to_numpy(), expected, rtol=1e-5, atol=1e-6)
    assert (numbers(transformed.raw("train"), "dep_delay") < 0).any()


def test_a_missing_number_is_the_mean_and_marked(transformed: Any) -> None:
    absent = np.isnan(numbers(transformed.raw("train"), "air_time"))
    train = transformed.split("train")
    assert absent.any()
    np.testing.assert_array_equal(train["air_time_missing"].to_numpy(), absent.astype(np.float32))
    assert (train["air_time"].to_numpy()[absent] == 0).all()


def test_an_indicator_is_an_input_only_where_the_training_split_has_a_use_for_it(transformed: Any) -> None:
    dense = transformed.features["dense"]
    assert {"air_time_missing", "dep_delay_missing", "nothing_missing"} <= set(dense)
    assert not {"distance_missing", "bare_missing", "gust_missing"} & set(dense)


def test_a_column_that_never_varies_or_is_never_there_is_zero(transformed: Any) -> None:
    for split in ("train", "eval"):
        for name in ("constant", "nothing"):
            assert (transformed.split(split)[name].to_numpy() == 0).all()


@pytest.mark.parametrize(("name", "buckets"), [("minute", 8), ("gust", 4)])
def test_buckets_are_quantiles_and_missing_has_its_own(transformed: Any, name: str, buckets: int) -> None:
    raw, index = numbers(transformed.raw("train"), name), transformed.split("train")[name].to_numpy()
    absent = np.isnan(raw)
    assert (index[absent] == buckets).all()
    known, index = raw[~absent], index[~absent]
    order = np.argsort(known, kind="stable")
    assert (np.diff(index[order]) >= 0).all()
    for bound in range(1, buckets):  # equal values share a bucket: a bound may stand for several quantiles
        assert np.mean(index < bound) <= bound / buckets + 0.005
        assert np.mean(known <= known[index >= bound].min()) >= bound / buckets - 0.005
    assert transformed.features["indexed"][name] == buckets + 1


@pytest.mark.parametrize(
    ("name", "top", "min_count"),
    [("carrier", 1000, 1), ("dest", 10, 1), ("tailnum", 1000, 5), ("weekend", 1000, 1)],
)
@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_vocabulary_is_by_frequency_and_the_rest_shares_the_last_index(
    transformed: Any, name: str, top: int, min_count: int, split: Any
) -> None:
    counts = Counter(strings(transformed.raw("train"), name))
    ranked = sorted(counts, key=lambda value: (counts[value], value.encode()), reverse=True)
    kept = [value for value in ranked if counts[value] >= min_count][:top]
    places = {value: place for place, value in enumerate(kept)}
    expected = [places.get(value, len(kept)) for value in strings(transformed.raw(split), name)]
    assert transformed.split(split)[name].to_pylist() == expected
    assert transformed.features["indexed"][name] == len(kept) + 1


def test_a_missing_category_has_an_entry_of_its_own(transformed: Any) -> None:
    raw = transformed.raw("train")["carrier"]
    indices = transformed.split("train")["carrier"].to_numpy()[raw.is_null().to_numpy()]
    last = transformed.features["indexed"]["carrier"] - 1
    assert raw.null_count
    assert len(set(indices)) == 1
    assert set(indices) != {last}


def test_equal_values_share_a_hash_bucket_and_equal_pairs_a_cross(transformed: Any) -> None:
    raw, examples = transformed.raw("train"), transformed.split("train")
    for name, parts, buckets in (
        ("flight", [raw["flight"].to_pylist()], 50),
        ("carrier_dest", [raw["carrier"].to_pylist(), raw["dest"].to_pylist()], 64),
    ):
        index = examples[name].to_numpy()
        found = set(zip(zip(*parts, strict=True), index, strict=True))
        assert len(found) == len({value for value, _ in found})
        assert index.min() >= 0
        assert buckets / 2 < len(set(index)) <= buckets
        assert transformed.features["indexed"][name] == buckets


def test_a_number_enters_a_cross_by_its_quantile_bucket(transformed: Any) -> None:
    raw, index = transformed.raw("train"), transformed.split("train")["dest_distance"].to_numpy()
    pairs = set(zip(raw["dest"].to_pylist(), raw["distance"].to_pylist(), strict=True))
    crossed = set(zip(raw["dest"].to_pylist(), index, strict=True))
    assert len(crossed) <= len(pairs)
    assert index.max() < 32


def test_examples_have_the_contracts_columns_types_and_counts(transformed: Any) -> None:
    features, counts = transformed.features, read_json(transformed.examples / "examples.json")
    train = transformed.split("train")
    assert train.column_names == [*features["dense"], *features["indexed"], "late"]
    assert {train.schema.field(name).type for name in features["dense"]} == {pa.float32()}
    assert {train.schema.field(name).type for name in features["indexed"]} == {pa.int32()}
    assert train.schema.field("late").type == pa.int64()
    assert train["late"].equals(transformed.raw("train")["late"])
    for split in ("train", "eval"):
        rows = transformed.raw(split).num_rows
        assert transformed.split(split).num_rows == rows
        assert counts["splits"][split] == {"in": rows, "out": rows, "rejected": 0}
    assert [table.num_rows for table in map(_read, shards(transformed.examples, "train"))] == [
        1200,
        800,
        1000,
    ]
    assert transformed.summary["rows_in"] == transformed.summary["rows_out"] == 3800


def test_no_example_has_a_value_a_model_cannot_take(transformed: Any) -> None:
    for split in ("train", "eval"):
        examples = transformed.split(split)
        for name in transformed.features["dense"]:
            assert np.isfinite(examples[name].to_numpy()).all(), name
        for name, cardinality in transformed.features["indexed"].items():
            index = examples[name].to_numpy()
            assert index.min() >= 0, name
            assert index.max() < cardinality, name


def test_a_second_run_writes_the_same_files(run: Any, transformed: Any) -> None:
    again = run(transformed.rows, run.stage())
    for folder in ("train", "eval"):
        for one, other in zip(
            sorted((transformed.examples / folder).iterdir()),
            sorted((again.examples / folder).iterdir()),
            strict=True,
        ):
            assert one.read_bytes() == other.read_bytes()
    for name in ("features.json", f"transform_fn/assets/{vocabulary_file.FILE}"):
        assert (transformed.graph / name).read_bytes() == (again.graph / name).read_bytes()


def _read(path: Any) -> pa.Table:
    return pq.read_table(path)
