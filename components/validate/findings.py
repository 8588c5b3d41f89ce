"""What is wrong with the rows: broken rules, columns that are not there, distributions too far apart.

Of one column and kind only the worst split is reported; the statistics have the others.
"""

from collections.abc import Iterable, Iterator, Sequence

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validate import schema as schemas
from components.validate.datasets import by_name
from components.validate.distances import Distance
from components.validate.rules import Finding, Severity, Subject, about
from components.validate.settings import ValidateStage
from components.validate.statistics import Statistics
from configs.rows import SPLITS


def examine(
    statistics: Statistics,
    schema: schema_pb2.Schema,
    stage: ValidateStage,
    baseline: statistics_pb2.DatasetFeatureStatistics | None,
    distances: Iterable[Distance],
) -> list[Finding]:
    """All findings, errors first, the farthest beyond their limit first."""
    found = [
        *_columns_that_are_not_there(statistics, schema, stage),
        *_new_columns(statistics, schema),
        *(one for subject in _subjects(statistics, schema, stage) for one in about(subject)),
        *_types_since(statistics, baseline, stage),
        *_too_far(distances, stage),
    ]

    def order(finding: Finding) -> tuple[bool, float, str]:
        beyond = -(finding.value or 0.0) / finding.limit if finding.limit else float("-inf")
        return (finding.severity != "error", beyond, finding.column)

    return sorted(_worst(found), key=order)


def _worst(findings: Sequence[Finding]) -> list[Finding]:
    """One finding a column and kind: an error before a warning, then the largest value, then the first."""

    def rank(finding: Finding) -> tuple[bool, float]:
        return (finding.severity == "error", finding.value or 0.0)

    best: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        at = (finding.column, finding.kind)
        best[at] = max(best.get(at, finding), finding, key=rank)  # of equal ones the first
    return list(best.values())


def _subjects(statistics: Statistics, schema: schema_pb2.Schema, stage: ValidateStage) -> Iterator[Subject]:
    wanted = {feature.name: feature for feature in schemas.in_force(schema)}
    for split in SPLITS:
        features, rows = statistics.features(split), statistics.rows(split)
        for name, column in statistics.columns[split].items():
            yield Subject(stage, split, column, features[name], rows, wanted.get(name, schema_pb2.Feature()))


def _columns_that_are_not_there(
    statistics: Statistics, schema: schema_pb2.Schema, stage: ValidateStage
) -> Iterator[Finding]:
    named = [feature.name for feature in schemas.in_force(schema)]
    used = dict.fromkeys(sorted(stage.used), "a feature, the label or the key")
    wanted, got = dict.fromkeys([*used, *named], "named in the schema") | used, "no such column"
    for split in SPLITS:
        for name, expected in wanted.items():
            if name not in statistics.columns[split]:
                severity: Severity = "error" if name in used else "warning"
                yield Finding(severity, "missing_column", name, split, expected, got)
    for name in stage.validation.ignore:
        if name not in statistics.columns["train"]:
            yield Finding("warning", "missing_column", name, "train", "named in validation.ignore", got)


def _new_columns(statistics: Statistics, schema: schema_pb2.Schema) -> Iterator[Finding]:
    known = {feature.name for feature in schema.feature}
    for split in SPLITS:
        for name, column in statistics.columns[split].items():
            if name not in known:
                got = f"{column.declared}, unknown to it"
                yield Finding("warning", "new_column", name, split, "a column of the schema", got)


def _types_since(
    statistics: Statistics,
    baseline: statistics_pb2.DatasetFeatureStatistics | None,
    stage: ValidateStage,
) -> Iterator[Finding]:
    """Types that changed since the last accepted run: seen even where the schema was inferred anew."""
    then = by_name(baseline) if baseline else {}
    type_name = statistics_pb2.FeatureNameStatistics.Type.Name
    for name, now in statistics.features("train").items():
        if name in stage.used and name in then and now.type != then[name].type:
            before, got = type_name(then[name].type), statistics.columns["train"][name].declared
            harmless = (before, type_name(now.type)) == ("FLOAT", "INT") and name in stage.features.numeric
            severity: Severity = "warning" if harmless else "error"
            yield Finding(severity, "type", name, "train", f"{before}, as in the last accepted run", got)


def _too_far(distances: Iterable[Distance], stage: ValidateStage) -> Iterator[Finding]:
    names = {"linf": "L-infinity", "js": "Jensen-Shannon"}
    for one in distances:
        if one.ignored or one.value <= one.limit:
            continue
        is_error = stage.validation.skew_is_error if one.kind == "skew" else stage.validation.drift_is_error
        severity: Severity = "error" if is_error else "warning"
        against = "train" if one.kind == "skew" else "the last accepted run"
        expected = f"{names[one.measure]} distance from {against} at most {one.limit:.3g}"
        got, measured = f"{one.value:.3g}", (one.value, one.limit)
        yield Finding(severity, one.kind, one.column, one.split, expected, got, *measured)
