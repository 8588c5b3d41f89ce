"""Reads `rows`, writes `statistics` with a verdict on the data: what is in each column, and whether it may be learned from."""
