"""What was found: as JSON, as a table for the stage's log, and as tensorflow-metadata's `Anomalies`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.validate.distances import Distance
from components.validate.rules import Finding, FindingKind
from components.validate.statistics import Statistics
from configs.rows import SPLITS

_REASONS: Mapping[FindingKind, str] = {
    "missing_column": "SCHEMA_MISSING_COLUMN",
    "new_column": "SCHEMA_NEW_COLUMN",
    "type": "UNEXPECTED_DATA_TYPE",
    "presence": "FEATURE_TYPE_LOW_FRACTION_PRESENT",
    "domain": "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
    "range": "INVALID_DOMAIN_SPECIFICATION",
    "cardinality": "FEATURE_TYPE_HIGH_UNIQUE",
    "non_finite": "FLOAT_TYPE_HAS_INF",
    "constant": "FEATURE_TYPE_LOW_UNIQUE",
    "duplicate_key": "FEATURE_TYPE_LOW_UNIQUE",
}
_DISTANT = {"linf": "COMPARATOR_L_INFTY_HIGH", "js": "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"}
_MEASURES = {"linf": "L_INFTY", "js": "JENSEN_SHANNON_DIVERGENCE"}
_STYLES = {"error": "bold red", "warning": "yellow"}


def anomalies(
    findings: Sequence[Finding], distances: Sequence[Distance], schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    """One entry a column with all its reasons, and every distance that was measured."""
    message = anomalies_pb2.Anomalies(baseline=schema)
    measures = {one.column: one.measure for one in distances}
    for finding in findings:
        _add(message.anomaly_info[finding.column], finding, measures.get(finding.column, "js"))
    for column in measures:
        info = message.drift_skew_info.add()
        info.path.step.append(column)
        for one in distances:
            if one.column == column:
                measurements = getattr(info, f"{one.kind}_measurements")
                measurements.add(type=_MEASURES[one.measure], value=one.value, threshold=one.limit)
    return message


def _add(info: anomalies_pb2.AnomalyInfo, finding: Finding, measure: str) -> None:
    del info.path.step[:]
    info.path.step.append(finding.column)
    severity = anomalies_pb2.AnomalyInfo.Severity.Value(finding.severity.upper())
    info.severity = max(info.severity, severity)
    short = finding.kind.replace("_", " ")
    description = f"{finding.split}: expected {finding.expected}, got {finding.got}"
    kind = anomalies_pb2.AnomalyInfo.Type.Value(_REASONS.get(finding.kind) or _DISTANT[measure])
    info.reason.add(type=kind, short_description=short, description=description)
    several = len(info.reason) > 1
    info.short_description = "several reasons" if several else short
    info.description = "; ".join(one.description for one in info.reason)


def report(
    statistics: Statistics, findings: Sequence[Finding], distances: Sequence[Distance]
) -> dict[str, Any]:
    """The content of `findings.json`."""
    return {
        "rows": {split: statistics.rows(split) for split in SPLITS},
        "findings": [_rounded(finding) for finding in findings],
        "distances": [_rounded(distance) for distance in distances],
    }


def _rounded(found: Finding | Distance) -> dict[str, Any]:
    content = asdict(found).items()
    return {key: round(value, 9) if isinstance(value, float) else value for key, value in content}


def table(report: Mapping[str, Any]) -> Table:
    """A report as a table, errors first."""
    rows = ", ".join(f"{split} {count:,}" for split, count in report["rows"].items())
    findings = report["findings"]
    built = Table(title=f"{verdict(report)} ({rows} rows)", title_justify="left", show_lines=False)
    for heading in ("", "column", "split", "what", "expected", "got", "value / limit"):
        built.add_column(heading, overflow="fold")
    for one in findings:
        style = _STYLES[one["severity"]]
        cells = (one["column"], one["split"], one["kind"].replace("_", " "), one["expected"], one["got"])
        built.add_row(Text(one["severity"], style=style), *map(Text, cells), _measured(one))
    return built


def verdict(report: Mapping[str, Any]) -> str:
    """`2 errors, 1 warning in the data`, or that there is nothing to find."""
    found = [one["severity"] for one in report["findings"]]
    if not found:
        return "Nothing wrong with the data"
    counts = [(found.count(word), word) for word in ("error", "warning")]
    named = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in counts if number]
    return f"{', '.join(named)} in the data"


def _measured(finding: Mapping[str, Any]) -> str:
    """How far beyond the limit; empty where it is a matter of yes or no."""
    if finding["value"] is None:
        return ""
    if finding["limit"] is None:
        return f"{finding['value']:.4g}"
    return f"{finding['value']:.4g} / {finding['limit']:.4g}"
