"""Functions computed in Python, by what they work on."""

from components.shared.sources.googlesql.functions import (
    computed_casts,
    computed_formats,
    computed_json,
    computed_numbers,
    computed_parses,
    computed_strings,
    computed_times,
    formats,
)

__all__ = [
    "computed_casts",
    "computed_formats",
    "computed_json",
    "computed_numbers",
    "computed_parses",
    "computed_strings",
    "computed_times",
    "formats",
]
