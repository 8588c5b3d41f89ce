"""The functions that are known, by what they work on."""

from components.shared.sources.googlesql.functions import (
    aggregates,
    arrays,
    conditions,
    json,
    numbers,
    strings,
    times,
)

__all__ = ["aggregates", "arrays", "conditions", "json", "numbers", "strings", "times"]
