"""Evaluate: reads the test rows, a model and the champion; writes metrics by slice, curves and a verdict."""
