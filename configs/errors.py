"""The errors a user may meet, all of one form: subject, expected, got, and the remedy.

PipelineError
├── SettingsError            a YAML file, an override or an environment says something impossible
├── SourceError              the source of the rows
│   ├── UnknownSourceError       no adapter for this URI
│   ├── QueryError               the SQL does not parse, bind or run (line and column)
│   └── UnreadableFileError      a corrupt or foreign file
├── DataError                the rows themselves
│   ├── EmptySplitError          a split without rows
│   ├── LabelError               a constant, missing or non-binary label
│   ├── MissingFeatureError      a declared feature the query does not return
│   └── AnomaliesError           the rows break the schema, or drift from what was accepted
├── TrainingError            training cannot start or went wrong (NaN loss)
├── ModelError               a SavedModel that cannot be read or lacks a signature
├── RegistryError            an unknown model, version or alias; a version that must not move
├── EndpointError            the server did not start, answer or agree with the offline predictions
├── RequestError             a prediction request that is not well-formed (answers 4xx)
├── BusyError                a port, file or run that something else uses
├── NoSpaceError             the disk is full
├── CloudError               Google Cloud rejects a call, or does not answer
│   └── JobError                 a job there failed, or somebody cancelled it
├── BudgetError              a run may cost more than the budget
├── PlaceError               a place on Cloud Storage is missing, closed to us or damaged
└── UnknownRunError          no run with this id
"""

import difflib
import errno
import functools
from collections.abc import Callable, Iterable


class PipelineError(Exception):
    """A mistake that is described in one line.

    Args:
        subject: What it is about: a file, a column, a stage, a URI.
        expected: What would have been right.
        got: What came instead.
        remedy: The command or the edit that fixes it.
    """

    def __init__(self, subject: str, *, expected: str = "", got: str = "", remedy: str = "") -> None:
        self.subject, self.expected, self.got, self.remedy = subject, expected, got, remedy
        super().__init__(subject, expected, got, remedy)

    def replacing(self, before: str, after: str) -> "PipelineError":
        """The same error with other words, such as a path that its reader knows."""
        subject, *parts = (part.replace(before, after) for part in self.args)
        return type(self)(subject, **dict(zip(("expected", "got", "remedy"), parts, strict=True)))

    def __reduce__(self) -> tuple[Callable[..., "PipelineError"], tuple[str]]:
        """Travel between processes, as Beam's workers do."""
        facts = {"expected": self.expected, "got": self.got, "remedy": self.remedy}
        return functools.partial(type(self), **facts), (self.subject,)

    def __str__(self) -> str:
        facts = [
            f"{word} {value}" for word, value in (("expected", self.expected), ("got", self.got)) if value
        ]
        line = ": ".join(part for part in (self.subject, ", ".join(facts)) if part)
        return f"{line.removesuffix('.')}. {self.remedy}" if self.remedy else line


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy for a misspelt name: the nearest one that there is, as a question.

    Args:
        word: What was written.
        known: What could have been meant.
        otherwise: The remedy where nothing is near.
    """
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean '{nearest[0]}'?" if nearest else otherwise


class SettingsError(PipelineError):
    """A YAML file, an override or an environment says something impossible."""


class SourceError(PipelineError):
    """The source of the rows cannot be used."""


class UnknownSourceError(SourceError):
    """No adapter for this URI."""


class QueryError(SourceError):
    """The SQL does not parse, bind or run."""


class UnreadableFileError(SourceError):
    """A corrupt or foreign file."""


class DataError(PipelineError):
    """The rows cannot be used."""


class EmptySplitError(DataError):
    """A split without rows."""


class LabelError(DataError):
    """A constant, missing or non-binary label."""


class MissingFeatureError(DataError):
    """A declared feature that the query does not return."""


class AnomaliesError(DataError):
    """The rows break the schema, or drift from what was accepted."""


class TrainingError(PipelineError):
    """Training cannot start or went wrong."""


class ModelError(PipelineError):
    """A SavedModel cannot be read or lacks a signature."""


class RegistryError(PipelineError):
    """An unknown model, version or alias, or a version that must not move."""


class EndpointError(PipelineError):
    """The server did not start, answer or agree with the offline predictions."""


class RequestError(PipelineError):
    """A prediction request is not well-formed."""


class BusyError(PipelineError):
    """A port, file or run is in use by something else."""


class NoSpaceError(PipelineError):
    """The disk is full."""


class PlaceError(PipelineError):
    """A place on Cloud Storage is missing, closed to us or damaged."""


class CloudError(PipelineError):
    """Google Cloud rejects a call, or does not answer."""


class JobError(CloudError):
    """A job on Google Cloud failed, or somebody cancelled it."""


class BudgetError(PipelineError):
    """A run may cost more than the budget."""


class UnknownRunError(PipelineError):
    """No run with this id."""


def translate_os_error(error: BaseException) -> BaseException:
    """The error itself, or ours where the operating system's says something a user can fix."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceError(
            f"no space left for {error.filename or 'the output'}",
            remedy="Free some space and run the same command again: finished stages stay.",
        )
    return error
