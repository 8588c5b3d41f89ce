"""Serve: reads a SavedModel, or the versions behind an endpoint, and answers prediction requests."""
