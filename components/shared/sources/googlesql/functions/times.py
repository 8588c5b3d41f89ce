"""Dates and times: parts, differences, truncation, zones, formats."""

from typing import Any

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.types import Type


def instant(text: str, type_: Type) -> str | None:
    """A date, a time or both as DuckDB reads it; None where the text is none of that type."""
    return text if type_ else None


def extract(translator: Any, node: Any, value: Any, zone: Any) -> Any:
    """EXTRACT."""
    del value, zone
    translator.refuse(node, "no counterpart for EXTRACT")


def interval(translator: Any, node: Any, value: Any) -> Any:
    """INTERVAL."""
    del value
    translator.refuse(node, "no counterpart for INTERVAL")


def moved(translator: Any, node: Any, left: Any, right: Any) -> Any:
    """A date or time and a number or an interval."""
    translator.refuse(node, f"{left.type} {node.operator} {right.type}")


def cast_with_format(translator: Any, node: Any, value: Any, wanted: Type, scope: Any) -> Any:
    """CAST(… FORMAT …)."""
    del value, wanted, scope
    translator.refuse(node, "no counterpart for CAST with FORMAT")


UTC = t.TIMESTAMP
