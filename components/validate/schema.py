"""The schema: inferred from the training split on the first run, then reviewed like code.

What is inferred is what may be expected of later data: the type of every column, how much of it is
there at least (rounded down), the values of a categorical feature where they are few, and a generous
bound on their number where they are many. Never a numeric range: that is the reviewer's knowledge.
Columns that are no feature (keys, instants, columns to slice by) get a type and a presence, no more.
"""

import math
import re
import textwrap
from collections.abc import Mapping

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validate.datasets import presence, valued
from components.validate.queries import Column, Kind
from components.validate.settings import ValidateStage
from components.validate.statistics import Statistics
from configs.errors import SettingsError

FILE = "schema.pbtxt"

_HEADER = """\
# What the rows must look like, column by column: a tensorflow-metadata Schema.
# Inferred by `validate` from the training split; keep it next to use_case.yaml, review it, edit it like code.
#   presence.min_fraction     share of rows with a value, at least (less `validation.max_missing_increase`)
#   string_domain.value       the categories; rows with others may be `validation.max_new_values` of all,
#                             or 1 - distribution_constraints.min_domain_mass where that is set
#   int_domain, float_domain  min and max: the same for numbers outside
#   unique_constraints.max    distinct values of a category without a domain, at most
#   skew_comparator, drift_comparator: infinity_norm or jensen_shannon_divergence {threshold}
"""

_TYPES: Mapping[Kind, int] = {
    "integer": schema_pb2.INT,
    "boolean": schema_pb2.INT,
    "time": schema_pb2.INT,
    "float": schema_pb2.FLOAT,
    "nested": schema_pb2.STRUCT,
    "string": schema_pb2.BYTES,
    "bytes": schema_pb2.BYTES,
}
_KINDS: Mapping[int, Kind] = {
    schema_pb2.FLOAT: "float",
    schema_pb2.STRUCT: "nested",
    schema_pb2.BYTES: "string",
}
_ROOM_FOR_GROWTH = 2
"""A category without a domain may have so many times the distinct values it has today."""
NEARLY_UNIQUE = 0.5
"""Distinct values a row: from here on a column names rows rather than categories."""


def infer(statistics: Statistics, stage: ValidateStage) -> str:
    """The schema of the training split, as text with a header for the reviewer."""
    features, rows = statistics.features("train"), statistics.rows("train")
    columns = statistics.columns["train"].values()
    inferred = [_feature(column, features[column.name], rows, stage) for column in columns]
    return f"{_HEADER}\n{_render(schema_pb2.Schema(feature=inferred))}"


def parse(text: str) -> schema_pb2.Schema:
    """A schema from its text; string domains named at the top are put in their columns' place.

    Raises:
        SettingsError: Not a Schema (with line and column), a column twice or without name,
            a domain that does not exist, that does not fit the type or is empty.
    """
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        line, column = error.GetLine(), error.GetColumn()
        message = re.sub(r"^\d+:\d+ : ", "", str(error))
        raise SettingsError(
            f"{FILE}:{line}:{column}" if line else FILE,
            expected="a tensorflow-metadata Schema as text",
            got=message,
        ) from None
    domains = {domain.name: domain for domain in schema.string_domain}
    seen: set[str] = set()
    for feature in schema.feature:
        if not feature.name or feature.name in seen:
            got = f"'{feature.name}' again" if feature.name else "a feature without one"
            raise SettingsError(_place(text, feature.name), expected="each name once", got=got)
        seen.add(feature.name)
        if feature.HasField("domain"):
            if feature.domain not in domains:
                expected = f"one of the domains {sorted(domains)}"
                raise _schema_error(text, feature, expected, f"'{feature.domain}'")
            feature.string_domain.CopyFrom(domains[feature.domain])
        _check_domain(text, feature)
    return schema


def kind_expected(feature: schema_pb2.Feature) -> Kind:
    """The kind of values a feature of a schema asks for."""
    if feature.type == schema_pb2.INT:
        if feature.HasField("time_domain"):
            return "time"
        return "boolean" if feature.HasField("bool_domain") else "integer"
    return _KINDS[feature.type]


def limits(feature: schema_pb2.Feature) -> tuple[float, float] | None:
    """The numeric range of a feature, both ends inclusive; None where it has none."""
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    low = float(domain.min) if domain.HasField("min") else -math.inf
    high = float(domain.max) if domain.HasField("max") else math.inf
    return None if math.isinf(low) and math.isinf(high) else (low, high)


def domain_values(feature: schema_pb2.Feature) -> frozenset[str] | None:
    """The categories a feature may have; None where any may come."""
    if feature.HasField("string_domain"):
        return frozenset(feature.string_domain.value)
    return frozenset(("true", "false")) if feature.HasField("bool_domain") else None


def in_force(schema: schema_pb2.Schema) -> list[schema_pb2.Feature]:
    """The features that are not marked as deprecated."""
    stages = schema_pb2.LifecycleStage
    off = (stages.DEPRECATED, stages.DISABLED)
    return [one for one in schema.feature if not one.deprecated and one.lifecycle_stage not in off]


# --- inferring ----------------------------------------------------------------------------------


def _feature(
    column: Column, found: statistics_pb2.FeatureNameStatistics, rows: int, stage: ValidateStage
) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name=column.name)
    feature.type = _TYPES[column.kind]
    share = math.floor(presence(found, rows) * 100) / 100
    if share:
        feature.presence.min_fraction, feature.presence.min_count = share, 1
    if column.kind == "time":
        feature.time_domain.integer_format = schema_pb2.TimeDomain.UNIX_MICROSECONDS
    elif column.kind == "boolean":
        feature.bool_domain.SetInParent()
    if column.name == stage.label.column:
        feature.int_domain.min, feature.int_domain.max, feature.int_domain.is_categorical = 0, 1, True
    elif column.name in stage.features.categorical:
        _infer_categories(feature, column, found, stage.validation.max_domain_values)
    return feature


def _infer_categories(
    feature: schema_pb2.Feature,
    column: Column,
    found: statistics_pb2.FeatureNameStatistics,
    max_domain_values: int,
) -> None:
    strings = found.string_stats
    few = strings.unique <= max_domain_values
    if column.kind == "integer":
        feature.int_domain.is_categorical = True
    elif column.kind == "string" and few and valued(found):
        feature.string_domain.value.extend(sorted(top.value for top in strings.top_values if top.value))
    if column.kind != "boolean" and not few and not nearly_unique(strings):
        most = strings.unique * _ROOM_FOR_GROWTH
        unit = int(10 ** max(0, len(str(most)) - 2))  # rounded up to two significant digits
        feature.unique_constraints.max = -(-most // unit) * unit


def nearly_unique(strings: statistics_pb2.StringStatistics) -> bool:
    """Whether a category has hardly two rows in common."""
    return bool(strings.unique > NEARLY_UNIQUE * strings.common_stats.num_non_missing)


def _render(schema: schema_pb2.Schema) -> str:
    """Text format, with the values of a domain side by side and short messages on one line."""
    text = text_format.MessageToString(schema, as_utf8=True)
    text = re.sub(r"(?m)(?:^ +value: .*\n)+", _one_line, text)
    return re.sub(r"(?m)^( +\w+) \{\n((?: +\w+: [^\n\[{}]+\n)*) +\}$", _on_one_line, text)


def _on_one_line(found: re.Match[str]) -> str:
    fields = " ".join(line.strip() for line in found[2].splitlines())
    return f"{found[1]} {{ {fields} }}" if fields else f"{found[1]} {{}}"


def _one_line(found: re.Match[str]) -> str:
    indent = len(found[0]) - len(found[0].lstrip())
    values = [line.strip().removeprefix("value: ") for line in found[0].splitlines()]
    lines: list[str] = []
    for value in values:
        if lines and len(lines[-1]) + len(value) < 100:
            lines[-1] += f", {value}"
        else:
            lines.append(value)
    return textwrap.indent("value: [" + ",\n  ".join(lines) + "]\n", " " * indent)


# --- checking -----------------------------------------------------------------------------------


def _check_domain(text: str, feature: schema_pb2.Feature) -> None:
    """A domain must fit the type, and have values."""
    wanted = {"string_domain": "BYTES", "int_domain": "INT", "bool_domain": "INT", "float_domain": "FLOAT"}
    if feature.type == schema_pb2.TYPE_UNKNOWN:
        raise _schema_error(text, feature, "a type: INT, FLOAT or BYTES", "none")
    found = schema_pb2.FeatureType.Name(feature.type)
    for domain, kind in wanted.items():
        if feature.HasField(domain) and found != kind:
            raise _schema_error(text, feature, f"{domain} on {kind}", f"{domain} on {found}")
    if feature.HasField("string_domain") and not feature.string_domain.value:
        raise _schema_error(text, feature, "a string_domain with values", "none")
    low, high = limits(feature) or (-math.inf, math.inf)
    if low > high:
        raise _schema_error(text, feature, "min no larger than max", f"{low:g} and {high:g}")


def _schema_error(text: str, feature: schema_pb2.Feature, expected: str, got: str) -> SettingsError:
    return SettingsError(f"{_place(text, feature.name)}: {feature.name}", expected=expected, got=got)


def _place(text: str, name: str) -> str:
    """File and line of the last place where a column is named."""
    named = re.compile(rf"\bname:\s*[\"']{re.escape(name)}[\"']")
    found = [number for number, line in enumerate(text.splitlines(), 1) if named.search(line)]
    return f"{FILE}:{found[-1]}" if found else FILE
