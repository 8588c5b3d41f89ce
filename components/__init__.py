"""The stages, one folder each, and what they share."""
