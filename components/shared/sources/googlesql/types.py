"""GoogleSQL's types: how they are written, what becomes what by itself, and what DuckDB keeps them as.

Source: GoogleSQL, "Conversion rules".
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """A type; `of` are an array's element or a struct's fields, `names` the fields' names, perhaps empty."""

    name: str
    of: tuple["Type", ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.name == "STRUCT":
            return (
                f"STRUCT<{', '.join(f'{n} {t}'.strip() for n, t in zip(self.names, self.of, strict=True))}>"
            )
        return f"{self.name}<{self.of[0]}>" if self.of else self.name

    @property
    def is_array(self) -> bool:
        """Whether it is an ARRAY."""
        return self.name == "ARRAY"

    @property
    def is_struct(self) -> bool:
        """Whether it is a STRUCT."""
        return self.name == "STRUCT"

    @property
    def fields(self) -> tuple[str, ...]:
        """The names that a struct's fields have in DuckDB."""
        return tuple(name or f"_{place}" for place, name in enumerate(self.names))

    @property
    def has_floats(self) -> bool:
        """Whether a NaN may be in it."""
        return self.name == "FLOAT64" or any(each.has_floats for each in self.of)


INT64, FLOAT64, NUMERIC, BIGNUMERIC = Type("INT64"), Type("FLOAT64"), Type("NUMERIC"), Type("BIGNUMERIC")
BOOL, STRING, BYTES, JSON = Type("BOOL"), Type("STRING"), Type("BYTES"), Type("JSON")
DATE, DATETIME, TIME, TIMESTAMP, INTERVAL = (
    Type("DATE"),
    Type("DATETIME"),
    Type("TIME"),
    Type("TIMESTAMP"),
    Type("INTERVAL"),
)
PART = Type("a part of a date")
"""What DAY is as an argument; no value."""

SIMPLE = {
    each.name: each
    for each in (
        INT64,
        FLOAT64,
        NUMERIC,
        BIGNUMERIC,
        BOOL,
        STRING,
        BYTES,
        JSON,
        DATE,
        DATETIME,
        TIME,
        TIMESTAMP,
        INTERVAL,
    )
}
OTHER_NAMES = {
    **dict.fromkeys(("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "BOOLEAN": "BOOL",
}
"""Names of BigQuery for the types above."""

_IN_DUCKDB = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BOOL": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "JSON": "JSON",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMPTZ",
    "INTERVAL": "INTERVAL",
}
_NUMBERS = (INT64, NUMERIC, BIGNUMERIC, FLOAT64)
"""Each becomes any that stands behind it."""


def array_of(element: Type) -> Type:
    """ARRAY<element>."""
    return Type("ARRAY", (element,))


def struct_of(names: Sequence[str], types: Sequence[Type]) -> Type:
    """STRUCT with these fields; an empty name is a field without one."""
    return Type("STRUCT", tuple(types), tuple(names))


def in_duckdb(type_: Type) -> str:
    """The DuckDB type that keeps a type's values."""
    if type_.is_array:
        return f"{in_duckdb(type_.of[0])}[]"
    if type_.is_struct:
        fields = zip(type_.fields, type_.of, strict=True)
        return f"STRUCT({', '.join(f'{identifier(name)} {in_duckdb(each)}' for name, each in fields)})"
    return _IN_DUCKDB[type_.name]


def known_in_duckdb(type_: Type) -> bool:
    """Whether DuckDB keeps its values as they are."""
    return all(map(known_in_duckdb, type_.of)) if type_.of else type_.name in _IN_DUCKDB


def identifier(name: str) -> str:
    """A name as DuckDB quotes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as DuckDB's literal."""
    if "\0" in text:
        return (
            "("
            + " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in text.split("\0"))
            + ")"
        )
    return "'" + text.replace("'", "''") + "'"


def becomes(type_: Type, wanted: Type) -> bool:
    """Whether values of a type are taken for another without CAST."""
    if type_ == wanted:
        return True
    if type_ in _NUMBERS and wanted in _NUMBERS:
        return _NUMBERS.index(type_) <= _NUMBERS.index(wanted)
    if type_ == DATE and wanted in {DATETIME, TIMESTAMP}:
        return wanted == DATETIME
    if type_.is_struct and wanted.is_struct and len(type_.of) == len(wanted.of):
        return all(becomes(one, other) for one, other in zip(type_.of, wanted.of, strict=True))
    return False
