"""How the stages of a run work, outside its cache keys: a file in the folder of the run's outputs.

KFP's key of a task holds all its parameters, its command and its environment variables, on this machine
as on Vertex AI. What must not be in it is left once a run by the first task, which is never cached, in
the folder that the outputs of all tasks of the run share (`<root>/<run>/<task>/<artifact>`, below which
KFP puts the tasks of a group); each stage finds it from the place of its own output.
"""

import json
from typing import Any, TypeVar

from pydantic import BaseModel

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.place import Place
from configs.errors import PlaceError
from configs.section import lacks_how, with_how

HOW_FILE = "how.json"
_MOST_GROUPS = 3
"""Groups of tasks in each other (an exit handler, a condition, a loop) between a run's folder and a task."""

S = TypeVar("S", bound=BaseModel)


def write_how(output: Place, how: str) -> None:
    """Leave it for the stages of the run that this output belongs to.

    Args:
        output: Of the first task.
        how: JSON: by stage, the content of the fields marked `HOW`.
    """
    write_json(output.parent.parent / HOW_FILE, json.loads(how))


def read_part(name: str, model: type[S], parameter: str, output: Place) -> S:
    """A stage's part of the settings, whole.

    Args:
        name: The stage.
        model: The class of the part.
        parameter: Its JSON, with or without the fields marked `HOW`.
        output: Of the stage.

    Raises:
        PlaceError: They are not there, and the run has no file with them.
    """
    content = json.loads(parameter)
    if lacks_how(model, content):
        content = with_how(content, _read_how(output).get(name, {}))
    return model.model_validate_json(json.dumps(content))


def _read_how(output: Place) -> dict[str, Any]:
    folders = output.parents[1 : 2 + _MOST_GROUPS]
    for folder in folders:
        if (folder / HOW_FILE).exists():
            how: dict[str, Any] = read_json(folder / HOW_FILE)
            return how
    raise PlaceError(
        str(output.parent.parent / HOW_FILE),
        expected="how the run's stages work, left there by its first task",
        got="no such file",
        remedy="Run the whole pipeline again, or the stage alone: python -m pipelines stage.",
    )
