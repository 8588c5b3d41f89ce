"""The graph of batch prediction: one definition, portable, distinguished from training only by its stages."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from typer.testing import CliRunner

from configs.loading import load
from configs.stages import STAGES
from pipelines.__main__ import app
from pipelines.graph import compiling, definitions


@pytest.fixture(scope="module", params=["local", "dev"])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("graph") / "prediction.yaml"
    compiling.compile_to(load("flights", request.param), path, "prediction")
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def tasks(graph: dict[str, Any]) -> dict[str, Any]:
    """Every task that is no group of tasks."""
    dags = [graph["root"], *(each for each in graph["components"].values() if "dag" in each)]
    every = {name: task for each in dags for name, task in each["dag"]["tasks"].items()}
    return {name: task for name, task in every.items() if "exit-handler" not in name}


def test_every_stage_of_the_table_is_in_the_graph(graph: dict[str, Any]) -> None:
    assert set(tasks(graph)) == {*definitions.of("prediction").shown, "importer"}
    assert set(graph["root"]["dag"]["tasks"]) == {"exit-handler-1", "report"}


def test_the_model_that_scores_is_an_artifact(graph: dict[str, Any]) -> None:
    read = tasks(graph)["predict"]["inputs"]["artifacts"]
    assert read["model"]["taskOutputArtifact"]["producerTask"] == "importer"
    importer = graph["deploymentSpec"]["executors"]["exec-importer"]["importer"]
    assert importer["typeSchema"]["schemaTitle"] == "system.Model"


def test_the_graph_is_a_pipeline_spec_to_the_letter(graph: dict[str, Any]) -> None:
    spec = json_format.ParseDict(graph, pipeline_spec_pb2.PipelineSpec())
    assert spec.pipeline_info.name == "prediction-flights"
    assert set(spec.root.input_definitions.parameters) == {"run_id", "scored_at", "version", "command"}


def test_what_looks_at_the_world_is_never_cached(graph: dict[str, Any]) -> None:
    cached = {name for name, task in tasks(graph).items() if task["cachingOptions"].get("enableCache")}
    assert (
        cached - {"importer"}
        == {"select", "predict"}
        == {spec.name for spec in STAGES["prediction"] if spec.cached}
    )


def test_a_scheduled_run_is_stamped_by_its_job() -> None:
    from tests.contract.golden.files import compiled

    assert "{{$.pipeline_job_create_time_utc}}" in compiled("dev", "prediction")
    assert "{{$.pipeline_job_name}}" in compiled("dev", "prediction")
    assert "{{$.pipeline_job_create_time_utc}}" not in compiled("local", "prediction")


def test_the_command_line_compiles_either_pipeline(tmp_path: Path) -> None:
    out = tmp_path / "out.yaml"
    done = CliRunner().invoke(app, ["compile", "flights", "--pipeline", "prediction", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(out.read_text())["pipelineInfo"]["name"] == "prediction-flights"
