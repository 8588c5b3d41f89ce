"""Before anything is spent: a run that cannot end well, or may cost too much, is not submitted."""

import re
from pathlib import Path
from typing import Any

import pytest

from configs.errors import BudgetError, CloudError
from pipelines.commands import execution
from pipelines.commands import predict_batch as batch_command
from pipelines.commands import run as run_command
from tests.contract.control.server import ControlServer
from tests.contract.vertex.server import VertexServer
from tests.errors import raises


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)  # of other tests: nobody is to be asked here
    return tmp_path


def test_a_run_without_its_bucket_is_not_submitted(
    vertex: VertexServer, control: ControlServer, dev: Any, workspace: Path
) -> None:
    control.world.buckets.clear()
    with raises(CloudError, remedy=re.compile("gcloud storage buckets create gs://my-project-dev-pipeline")):
        run_command.run("flights", dev())
    assert (vertex.calls, list(workspace.rglob("manifest.json"))) == ([], [])


def test_a_run_above_its_budget_is_not_submitted(vertex: VertexServer, dev: Any, workspace: Path) -> None:
    settings = dev("cloud.budget_usd=1")
    with raises(
        BudgetError, expected="at most 1.00 USD (cloud.budget_usd)", got=re.compile("^an estimate of")
    ):
        run_command.run("flights", settings)
    assert (vertex.calls, list(workspace.rglob("manifest.json"))) == ([], [])


def test_a_prediction_without_its_bucket_is_not_submitted(
    vertex: VertexServer, control: ControlServer, dev: Any, workspace: Path
) -> None:
    control.world.buckets.clear()
    with raises(CloudError, remedy=re.compile("gcloud storage buckets create gs://my-project-dev-pipeline")):
        batch_command.run(dev())
    assert (vertex.calls, list(workspace.rglob("manifest.json"))) == ([], [])


def test_a_prediction_above_its_budget_is_not_submitted(
    vertex: VertexServer, dev: Any, workspace: Path
) -> None:
    settings = dev("cloud.budget_usd=0.5")
    with raises(
        BudgetError,
        subject="a prediction run of flights in dev",
        expected=re.compile(r"^at most 0\.50 USD"),
        remedy=re.compile("plan flights --env dev --pipeline prediction"),
    ):
        batch_command.run(settings)
    assert (vertex.calls, list(workspace.rglob("manifest.json"))) == ([], [])


@pytest.mark.usefixtures("vertex")
def test_a_prediction_within_its_budget_is_let_pass(control: ControlServer, dev: Any) -> None:
    """That it is submitted then, tests/contract/test_vertex_predict.py shows."""
    execution.check_before_spending(dev(), "prediction")
    assert control.world.buckets
