"""BigQuery as a source."""
