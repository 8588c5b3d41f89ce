"""Functions computed in Python, by what they work on."""

from components.shared.sources.googlesql.functions import (
    computed_casts,
    computed_json,
    computed_numbers,
    computed_strings,
    computed_times,
    formats,
)

__all__ = [
    "computed_casts",
    "computed_json",
    "computed_numbers",
    "computed_strings",
    "computed_times",
    "formats",
]
