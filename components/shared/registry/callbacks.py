"""How a version is checked through its endpoint before its traffic stays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]
"""Instances to scores, through the endpoint, as answered by one version."""
Check = Callable[[Ask], None]
"""Calls `Ask`, and raises an error where an answer is wrong."""
