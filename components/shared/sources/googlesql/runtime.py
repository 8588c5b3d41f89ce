"""Functions of Google's that DuckDB lacks, in Python: made known to a connection when a query calls them.

They are called with whole vectors; each distinct row of arguments is computed once.
"""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class _Function:
    arguments: tuple[str, ...]
    result: str
    compute: Callable[..., Any]
    null: bool
    """Whether it is asked about NULL too; else NULL gives NULL."""
    whole: bool
    """Whether it takes and gives whole vectors of Arrow."""


FUNCTIONS: dict[str, _Function] = {}


def function(
    signature: str, *, null: bool = False, whole: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a Python function known by its name with `gsql_` before it.

    Args:
        signature: DuckDB's types, as in "VARCHAR, BIGINT -> VARCHAR".
        null: Whether the function itself is asked about NULL.
        whole: Whether it takes and gives Arrow's arrays in place of one row's values.
    """
    left, _, result = signature.partition("->")
    arguments = tuple(_types(left))

    def known(compute: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[f"gsql_{compute.__name__}"] = _Function(arguments, result.strip(), compute, null, whole)
        return compute

    return known


def _types(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def register(connection: Any, names: Collection[str]) -> None:
    """Make functions known to a connection that does not know them yet."""
    known = connection.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'gsql_%'"
    ).fetchall()
    for name in sorted(set(names) - {each for (each,) in known}):
        found = FUNCTIONS[name]
        connection.create_function(
            name,
            _with_arity(found),
            list(found.arguments),
            found.result,
            type="arrow",
            null_handling="special",
        )


def _with_arity(found: _Function) -> Callable[..., Any]:
    """What DuckDB calls: it counts the parameters that a signature names."""

    def called(*columns: Any) -> Any:
        return _vectors(found, *columns)

    names = [
        inspect.Parameter(f"c{place}", inspect.Parameter.POSITIONAL_ONLY)
        for place in range(len(found.arguments))
    ]
    called.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined] # functions have one
    return called


def _vectors(found: _Function, *columns: Any) -> Any:
    """One vector of results for vectors of arguments."""
    if found.whole:
        return found.compute(*(column.combine_chunks() for column in columns))
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    computed: dict[Any, Any] = {}
    results = []
    for row in rows:
        key = tuple(map(_hashable, row))
        if key not in computed:
            missing = not found.null and any(value is None for value in row)
            computed[key] = None if missing else found.compute(*row)
        results.append(computed[key])
    return pa.array(results, type=_ARROW.get(found.result) or _arrow(found.result))


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return (type(value), repr(value)) if isinstance(value, float) else value


_ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "DECIMAL(38,9)": pa.decimal128(38, 9),
    "DECIMAL(38, 9)": pa.decimal128(38, 9),
}


def _arrow(type_: str) -> Any:
    return pa.list_(_ARROW[type_.removesuffix("[]")])
