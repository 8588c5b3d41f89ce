"""Validate: describe the rows, compare them with schema and baseline, report what is wrong."""

import functools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from rich.console import Console
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.shared.files.artifacts import Summary, write_json, writing
from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.shared.stage.recording import Progress
from components.validate import outcome, queries, schema
from components.validate.distances import measure_distances
from components.validate.findings import examine
from components.validate.parts import Request
from components.validate.rules import Finding
from components.validate.settings import ValidateStage
from components.validate.statistics import Statistics, compute
from configs.errors import AnomaliesError, UnreadableFileError

STATISTICS = "statistics.pb"
ANOMALIES = "anomalies.pbtxt"
FINDINGS = "findings.json"
_NAMED = 3
"""Findings in the message of the error; all are in the table and the files."""
_LOG_WIDTH = 150


def run(rows: Place, stage: ValidateStage, baseline: Place | None, out: Place, progress: Progress) -> Summary:
    """Judge a rows artifact and write a statistics artifact.

    Args:
        rows: The rows, by split.
        stage: The schema and the limits.
        baseline: The statistics artifact of the last accepted run; None: no drift is measured.
        out: The statistics artifact: statistics, schema, anomalies, findings. Written even where the
            data has errors.
        progress: Called for every group of shards.

    Raises:
        SettingsError: The schema cannot be read.
        EmptySplitError: A split without rows.
        UnreadableFileError: Broken shards, or a broken baseline.
        AnomaliesError: The rows break the schema, or drifted too far.
    """
    reviewed = schema.parse(stage.schema_pbtxt) if stage.schema_pbtxt.strip() else None
    accepted = _accepted(baseline) if baseline else None
    with (
        storage(out).scratch(out) as scratch,
        queries.engine(stage.validation.memory_limit, stage.validation.threads, scratch) as engine,
    ):
        statistics = compute(engine, rows, _request(stage, reviewed), scratch, progress)
    text = stage.schema_pbtxt if reviewed else schema.infer(statistics, stage)
    current = reviewed or schema.parse(text)
    distances = measure_distances(statistics, accepted, current, stage)
    findings = examine(statistics, current, stage, accepted, distances)
    report = outcome.report(statistics, findings, distances)
    with writing(out) as folder:
        (folder / STATISTICS).write_bytes(statistics.datasets.SerializeToString(deterministic=True))
        (folder / schema.FILE).write_text(text)
        message = outcome.anomalies(findings, distances, current)
        (folder / ANOMALIES).write_text(text_format.MessageToString(message, as_utf8=True))
        write_json(folder / FINDINGS, report)
    Console(file=sys.stdout, width=_LOG_WIDTH).print(
        outcome.table(report) if findings else outcome.verdict(report)
    )
    _raise_errors(findings, report, out)
    return _summary(statistics, report, inferred=reviewed is None)


def _request(stage: ValidateStage, reviewed: schema_pb2.Schema | None) -> Request:
    features = schema.in_force(reviewed) if reviewed else []
    ranges = {feature.name: schema.limits(feature) for feature in features}
    key = [stage.key] if stage.key else []
    return Request(
        categories={*stage.features.categorical, stage.label.column, *key},
        ranges={name: limits for name, limits in ranges.items() if limits},
        domains={feature.name: schema.domain_values(feature) or () for feature in features},
    )


def _accepted(baseline: Place) -> statistics_pb2.DatasetFeatureStatistics:
    """The training split's statistics of the last accepted run."""
    path = baseline / STATISTICS
    broken = functools.partial(
        UnreadableFileError,
        str(path),
        expected="the statistics of the last accepted run, with a split 'train'",
        remedy="Roll back to a version that is whole, or restore the file.",
    )
    try:
        datasets = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets
    except FileNotFoundError as error:
        raise broken(got="nothing") from error
    except DecodeError as error:
        raise broken(got="a file that cannot be decoded") from error
    found = {dataset.name: dataset for dataset in datasets}
    if "train" not in found:
        raise broken(got=", ".join(found) or "none")
    return found["train"]


def _raise_errors(findings: Sequence[Finding], report: dict[str, Any], out: Place) -> None:
    """Stop the run if there is an error among the findings."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    named = [f"{one.column} ({one.split}): expected {one.expected}, got {one.got}" for one in errors[:_NAMED]]
    more = [f"{len(errors) - _NAMED} more"] if len(errors) > _NAMED else []
    raise AnomaliesError(
        f"{outcome.verdict(report)}: {'; '.join([*named, *more])}",
        remedy=(
            f"Fix the data or its query; or, if the data is right, edit {schema.FILE} next to use_case.yaml"
            f" or the limits in its section `validation`. All findings: {out / FINDINGS}"
        ),
    )


def _summary(statistics: Statistics, report: Mapping[str, Any], *, inferred: bool) -> Summary:
    severities = [finding["severity"] for finding in report["findings"]]
    return {
        "rows": sum(report["rows"].values()),
        "columns": len(statistics.columns["train"]),
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "schema": "inferred" if inferred else "reviewed",
    }
