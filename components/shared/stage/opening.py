"""The common shape of the components: a stage opened with the arguments that KFP gives its function."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from components.shared.files.paths import artifact_path, place
from components.shared.files.place import Place
from components.shared.stage.how import read_part, write_how
from components.shared.stage.recording import Artifact, JobProgress, Record, stage
from configs.stages import task_artifacts

S = TypeVar("S", bound=BaseModel)


class OpenStage:
    """A stage at work: what it was given, and its record."""

    def __init__(self, name: str, arguments: Mapping[str, Any], output: Artifact, record: Record) -> None:
        self.record = record
        self.progress: JobProgress = record.progress
        self._name, self._arguments, self._output = name, arguments, output

    def settings(self, model: type[S]) -> S:
        """Its part of the settings; called once its libraries are imported: its work is timed from here."""
        self.record.imported()
        return read_part(self._name, model, self._arguments["settings"], artifact_path(self._output))

    def path(self, artifact: Artifact) -> Place:
        """Where an artifact lies."""
        return artifact_path(artifact)

    def place(self, uri: str) -> Place:
        """What lies at a URI."""
        return place(uri)

    def done(self, summary: Mapping[str, Any]) -> None:
        """Record the counts and figures of its work."""
        self.record.summary(dict(summary))


@contextlib.contextmanager
def open_stage(name: str, arguments: Mapping[str, Any], *, kept: bool = True) -> Iterator[OpenStage]:
    """Run the body as stage `name`, as `recording.stage` does.

    Args:
        name: Of the task.
        arguments: Of the component's function: its `locals()`, before it has any of its own. `how`, where it
            is given, says how the later stages of the run work.
        kept: Whether this process writes the record, of several that run the stage together.

    Raises:
        SystemExit: The body failed.
    """
    artifacts = {key: value for key, value in arguments.items() if hasattr(value, "uri")}
    outputs = {key: artifacts.pop(key) for key in task_artifacts(name) if key in artifacts}
    parameters = {key: value for key, value in arguments.items() if isinstance(value, str)}
    with stage(name, inputs=artifacts, outputs=outputs, parameters=parameters, kept=kept) as record:
        first = next(iter(outputs.values()))
        if arguments.get("how"):
            write_how(artifact_path(first), arguments["how"])
        yield OpenStage(name, arguments, first, record)
