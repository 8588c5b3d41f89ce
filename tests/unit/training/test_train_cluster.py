"""The cluster as TF_CONFIG tells it."""

import json
from typing import Any

import pytest

from components.train.cluster import Cluster, cluster
from configs.errors import TrainingError

CHIEF, FIRST, SECOND = "10.0.0.1:2222", "10.0.0.2:2222", "10.0.0.3:2222"


def cluster_of(hosts: Any, task: str = "chief", index: int = 0) -> Cluster:
    content = {"cluster": hosts, "task": {"type": task, "index": index}, "environment": "cloud"}
    return cluster({"TF_CONFIG": json.dumps(content)})


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": ""}])
def test_without_tf_config_a_process_trains_alone(environment: dict[str, str]) -> None:
    alone = cluster(environment)
    assert (alone.size, alone.chief) == (1, True)


def test_a_job_of_one_replica_trains_alone() -> None:
    alone = cluster_of({"chief": ["127.0.0.1:2222"]})
    assert (alone.size, alone.chief) == (1, True)


@pytest.mark.parametrize(("task", "index", "writes"), [("chief", 0, True), ("worker", 0, False)])
def test_the_chief_writes(task: str, index: int, writes: bool) -> None:
    found = cluster_of({"chief": [CHIEF], "worker": [FIRST, SECOND]}, task, index)
    assert (found.size, found.chief) == (3, writes)


@pytest.mark.parametrize(("index", "writes"), [(0, True), (1, False)])
def test_without_a_chief_the_first_worker_writes(index: int, writes: bool) -> None:
    found = cluster_of({"worker": [FIRST, SECOND]}, "worker", index)
    assert (found.size, found.chief) == (2, writes)


def test_servers_that_do_not_learn_are_left_out() -> None:
    found = cluster_of({"chief": [CHIEF], "worker": [FIRST], "ps": [SECOND], "evaluator": [SECOND]})
    assert found.hosts == {"chief": (CHIEF,), "worker": (FIRST,)}


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "KeyError: 'task'"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "task worker 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}}', "task ps 0"),
    ],
)
def test_what_cannot_be_understood_is_rejected(text: str, got: str) -> None:
    with pytest.raises(TrainingError) as raised:
        cluster({"TF_CONFIG": text})
    assert got in str(raised.value)
    assert "elsewhere unset it to train on this machine alone" in str(raised.value)
