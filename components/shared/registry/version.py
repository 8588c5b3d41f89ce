"""A version of a model: what is submitted, what is stored, and what happened to it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from components.shared.files.place import Place
from components.shared.registry.endpoint import Status


@dataclass(frozen=True)
class Submission:
    """What a registration takes: three artifact folders and where they come from.

    Args:
        model: The SavedModel.
        statistics: The statistics of the rows it was trained on.
        evaluation: Its metrics, verdict and golden requests.
        lineage: Names its origin: `run_id`, `source` (a fingerprint), `inputs_digest` (settings and
            code), `judged_against` (the champion's version, "" for none).
    """

    model: Place
    statistics: Place
    evaluation: Place
    lineage: Mapping[str, str] = field(default_factory=dict)


class Version(BaseModel):
    """A registered model. Its folder is complete and never changes."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: str
    version: int
    created_at: datetime.datetime
    model_digest: str
    lineage: dict[str, str]
    """As it was submitted."""
    folder: SkipValidation[Place] = Field(exclude=True)
    """Here or on `gs://`."""
    status: Status = Field(exclude=True)
    """Now, at this endpoint."""
    resources: tuple[str, ...] = Field(default=(), exclude=True)
    """The full names of the version and of its endpoint, where a service keeps them."""

    @property
    def number(self) -> int:
        """The version's number: counted from 1, never used twice."""
        return self.version

    @property
    def inputs_digest(self) -> str:
        """The digest of the settings and code it was made with; empty if unknown."""
        return self.lineage.get("inputs_digest", "")

    @property
    def judged_against(self) -> str:
        """The champion at the time of the verdict; empty if there was none."""
        return self.lineage.get("judged_against", "")

    def has_inputs(self, lineage: Mapping[str, str]) -> bool:
        """Whether it was made from this very source, with these settings and this code; False if unknown."""
        names = ("source", "inputs_digest")
        return all(lineage.get(name) and lineage[name] == self.lineage.get(name) for name in names)

    @property
    def model(self) -> Place:
        """The SavedModel's folder."""
        return self.folder / "model"

    @property
    def statistics(self) -> Place:
        """The statistics artifact of its training rows."""
        return self.folder / "statistics"

    @property
    def evaluation(self) -> Place:
        """The folder of metrics.json, verdict.json and golden.json."""
        return self.folder / "evaluation"


EventName = Literal["register", "deploy", "promote", "rollback", "remove"]


class Event(BaseModel):
    """One line of the history."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    sequence: int
    at: datetime.datetime
    event: EventName
    version: int
    """The version it is about; after a rollback, the one that serves now."""
    traffic: dict[int, int]
