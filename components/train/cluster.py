"""The hosts of a training, as Vertex AI tells them to each of its replicas in TF_CONFIG."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from configs.errors import TrainingError

_LEARN = ("chief", "worker")


@dataclass(frozen=True)
class Cluster:
    """Who trains together, and which of them this process is."""

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """host:port of the `chief` (if there is one) and of each `worker`; empty: this process alone."""
    task: str = "chief"
    index: int = 0
    board: str = ""
    """Where Vertex AI TensorBoard looks for curves; empty: there is none."""

    @property
    def size(self) -> int:
        """How many hosts train together."""
        return max(1, sum(len(addresses) for addresses in self.hosts.values()))

    @property
    def chief(self) -> bool:
        """Whether this is the one that writes: the chief, or the first worker where there is none."""
        return self.task == "chief" or ("chief" not in self.hosts and self.index == 0)


def cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that TF_CONFIG describes, as Vertex AI sets it; this process alone if it describes none.

    Parameter servers, evaluators and the reduction servers are no part of it: they run other programs.

    Raises:
        TrainingError: TF_CONFIG is not JSON of the known form, or names a task that does not learn.
    """
    text, board = environment.get("TF_CONFIG", ""), environment.get("AIP_TENSORBOARD_LOG_DIR", "")
    if not text:
        return Cluster(board=board)
    try:
        content = json.loads(text)
        hosts = {
            job: tuple(map(str, content["cluster"][job])) for job in _LEARN if content["cluster"].get(job)
        }
        found = Cluster(hosts, str(content["task"]["type"]), int(content["task"]["index"]), board)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(f"{type(error).__name__}: {error}") from error
    if found.size > 1 and found.index >= len(found.hosts.get(found.task, ())):
        raise _unusable(f"task {found.task} {found.index}")
    return found


def _unusable(got: str) -> TrainingError:
    return TrainingError(
        "TF_CONFIG",
        expected="a cluster of chief and worker addresses, and a task that is one of them",
        got=got,
        remedy="Vertex AI sets it for every replica; elsewhere unset it to train on this machine alone.",
    )
