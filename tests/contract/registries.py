"""What the tests of registries share: submissions, and a world around Vertex AI's loopback server."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import read_json
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import place
from components.shared.gcp.vertex_client import Region
from components.shared.registry import Ask, Submission
from components.shared.registry.vertex.registry import VertexRegistry
from configs.access import ServingCloud
from configs.errors import EndpointError
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


def serving_cloud(bucket: BucketPath, **changes: Any) -> ServingCloud:
    """How versions are kept and served; `prediction` may be given in part."""
    content: Mapping[str, Any] = {
        "bucket": str(bucket).removeprefix("gs://").strip("/"),
        "image": IMAGE,
        "serving": {},
        "prediction": {},
        "labels": {"use_case": "flights", "environment": "test"},
    }
    return ServingCloud.model_validate({**content, **changes})


def region(vertex: VertexServer, patience: float = 5.0) -> Region:
    """The server's project and region."""
    return Region(vertex.project, vertex.location, patience)


def vertex_registry(vertex: VertexServer, bucket: BucketPath, **changes: Any) -> VertexRegistry:
    """The registry there."""
    return VertexRegistry(region(vertex), serving_cloud(bucket, **changes))


ROWS = [{"distance": 100.0}, {"distance": 200.0}]


def by_version(model: Any, instances: Sequence[Any], _: Any) -> Sequence[float]:
    """What the deployed versions answer: their own number."""
    return [float(model.version_id)] * len(instances)


class Killed(BaseException):
    """The process is gone: nobody handles this."""


@dataclass(eq=False)
class Life:
    """How many steps, calls that change something, a process takes before it dies."""

    steps: int
    dead: bool = False

    def call(self, call: Callable[[], Any], *, changes: bool) -> Any:
        """Make a call; the last one is done, and nothing comes after it."""
        if self.dead:
            raise Killed
        result = call()
        self.steps -= changes
        if self.steps <= 0:
            self.dead = True
            raise Killed
        return result


class Mortal:
    """A client whose process dies."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            method = partial(getattr(self._client, name), *arguments, **options)
            return self._life.call(method, changes=not name.startswith(("get", "list", "predict")))

        return called


@dataclass(frozen=True)
class DyingRegion(Region):
    """A region as it is seen by a process that dies."""

    life: Life = field(default_factory=lambda: Life(10_000))

    def _client(self, kind: Any, host: str = "", transport: str = "") -> Any:
        return Mortal(super()._client(kind, host, transport), self.life)


@dataclass
class World:
    """A registry, the server behind it and submissions for it."""

    vertex: VertexServer
    bucket: BucketPath
    folder: Path

    @property
    def bucket_name(self) -> str:
        """Without gs://."""
        return str(self.bucket).removeprefix("gs://").strip("/")

    def open(self, **changes: Any) -> VertexRegistry:
        """The registry, in an environment of these settings."""
        return vertex_registry(self.vertex, self.bucket, **changes)

    def dying(self, steps: int = 10_000) -> DyingRegion:
        """The region of a process that dies after so many changes."""
        vertex = self.vertex
        return DyingRegion(vertex.project, vertex.location, 5.0, Life(steps))

    def champions(self, *weights: str, registry: VertexRegistry | None = None) -> VertexRegistry:
        """Versions that were champion one after the other."""
        registry = registry or self.open()
        for each in weights:
            registry.deploy("flights", self.registered(registry, each), 100)
        return registry

    def registered(self, registry: VertexRegistry, weights: str) -> int:
        """The number of a version that was registered."""
        return registry.register("flights", submission(self.folder, weights)).number

    @property
    def message(self) -> Any:
        """The endpoint as the server has it."""
        return self.vertex.store.get(f"{self.vertex.parent}/endpoints/flights")

    @property
    def running(self) -> set[int]:
        """Versions whose servers run."""
        return {int(each.model_version_id) for each in self.message.deployed_models}

    @property
    def split(self) -> dict[str, int]:
        """The traffic, by deployed model."""
        return {key: share for key, share in self.message.traffic_split.items() if share}

    @property
    def aliases(self) -> dict[str, str]:
        """The version of each alias in the Model Registry."""
        versions = self.vertex.models.versions[f"{self.vertex.parent}/models/flights"].values()
        return {alias: each.version_id for each in versions for alias in each.version_aliases}


def golden_scores(model: Any, instances: Sequence[Any], _: Any) -> Sequence[float]:
    """The predictor that knows a version's golden rows by heart: what its own server would say of them."""
    golden = read_json(place(model.artifact_uri).parent / "evaluation/golden.json")
    known = list(zip(golden["instances"], golden["scores"], strict=True))
    return [next(score for row, score in known if row == instance) for instance in instances]


def right(version: int) -> Callable[[Ask], None]:
    """A check that a version answers itself."""

    def check(ask: Ask) -> None:
        assert ask(ROWS) == [version, version]

    return check


def wrong(ask: Ask) -> None:
    """A check that does not like the answers."""
    ask(ROWS)
    raise EndpointError("golden request 0", expected="another score")
