"""Reads the records and artifacts of a run and writes one self-contained HTML file about it."""
