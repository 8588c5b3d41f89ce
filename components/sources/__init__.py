"""Where rows come from: one `Source`, an adapter for each URI scheme, chosen by `open_source`."""

from components.sources.source import Rows, Source, open_source

__all__ = ["Rows", "Source", "open_source"]
