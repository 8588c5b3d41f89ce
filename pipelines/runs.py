"""Runs on disk: their folders, their manifests, and how to find one again.

A run lies in `<root>/runs/<run id>/`: `manifest.json`, `report.html`, `stages/` (records, progress
and logs) and `kfp/` (what the stages wrote).
"""

import datetime
import difflib
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.report.manifest import MANIFEST, REPORT, RunInfo, State, describe, ended
from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import place
from components.shared.stage.records import stage_records
from configs.errors import UnknownRunError
from configs.settings import Settings
from configs.stages import Pipeline


def new_run(settings: Settings, pipeline: Pipeline = "training") -> Path:
    """A folder for a new run: named by use case, instant (UTC) and four random hex digits."""
    name = settings.name if pipeline == "training" else f"{settings.name}-{pipeline}"
    instant = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    folder = settings.run_root / "runs" / f"{name}-{instant}-{secrets.token_hex(2)}"
    (folder / "stages").mkdir(parents=True)
    return folder


def runs(root: Path, wanted: str = "") -> list[Path]:
    """The run folders, oldest first; of one use case, or the one of a run id, where it is named."""
    found = (path.parent for path in root.glob(f"runs/*/{MANIFEST}"))
    return sorted(
        (f for f in found if wanted in ("", f.name) or read_json(f / MANIFEST)["name"] == wanted),
        key=lambda folder: read_json(folder / MANIFEST)["started_at"],
    )


def find_run(root: Path, wanted: str, pipeline: Pipeline | None = "training") -> Path:
    """The folder of a run by its id, or of the last run of a use case by its name; None: of either pipeline.

    Raises:
        UnknownRunError: There is none; the nearest id is given.
    """
    known = [folder for folder in runs(root) if pipeline in (None, pipeline_of(folder))]
    for folder in reversed(known):
        if wanted in (folder.name, read_json(folder / MANIFEST)["name"]):
            return folder
    nearest = difflib.get_close_matches(wanted, [folder.name for folder in known], n=1, cutoff=0.3)
    raise UnknownRunError(
        f"run '{wanted}'",
        expected=f"the id of a {f'{pipeline} ' if pipeline else ''}run under {root / 'runs'}, "
        "or a use case that has run",
        remedy=f"Did you mean '{nearest[0]}'?" if nearest else "List them: python -m pipelines status",
    )


def pipeline_of(folder: Path) -> Pipeline:
    """Which pipeline a run is of."""
    found: Pipeline = read_json(folder / MANIFEST).get("pipeline", "training")
    return found


def begin_manifest(
    folder: Path,
    settings: Settings,
    command: str,
    pipeline: Pipeline = "training",
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest of a run that starts now; written at once, so that even a killed run is known.

    `parameters` is what the run is given besides its id; None: what a training run is given.
    """
    given = {
        "run_id": folder.name,
        **(parameters or {"checkpoints": settings.checkpoints}),
        "command": command,
    }
    info = RunInfo(pipeline, folder.name, command=command, parameters=given)
    manifest = describe(settings, info, ())
    write_json(folder / MANIFEST, manifest)
    return manifest


def end_manifest(folder: Path, manifest: Mapping[str, Any], state: State) -> dict[str, Any]:
    """The manifest of a run that has ended without a report of its own, with the records of its stages."""
    end = ended({**manifest, "stages": manifest["stages"] or stage_records(folder)}, state, time.time())
    write_json(folder / MANIFEST, end)
    return end


def take_report(folder: Path, page: str) -> dict[str, Any]:
    """Copy the report at `page` and the manifest beside it into the run's folder here; returns the latter."""
    there = place(page)
    manifest = {**read_json(folder / MANIFEST), **read_json(there.parent / MANIFEST)}
    (folder / REPORT).write_bytes(there.read_bytes())
    write_json(folder / MANIFEST, manifest)
    return manifest
