"""KFP's key of a task: another one after a change of what the task makes, not of how it works."""

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from configs.loading import load
from configs.settings import Settings
from pipelines.graph import compiling
from pipelines.graph.tasks import Tasks
from pipelines.training import inputs_digest

Keys = dict[str, str]
KeysOf = Callable[..., Keys]


@pytest.fixture(scope="module")
def keys_of(tmp_path_factory: pytest.TempPathFactory) -> KeysOf:
    """The part of the key of each cached task of training that the compiled graph decides."""
    folder = tmp_path_factory.mktemp("keys")

    @functools.cache
    def keys(environment: str, *overrides: str) -> Keys:
        compiling.compile_to(load("flights", environment, overrides), folder / "graph.yaml")
        return _keys(yaml.safe_load((folder / "graph.yaml").read_text()))

    return keys


def _keys(spec: dict[str, Any]) -> Keys:
    """As Vertex AI makes it: of inputs, definition of outputs, image, command, arguments, environment."""
    keys = {}
    dags = [spec["root"], *(each for each in spec["components"].values() if "dag" in each)]
    for name, task in (pair for each in dags for pair in each["dag"]["tasks"].items()):
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {})
        if "container" in executor and task["cachingOptions"].get("enableCache"):
            container = {key: value for key, value in executor["container"].items() if key != "resources"}
            keys[name] = json.dumps([task.get("inputs"), component, container], sort_keys=True)
    assert {"ingest", "validate", "transform", "train", "evaluate"} <= set(keys)
    return keys


@pytest.mark.parametrize(
    "override",
    [
        "ingest.memory_limit=2GB",
        "validation.threads=3",
        "beam.options=[--runner=FnApiRunner, --direct_num_workers=2]",
    ],
)
def test_how_a_stage_works_here_changes_no_key(keys_of: KeysOf, override: str) -> None:
    assert keys_of("local", override) == keys_of("local")


@pytest.mark.parametrize(
    "override",
    [
        "cloud.dataflow.max_workers=21",
        "cloud.labels={team: another}",
        "cloud.bigquery.maximum_bytes_billed=1000",
        "cloud.stages.ingest.cpus=8",
        "cloud.identities.dataflow=other@my-project-dev.iam.gserviceaccount.com",
        "deployment.canary_percent=7",
    ],
)
def test_how_a_stage_works_on_google_cloud_changes_no_key(keys_of: KeysOf, override: str) -> None:
    assert keys_of("dev", override) == keys_of("dev")


def test_the_machines_of_the_custom_job_change_its_key_alone(keys_of: KeysOf) -> None:
    """They are inputs of Google's own component, and so in Vertex AI's key, whatever we do."""
    before, after = keys_of("dev"), keys_of("dev", "cloud.training.machine_type=n1-standard-16")
    assert [name for name in before if before[name] != after[name]] == ["train"]


def test_what_a_stage_makes_changes_its_key_alone(keys_of: KeysOf) -> None:
    before, after = keys_of("local"), keys_of("local", "training.epochs=3")
    assert [name for name in before if before[name] != after[name]] == ["train"]


def digest_of(settings: Settings) -> str:
    return inputs_digest(Tasks("training", settings, ()).parameters)


@pytest.mark.parametrize(
    ("environment", "override"),
    [
        ("local", "deployment.canary_percent=7"),
        ("local", "evaluation.min_slice_rows=7"),
        ("local", "validation.drift_js=0.5"),
        ("local", "ingest.memory_limit=2GB"),
        ("dev", "cloud.labels={team: another}"),
        ("dev", "cloud.dataflow.max_workers=21"),
        ("dev", "cloud.training.machine_type=n1-standard-16"),
    ],
)
def test_the_champion_is_recognised_after_a_change_that_makes_no_other_model(
    environment: str, override: str
) -> None:
    assert digest_of(load("flights", environment, [override])) == digest_of(load("flights", environment))


@pytest.mark.parametrize(
    "override",
    [
        "training.epochs=3",
        "transform.shard_rows=7",
        "label.excluded_because=null",
        "source.parameters={a: 1}",
    ],
)
def test_the_champion_is_another_model_after_a_change_of_what_made_it(override: str) -> None:
    assert digest_of(load("flights", overrides=[override])) != digest_of(load("flights"))
