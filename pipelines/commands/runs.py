"""What the commands about runs do: `status`, `cancel` and `report`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from components.report.manifest import MANIFEST, REPORT
from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import place
from configs.errors import CloudError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines import view
from pipelines.commands.serving import registry_of
from pipelines.runs import find_run, runs

_RUNS_SHOWN = 10


def status(wanted: str, root: Path) -> None:
    """Show the last runs that were started here, and every model's versions with their traffic.

    `wanted` is a use case or a run id; empty: all.
    """
    console = view.open_console()
    manifests = [_refreshed(console, folder) for folder in runs(root, wanted)]
    if not manifests:
        console.print(f"no runs in {root / 'runs'} yet:  [bold]python -m pipelines run flights[/]")
        return
    _show(console, wanted, manifests)


def status_there(wanted: str, settings: Settings) -> None:
    """Show the last runs of an environment on Google Cloud, whoever started them, and the versions."""
    from pipelines.runners import following

    console = view.open_console()
    manifests = following.newest_runs(settings, wanted, _RUNS_SHOWN)
    if not manifests:
        of = f" of {wanted}" if wanted else ""
        console.print(f"no runs{of} in environment '{settings.environment}' yet", markup=False)
        return
    _show(console, wanted, manifests)


def _show(console: Console, wanted: str, manifests: Sequence[dict[str, Any]]) -> None:
    console.print(view.runs_table(manifests[-_RUNS_SHOWN:]))
    if wanted == manifests[-1]["run_id"]:
        view.show_places(console, manifests[-1].get("links", {}))
    latest = {(m["name"], m["settings"]["places"]["registry"]): m for m in manifests}
    for (name, _), manifest in latest.items():
        registry = registry_of(Settings.model_validate(manifest["settings"]))
        console.print(view.versions_table(registry, name))


def _refreshed(console: Console, folder: Path) -> dict[str, Any]:
    """The manifest of a run; one that was left running on Google Cloud is looked up there."""
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest["state"] != "running" or "job" not in manifest:
        return manifest
    from pipelines.runners import following

    try:
        return following.refresh(folder)
    except CloudError as error:
        console.print(f"{folder.name}: not looked up. {error}", markup=False, soft_wrap=True)
        return manifest


def cancel(run_id: str, root: Path) -> None:
    """Cancel a run on Google Cloud, and what it runs."""
    from pipelines.runners import following

    folder = find_run(root, run_id, None)
    following.cancel(folder)
    view.open_console().print(
        f"{folder.name} is being cancelled:  [bold]python -m pipelines status {folder.name}[/]",
        soft_wrap=True,
    )


def report_path(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Where the report of a run lies; written now if the run could not do so itself."""
    return folder / REPORT if (folder / REPORT).exists() else _write(folder, manifest)


def write_report(run_id: str, root: Path, pipeline: Pipeline | None = None) -> Path:
    """Write the report of a run anew: by its id, or of the last one of a use case (None: of either pipeline).

    Raises:
        UnknownRunError: There is none.
    """
    folder = find_run(root, run_id, pipeline)
    return _write(folder, read_json(folder / MANIFEST))


def fetch_report(run_id: str, settings: Settings, pipeline: Pipeline | None = None) -> Path:
    """Fetch the report of a run on Google Cloud, whoever started it; write it if the run has none.

    Raises:
        UnknownRunError: The environment has no such run.
        CloudError: The service does not answer.
    """
    from pipelines.runners import following

    manifest = following.find_run(settings, run_id, pipeline)
    folder: Path = settings.run_root / "runs" / str(manifest["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MANIFEST, manifest)
    if "report" not in manifest:
        return _write(folder, manifest)
    (folder / REPORT).write_bytes(place(manifest["report"]).read_bytes())
    return folder / REPORT


def _write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    from components.report.core import write

    return write(folder, manifest)
