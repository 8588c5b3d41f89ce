"""DuckDB as a source: warehouses, folders and buckets of files."""
