"""What the command `run` does, between the settings and the screen."""

import functools
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from components.shared.files.artifacts import read_json
from components.shared.stage.records import artifact_path, artifact_uri
from configs.errors import SettingsError
from configs.loading import SCHEMA, use_case_folder
from configs.settings import Settings
from configs.verdict import current_verdict
from pipelines import view
from pipelines.commands.execution import execute
from pipelines.graph import definitions

STAGES = definitions.of("training").order


def run(use_case: str, settings: Settings, *, no_cache: bool = False, from_stage: str = "") -> bool:
    """Run the training pipeline and show it; returns whether every stage ended well."""
    fresh = None if no_cache else _fresh(from_stage)
    given = {"checkpoints": settings.checkpoints}
    show = functools.partial(_show_result, use_case)
    return execute(settings, "training", given, show, fresh)


def _fresh(from_stage: str) -> tuple[str, ...]:
    """The stages that must run anew."""
    if not from_stage:
        return ()
    if from_stage not in STAGES:
        raise SettingsError("stage", expected=f"one of {', '.join(STAGES)}", got=repr(from_stage))
    return STAGES[STAGES.index(from_stage) :]


def _keep_schema(use_case: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    """After the first run: save the inferred schema next to the use case, to be reviewed like code."""
    path = use_case_folder(use_case) / SCHEMA
    statistics = artifact_path(manifest, "statistics")
    if path.exists() or statistics is None:
        return {}
    path.write_text((statistics / SCHEMA).read_text())
    return {"schema (new: review it)": str(path)}


def _show_result(
    use_case: str, console: Console, manifest: Mapping[str, Any], places: dict[str, str]
) -> None:
    if manifest.get("tracking"):
        console.print(f"not in its experiment: {manifest['tracking']}\n", markup=False, soft_wrap=True)
    places |= _keep_schema(use_case, manifest)
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
