"""The summaries that merge, against exact counts: within the stated error, whatever is cut and merged how."""

import functools
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.validate.categories import Distinct, Frequencies
from components.validate.numbers import Numbers, Points, Quantiles, exact_sum, exact_sum_of_squares

EXACT, SIZE = 64, 16
ROWS = 20_000

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Merge = Callable[[list[Quantiles]], Quantiles]

floats = st.floats(-3.4e38, 3.4e38, allow_nan=False)


def distribution(name: str) -> Floats:
    random = np.random.default_rng(len(name))
    return {
        "random": random.normal(size=ROWS),
        "skewed": random.lognormal(0, 3, ROWS),
        "zeros": random.normal(size=ROWS) * (random.random(ROWS) < 0.1),
        "constant": np.full(ROWS, 7.5),
        "huge range": random.normal(size=ROWS) * 10.0 ** random.integers(-300, 300, ROWS),
        "instants": 1.4e15 + random.integers(0, 10**12, ROWS).astype(float),
        "few": random.integers(0, EXACT, ROWS).astype(float),
        "rising": np.arange(ROWS, dtype=float),
        "falling": np.arange(ROWS, dtype=float)[::-1],
        "from both ends": np.where(np.arange(ROWS) % 2, np.arange(ROWS), -np.arange(ROWS)).astype(float),
        "saw": (np.arange(ROWS) * 7919 % ROWS).astype(float),
    }[name]


DISTRIBUTIONS = (
    "random", "skewed", "zeros", "constant", "huge range", "instants", "few",
    "rising", "falling", "from both ends", "saw",
)  # fmt: skip


def parts_of(values: Floats, length: int) -> list[Quantiles]:
    return [
        Quantiles(EXACT, SIZE).add(Points.of(part, np.ones(len(part), np.int64)))
        for part in np.array_split(values, max(1, len(values) // length))
    ]


def in_turn(parts: list[Quantiles]) -> Quantiles:
    return functools.reduce(Quantiles.merge, parts)


def in_pairs(parts: list[Quantiles]) -> Quantiles:
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [in_turn(pair) for pair in pairs]
    return parts[0]


def backwards(parts: list[Quantiles]) -> Quantiles:
    return functools.reduce(lambda merged, part: part.merge(merged), reversed(parts))


def stated(rows: int) -> float:
    """The bound of the docstring, in rows."""
    return rows * ((1 + math.log2(max(1.0, rows / EXACT))) / SIZE + 1 / EXACT)


def worst_rank(points: Points, values: Floats) -> int:
    """How far the rows below a value are off, at most, over all values."""
    ordered = np.sort(values)
    edges = np.unique(ordered)
    true = np.searchsorted(ordered, edges, side="left")
    found = np.cumsum(points.counts(edges.tolist()))[:-1]
    return int(np.abs(true - found).max())


@pytest.mark.parametrize("merge", [in_turn, in_pairs, backwards])
@pytest.mark.parametrize("length", [50, 700])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_ranks_are_within_the_error_that_is_known_and_that_within_the_one_stated(
    name: str, length: int, merge: Merge
) -> None:
    values = distribution(name)
    points = merge(parts_of(values, length)).points()
    assert points.total == ROWS
    assert worst_rank(points, values) <= points.error <= stated(ROWS)


@pytest.mark.parametrize("name", ["constant", "few"])
def test_few_distinct_numbers_are_exact_however_many_rows(name: str) -> None:
    values = distribution(name)
    points = in_turn(parts_of(values, 700)).points()
    assert points.error == 0
    shares = np.linspace(0, 1, 21)
    assert [points.quantile(share) for share in shares] == pytest.approx(np.quantile(values, shares))


@given(st.lists(floats, min_size=1, max_size=300), st.integers(1, 50), st.randoms())
@settings(deadline=None)
def test_any_numbers_merged_in_any_order_are_within_the_error(
    values: list[float], length: int, random: Random
) -> None:
    parts = parts_of(np.array(values), length)
    random.shuffle(parts)
    points = in_turn(parts).points()
    assert worst_rank(points, np.array(values)) <= points.error <= stated(len(values))


def test_the_size_is_bounded_whatever_the_rows() -> None:
    sizes = []
    merged = Quantiles(EXACT, SIZE)
    for part in parts_of(np.random.default_rng(0).random(200 * EXACT), EXACT):
        merged = merged.merge(part)
        sizes.append(len(merged.recent.rows) + sum(len(level.rows) for level in merged.levels))
    assert max(sizes) <= EXACT + SIZE * (1 + math.log2(200))


@given(st.lists(floats, max_size=200))
def test_sums_are_those_of_fractions_whatever_the_order(values: list[float]) -> None:
    array, rows = np.array(values, float), np.arange(1, len(values) + 1)
    expected = sum(
        (Fraction(value) * int(count) for value, count in zip(values, rows, strict=True)), Fraction()
    )
    assert exact_sum(array, rows) == expected
    assert exact_sum(array[::-1], rows[::-1]) == expected


@given(
    st.lists(st.floats(-3.4e38, 3.4e38).filter(lambda value: value == 0 or abs(value) > 1e-140), max_size=200)
)
def test_sums_of_squares_are_those_of_fractions(values: list[float]) -> None:
    found = exact_sum_of_squares(np.array(values, float), np.full(len(values), 3))
    assert found == sum((3 * Fraction(value) ** 2 for value in values), Fraction())


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=100), st.integers(0, 100)
)
def test_numbers_of_two_halves_are_those_of_all(values: list[float], cut: int) -> None:
    def of(some: list[float]) -> Numbers:
        counted = Counter("nan" if math.isnan(value) else value for value in some)
        array = np.array([float(value) for value in counted])
        return Numbers.of(array, np.array(list(counted.values()), np.int64), (-1.0, 1.0))

    both, whole = of(values[:cut]).merge(of(values[cut:])), of(values)
    for name in ("nan", "infinite", "zeros", "outside", "low", "high", "total", "squares"):
        assert getattr(both, name) == getattr(whole, name), name
    assert both.finite.points().rows.tolist() == whole.finite.points().rows.tolist()


def test_a_deviation_far_from_zero_loses_no_digit() -> None:
    values = np.array([1e15, 1e15 + 1, 1e15 + 2])
    numbers = Numbers.of(values, np.ones(3, np.int64), None)
    assert numbers.mean(3) == 1e15 + 1
    assert numbers.deviation(3) == math.sqrt(2 / 3)


# --- categories ---------------------------------------------------------------------------------


def counted(words: list[str]) -> tuple["pa.Array[Any]", Integers]:
    counts = Counter(words)
    return pa.array(list(counts), pa.string()), np.array(list(counts.values()), np.int64)


def words(exponent: float) -> list[str]:
    """Many rare words, and a few that are as frequent as the exponent says."""
    random = np.random.default_rng(1)
    return [f"w{rank}" for rank in random.zipf(exponent, ROWS) % 3_000]


@pytest.mark.parametrize("length", [100, 3_000])
@pytest.mark.parametrize("exponent", [1.1, 1.5, 3.0])
def test_frequent_values_are_counted_within_the_error_and_never_too_often(
    exponent: float, length: int
) -> None:
    rows = words(exponent)
    found = Frequencies(exact=EXACT)
    for start in range(0, ROWS, length):
        found = found.merge(Frequencies(exact=EXACT).add(*counted(rows[start : start + length])))
    there, true = dict(found.top(EXACT)), Counter(rows)
    assert found.error <= ROWS / (EXACT + 1)
    assert all(0 <= count - there.get(word, 0) <= found.error for word, count in true.items())


def test_values_of_a_domain_are_counted_exactly_among_any_others() -> None:
    rows = [*words(1.1), "ours"]
    found = Frequencies(("ours", "w2999", "never"), EXACT)
    for start in range(0, len(rows), 500):
        found = found.add(*counted(rows[start : start + 500]))
    assert found.error
    there = dict(found.top(2 * EXACT))
    assert (there["ours"], there["w2999"], "never" in there) == (1, rows.count("w2999"), False)


@given(st.lists(st.sampled_from([f"v{i}" for i in range(EXACT)]), max_size=300), st.integers(0, 300))
def test_few_values_are_exact_and_ordered(rows: list[str], cut: int) -> None:
    found = (
        Frequencies(exact=EXACT)
        .add(*counted(rows[:cut]))
        .merge(Frequencies(exact=EXACT).add(*counted(rows[cut:])))
    )
    expected = sorted(Counter(rows).items(), key=lambda pair: (-pair[1], pair[0]))
    assert (found.error, found.top(10)) == (0, expected[:10])


def distinct(hashes: Hashes, exact: int, parts: int) -> Distinct:
    found = Distinct(exact)
    for part in np.array_split(hashes, parts):
        found = found.merge(Distinct(exact).add(*np.unique(part, return_counts=True)))
    return found


def hashes_of(numbers: Integers) -> Hashes:
    """The same for the same number, spread over 64 bits."""
    table = np.random.default_rng(2).integers(0, 2**64, int(numbers.max()) + 1, np.uint64)
    return table[numbers]


def test_a_key_is_seen_to_be_unique_and_few_values_are_counted() -> None:
    key = distinct(hashes_of(np.arange(50_000)), 1_000, 7)
    assert (key.count, key.error) == (50_000, 0)
    few = distinct(hashes_of(np.arange(50_000) % 900), 1_000, 7)
    assert (few.count, few.error) == (900, 0)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_number_of_distinct_values_is_within_four_standard_errors(skewed: bool) -> None:
    random = np.random.default_rng(3)
    numbers = random.zipf(1.3, 200_000) % 40_000 if skewed else random.integers(0, 40_000, 200_000)
    found = distinct(hashes_of(numbers), 1_000, 11)
    true = len(np.unique(numbers))
    assert 0 < found.error <= 1 / math.sqrt(1_000)
    assert abs(found.count / true - 1) <= 4 * found.error


def test_distinct_values_do_not_depend_on_the_order() -> None:
    hashes = hashes_of(np.random.default_rng(4).integers(0, 5_000, 20_000))
    first, second = distinct(hashes, 500, 3), distinct(hashes[::-1], 500, 17)
    assert first.hashes.tolist() == second.hashes.tolist()
    assert first.rows.tolist() == second.rows.tolist()
    assert first.count == second.count
