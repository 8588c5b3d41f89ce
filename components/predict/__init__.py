"""Predict: reads `rows` and a model, writes `predictions`: a score for each row that can be scored."""
