"""When data is not good enough."""

from typing import Annotated

from pydantic import Field, PositiveInt

from configs.section import HOW, Section
from configs.values import Column, Fraction


class Validation(Section):
    """When data is not good enough. Distances: 0 is equal, 1 is disjoint."""

    max_missing_increase: Fraction = 0.1
    """A column may lose this much presence against the schema's own minimum before it is an error."""
    max_new_values: Fraction = 0.01
    """Share of rows with values outside a domain (categories) or a range (numbers): more is an error,
    fewer a warning."""
    skew_linf: Fraction = 0.3
    """Categories, train against eval and test: largest difference of a value's share."""
    skew_js: Fraction = 0.3
    """Numbers, train against eval and test: Jensen-Shannon divergence of the histograms (base 2)."""
    drift_linf: Fraction = 0.2
    drift_js: Fraction = 0.2
    """The same for train against train of the last accepted run."""
    skew_is_error: bool = False
    drift_is_error: bool = True
    ignore: tuple[Column, ...] = ()
    """Columns whose skew and drift are expected (a calendar month under a split by time)."""
    max_domain_values: PositiveInt = 200
    """When a schema is inferred, a categorical feature with at most so many values has them as its domain."""
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGT]i?B$"), HOW] = "1GB"
    """The engine's own limit; it spills to disk beyond."""
    threads: Annotated[PositiveInt, HOW] = 2
    csv_missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
    """What CSV files write for a missing value."""
