"""The common shape of the components: a stage opened with the arguments that KFP gives its function.

How the stages of a run work stays outside its cache keys. KFP's key of a task holds all its parameters, its
command and its environment variables, on this machine as on Vertex AI. What must not be in it is left once a
run by the first task, which is never cached, as `how.json` in the folder that the outputs of all tasks of the
run share (`<root>/<run>/<task>/<artifact>`, below which KFP puts the tasks of a group); each stage finds it
from the place of its own output.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import artifact_path, place
from components.shared.files.place import Place
from components.shared.stage.recording import JobProgress, Record, stage
from configs.errors import PlaceError
from configs.section import lacks_how, with_how
from configs.stages import task_artifacts

S = TypeVar("S", bound=BaseModel)
_HOW_FILE = "how.json"
_MOST_GROUPS = 3
"""Groups of tasks in each other (an exit handler, a condition, a loop) between a run's folder and a task."""


class OpenStage:
    """A stage at work: what it was given, and its record."""

    path = staticmethod(artifact_path)
    """Where an artifact lies."""
    place = staticmethod(place)
    """What lies at a URI."""

    def __init__(self, name: str, arguments: Mapping[str, Any], output: Place, record: Record) -> None:
        self.record = record
        self.progress: JobProgress = record.progress
        self._name, self._arguments, self._output = name, arguments, output

    def settings(self, model: type[S]) -> S:
        """Its part of the settings, whole; called when its libraries are imported: from here on it works.

        Raises:
            PlaceError: The parameter lacks the fields marked `HOW`, and the run has no file with them.
        """
        self.record.imported()
        content = json.loads(self._arguments["settings"])
        if lacks_how(model, content):
            content = with_how(content, _read_how(self._output).get(self._name, {}))
        return model.model_validate_json(json.dumps(content))

    def done(self, summary: Mapping[str, Any]) -> None:
        """Record the counts and figures of its work."""
        self.record.summary(dict(summary))


@contextlib.contextmanager
def open_stage(name: str, arguments: Mapping[str, Any], *, recorded: bool = True) -> Iterator[OpenStage]:
    """Run the body as stage `name`, as `recording.stage` does.

    Args:
        name: Of the task.
        arguments: Of the component's function: its `locals()`, before it has any of its own. `how`, where it
            is given, says how the later stages of the run work.
        recorded: Whether this process writes the record, of several that run the stage together.

    Raises:
        SystemExit: The body failed.
    """
    artifacts = {key: value for key, value in arguments.items() if hasattr(value, "uri")}
    outputs = {key: artifacts.pop(key) for key in task_artifacts(name) if key in artifacts}
    parameters = {key: value for key, value in arguments.items() if isinstance(value, str)}
    with stage(name, inputs=artifacts, outputs=outputs, parameters=parameters, recorded=recorded) as record:
        output = artifact_path(next(iter(outputs.values())))
        if arguments.get("how"):
            write_json(output.parent.parent / _HOW_FILE, json.loads(arguments["how"]))
        yield OpenStage(name, arguments, output, record)


def _read_how(output: Place) -> dict[str, Any]:
    """By stage, the content of the fields marked `HOW`, from the nearest folder above that has it."""
    for folder in output.parents[1 : 2 + _MOST_GROUPS]:
        if (folder / _HOW_FILE).exists():
            how: dict[str, Any] = read_json(folder / _HOW_FILE)
            return how
    raise PlaceError(
        str(output.parent.parent / _HOW_FILE),
        expected="how the run's stages work, left there by its first task",
        got="no such file",
        remedy="Run the whole pipeline again, or the stage alone: python -m pipelines stage.",
    )
