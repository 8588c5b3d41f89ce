"""Strings, computed in Python."""
