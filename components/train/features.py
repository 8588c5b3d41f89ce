"""The model's inputs, as the transform graph's features.json lists them."""

from dataclasses import dataclass
from typing import Any

from components.shared.files.artifacts import read_json
from components.shared.files.place import Place
from configs.errors import TrainingError

_RUN_TRANSFORM = "Run the pipeline again with --from transform."


@dataclass(frozen=True)
class ModelInputs:
    """What the transform graph takes and what it makes."""

    dense: tuple[str, ...]
    """Inputs that enter as float32 numbers."""
    indexed: dict[str, int]
    """Inputs that enter as indices, and how many there are of each: 0 ≤ index < cardinality."""
    label: str
    numeric: tuple[str, ...]
    """Raw columns that enter the graph as float32, missing is NaN."""
    categorical: tuple[str, ...]
    """Raw columns that enter the graph as strings, missing is ""."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an examples file that training reads."""
        return (*self.dense, *self.indexed, self.label)


def read(transform_graph: Place, label: str) -> ModelInputs:
    """The inputs of the graph in this folder.

    Raises:
        TrainingError: No readable features.json, no input at all, or another label than the settings'.
    """
    file = transform_graph / "features.json"
    try:
        inputs = _parse(read_json(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            str(file),
            expected="dense, indexed, label and raw inputs, as transform writes them",
            got=f"{type(error).__name__}: {error}",
            remedy=_RUN_TRANSFORM,
        ) from error
    if not inputs.dense and not inputs.indexed:
        raise TrainingError(str(file), expected="at least one input", got="none", remedy=_RUN_TRANSFORM)
    if inputs.label != label:
        raise TrainingError(
            f"the label of {file}", expected=f"'{label}'", got=f"'{inputs.label}'", remedy=_RUN_TRANSFORM
        )
    return inputs


def _parse(content: Any) -> ModelInputs:
    return ModelInputs(
        dense=tuple(content["dense"]),
        indexed={name: int(cardinality) for name, cardinality in content["indexed"].items()},
        label=content["label"],
        numeric=tuple(content["raw"]["numeric"]),
        categorical=tuple(content["raw"]["categorical"]),
    )
