"""What a Beam pipeline does, said for whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass

from apache_beam.runners.runner import PipelineResult

from components.shared.stage.recording import JobProgress


@dataclass(frozen=True)
class Work:
    """What a pipeline does, for the onlooker of a job elsewhere."""

    name: str
    """The end of the job's name: `learn`."""
    what: str
    """`learn from the training rows`"""
    total: int
    """How much there is to do, in rows."""
    done: Callable[[PipelineResult], int]
    """How much of it is done by now, from the counters."""
    progress: JobProgress
