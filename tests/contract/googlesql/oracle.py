"""Google's own GoogleSQL as an oracle: ZetaSQL with its reference evaluator, as WebAssembly (PyPI zetasql).

It parses, types and computes whole queries over tables that it made itself. It only parses APPROX_*,
HLL_COUNT.*, ST_* and ML.*.
"""

import ctypes
import datetime
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import empty_pb2
from wasmtime import Config, Engine, Linker, Module, Store, WasiConfig
from zetasql.core.wasm_client import get_tzinfo_dir
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public_options
from zetasql.wasi._pb2.zetasql.public import type_pb2

_COMPILED = Path(sys.prefix) / "zetasql-0.1.5.cwasm"
"""The engine compiled for this machine: a minute once, a quarter of a second from then on."""
_KINDS = {number: name.removeprefix("TYPE_") for name, number in type_pb2.TypeKind.items()}
_NAMES = {"DOUBLE": "FLOAT64", "FLOAT": "FLOAT32"}
_EPOCH = datetime.date(1970, 1, 1)


class Refused(Exception):  # noqa: N818 - what the engine answers, not what went wrong with it
    """The engine takes the query for wrong, or fails while it runs."""


class Answer(NamedTuple):
    """What a query returns: columns with their types, and rows of Python values."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


class Oracle:
    """The engine with tables of its own; clocks are in UTC."""

    def __init__(self) -> None:
        self._store, self._exports = _started()
        language = self._call(
            "GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            options_pb2.LanguageOptionsProto,
        )
        language.product_mode = public_options.PRODUCT_EXTERNAL
        self._language = language
        self._options = options_pb2.AnalyzerOptionsProto(default_timezone="UTC", prune_unused_columns=False)
        self._options.language_options.CopyFrom(language)
        self._tables: dict[str, tuple[list[Any], Any]] = {}

    def define(self, name: str, sql: str) -> Answer:
        """Make a table of what a query returns."""
        columns, content = self._evaluated(sql)
        self._tables[name] = (columns, content)
        return _answer(columns, content)

    def fill(self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
        """Make a table of rows: int, float, str, aware datetime or None, by the columns' types."""
        nulls = ", ".join(f"CAST(NULL AS {type_}) AS `{column}`" for column, type_ in columns.items())
        found, content = self._evaluated(f"SELECT {nulls}")
        del content.table_data.row[:]
        for row in rows:
            added = content.table_data.row.add()
            for value in row:
                _write(added.cell.add(), value)
        self._tables[name] = (found, content)

    def answer(self, sql: str) -> Answer:
        """What a query returns.

        Raises:
            Refused: It is wrong, or fails while it runs.
        """
        return _answer(*self._evaluated(sql))

    def analyze(self, sql: str, tables: Mapping[str, Mapping[str, str]]) -> list[str]:
        """The names of a query's columns, over tables that have columns and types, but no rows.

        Raises:
            Refused: BigQuery would refuse it too.
        """
        kept, self._tables = self._tables, {}
        try:
            for name, columns in tables.items():
                self.fill(name, columns, ())
            return [column.name for column in self._prepared(sql).columns]
        finally:
            self._tables = kept

    def _prepared(self, sql: str) -> Any:
        request = service.PrepareQueryRequest(sql=sql)
        request.options.CopyFrom(self._options)
        request.simple_catalog.name = "catalog"
        request.simple_catalog.builtin_function_options.language_options.CopyFrom(self._language)
        for name, (columns, content) in self._tables.items():
            table = request.simple_catalog.table.add(name=name)
            for column in columns:
                table.column.add(name=column.name).type.CopyFrom(column.type)
            request.table_content[name].CopyFrom(content)
        return self._call("PrepareQuery", request, service.PrepareQueryResponse).prepared

    def _evaluated(self, sql: str) -> tuple[list[Any], Any]:
        prepared = self._prepared(sql)
        number = prepared.prepared_query_id
        try:
            request = service.EvaluateQueryRequest(prepared_query_id=number)
            result = self._call("EvaluateQuery", request, service.EvaluateQueryResponse)
        finally:
            self._call("UnprepareQuery", service.UnprepareQueryRequest(prepared_query_id=number))
        return list(prepared.columns), result.content

    def _call(self, method: str, request: Any, reply: Any = empty_pb2.Empty) -> Any:
        """One call of the service, its messages in the engine's own memory."""
        exports, store = self._exports, self._store
        sent = request.SerializeToString()
        at, size_at = exports["wasm_malloc"](store, max(len(sent), 1)), exports["wasm_malloc"](store, 4)
        ctypes.memmove(self._address(at), sent, len(sent))
        got = exports[f"ZetaSqlLocalService_{method}"](store, at, len(sent), size_at)
        if not got:
            size = exports["wasm_get_last_error_size"](store)
            message = ctypes.string_at(self._address(exports["wasm_get_last_error"](store)), size)
            self._free(at, size_at)
            raise Refused(message.decode(errors="replace"))
        size = int.from_bytes(ctypes.string_at(self._address(size_at), 4), "little")
        answered = ctypes.string_at(self._address(got), size)
        self._free(got, at, size_at)
        return reply.FromString(answered)

    def _address(self, offset: int) -> int:
        return int(ctypes.addressof(self._exports["memory"].data_ptr().contents)) + offset

    def _free(self, *offsets: int) -> None:
        for offset in offsets:
            self._exports["wasm_free"](self._store, offset)


def _started() -> tuple[Any, Any]:
    config = Config()
    config.shared_memory = True
    engine = Engine(config)
    if not _COMPILED.exists():
        scratch = _COMPILED.with_suffix(f".{os.getpid()}")
        scratch.write_bytes(Module.from_file(engine, get_wasm_path()).serialize())
        scratch.replace(_COMPILED)
    store = Store(engine)
    wasi = WasiConfig()
    wasi.preopen_dir(get_tzinfo_dir(), "/usr/share/zoneinfo")
    store.set_wasi(wasi)
    linker = Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, Module.deserialize_file(engine, str(_COMPILED)))
    exports: Any = instance.exports(store)
    if "_initialize" in exports:
        exports["_initialize"](store)
    return store, exports


def _answer(columns: list[Any], content: Any) -> Answer:
    types = [column.type for column in columns]
    rows = [
        tuple(_value(cell, type_) for cell, type_ in zip(row.cell, types, strict=True))
        for row in content.table_data.row
    ]
    return Answer([(column.name, type_name(column.type)) for column in columns], rows)


def type_name(type_: Any) -> str:
    """A type as GoogleSQL writes it."""
    kind = _KINDS[type_.type_kind]
    if kind == "ARRAY":
        return f"ARRAY<{type_name(type_.array_type.element_type)}>"
    if kind == "STRUCT":
        fields = [f"{each.field_name} {type_name(each.field_type)}" for each in type_.struct_type.field]
        return f"STRUCT<{', '.join(map(str.strip, fields))}>"
    return str(_NAMES.get(kind, kind))


def _value(cell: Any, type_: Any) -> Any:
    """A cell as a Python value; a STRUCT's fields without a name are `_0`, `_1` …."""
    which = cell.WhichOneof("value")
    if which is None:
        return None
    raw, kind = getattr(cell, which), _KINDS[type_.type_kind]
    if kind == "ARRAY":
        return [_value(each, type_.array_type.element_type) for each in raw.element]
    if kind == "STRUCT":
        fields = zip(raw.field, type_.struct_type.field, strict=True)
        return {
            field.field_name or f"_{place}": _value(each, field.field_type)
            for place, (each, field) in enumerate(fields)
        }
    reader = _READERS.get(kind)
    return reader(raw) if reader else raw


def _write(cell: Any, value: Any) -> None:
    match value:
        case int():
            cell.int64_value = value
        case float():
            cell.double_value = value
        case str():
            cell.string_value = value
        case datetime.datetime():
            cell.timestamp_value.seconds = int(value.timestamp())


def _date(days: int) -> datetime.date:
    return _EPOCH + datetime.timedelta(days=days)


def _timestamp(raw: Any) -> datetime.datetime:
    since = datetime.timedelta(seconds=raw.seconds, microseconds=raw.nanos // 1000)
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + since


def _datetime(raw: Any) -> datetime.datetime:
    bits = raw.bit_field_datetime_seconds
    return datetime.datetime(  # noqa: DTZ001 - a DATETIME has no zone
        bits >> 26 & 0x3FFF, bits >> 22 & 0xF, bits >> 17 & 0x1F,
        bits >> 12 & 0x1F, bits >> 6 & 0x3F, bits & 0x3F, raw.nanos // 1000,
    )  # fmt: skip


def _time(raw: int) -> datetime.time:
    seconds, nanos = raw >> 30, raw & (1 << 30) - 1
    return datetime.time(seconds >> 12 & 0x1F, seconds >> 6 & 0x3F, seconds & 0x3F, nanos // 1000)


def _numeric(raw: bytes) -> Decimal:
    return Decimal(int.from_bytes(raw, "little", signed=True)).scaleb(-9)


_READERS: dict[str, Callable[[Any], Any]] = {
    "DATE": _date,
    "TIMESTAMP": _timestamp,
    "DATETIME": _datetime,
    "TIME": _time,
    "NUMERIC": _numeric,
}
