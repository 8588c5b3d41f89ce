"""The figures of an evaluation as KFP's artifacts, which Vertex AI's console shows as numbers and curves."""

from kfp import dsl

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import artifact_path
from components.shared.files.place import Place

CLASSES = ["negative", "positive"]


def log(evaluation: Place, metrics: dsl.Metrics, curve: dsl.ClassificationMetrics) -> None:
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
