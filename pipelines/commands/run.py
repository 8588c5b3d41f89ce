"""What the command `run` does, between the settings and the screen."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json
from components.shared.stage.records import artifact_path, artifact_uri
from configs.errors import SettingsError
from configs.loading import SCHEMA, use_case_folder
from configs.settings import Settings
from configs.verdict import current_verdict
from pipelines import view
from pipelines.commands.execution import check_before_spending, command, execute, show_failure
from pipelines.commands.report import report_path
from pipelines.commands.seed import seed_once
from pipelines.graph import definitions
from pipelines.runs import (
    begin_manifest,
    new_run,
)

STAGES = definitions.of("training").order


def run(use_case: str, settings: Settings, *, no_cache: bool = False, from_stage: str = "") -> bool:
    """Run the training pipeline and show it; returns whether every stage ended well."""
    fresh = _fresh(no_cache=no_cache, from_stage=from_stage)
    console = view.open_console()
    seed_once(settings)
    check_before_spending(settings)
    pipeline = definitions.of("training").build(settings, fresh)
    folder = new_run(settings)
    begin_manifest(folder, settings, command())
    manifest = execute(console, pipeline, settings, folder, caching=not no_cache)
    places = {"report": str(report_path(folder, manifest)), "manifest": str(folder / MANIFEST)}
    console.print()
    if manifest.get("tracking"):
        console.print(f"not in its experiment: {manifest['tracking']}\n", markup=False, soft_wrap=True)
    if manifest["state"] == "done":
        places |= _keep_schema(use_case, manifest)
        _show_result(console, use_case, manifest, places)
    else:
        show_failure(console, folder, manifest, places)
    return bool(manifest["state"] == "done")


def _fresh(*, no_cache: bool, from_stage: str) -> tuple[str, ...]:
    """The stages that must run anew."""
    if no_cache:
        return STAGES
    if not from_stage:
        return ()
    return STAGES[STAGES.index(_known_stage(from_stage)) :]


def _known_stage(name: str) -> str:
    if name not in STAGES:
        raise SettingsError("stage", expected=f"one of {', '.join(STAGES)}", got=repr(name))
    return name


def _keep_schema(use_case: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    """After the first run: save the inferred schema next to the use case, to be reviewed like code."""
    path = use_case_folder(use_case) / SCHEMA
    statistics = artifact_path(manifest, "statistics")
    if path.exists() or statistics is None:
        return {}
    path.write_text((statistics / SCHEMA).read_text())
    return {"schema (new: review it)": str(path)}


def _show_result(
    console: Console, use_case: str, manifest: Mapping[str, Any], places: dict[str, str]
) -> None:
    evaluation = artifact_path(manifest, "evaluation")
    deployment = artifact_path(manifest, "deployment")
    if evaluation:
        console.print(view.metrics_table(read_json(evaluation / "metrics.json")))
        console.print()
        path = evaluation / "verdict.json"
        console.print(view.verdict_panel(current_verdict(read_json(path), str(path))))
    if artifact_path(manifest, "model"):
        places["model"] = artifact_uri(manifest, "model")
    if deployment:
        console.print(view.deployment_line(read_json(deployment / "deployment.json")))
    console.print(f"\n[green]done[/] in {manifest['seconds']:.1f} s")
    view.show_places(console, places | manifest.get("links", {}))
    there = manifest["settings"]["cloud"]
    after = f"status {manifest['name']}" if there else f"serve {use_case}"
    console.print(f"next:  [bold]python -m pipelines {after}[/]", soft_wrap=True)
