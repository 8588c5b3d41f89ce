"""The model's inputs: which outputs of the transform graph there are, and how wide."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.rows.vocabulary_file import FILE, count_indices
from configs.features import Features


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Dense inputs are float32; indexed ones are integers below their cardinality."""

    dense: tuple[str, ...]
    indexed: Mapping[str, int]


def model_inputs(features: Features, missing: Mapping[str, int], graph: Path) -> Inputs:
    """List the inputs of the model.

    The indicator of a number that is never missing in the training split is left out: its weight
    would stay at its random start, and be added to the score of the first value missing in production.

    Args:
        features: As declared.
        missing: How many values of each number are missing in the training split.
        graph: The learned transform graph.
    """
    dense: list[str] = []
    for name, entry in features.numeric.items():
        if entry.transform != "bucketize":
            dense.append(name)
            if name in features.indicators and missing.get(name, 0):
                dense.append(features.indicators[name])
    return Inputs(tuple(dense), _cardinalities(features, graph))


def features_json(inputs: Inputs, features: Features, label: str) -> dict[str, Any]:
    """The content of `features.json`."""
    return {
        "dense": list(inputs.dense),
        "indexed": dict(inputs.indexed),
        "label": label,
        "raw": {"numeric": list(features.numeric), "categorical": list(features.categorical)},
    }


def _cardinalities(features: Features, graph: Path) -> dict[str, int]:
    file = graph / "transform_fn" / "assets" / FILE
    known = count_indices(file.read_bytes()) if file.exists() else {}
    return {
        **{
            name: entry.buckets + 1  # missing values have an index of their own
            for name, entry in features.numeric.items()
            if entry.transform == "bucketize"
        },
        **{name: known.get(name, entry.buckets) for name, entry in features.categorical.items()},
        **{name: cross.buckets for name, cross in features.crosses.items()},
    }
