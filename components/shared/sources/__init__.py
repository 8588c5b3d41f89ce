"""Where rows come from: one `Source`, an adapter for each URI scheme, chosen by `open_source`."""

from components.shared.sources.opening import open_source
from components.shared.sources.source import Rows, Source

__all__ = ["Rows", "Source", "open_source"]
