"""A version of a model: what is submitted, what is stored in its files, and what happened to it.

Its files are model/, statistics/, evaluation/ and version.json: whole or not there, here or on `gs://`.
"""

import contextlib
import datetime
import functools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from components.shared.files.artifacts import read_json, write_json, writing
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.registry.endpoint import Status
from configs.errors import RegistryError

Clock = Callable[[], datetime.datetime]
utc_now: Clock = functools.partial(datetime.datetime.now, datetime.UTC)

_VERSION_FILE = "version.json"


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
    number: int = Field(alias="version")
    """Counted from 1, never used twice."""
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
        for file in ("metrics.json", "verdict.json", "golden.json"):
            (folder / "evaluation" / file).write_bytes((submission.evaluation / file).read_bytes())
        write_json(folder / _VERSION_FILE, content)


def read_version(folder: Place, **known: Any) -> Version:
    """The version in a folder: what its version.json says, and what is known otherwise.

    Raises:
        RegistryError: The file is not what was written.
        PlaceError: It is not there.
    """
    file = folder / _VERSION_FILE
    with translate_file_errors(file):
        return Version.model_validate({**read_json(file), **known, "folder": folder})


@contextlib.contextmanager
def translate_file_errors(path: Place) -> Iterator[None]:
    """Turn a failure to read one of the registry's files into a `RegistryError` that names it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise RegistryError(
            f"registry file {path}",
            expected="what the registry wrote",
            got=" ".join(str(error).split()),
            remedy="Put it back from a copy.",
        ) from None


def _copy(source: Place, target: Path) -> None:
    """Copy a folder; unlike shutil.copytree, a full disk stays recognizable by its errno."""
    target.mkdir()
    with local_copy(source) as folder:
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                (target / path.relative_to(folder)).mkdir()
            else:
                shutil.copyfile(path, target / path.relative_to(folder))
