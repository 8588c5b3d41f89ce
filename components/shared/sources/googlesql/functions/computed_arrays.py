"""Arrays of numbers: made of a range, summed, searched, and the distance between two, in Python."""

import bisect
import itertools
import math
from decimal import Decimal, localcontext
from typing import Any

from components.shared.sources.googlesql.functions.computed_numerics import EXACT, fitted
from components.shared.sources.googlesql.runtime import function


def _bucket(kind: str, type_: str) -> None:
    def bucket(point: Any, edges: list[Any]) -> int | None:
        if any(each is None for each in edges) or any(a > b for a, b in itertools.pairwise(edges)):
            message = "RANGE_BUCKET of an array with NULL or out of order"
            raise ValueError(message)
        if point != point:  # noqa: PLR0124 - a NaN
            return None
        return bisect.bisect_right(edges, point)

    bucket.__name__ = f"{kind}_bucket"
    function(f"{type_}, {type_}[] -> BIGINT")(bucket)


for _kind, _type in (
    ("integer", "BIGINT"),
    ("float", "DOUBLE"),
    ("numeric", "DECIMAL(38, 9)"),
    ("string", "VARCHAR"),
):
    _bucket(_kind, _type)


@function("BIGINT, BIGINT, BIGINT -> BIGINT[]")
def integer_series(first: int, last: int, step: int) -> list[int]:
    """GENERATE_ARRAY."""
    if not step:
        message = "GENERATE_ARRAY with the step 0"
        raise ValueError(message)
    return list(range(first, last + (1 if step > 0 else -1), step))


@function("DOUBLE, DOUBLE, DOUBLE -> DOUBLE[]")
def float_series(first: float, last: float, step: float) -> list[float]:
    """GENERATE_ARRAY of FLOAT64."""
    if not step or not all(map(math.isfinite, (first, last, step))):
        message = f"GENERATE_ARRAY({first}, {last}, {step})"
        raise ValueError(message)
    return _series(first, last, step)


@function("DECIMAL(38, 9), DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)[]")
def numeric_series(first: Decimal, last: Decimal, step: Decimal) -> list[Decimal]:
    """GENERATE_ARRAY of NUMERIC."""
    if not step:
        message = "GENERATE_ARRAY with the step 0"
        raise ValueError(message)
    return _series(first, last, step)


def _series(first: Any, last: Any, step: Any) -> list[Any]:
    made: list[Any] = []
    number = first
    while (number <= last) if step > 0 else (number >= last):
        made.append(number)
        number = first + len(made) * step
    return made


@function("DOUBLE[] -> DOUBLE")
def array_sum(values: list[float | None]) -> float | None:
    """ARRAY_SUM of FLOAT64."""
    numbers = [each for each in values if each is not None]
    if not numbers:
        return None
    return math.fsum(numbers) if all(map(math.isfinite, numbers)) else sum(numbers)


@function("DOUBLE[] -> DOUBLE")
def array_avg(values: list[float | None]) -> float | None:
    """ARRAY_AVG of FLOAT64."""
    numbers = [each for each in values if each is not None]
    if all(map(math.isfinite, numbers)):
        return math.fsum(numbers) / len(numbers) if numbers else None
    mean = 0.0
    for place, number in enumerate(numbers):
        mean += (number - mean) / (place + 1)
    return mean


@function("DECIMAL(38, 9)[] -> DECIMAL(38, 9)")
def numeric_avg(values: list[Decimal | None]) -> Decimal | None:
    """ARRAY_AVG of NUMERIC."""
    numbers = [each for each in values if each is not None]
    with localcontext(EXACT):
        return fitted(sum(numbers, Decimal(0)) / len(numbers)) if numbers else None


@function("DOUBLE[], DOUBLE[] -> DOUBLE")
def cosine_distance(one: list[float | None], other: list[float | None]) -> float:
    """1 less the cosine between two vectors."""
    left, right = _vectors(one, other)
    lengths = math.sqrt(_product(left, left)) * math.sqrt(_product(right, right))
    if not lengths:
        message = "COSINE_DISTANCE from a vector of zeros"
        raise ValueError(message)
    return 1 - _product(left, right) / lengths


@function("DOUBLE[], DOUBLE[] -> DOUBLE")
def euclidean_distance(one: list[float | None], other: list[float | None]) -> float:
    """The distance between two vectors."""
    return math.dist(*_vectors(one, other))


def _product(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def _vectors(*vectors: list[float | None]) -> list[list[float]]:
    known: list[list[float]] = [[each for each in vector if each is not None] for vector in vectors]
    if len({*map(len, vectors), *map(len, known)}) > 1:
        message = "vectors with NULL or of two lengths"
        raise ValueError(message)
    return known
