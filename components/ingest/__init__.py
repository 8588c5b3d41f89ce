"""Reads a source, writes `rows`: one row an example, split into train, eval and test."""
