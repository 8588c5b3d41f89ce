"""How a version is asked through its endpoint before it keeps its traffic."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]
"""Instances to scores, through the endpoint, as answered by one version."""
Check = Callable[[Ask], None]
"""Asks, and raises what it does not like."""
