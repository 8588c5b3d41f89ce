"""`model.json`, the description that lies in a model's folder: which raw features it takes."""

import json

from components.shared.files.place import Place
from configs.errors import ModelError, PlaceError
from configs.features import Features


def read_features(model: Place) -> Features:
    """The raw features that a model takes, in the order of its tensors.

    Raises:
        ModelError: The file is missing or has other content.
    """
    file = model / "model.json"
    try:
        described = json.loads(file.read_text())["features"]
        return Features.raw(described["numeric"], described["categorical"])
    except (OSError, PlaceError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            str(file),
            expected='a model\'s description with "features": {"numeric": [...], "categorical": [...]}',
            got=f"{type(error).__name__}: {error}".splitlines()[0],
            remedy="Train again, or name another version: --version N.",
        ) from error
