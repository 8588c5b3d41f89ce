"""`model.json`, the description that lies in a model's folder: which raw features it takes."""

import json
from dataclasses import dataclass

from components.shared.files.place import Place
from configs.errors import ModelError, PlaceError


@dataclass(frozen=True)
class RawFeatures:
    """The raw columns of a model, in the order of its tensors."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.numeric, *self.categorical))


def read_features(model: Place) -> RawFeatures:
    """The raw features of a model, from its `model.json`.

    Args:
        model: Its folder, here or on `gs://`.

    Raises:
        ModelError: The file is missing or has other content.
    """
    file = model / "model.json"
    try:
        described = json.loads(file.read_text())["features"]
        return RawFeatures(tuple(described["numeric"]), tuple(described["categorical"]))
    except (OSError, PlaceError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            str(file),
            expected='a model\'s description with "features": {"numeric": [...], "categorical": [...]}',
            got=f"{type(error).__name__}: {error}".splitlines()[0],
            remedy="Train again, or name another version: --version N.",
        ) from error
