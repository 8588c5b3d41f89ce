"""The rules for each column of a split.

A column that is a feature, the label or the key is used: what breaks it is an error. Elsewhere the same
is a warning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validate import schema as schemas
from components.validate.datasets import custom, not_a_number, presence, valued
from components.validate.queries import Column, Kind
from components.validate.settings import ValidateStage
from configs.rows import Split

Severity = Literal["error", "warning"]
FindingKind = Literal[
    "missing_column", "new_column", "type", "presence", "domain", "range", "cardinality", "non_finite",
    "constant", "duplicate_key", "skew", "drift",
]  # fmt: skip

_EXAMPLES = 3
"""Values named in a finding."""
_WIDENS: Mapping[Kind, tuple[Kind, ...]] = {"float": ("integer", "boolean"), "integer": ("boolean",)}
"""Numbers that a number of another kind can stand for."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a column.

    Args:
        severity: An error blocks the run.
        kind: The rule that is broken.
        column: Where.
        split: The split where it is worst.
        expected: What the rule asks for.
        got: What came.
        value: How far, in the rule's own unit; None where it is a matter of yes or no.
        limit: How far it may go.
    """

    severity: Severity
    kind: FindingKind
    column: str
    split: Split
    expected: str
    got: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Subject:
    """A column of a split, with all that is known of it."""

    stage: ValidateStage
    split: Split
    column: Column
    found: statistics_pb2.FeatureNameStatistics
    rows: int
    feature: schema_pb2.Feature
    """The column in the schema; empty where that has none."""

    def finding(
        self,
        severity: Severity,
        kind: FindingKind,
        expected: str,
        got: str,
        measured: tuple[float | None, float | None] = (None, None),
    ) -> Finding:
        """A finding about this column; an error only if the column is used. `measured`: value and limit."""
        if self.column.name not in self.stage.used:
            severity = "warning"
        return Finding(severity, kind, self.column.name, self.split, expected, got, *measured)


def about(subject: Subject) -> Iterator[Finding]:
    """The rules of one column in one split; after a wrong type no other rule makes sense."""
    wrong_type = [*_type(subject)]
    yield from wrong_type
    if any(finding.severity == "error" for finding in wrong_type):
        return
    if subject.column.name == subject.stage.label.column:
        yield from _label(subject)
        return
    for rule in (_presence, _domain, _range, _cardinality, _non_finite, _constant, _duplicate_key):
        yield from rule(subject)


def _type(subject: Subject) -> Iterator[Finding]:
    column, features = subject.column, subject.stage.features
    if column.name in features.numeric and column.kind not in ("integer", "float", "boolean"):
        yield subject.finding("error", "type", "a number, as the feature is numeric", column.declared)
    elif column.name in features.categorical and column.kind == "nested":
        yield subject.finding("error", "type", "single values", column.declared)
    elif subject.feature.name:
        expected = schemas.kind_expected(subject.feature)
        actual: Kind = "string" if column.kind == "bytes" else column.kind
        if actual != expected:
            harmless = actual in _WIDENS.get(expected, ()) and column.name not in features.categorical
            severity: Severity = "warning" if harmless else "error"
            yield subject.finding(severity, "type", f"{expected} (schema)", column.declared)


def _presence(subject: Subject) -> Iterator[Finding]:
    if not subject.feature.HasField("presence"):
        return
    wanted, share = subject.feature.presence, presence(subject.found, subject.rows)
    lost = round(wanted.min_fraction - share, 9)
    allowed = subject.stage.validation.max_missing_increase
    if lost > allowed or valued(subject.found) < wanted.min_count:
        severity: Severity = "error"
    elif wanted.min_fraction == 1.0 and lost > 0:
        severity = "warning"
    else:
        return
    expected = f"at least {_percent(wanted.min_fraction)} of the rows with a value"
    yield subject.finding(severity, "presence", expected, _percent(share), (lost, allowed))


def _domain(subject: Subject) -> Iterator[Finding]:
    """Rows with categories outside the domain. The empty string is a missing value, not a category.

    Where a column has more distinct values than domain and top values together, the others count as outside.
    """
    domain = schemas.domain_values(subject.feature)
    if domain is None or not subject.column.as_category:
        return
    tops = subject.found.string_stats.top_values
    inside = sum(top.frequency for top in tops if top.value in domain and top.value)
    share = (valued(subject.found) - inside) / subject.rows
    if share <= 0:
        return
    limit = _allowed_outside(subject)
    strangers = [f"'{top.value}'" for top in tops if top.value and top.value not in domain]
    got = f"others in {_percent(share)} of the rows: {_some(strangers)}"
    severity: Severity = "error" if share > limit else "warning"
    yield subject.finding(severity, "domain", f"one of {len(domain)} values", got, (share, limit))


def _range(subject: Subject) -> Iterator[Finding]:
    outside = custom(subject.found, "out_of_range")
    bounds = schemas.limits(subject.feature)
    if not outside or bounds is None:
        return
    share, limit = outside / subject.rows, _allowed_outside(subject)
    got = f"others in {_percent(share)} of the rows"
    if not subject.column.as_category:
        numbers = subject.found.num_stats
        got += f" ({numbers.min:g} … {numbers.max:g})"
    severity: Severity = "error" if share > limit else "warning"
    yield subject.finding(severity, "range", f"{bounds[0]:g} … {bounds[1]:g}", got, (share, limit))


def _allowed_outside(subject: Subject) -> float:
    """Share of the rows that may lie outside: the schema's own, else the settings'."""
    constraints = subject.feature.distribution_constraints
    if constraints.HasField("min_domain_mass"):
        return round(1.0 - float(constraints.min_domain_mass), 6)
    return subject.stage.validation.max_new_values


def _cardinality(subject: Subject) -> Iterator[Finding]:
    if not subject.column.as_category:
        return
    strings, wanted = subject.found.string_stats, subject.feature.unique_constraints
    unique = strings.unique
    if wanted.max and unique > wanted.max:
        expected = f"at most {wanted.max:,} distinct values"
        yield subject.finding("error", "cardinality", expected, f"{unique:,}", (unique, wanted.max))
    elif unique < wanted.min:
        expected = f"at least {wanted.min:,} distinct values"
        yield subject.finding("error", "cardinality", expected, f"{unique:,}")
    feature = subject.column.name in subject.stage.features.categorical
    if feature and subject.split == "train" and unique > 100 and schemas.nearly_unique(strings):
        got = f"{unique:,} distinct values in {subject.rows:,} rows"
        yield subject.finding("warning", "cardinality", "categories that come again", got)


def _non_finite(subject: Subject) -> Iterator[Finding]:
    infinite, nan = int(custom(subject.found, "infinite")), not_a_number(subject.found)
    wanted, got = subject.feature.float_domain, f"{infinite:,} infinite, {nan:,} NaN"
    if (wanted.disallow_inf and infinite) or (wanted.disallow_nan and nan):
        share = (infinite + nan) / subject.rows
        yield subject.finding("error", "non_finite", "none (schema)", got, (share, 0.0))
    elif infinite and subject.column.name in subject.stage.features.numeric:
        expected = "numbers that float32 can hold; others count as missing"
        yield subject.finding("warning", "non_finite", expected, got, (infinite / subject.rows, 0.0))


def _constant(subject: Subject) -> Iterator[Finding]:
    if subject.split != "train" or subject.column.name not in subject.stage.features.columns:
        return
    strings, numbers, got = subject.found.string_stats, subject.found.num_stats, ""
    if not valued(subject.found):
        got = "no value at all"
    elif valued(subject.found) == subject.rows and strings.unique == 1:
        got = f"always '{strings.top_values[0].value}'"
    elif valued(subject.found) == subject.rows and not strings.unique and numbers.min == numbers.max:
        got = f"always {numbers.min:g}"
    if got:
        yield subject.finding("warning", "constant", "a feature that varies", got)


def _duplicate_key(subject: Subject) -> Iterator[Finding]:
    """A join that multiplies rows shows here first."""
    if subject.column.name != subject.stage.key or not subject.column.as_category:
        return
    strings = subject.found.string_stats
    again = strings.common_stats.num_non_missing - strings.unique
    if again:
        tops = [f"'{top.value}' {top.frequency:g} times" for top in strings.top_values if top.frequency > 1]
        about = "about " if custom(subject.found, "unique_error") else ""
        got = f"{about}{again:,} rows with a key that was there" + (f": {_some(tops)}" if tops else "")
        yield subject.finding("warning", "duplicate_key", "a row a key", got, (again / subject.rows, 0.0))


def _label(subject: Subject) -> Iterator[Finding]:
    """0 and 1, both of them, in every row: what the later stages are made for."""
    strings = subject.found.string_stats
    absent = subject.rows - valued(subject.found)
    if absent:
        got, share = f"{absent:,} without", absent / subject.rows
        yield subject.finding("error", "presence", "a label in every row", got, (share, 0.0))
    others = [f"'{top.value}'" for top in strings.top_values if top.value not in ("0", "1", "")]
    if others:
        yield subject.finding("error", "domain", "0 or 1", _some(others))
    elif strings.unique < 2:
        only = strings.top_values[0].value if strings.top_values else "nothing"
        yield subject.finding("error", "constant", "both 0 and 1", f"always {only}")


def _some(values: Sequence[str]) -> str:
    """The first few of several."""
    more = f" and {len(values) - _EXAMPLES:,} more" if len(values) > _EXAMPLES else ""
    return ", ".join(value if len(value) <= 40 else f"{value[:40]}…" for value in values[:_EXAMPLES]) + more


def _percent(share: float) -> str:
    return f"{share:.2%}" if share < 0.9995 or share == 1.0 else f"{share:.4%}"
