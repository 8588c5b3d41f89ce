"""Resolve: reads the source and the registry, writes what the run stands on; changes nothing."""
