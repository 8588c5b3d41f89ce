"""BigQuery's types as the rows keep them: those of GoogleSQL that Parquet and the later stages take."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from configs.errors import QueryError
from configs.values import Parameter

_KEPT: dict[str, pa.DataType] = {
    **dict.fromkeys(("INTEGER", "INT64"), pa.int64()),
    **dict.fromkeys(("FLOAT", "FLOAT64"), pa.float64()),
    **dict.fromkeys(("BOOLEAN", "BOOL"), pa.bool_()),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}
"""Types that Parquet and the later stages take as they are."""


class _Turned(NamedTuple):
    """Another type that a column becomes, and the expression for it."""

    type: pa.DataType
    expression: str


_TURNED: dict[str, _Turned] = {
    **dict.fromkeys(("NUMERIC", "BIGNUMERIC"), _Turned(pa.float64(), "CAST({} AS FLOAT64)")),
    "DATETIME": _Turned(pa.timestamp("us", "UTC"), "CAST({} AS TIMESTAMP)"),
    **dict.fromkeys(("TIME", "INTERVAL"), _Turned(pa.string(), "CAST({} AS STRING)")),
    # TO_JSON_STRING(NULL) is the word null.
    "JSON": _Turned(pa.string(), "IF({0} IS NULL, NULL, TO_JSON_STRING({0}))"),
}
"""The same types that the rows of DuckDB have, so that both targets learn from equal columns."""


def arrow_schema(fields: Sequence[Any]) -> pa.Schema:
    """The columns of a result as the rows keep them.

    Args:
        fields: The `SchemaField`s of the result.

    Raises:
        QueryError: A column that Parquet or the later stages cannot take; a name twice, or none.
    """
    names = [field.name.lower() for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise QueryError("the query", expected="each column once", got=f"{twice} twice")
    nameless = [number for number, name in enumerate(names, 1) if re.fullmatch(r"f\d+_", name)]
    if nameless:
        raise QueryError(
            "the query", expected="a name for each column", got=f"none for column {nameless[0]}",
            remedy="Write: … AS name.",
        )  # fmt: skip
    return pa.schema([pa.field(field.name, _kept_type(field)) for field in fields])


def table_schema(fields: Sequence[Any]) -> pa.Schema:
    """The columns of a table; a type that rows cannot keep is shown as text."""
    return pa.schema([pa.field(field.name, _type_or_text(field)) for field in fields])


def kept_columns(fields: Sequence[Any]) -> str:
    """GoogleSQL: the columns of a result, each as the rows keep it."""
    return ", ".join(_kept_expression(field) for field in fields)


def parameters(values: Mapping[str, Parameter]) -> list[Any]:
    """A query's `@name` parameters with the types that they are written as."""
    from google.cloud import bigquery

    return [bigquery.ScalarQueryParameter(name, _type_name(value), value) for name, value in values.items()]


def quoted(name: str) -> str:
    """An identifier as GoogleSQL quotes it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _type_name(value: Parameter) -> str:
    if isinstance(value, datetime.datetime):
        return "TIMESTAMP"
    if isinstance(value, datetime.date):
        return "DATE"
    return {int: "INT64", float: "FLOAT64"}.get(type(value), "STRING")


def _kept_expression(field: Any) -> str:
    name = quoted(field.name)
    turned = _TURNED.get(field.field_type)
    return f"{turned.expression.format(name)} AS {name}" if turned else name


def _kept_type(field: Any) -> pa.DataType:
    if field.mode != "REPEATED" and field.field_type in _TURNED:
        return _TURNED[field.field_type].type
    return _nested_type(field, field.name)


def _nested_type(field: Any, path: str) -> pa.DataType:
    if field.field_type in ("RECORD", "STRUCT"):
        kind: pa.DataType = pa.struct(
            [pa.field(part.name, _nested_type(part, f"{path}.{part.name}")) for part in field.fields]
        )
    elif field.field_type in _KEPT:
        kind = _KEPT[field.field_type]
    else:
        raise QueryError(
            f"the column '{path}' of the query",
            expected=f"a type that the rows can keep: {', '.join(sorted({*_KEPT, *_TURNED}))}"
            if path == field.name and field.mode != "REPEATED"
            else f"a type that nested values can keep: {', '.join(sorted(_KEPT))}",
            got=field.field_type,
            remedy="CAST it in the query (ST_ASTEXT, RANGE_START), or leave it out.",
        )
    return pa.list_(kind) if field.mode == "REPEATED" else kind


def _type_or_text(field: Any) -> pa.DataType:
    try:
        return _kept_type(field)
    except QueryError:
        return pa.string()
