"""The figures of an evaluation as KFP's artifacts, which Vertex AI's console shows as numbers and curves."""

from typing import Protocol

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import artifact_path
from components.shared.files.place import Artifact, Place

CLASSES = ["negative", "positive"]


class Metrics(Artifact, Protocol):
    """The part of `dsl.Metrics` that is used here."""

    def log_metric(self, metric: str, value: float) -> None:
        """Add a number."""


class Curve(Artifact, Protocol):
    """The part of `dsl.ClassificationMetrics` that is used here."""

    def log_roc_curve(self, fpr: list[float], tpr: list[float], threshold: list[float]) -> None:
        """Add the points of the curve."""

    def log_confusion_matrix(self, categories: list[str], matrix: list[list[int]]) -> None:
        """Add the counts by true class (rows) and predicted class (columns)."""


def log(evaluation: Place, metrics: Metrics, curve: Curve) -> None:
    """Log the candidate's figures on the test split.

    Args:
        evaluation: The `evaluation` artifact, with `metrics.json` and `curves.json`.
        metrics: Gets each metric that is defined, as a float: KFP takes no other number, and no NaN.
        curve: Gets the ROC curve, and the confusion matrix at the operating threshold.
    """
    measured = read_json(evaluation / "metrics.json")
    overall = measured["candidate"]["overall"]
    roc = read_json(evaluation / "curves.json")["candidate"]["roc"]
    for name, value in overall.items():
        if value is not None:
            metrics.log_metric(name, float(value))
    fpr, tpr, threshold = ([float(point[name]) for point in roc] for name in ("fpr", "tpr", "threshold"))
    curve.log_roc_curve(fpr, tpr, threshold)
    curve.log_confusion_matrix(CLASSES, measured["confusion"])
    for artifact, content in ((metrics, overall), (curve, roc)):  # KFP's cache asks whether there is a file
        write_json(artifact_path(artifact), content)
