"""The functions that are known, by what they work on."""

from components.shared.sources.googlesql.functions import (
    aggregates,
    arrays,
    collections,
    computed,
    conditions,
    formats,
    hashes,
    json,
    numbers,
    powers,
    regexps,
    strings,
    times,
    windowed,
)

__all__ = [
    "aggregates",
    "arrays",
    "collections",
    "computed",
    "conditions",
    "formats",
    "hashes",
    "json",
    "numbers",
    "powers",
    "regexps",
    "strings",
    "times",
    "windowed",
]
