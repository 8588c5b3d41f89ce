"""Golden requests: does the real server say what the evaluation computed offline?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from components.shared.files.artifacts import read_json
from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from configs.errors import EndpointError

Instance = dict[str, Any]


@dataclass(frozen=True)
class Golden:
    """Test rows as JSON instances, their offline scores, and their names if they have any."""

    instances: Sequence[Instance]
    scores: Sequence[float]
    keys: Sequence[str | None]

    first_row: int = 0
    """Where this is a part of others: the place of its first row among them."""

    def named(self, row: int) -> str:
        """A row in a message."""
        key = self.keys[row]
        return f"golden request {self.first_row + row}" + (f" ({key})" if key else "")

    def part(self, start: int, end: int) -> "Golden":
        """Some of the rows."""
        rows = slice(start, end)
        return Golden(self.instances[rows], self.scores[rows], self.keys[rows], start)


Respondent = Literal["the server", "the endpoint"]
_REMEDIES: Mapping[Respondent, str] = {
    "the server": "No traffic has moved. Find what the server does otherwise, then run again.",
    "the endpoint": "The traffic was taken back. Find what its server does otherwise, then run again.",
}


def read(evaluation: Place) -> Golden:
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
            remedy="Run `evaluate` again.",
        )
    return golden


def largest_difference(
    client: httpx.Client, golden: Golden, tolerance: float, batch_rows: int, progress: Progress
) -> float:
    """Ask a server for every row alone, and again in batches; the largest difference to an offline score.

    Raises:
        EndpointError: An answer that is no prediction, or a difference beyond `tolerance`; the row is named.
    """
    total = len(golden.instances)
    largest = 0.0
    for batch in (1, min(batch_rows, total)):
        for start in range(0, total, batch):
            part = golden.part(start, start + batch)
            largest = max(largest, difference(part, _ask(client, part.instances), tolerance))
            progress("asking golden requests", min(start + batch, total), total)
    return largest


def difference(
    golden: Golden, served: Sequence[float], tolerance: float, respondent: Respondent = "the server"
) -> float:
    """The largest difference between served and offline scores.

    Raises:
        EndpointError: One is beyond `tolerance`, or there are not as many as rows.
    """
    if len(served) != len(golden.scores):
        expected = f"{len(golden.scores)} predictions"
        raise EndpointError("golden request", expected=expected, got=str(len(served)))
    largest = 0.0
    for row, (score, offline) in enumerate(zip(served, golden.scores, strict=True)):
        apart = abs(score - offline)
        if not apart <= tolerance:  # NaN is no agreement
            raise EndpointError(
                golden.named(row),
                expected=f"the offline score {offline!r} to {tolerance:g}",
                got=f"{score!r} from {respondent}",
                remedy=_REMEDIES[respondent],
            )
        largest = max(largest, apart)
    return largest


def _ask(client: httpx.Client, instances: Sequence[Instance]) -> list[float]:
    try:
        answer = client.post("/predict", json={"instances": instances})
    except httpx.HTTPError as error:
        got = f"{type(error).__name__}: {error}"
        raise EndpointError("golden request", expected="an answer", got=got) from None
    if answer.status_code != httpx.codes.OK:
        got = f"{answer.status_code} {answer.text}"
        raise EndpointError("golden request", expected="status 200", got=got)
    scores: list[float] = answer.json()["predictions"]
    return scores
