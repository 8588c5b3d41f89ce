"""Functions computed in Python, by what they work on."""

from components.shared.sources.googlesql.functions import computed_numbers, computed_strings, computed_times

__all__ = ["computed_numbers", "computed_strings", "computed_times"]
