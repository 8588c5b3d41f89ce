"""BigQuery's types as the rows have them: those of GoogleSQL that Parquet and the later stages take."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from components.shared.sources import googlesql
from configs.errors import QueryError
from configs.values import Parameter

_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("INTEGER", "INT64"), pa.int64()),
    **dict.fromkeys(("FLOAT", "FLOAT64"), pa.float64()),
    **dict.fromkeys(("BOOLEAN", "BOOL"), pa.bool_()),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}
"""Types that Parquet and the later stages take as they are."""


class _Cast(NamedTuple):
    """Another type that a column becomes, and the expression for it."""

    type: pa.DataType
    expression: str


_CAST: dict[str, _Cast] = {
    **dict.fromkeys(("NUMERIC", "BIGNUMERIC"), _Cast(pa.float64(), "CAST({} AS FLOAT64)")),
    "DATETIME": _Cast(pa.timestamp("us", "UTC"), "CAST({} AS TIMESTAMP)"),
    **dict.fromkeys(("TIME", "INTERVAL"), _Cast(pa.string(), "CAST({} AS STRING)")),
    # TO_JSON_STRING(NULL) is the word null.
    "JSON": _Cast(pa.string(), "IF({0} IS NULL, NULL, TO_JSON_STRING({0}))"),
}
"""The same types that the rows of DuckDB have, so that both targets learn from equal columns."""


def arrow_schema(fields: Sequence[Any]) -> pa.Schema:
    """The columns of a result as the rows have them.

    Args:
        fields: The `SchemaField`s of the result.

    Raises:
        QueryError: A column that Parquet or the later stages cannot take; a name twice, or none.
    """
    names = [field.name.lower() for field in fields]
    googlesql.check_names(names)
    nameless = [number for number, name in enumerate(names, 1) if re.fullmatch(r"f\d+_", name)]
    if nameless:
        raise QueryError(
            "the query", expected="a name for each column", got=f"none for column {nameless[0]}",
            remedy="Write: … AS name.",
        )  # fmt: skip
    return pa.schema([pa.field(field.name, _result_type(field)) for field in fields])


def table_schema(fields: Sequence[Any]) -> pa.Schema:
    """The columns of a table; a type that rows cannot have is shown as text."""
    return pa.schema([pa.field(field.name, _type_or_text(field)) for field in fields])


def result_columns(fields: Sequence[Any]) -> str:
    """GoogleSQL: the columns of a result, with the types of the rows."""
    return ", ".join(_result_expression(field) for field in fields)


def type_name(field: Any) -> str:
    """A column's type as GoogleSQL writes it: `ARRAY<STRUCT<a INT64>>`."""
    names = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
    name = names.get(field.field_type, field.field_type)
    if name in {"RECORD", "STRUCT"}:
        name = f"STRUCT<{', '.join(f'{each.name} {type_name(each)}' for each in field.fields)}>"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def parameters(values: Mapping[str, Parameter]) -> list[Any]:
    """A query's `@name` parameters with the types that they are written as."""
    from google.cloud import bigquery

    return [
        bigquery.ArrayQueryParameter(name, _written_as(value[0]) if value else "INT64", value)
        if isinstance(value, list)
        else bigquery.ScalarQueryParameter(name, _written_as(value), value)
        for name, value in values.items()
    ]


def _written_as(value: Any) -> str:
    names = {
        bool: "BOOL",
        int: "INT64",
        float: "FLOAT64",
        datetime.datetime: "TIMESTAMP",
        datetime.date: "DATE",
    }
    return names.get(type(value), "STRING")


def _result_expression(field: Any) -> str:
    name = googlesql.quoted(field.name)
    cast = _CAST.get(field.field_type)
    return f"{cast.expression.format(name)} AS {name}" if cast else name


def _result_type(field: Any) -> pa.DataType:
    if field.mode != "REPEATED" and field.field_type in _CAST:
        return _CAST[field.field_type].type
    return _nested_type(field, field.name)


def _nested_type(field: Any, path: str) -> pa.DataType:
    if field.field_type in ("RECORD", "STRUCT"):
        kind: pa.DataType = pa.struct(
            [pa.field(part.name, _nested_type(part, f"{path}.{part.name}")) for part in field.fields]
        )
    elif field.field_type in _TYPES:
        kind = _TYPES[field.field_type]
    else:
        raise QueryError(
            f"the column '{path}' of the query",
            expected=f"a type that the rows can have: {', '.join(sorted({*_TYPES, *_CAST}))}"
            if path == field.name and field.mode != "REPEATED"
            else f"a type that nested values can have: {', '.join(sorted(_TYPES))}",
            got=field.field_type,
            remedy="CAST it in the query (ST_ASTEXT, RANGE_START), or leave it out.",
        )
    return pa.list_(kind) if field.mode == "REPEATED" else kind


def _type_or_text(field: Any) -> pa.DataType:
    try:
        return _result_type(field)
    except QueryError:
        return pa.string()
