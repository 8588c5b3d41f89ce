"""The graph: one definition, portable, with a gate that has both branches."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.pipeline_spec import pipeline_spec_pb2

from configs.loading import load
from configs.stages import STAGES
from pipelines import training
from pipelines.graph import definitions

ORDER = definitions.of("training").order


def compiled(folder: Path, *overrides: str, fresh: tuple[str, ...] = ()) -> dict[str, Any]:
    path = folder / "training.yaml"
    compiler.Compiler().compile(training.build(load("flights", overrides=overrides), fresh=fresh), str(path))
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(tmp_path_factory.mktemp("graph"))


def tasks(graph: dict[str, Any]) -> dict[str, Any]:
    """Every task, those inside the branches too."""
    dags = [graph["root"], *(c for c in graph["components"].values() if "dag" in c)]
    return {name: task for dag in dags for name, task in dag["dag"]["tasks"].items()}


def test_the_graph_is_a_pipeline_spec_to_the_letter(graph: dict[str, Any]) -> None:
    spec = json_format.ParseDict(graph, pipeline_spec_pb2.PipelineSpec())
    assert spec.pipeline_info.name == "training-flights"


def test_every_stage_is_in_the_graph_in_the_order_of_the_data(graph: dict[str, Any]) -> None:
    found = tasks(graph)
    assert set(definitions.of("training").tasks) <= set(found)
    assert set(found["transform"]["dependentTasks"]) >= {"ingest", "validate"}


def test_the_gate_compares_one_value_and_has_both_branches(graph: dict[str, Any]) -> None:
    conditions = {
        name: task["triggerPolicy"]["condition"]
        for name, task in tasks(graph).items()
        if "condition" in task.get("triggerPolicy", {})
    }
    assert len(conditions) == 2
    assert all("evaluate-Output" in condition for condition in conditions.values())
    assert sum(condition.startswith("!") for condition in conditions.values()) == 1


def test_nothing_is_installed_and_every_stage_runs_in_the_image_of_the_settings(tmp_path: Path) -> None:
    graph = compiled(tmp_path, "image=registry.example/pipeline-python@sha256:abc")
    executors = graph["deploymentSpec"]["executors"]
    containers = [each["container"] for each in executors.values() if "importer" not in each]
    assert {container["image"] for container in containers} == {"registry.example/pipeline-python@sha256:abc"}
    assert not any("pip install" in part for c in containers for part in c["command"])


def test_the_report_runs_after_all_others_however_they_ended(graph: dict[str, Any]) -> None:
    root = graph["root"]["dag"]["tasks"]
    assert set(root) == {"exit-handler-1", "report"}
    assert root["report"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert root["report"]["dependentTasks"] == ["exit-handler-1"]


def test_the_champion_is_an_artifact_that_is_the_same_in_every_run(graph: dict[str, Any]) -> None:
    assert "champion" in tasks(graph)["evaluate"]["inputs"]["artifacts"]
    importer = graph["deploymentSpec"]["executors"]["exec-importer"]["importer"]
    assert importer["typeSchema"]["schemaTitle"] == "system.Model"
    assert not importer.get("reimport"), "else evaluate would never be taken from Vertex AI's cache"


def test_what_looks_at_the_world_is_never_cached(graph: dict[str, Any]) -> None:
    cached = {
        name for name, task in tasks(graph).items() if task.get("cachingOptions", {}).get("enableCache")
    }
    assert cached & set(ORDER) == {spec.name for spec in STAGES["training"] if spec.cached}


def test_a_fresh_stage_is_not_cached(tmp_path: Path) -> None:
    graph = compiled(tmp_path, fresh=("train", "evaluate", "deploy"))
    cached = {
        name for name, task in tasks(graph).items() if task.get("cachingOptions", {}).get("enableCache")
    }
    assert cached & set(ORDER) == {"ingest", "validate", "transform"}
