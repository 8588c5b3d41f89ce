"""What the tests of registries share: submissions, and the registry on Vertex AI's loopback server."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.registry import Submission
from components.registry.vertex import VertexRegistry
from components.vertex import Region
from configs.stages import ServingCloud
from tests.contract.vertex.server import VertexServer

IMAGE = "us-central1-docker.pkg.dev/local-project/pipeline/serving:1"
METRICS = {
    "rows": 100,
    "threshold": 0.4,
    "candidate": {
        "overall": {"rows": 100, "positives": 40, "auc": 0.8, "pr_auc": 0.7, "log_loss": 0.5, "recall": None},
        "slices": [
            {"slice": {"carrier": f"C{number}", "month": 11}, "rows": 60, "positives": 20, "auc": 0.7}
            for number in range(60)
        ]
        + [{"slice": {"carrier": "ZZ", "month": 12}, "rows": 2, "positives": 0, "auc": None}],
    },
}


def submission(folder: Path, weights: str, **lineage: str) -> Submission:
    """What is handed in for a model that consists of these weights."""
    run = folder / "runs" / weights
    for artifact in ("model/variables", "statistics", "evaluation/large"):
        (run / artifact).mkdir(parents=True, exist_ok=True)
    (run / "model/variables/data").write_text(weights)
    (run / "statistics/statistics.pb").write_text("statistics")
    contents = {"metrics": METRICS, "verdict": {"decision": "deploy", "reasons": []}, "golden": {}}
    for name, content in contents.items():
        (run / f"evaluation/{name}.json").write_text(json.dumps(content))
    origin = {"run_id": f"run-{weights}", "inputs_digest": "i1", "judged_against": "", **lineage}
    return Submission(run / "model", run / "statistics", run / "evaluation", origin)


def serving_cloud(vertex: VertexServer, bucket: Path, **changes: Any) -> ServingCloud:
    """How versions are kept and served; `prediction` may be given in part."""
    content: Mapping[str, Any] = {
        "bucket": str(bucket).removeprefix("gs://").strip("/"),
        "image": IMAGE,
        "serving": {},
        "prediction": {},
        "labels": {"use_case": "flights", "environment": "test"},
        "loopback": vertex.url,
    }
    return ServingCloud.model_validate({**content, **changes})


def region(vertex: VertexServer, patience: float = 5.0) -> Region:
    """The server's project and region."""
    return Region(vertex.project, vertex.location, vertex.url, patience)


def vertex_registry(vertex: VertexServer, bucket: Path, **changes: Any) -> VertexRegistry:
    """The registry there."""
    return VertexRegistry(region(vertex), serving_cloud(vertex, bucket, **changes))
