"""A version's metrics.json as Vertex AI's ModelEvaluation and its slices, in the classification schema."""

from collections.abc import Mapping
from typing import Any

from configs.metrics import slice_name

SCHEMA = "gs://google-cloud-aiplatform/schema/modelevaluation/classification_metrics_1.0.0.yaml"
AT_ONCE = 50
"""Slices in one request; the service's limit."""


def evaluation(metrics: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """The evaluation of a candidate over the whole test split; None without metrics."""
    overall = (metrics.get("candidate") or {}).get("overall")
    if not overall:
        return None
    about = {key: overall[key] for key in ("rows", "positives", "calibration") if key in overall}
    return {
        "display_name": name,
        **_metrics(overall, metrics.get("threshold")),
        "slice_dimensions": ["slice"] if _measured(metrics) else [],
        "metadata": _value(about),
    }


def slices(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The evaluations over the slices that were measured."""
    return [
        {
            **_metrics(each, metrics.get("threshold")),
            "slice_": {
                "dimension": "slice",
                "value": slice_name(each["slice"]),
                "slice_spec": {
                    "configs": {
                        column: {
                            "value": {"string_value" if isinstance(value, str) else "float_value": value}
                        }
                        for column, value in each["slice"].items()
                    }
                },
            },
        }
        for each in _measured(metrics)
    ]


def _measured(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sliced = (metrics.get("candidate") or {}).get("slices", ())
    return [each for each in sliced if each.get("auc") is not None or each.get("log_loss") is not None]


def _metrics(measured: Mapping[str, Any], threshold: float | None) -> dict[str, Any]:
    """In the schema's words; what is not defined is left out."""
    named = {"auRoc": "auc", "auPrc": "pr_auc", "logLoss": "log_loss"}
    at_threshold = {
        "confidenceThreshold": threshold,
        "precision": measured.get("precision"),
        "recall": measured.get("recall"),
    }
    defined = _given({theirs: measured.get(ours) for theirs, ours in named.items()})
    return {
        "metrics_schema_uri": SCHEMA,
        "metrics": _value({**defined, "confidenceMetrics": [_given(at_threshold)]}),
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _value(content: Mapping[str, Any]) -> Any:
    from google.protobuf import json_format, struct_pb2

    return json_format.ParseDict(dict(content), struct_pb2.Value())
