"""What kind of values the columns of a split hold, and how the engine sees them as numbers or as text."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.shared.rows import missing

Kind = Literal["integer", "float", "boolean", "time", "string", "bytes", "nested"]
"""time: an instant or a date, as microseconds since 1970 (UTC); string: any other scalar, as printed."""

FLOAT32_MAX = missing.FLOAT32_MAX
"""Features are float32: what lies beyond is missing to the model, and so it is here."""

_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True)
class Column:
    """A column of a split.

    Args:
        name: Its name in the Parquet files.
        kind: What it holds.
        declared: The engine's name of its type, for messages.
        as_category: Its values are counted one by one (a category), whatever their kind.
    """

    name: str
    kind: Kind
    declared: str
    as_category: bool

    @property
    def is_number(self) -> bool:
        """It has a minimum, a mean, a histogram."""
        return self.kind in ("integer", "float", "boolean", "time")

    @property
    def number(self) -> str:
        """SQL: the value as DOUBLE."""
        if self.kind == "time":
            return f"CAST(epoch_us(CAST({quoted(self.name)} AS TIMESTAMP)) AS DOUBLE)"
        return f"CAST({quoted(self.name)} AS DOUBLE)"

    @property
    def text(self) -> str:
        """SQL: the value as VARCHAR."""
        return f"CAST({quoted(self.name)} AS VARCHAR)"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def relation(files: Sequence[Path]) -> str:
    """SQL: the rows of Parquet files."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning=false)"


def describe(connection: Any, files: Sequence[Path], categories: Collection[str]) -> dict[str, Column]:
    """The columns of Parquet files, in order; strings and those named in `categories` are categories."""
    described = connection.execute(f"DESCRIBE FROM {relation(files)}").fetchall()
    columns = {}
    for name, declared, *_ in described:
        kind = kind_of(declared)
        as_category = kind in ("string", "bytes") or (kind != "nested" and name in categories)
        columns[name] = Column(name, kind, declared, as_category)
    return columns


def kind_of(declared: str) -> Kind:
    """The kind of one of the engine's types."""
    if declared.endswith("]") or declared.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    if declared.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if declared.startswith(_FLOATS):
        return "float"
    if declared.removeprefix("U") in _INTEGERS:
        return "integer"
    return {"BOOLEAN": "boolean", "BLOB": "bytes"}.get(declared, "string")  # type: ignore[return-value]
