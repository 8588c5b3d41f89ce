"""What the benchmarks read: an artifact of the newest run of a use case below output/."""

import sys
from pathlib import Path

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json
from components.shared.stage.records import artifact_path
from configs.errors import UnknownRunError
from pipelines.runs import find_run


def newest(artifact: str, use_case: str = "flights") -> Path:
    """Where it lies; without one, the process ends and says how to make it."""
    try:
        folder = find_run(Path("output"), use_case)
    except UnknownRunError as error:
        sys.exit(f"{error}\nMake one: python -m pipelines run {use_case}")
    path = artifact_path(read_json(folder / MANIFEST), artifact)
    if path is None:
        sys.exit(f"{folder.name} has no {artifact}: run `python -m pipelines run {use_case}` to its end")
    return Path(str(path))
