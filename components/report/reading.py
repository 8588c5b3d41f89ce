"""What a run left behind: whatever is missing or broken is named in the report and never stops it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.files.place import Place
from components.shared.stage.records import artifact_path
from configs.errors import DataError
from configs.stages import STAGES, Pipeline, artifact_makers
from configs.verdict import current_verdict

_EARLIER = {"hold": "reject"}
"""Stages by the names that earlier versions of the pipeline gave them."""
_TAIL_BYTES = 16_384
_TAIL_LINES = 40
"""What is shown of the log of a stage that failed."""


@dataclass(frozen=True)
class Missing:
    """A part of the report that this run has nothing for."""

    why: str


@dataclass(frozen=True)
class Run:
    """A run: the place it is recorded at, and its manifest (see `manifest.describe`)."""

    folder: Place
    manifest: Mapping[str, Any]
    page: Place | None = None
    """The folder with its report and its manifest; None: `folder`."""
    unreadable: list[str] = field(default_factory=list)
    """Files that are there but could not be read, with the reason."""
    _files: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    _paths: dict[str, Place | None] = field(default_factory=dict)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that ran."""
        pipeline: Pipeline = self.manifest.get("pipeline", "training")
        return pipeline

    @property
    def tasks(self) -> Mapping[str, str]:
        """The stages of the pipeline in the order of the data, each with what it makes of what."""
        return {spec.name: spec.makes for spec in STAGES[self.pipeline] if not spec.last}

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the stages, in the order of the data."""
        return tuple(self.tasks)

    @property
    def stages(self) -> dict[str, Mapping[str, Any]]:
        """The records of the stages that started, by name."""
        records = self.manifest.get("stages", ())
        return {_EARLIER.get(record["stage"], record["stage"]): record for record in records}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the run, as JSON has them."""
        settings: Mapping[str, Any] = self.manifest.get("settings", {})
        return settings

    def setting(self, section: str, name: str) -> Any:
        """One setting; None where the manifest does not have it."""
        part = self.settings.get(section)
        return part.get(name) if isinstance(part, Mapping) else None

    def path(self, artifact: str) -> Place | None:
        """Where an artifact lies; None if the run did not get so far, or it is gone."""
        if artifact not in self._paths:
            found = artifact_path(self.manifest, artifact) if self.manifest.get("stages") else None
            self._paths[artifact] = found
        return self._paths[artifact]

    def uri(self, artifact: str) -> str | None:
        """Where an artifact lies, to be shown; None if the run did not get so far, or it is gone."""
        path = self.path(artifact)
        return str(path) if path else None

    def file(self, artifact: str, name: str) -> bytes | None:
        """The content of a file of an artifact, read once; None if it is not there."""
        if (artifact, name) not in self._files:
            folder = self.path(artifact)
            there = folder is not None and (folder / name).exists()
            self._files[artifact, name] = (folder / name).read_bytes() if folder and there else None
        return self._files[artifact, name]

    def json(self, artifact: str, name: str) -> Any:
        """The content of a JSON file of an artifact; None if it is missing or unreadable."""
        content = self.file(artifact, name)
        if content is None:
            return None
        try:
            return json.loads(content)
        except ValueError as error:  # not JSON, or not UTF-8
            self.unreadable.append(f"{self.uri(artifact)}/{name}: {error}")
            return None

    def verdict(self) -> dict[str, Any] | None:
        """The verdict on the candidate in today's words; None if it is missing or unreadable."""
        content = self.json("evaluation", "verdict.json")
        try:
            return current_verdict(content, f"{self.uri('evaluation')}/verdict.json") if content else None
        except DataError as error:
            self.unreadable.append(str(error))
            return None

    def features(self, choice: Mapping[str, Any]) -> list[str]:
        """The raw features that a choice names; none where they cannot be read."""
        try:
            content = json.loads(choice["features"])
            return [*content["numeric"], *content["categorical"]]
        except (ValueError, KeyError, TypeError) as error:
            self.unreadable.append(f"the features of the choice: {error}")
            return []

    def tail(self, log: Path) -> str:
        """The last lines of a log; empty where there is none."""
        if not log.is_file():
            return ""
        with log.open("rb") as content:
            content.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = content.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def absent(self, artifact: str) -> Missing:
        """Why there is nothing to show of an artifact."""
        stage = artifact_makers(self.pipeline)[artifact]
        record = self.stages.get(stage)
        if record is None:
            return Missing(f"This run has no record of {stage}{self._because(stage)}.")
        if record["state"] == "failed":
            return Missing(f"{stage} failed before it could write this.")
        if record["state"] == "running":
            return Missing(f"{stage} had not ended when this report was written.")
        return Missing(f"What {stage} wrote is no longer there, or lacks this part.")

    def passed(self, stage: str) -> bool:
        """Whether a stage without a record must have been taken from the cache: a later one has run."""
        if stage in self.stages or stage not in self.order:
            return False
        return any(later in self.stages for later in self.order[self.order.index(stage) + 1 :])

    def _because(self, stage: str) -> str:
        if self.passed(stage):
            return ": it was taken from the cache, and nothing that ran leads back to its files"
        ended_badly = [name for name, record in self.stages.items() if record["state"] == "failed"]
        if ended_badly:
            return f": {ended_badly[0]} failed first"
        return "" if self.manifest.get("state") == "done" else ": the run did not get so far"


def shown(path: str | Place) -> str:
    """A path as it would be typed: relative to the working folder where it lies inside; a URI as it is."""
    if "://" in str(path):
        return str(path)
    whole, here = Path(str(path)).absolute(), Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)
