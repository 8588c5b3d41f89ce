"""FORMAT_*, PARSE_* and CAST with FORMAT."""

from typing import Any

from components.shared.sources.googlesql.types import Type


def cast_with_format(translator: Any, node: Any, value: Any, wanted: Type, scope: Any) -> Any:
    """CAST(… FORMAT …)."""
    del value, wanted, scope
    translator.refuse(node, "no counterpart for CAST with FORMAT")
