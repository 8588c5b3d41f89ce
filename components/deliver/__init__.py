"""Deliver: reads `predictions`, writes them where they are wanted: a folder, a bucket or a BigQuery table."""
