"""The record of a stage: what it read and wrote, how long it took, and why it failed.

Inside a run the record, the progress and the log of a stage lie in the folder named by
`STAGE_RECORDS`; without it (a stage on its own, or in the cloud) the log stays on the standard
streams and the record is only written next to the outputs.
"""

import contextlib
import os
import resource
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from components.shared.files.artifacts import Summary, as_json, digest, write_json
from components.shared.files.paths import artifact_path, place
from components.shared.files.place import Artifact as PlacedArtifact
from components.shared.files.place import OwnedFile
from components.shared.files.storage import storage
from components.shared.stage.signals import Signals
from configs.errors import PipelineError, translate_os_error

RECORDS_VARIABLE = "STAGE_RECORDS"
_PROGRESS_SECONDS, _RECORD_SECONDS = 0.2, 10.0


class Artifact(PlacedArtifact, Protocol):
    """The part of a KFP artifact that is used here."""

    metadata: dict[str, Any]


class Progress(Protocol):
    """Called now and then while a stage works."""

    def __call__(self, what: str, done: int, total: int | None = None) -> None:
        """Show what is being done, how much of it is done, and how much there is."""


class JobProgress(Protocol):
    """The same, where a job elsewhere may do the work."""

    def __call__(self, what: str, done: int, total: int | None = None, *, job: str = "") -> None:
        """As `Progress`; `job` is the job's full name: projects/P/locations/L/jobs/J."""


def silent(what: str, done: int, total: int | None = None, *, job: str = "") -> None:
    """Progress that nobody watches."""


class Record:
    """What a running stage says of itself."""

    def __init__(
        self, name: str, folder: Path | None, content: dict[str, Any], *, recorded: bool = True
    ) -> None:
        self.name, self.folder, self.content, self.recorded = name, folder, content, recorded
        self.started = time.monotonic()
        self._last_progress, self._last_saved = 0.0, self.started
        self._files: dict[str, OwnedFile] = {}

    def imported(self) -> None:
        """The libraries are there: from here on the stage works."""
        self.content["seconds"]["import"] = round(time.monotonic() - self.started, 3)

    def summary(self, summary: Summary) -> None:
        """Record the counts and figures of the work, and the jobs elsewhere that did it."""
        jobs = self.content.get("jobs", [])
        self.content["summary"] = {**summary, **({"jobs": ", ".join(jobs)} if jobs else {})}

    def progress(self, what: str, done: int, total: int | None = None, *, job: str = "") -> None:
        """Show how far the work is, at most a few times a second.

        In the cloud nobody shares a folder with the stage: there it is in the record, every few seconds.
        """
        now, progress = time.monotonic(), {"what": what, "done": done, "total": total}
        new = bool(job) and job not in self.content.setdefault("jobs", [])
        if new:
            self.content["jobs"].append(job)
        if self.folder and (now - self._last_progress > _PROGRESS_SECONDS or done == total):
            self._last_progress = now
            write_json(self.folder / f"{self.name}.progress.json", progress)
        if new or (not self.folder and now - self._last_saved > _RECORD_SECONDS):
            self._last_saved = now
            self.content["progress"] = progress
            self.save()

    def save(self) -> None:
        """Write the record where the run looks for it, and next to the outputs; if this process does."""
        if not self.recorded:
            return
        places = {place(output["path"]).parent for output in self.content["outputs"].values()}
        for folder in places | ({self.folder} if self.folder else set()):
            path = folder / f"{self.name}.stage.json"
            self._files.setdefault(str(path), storage(path).owned(path)).write(as_json(self.content))


@contextlib.contextmanager
def stage(
    name: str,
    *,
    inputs: Mapping[str, Artifact] | None = None,
    outputs: Mapping[str, Artifact] | None = None,
    parameters: Mapping[str, str] | None = None,
    recorded: bool = True,
) -> Iterator[Record]:
    """Run the body as stage `name`: log to its file, measure, record, and explain a failure.

    Of several processes that run one stage together only one writes the record and the outputs.

    Raises:
        SystemExit: After a failure, Ctrl-C or SIGTERM; the record holds the cause, the log the traceback.
    """
    import psutil

    folder = Path(os.environ[RECORDS_VARIABLE]) if recorded and RECORDS_VARIABLE in os.environ else None
    record = Record(
        name,
        folder,
        {
            "stage": name,
            "state": "running",
            "pid": os.getpid(),
            "started_at": time.time(),
            "parameters": dict(parameters or {}),
            **({"job": job} if (job := _vertex_job()) else {}),
            **({"log": str(folder / f"{name}.log")} if folder else {}),
            "inputs": _paths(inputs or {}),
            "outputs": _paths(outputs or {}),
            "seconds": {"start-up": round(time.time() - psutil.Process().create_time(), 3)},
            "summary": {},
        },
        recorded=recorded,
    )
    with log_to(folder / f"{name}.log" if folder else None), Signals():
        try:
            record.save()
            yield record
            _finish(record, outputs or {})
        except BaseException as error:
            _fail(record, error)
            raise SystemExit(1) from error


def _finish(record: Record, outputs: Mapping[str, Artifact]) -> None:
    content = record.content
    for name, artifact in outputs.items() if record.recorded else ():
        output = content["outputs"][name]
        output["digest"] = digest(artifact_path(artifact))
        if not artifact.metadata:  # figures that were logged as such stay alone: the console shows them
            artifact.metadata.update(digest=output["digest"], **content["summary"])
    _measure(record)
    content.pop("progress", None)
    content["state"] = "done"
    record.save()


def _fail(record: Record, error: BaseException) -> None:
    traceback.print_exception(error)
    cause = translate_os_error(error)
    record.content["error"] = {
        "kind": type(cause).__name__,
        "message": str(cause) or type(cause).__name__,
        "expected": isinstance(cause, PipelineError),
    }
    _measure(record)
    record.content["state"] = "failed"
    with contextlib.suppress(OSError, PipelineError):  # the place may be the very thing that failed
        record.save()


def _paths(artifacts: Mapping[str, Artifact]) -> dict[str, dict[str, str]]:
    """Where artifacts lie by their names in the component: `name` is that of a resource on Vertex AI."""
    return {name: {"path": str(artifact_path(artifact))} for name, artifact in artifacts.items()}


def _vertex_job() -> str:
    """The full name of the custom job of which this process is a container; empty elsewhere."""
    project, region, job = (os.environ.get(f"CLOUD_ML_{part}") for part in ("PROJECT_ID", "REGION", "JOB_ID"))
    return f"projects/{project}/locations/{region}/customJobs/{job}" if project and region and job else ""


def _measure(record: Record) -> None:
    seconds = record.content["seconds"]
    seconds["work"] = round(time.monotonic() - record.started - seconds.get("import", 0.0), 3)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    record.content["peak_memory_mib"] = round(max(own, children) / 1024)


@contextlib.contextmanager
def log_to(path: Path | None) -> Iterator[None]:
    """Send the standard streams to `path`: Python's own, and those of C++ libraries and child processes."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = os.dup(1), os.dup(2)
    with path.open("a", buffering=1) as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield
        finally:
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
