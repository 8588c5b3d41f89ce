"""Tables of DuckDB as GoogleSQL sees them: which type each column has, and how it is read as that type."""

from typing import Any

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Relation

_INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "UHUGEINT",
)
_READ_AS: dict[str, Type] = {
    **dict.fromkeys(_INTEGERS, t.INT64),
    "FLOAT": t.FLOAT64,
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), t.DATETIME),
    **dict.fromkeys(("ENUM", "UUID"), t.STRING),
}
"""DuckDB types that are cast as they are read."""
_AS_THEY_ARE: dict[str, Type] = {
    "BIGINT": t.INT64,
    "DOUBLE": t.FLOAT64,
    "BOOLEAN": t.BOOL,
    "VARCHAR": t.STRING,
    "BLOB": t.BYTES,
    "DATE": t.DATE,
    "TIME": t.TIME,
    "TIMESTAMP": t.DATETIME,
    "TIMESTAMP WITH TIME ZONE": t.TIMESTAMP,
    "JSON": t.JSON,
}
BEYOND = "beyond the years 1 to 9999: "
"""How the error about a date begins that GoogleSQL does not have."""
_DECIMALS_OF_NUMERIC, _DIGITS_OF_NUMERIC = 9, 29


def read(connection: Any, source: str) -> Relation:
    """A table as a relation with GoogleSQL's types.

    Args:
        connection: Knows the table.
        source: How DuckDB's SQL names it.
    """
    table = connection.sql(f"FROM {source}")
    columns, types = [], []
    for place, (name, stored) in enumerate(zip(table.columns, table.types, strict=True)):
        type_, cast = googlesql_type(stored)
        quoted = t.identifier(name)
        value = f"CAST({quoted} AS {cast})" if cast else quoted
        columns.append(f"{_checked(name, value, type_)} AS c{place}")
        types.append(type_)
    return Relation(f"SELECT {', '.join(columns)} FROM {source}", tuple(table.columns), tuple(types))  # noqa: S608 - quoted


def _checked(name: str, value: str, type_: Type) -> str:
    """A date or a time that GoogleSQL has: one that it has not fails, and says so."""
    if type_ not in {t.DATE, t.DATETIME, t.TIMESTAMP}:
        return value
    kept = t.in_duckdb(type_)
    least, most = (f"CAST('{year}' AS {kept})" for year in ("0001-01-01", "10000-01-01"))
    where = t.literal(f" in the column {name}")
    said = f"CAST(({t.literal(BEYOND)} || CAST({value} AS VARCHAR) || {where}) AS {kept})"
    inside = f"{value} >= {least} AND {value} < {most}"
    return f"(CASE WHEN {inside} THEN {value} WHEN {value} IS NOT NULL THEN {said} END)"


def googlesql_type(stored: Any) -> tuple[Type, str]:  # noqa: PLR0911 - a branch a kind of type
    """The GoogleSQL type of a DuckDB type, and what its values are cast to as they are read ("" for nothing).

    A type without counterpart is one of its own name: such a column passes, and nothing is computed with it.
    """
    kind = stored.id.upper()
    if kind in {"LIST", "ARRAY"}:
        element, cast = googlesql_type(stored.children[0][1])
        return t.array_of(element), f"{cast}[]" if cast else ""
    if kind == "STRUCT":
        names = [name for name, _ in stored.children]
        fields = [googlesql_type(each) for _, each in stored.children]
        return t.struct_of(names, [type_ for type_, _ in fields]), _struct_cast(stored, names, fields)
    if kind == "DECIMAL":
        digits, decimals = (int(number) for _, number in stored.children)
        if decimals <= _DECIMALS_OF_NUMERIC and digits - decimals <= _DIGITS_OF_NUMERIC:
            return t.NUMERIC, t.in_duckdb(t.NUMERIC)
        return t.BIGNUMERIC, ""
    name = str(stored)
    if kind == "ENUM":
        name = "ENUM"
    if name in _READ_AS:
        return _READ_AS[name], t.in_duckdb(_READ_AS[name])
    if name in {"NULL", '"NULL"'}:
        return t.INT64, "BIGINT"
    return _AS_THEY_ARE.get(name) or Type(name), ""


def _struct_cast(stored: Any, names: list[str], fields: list[tuple[Type, str]]) -> str:
    if not any(cast for _, cast in fields):
        return ""
    kept = [str(each) for _, each in stored.children]
    inner = ", ".join(
        f"{t.identifier(name)} {cast or kind}"
        for name, (_, cast), kind in zip(names, fields, kept, strict=True)
    )
    return f"STRUCT({inner})"
