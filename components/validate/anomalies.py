"""The findings as tensorflow-metadata's `Anomalies`, for tools that read them."""

from collections.abc import Iterable, Mapping, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.validate.distances import Distance
from components.validate.rules import Finding, FindingKind

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


def anomalies(
    findings: Sequence[Finding], distances: Iterable[Distance], schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    """One entry a column with all its reasons, and every distance that was measured."""
    message = anomalies_pb2.Anomalies(baseline=schema)
    measures = {one.column: one.measure for one in distances}
    for finding in findings:
        _add(message.anomaly_info[finding.column], finding, measures.get(finding.column, "js"))
    drift_skew: dict[str, anomalies_pb2.DriftSkewInfo] = {}
    for one in distances:
        if one.column not in drift_skew:
            drift_skew[one.column] = message.drift_skew_info.add()
            drift_skew[one.column].path.step.append(one.column)
        measurements = getattr(drift_skew[one.column], f"{one.kind}_measurements")
        measurements.add(type=_MEASURES[one.measure], value=one.value, threshold=one.limit)
    return message


def _add(info: anomalies_pb2.AnomalyInfo, finding: Finding, measure: str) -> None:
    del info.path.step[:]
    info.path.step.append(finding.column)
    severity = anomalies_pb2.AnomalyInfo.Severity.Value(finding.severity.upper())
    info.severity = max(info.severity, severity)
    short = finding.kind.replace("_", " ")
    description = f"{finding.split}: expected {finding.expected}, got {finding.got}"
    reason = _REASONS.get(finding.kind) or _DISTANT[measure]
    info.reason.add(
        type=anomalies_pb2.AnomalyInfo.Type.Value(reason), short_description=short, description=description
    )
    several = len(info.reason) > 1
    info.short_description = "several reasons" if several else short
    info.description = "; ".join(one.description for one in info.reason)
