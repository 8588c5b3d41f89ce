"""A version's files: model/, statistics/, evaluation/ and version.json, whole or not there, here or on `gs://`."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import write_json, writing
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.registry.version import Submission

EVALUATION_FILES = ("metrics.json", "verdict.json", "golden.json")
VERSION_FILE = "version.json"


def keep(submission: Submission, place: Place, content: Mapping[str, Any]) -> None:
    """Copy what was submitted to a place, with `content` as its version.json.

    Raises:
        BusyError: Another run writes to the same `gs://` place.
        PlaceError: Its bucket is missing or closed to us.
    """
    with writing(place) as folder:
        _copy(submission.model, folder / "model")
        _copy(submission.statistics, folder / "statistics")
        (folder / "evaluation").mkdir()
        for file in EVALUATION_FILES:
            (folder / "evaluation" / file).write_bytes((submission.evaluation / file).read_bytes())
        write_json(folder / VERSION_FILE, content)


def _copy(source: Place, target: Path) -> None:
    """Copy a folder; unlike shutil.copytree, a full disk stays recognizable by its errno."""
    target.mkdir()
    with local_copy(source) as folder:
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                (target / path.relative_to(folder)).mkdir()
            else:
                shutil.copyfile(path, target / path.relative_to(folder))
