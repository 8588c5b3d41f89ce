"""Golden requests: does the real server say what the evaluation computed offline?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from components.artifacts import read_json
from components.recording import Progress
from configs.errors import EndpointError

Instance = dict[str, Any]


@dataclass(frozen=True)
class Golden:
    """Test rows as JSON instances, their offline scores, and their names if they have any."""

    instances: Sequence[Instance]
    scores: Sequence[float]
    keys: Sequence[str | None]

    def named(self, row: int) -> str:
        """A row in a message."""
        key = self.keys[row]
        return f"golden request {row}" + (f" ({key})" if key else "")


def read(evaluation: Path) -> Golden:
    """The golden requests of an evaluation.

    Raises:
        EndpointError: There are none, or not as many scores as instances.
    """
    path = evaluation / "golden.json"
    content = read_json(path)
    instances = content["instances"]
    golden = Golden(instances, content["scores"], content.get("keys", [None] * len(instances)))
    if not golden.instances or len(golden.instances) != len(golden.scores):
        raise EndpointError(
            str(path),
            expected="golden requests, each with its offline score",
            got=f"{len(golden.instances)} instances and {len(golden.scores)} scores",
            way_out="Run `evaluate` again.",
        )
    return golden


def largest_difference(
    client: httpx.Client, golden: Golden, tolerance: float, batch_rows: int, progress: Progress
) -> float:
    """Ask for every row alone, and again in batches; the largest difference to an offline score.

    Raises:
        EndpointError: A refusal, or a difference beyond `tolerance`; the row is named.
    """
    total = len(golden.instances)
    largest = 0.0
    for batch in (1, min(batch_rows, total)):
        for start in range(0, total, batch):
            served = _ask(client, golden.instances[start : start + batch])
            for row, score in enumerate(served, start):
                largest = max(largest, _difference(golden, row, score, tolerance))
            progress("asking golden requests", min(start + batch, total), total)
    return largest


def _ask(client: httpx.Client, instances: Sequence[Instance]) -> list[float]:
    try:
        answer = client.post("/predict", json={"instances": instances})
    except httpx.HTTPError as error:
        raise EndpointError(
            "golden request", expected="an answer", got=f"{type(error).__name__}: {error}"
        ) from None
    if answer.status_code != httpx.codes.OK:
        got = f"{answer.status_code} {answer.text}"
        raise EndpointError("golden request", expected="status 200", got=got)
    scores: list[float] = answer.json()["predictions"]
    if len(scores) != len(instances):
        raise EndpointError("golden request", expected=f"{len(instances)} predictions", got=str(len(scores)))
    return scores


def _difference(golden: Golden, row: int, served: float, tolerance: float) -> float:
    offline = golden.scores[row]
    difference = abs(served - offline)
    if not difference <= tolerance:  # NaN is no agreement
        raise EndpointError(
            golden.named(row),
            expected=f"the offline score {offline!r} to {tolerance:g}",
            got=f"{served!r} from the server",
            way_out="No traffic has moved. Find what the server does otherwise, then run again.",
        )
    return difference
