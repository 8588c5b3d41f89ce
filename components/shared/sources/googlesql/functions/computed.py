"""Functions computed in Python, by what they work on."""

from components.shared.sources.googlesql.functions import (
    computed_arrays,
    computed_bytes,
    computed_casts,
    computed_formats,
    computed_json,
    computed_numbers,
    computed_numerics,
    computed_parses,
    computed_patterns,
    computed_strings,
    computed_times,
)

__all__ = [
    "computed_arrays",
    "computed_bytes",
    "computed_casts",
    "computed_formats",
    "computed_json",
    "computed_numbers",
    "computed_numerics",
    "computed_parses",
    "computed_patterns",
    "computed_strings",
    "computed_times",
]
