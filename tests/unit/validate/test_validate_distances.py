"""The distances against known values and against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from components.validate.distances import jensen_shannon, l_infinity

buckets = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": 1.0}, {"a": 1.0}, 0.0),
        ({"a": 1.0}, {"b": 1.0}, 1.0),
        ({"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.25, "c": 0.5}, 0.5),
        ({"a": 0.7, "b": 0.3}, {"a": 0.6, "b": 0.4}, 0.1),
        ({}, {}, 0.0),
    ],
)
def test_l_infinity_is_the_largest_difference_of_a_share(
    first: dict[str, float], second: dict[str, float], expected: float
) -> None:
    assert l_infinity(first, second) == pytest.approx(expected)
    assert l_infinity(second, first) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 1], [2, 2], 0.0),
        ([1, 0], [0, 1], 1.0),
        # m = (3/4, 1/4): half of log2(4/3), half of (log2(2/3) + log2(2)) / 2
        ([1, 0], [1, 1], 0.5 * np.log2(4 / 3) + 0.25 * (np.log2(2 / 3) + 1)),
        ([0, 0], [0, 0], 0.0),
        ([0, 0], [1, 0], 1.0),
    ],
)
def test_jensen_shannon_has_the_known_values(
    first: list[float], second: list[float], expected: float
) -> None:
    assert jensen_shannon(first, second) == pytest.approx(expected)


@given(buckets, buckets)
def test_jensen_shannon_is_the_square_of_scipys_distance(first: list[int], second: list[int]) -> None:
    # SciPy takes the root of a difference near zero: compared before the root
    theirs = np.nan_to_num(distance.jensenshannon(first, second, base=2)) ** 2
    assert jensen_shannon(first, second) == pytest.approx(theirs, abs=1e-12)


@given(buckets, buckets)
def test_distances_are_symmetric_and_between_0_and_1(first: list[int], second: list[int]) -> None:
    assert 0 <= jensen_shannon(first, second) <= 1
    assert jensen_shannon(first, second) == pytest.approx(jensen_shannon(second, first))
    assert jensen_shannon(first, first) == 0
