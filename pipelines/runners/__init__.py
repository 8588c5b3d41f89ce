"""The targets: where a compiled pipeline runs."""
