"""The commands that a person types in `dev`, run once for all tests here, and the same in `local`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.stage.records import artifact_uri
from configs.stages import Pipeline
from tests.contract import warehouses
from tests.contract.bigquery.emulator import BigQueryServer
from tests.contract.commands import Ended, Workspace
from tests.contract.storage.server import StorageServer
from tests.contract.whole_cloud.servers import PROJECT, Cloud, whole_cloud

PIPELINES: tuple[Pipeline, ...] = ("training", "prediction")
TABLE = f"{PROJECT}.predictions.flights"
DAYS = (
    "split.eval_from=2013-11-07",
    "split.test_from=2013-11-10",
    "training.epochs=2",
    "evaluation.gates=[{metric: auc, floor: 0.5}]",
    "validation={max_missing_increase: 0.5, max_new_values: 0.1, skew_linf: 1.0, skew_js: 1.0}",
    "prediction.parameters.days=2",
)
"""A few days are other than a year: no gate and no skew of the use case is meant for them."""


@dataclass(frozen=True)
class Target:
    """A workspace where the training pipeline has run, and then the one that predicts."""

    workspace: Workspace
    trained: Ended
    predicted: Ended

    def manifest(self, pipeline: Pipeline = "training") -> dict[str, Any]:
        """Of the run of a pipeline."""
        return self.workspace.manifest(pipeline)

    def artifact(self, name: str, pipeline: Pipeline = "training") -> Place:
        """Where an artifact lies: in a folder, or in the bucket."""
        return place(artifact_uri(self.manifest(pipeline), name))

    def summary(self, stage: str, pipeline: Pipeline = "training") -> dict[str, Any]:
        """What a stage has said of its work."""
        (found,) = [each for each in self.manifest(pipeline)["stages"] if each["stage"] == stage]
        return dict(found["summary"])


@dataclass(frozen=True)
class Both:
    """The same two commands on this machine and on Google Cloud."""

    here: Target
    there: Target
    cloud: Cloud

    def artifacts(self, name: str, pipeline: Pipeline = "training") -> tuple[Place, Place]:
        """Where an artifact lies here, and there."""
        return self.here.artifact(name, pipeline), self.there.artifact(name, pipeline)


@pytest.fixture(scope="package")
def both(
    bigquery_server: BigQueryServer, storage_session: StorageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    """Run once, side by side."""
    made = tmp_path_factory.mktemp
    days = warehouses.make(made("warehouse"))
    with whole_cloud(days, bigquery_server, storage_session, made("proxies")) as cloud:
        here = Workspace(made("here"), "local", [*DAYS, f"source.uri=duckdb://{days}"])
        there = Workspace(
            made("there"),
            "dev",
            [*DAYS, f"prediction.output=bq://{TABLE}"],
            cloud.variables,
        )
        with ThreadPoolExecutor() as pool:
            of_here, of_there = pool.map(_ran, (here, there))
        yield Both(of_here, of_there, cloud)


def _ran(workspace: Workspace) -> Target:
    """Train, then score."""
    trained = workspace.type("run", "flights")
    assert trained.code == 0, trained.shown
    predicted = workspace.type("predict-batch", "flights")
    assert predicted.code == 0, predicted.shown
    return Target(workspace, trained, predicted)
