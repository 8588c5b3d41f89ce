"""What the commands that run a pipeline share: the checks before it, its run on a target, its failure."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from components.report.manifest import MANIFEST, REPORT
from components.report.outcome import UNRECORDED, log_of
from components.report.running import again
from components.shared.files.artifacts import read_json
from components.shared.stage.recording import log_to
from configs.errors import PipelineError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines import view
from pipelines.graph import definitions
from pipelines.graph.compiling import compile_pipeline
from pipelines.runs import end_manifest, take_report


def execute(
    console: Console, pipeline: Callable[..., Any], settings: Settings, folder: Path, *, caching: bool
) -> dict[str, Any]:
    """Run a pipeline where the settings say, to its end, and show it.

    Args:
        console: Where it is shown.
        pipeline: What a `build` returned.
        settings: What and where.
        folder: The run's; its manifest has begun.
        caching: Take unchanged stages from the cache.

    Returns:
        The manifest of its end.
    """
    console.print(f"[bold]{settings.name}[/]  {settings.question}\n[dim]run {folder.name}[/]\n")
    if settings.cloud:
        return _run_there(console, pipeline, settings, folder)
    return _run_here(console, pipeline, settings, folder, caching=caching)


def check_before_spending(settings: Settings, pipeline: Pipeline = "training") -> None:
    """Refuse a run on Google Cloud that would end in its first minute, or may cost more than the budget.

    Args:
        settings: What and where; a run on this machine is let pass.
        pipeline: Which one is to run.

    Raises:
        CloudError: Something is missing there.
        QueryError: The query could not run.
        BudgetError: The plan's high estimate is above `cloud.budget_usd`.
    """
    if settings.cloud:
        from pipelines.plan import command as plan
        from pipelines.preflight import command as preflight

        preflight.check(settings)
        plan.check(settings, pipeline)


def _run_here(
    console: Console, pipeline: Callable[..., Any], settings: Settings, folder: Path, *, caching: bool
) -> dict[str, Any]:
    from pipelines.runners import local

    manifest = read_json(folder / MANIFEST)
    root, parameters = Path(settings.places.root), manifest["parameters"]
    with view.watched(console, folder / "stages", definitions.of(manifest["pipeline"]).shown):
        ended_well = local.run(pipeline, folder, root, parameters, caching=caching)
    page = next(folder.glob(f"kfp/*/report/{REPORT}"), None)
    if page:
        return take_report(folder, str(page))
    return end_manifest(folder, manifest, "done" if ended_well else "failed")


def _run_there(
    console: Console, pipeline: Callable[..., Any], settings: Settings, folder: Path
) -> dict[str, Any]:
    """Submit and follow; the run goes on there when the user leaves."""
    from pipelines.runners import following

    compiled = folder / "pipeline.yaml"
    try:
        compile_pipeline(pipeline, settings, compiled)
        with log_to(folder / "stages" / "pipeline.log"):
            manifest = following.start(folder, settings, compiled)
            view.show_places(console, manifest["links"])
            with view.watched(console, folder / "stages", definitions.of(manifest["pipeline"]).shown):
                return following.follow(folder, settings)
    except KeyboardInterrupt:
        console.print(f"\n{folder.name} goes on in {settings.cloud.project if settings.cloud else ''}:")
        for what in ("status", "cancel"):
            console.print(f"  [bold]python -m pipelines {what} {folder.name}[/]", soft_wrap=True)
        raise SystemExit(130) from None
    except PipelineError as error:
        following.fail(folder, error)
        raise


def command() -> str:
    """The command as a person would type it again."""
    return shlex.join(["python", "-m", "pipelines", *sys.argv[1:]])


def show_failure(
    console: Console,
    folder: Path,
    manifest: Mapping[str, Any],
    places: Mapping[str, str],
) -> None:
    """Every broken stage with its cause and its log, and the command that goes on from there.

    Args:
        console: Where it is shown.
        folder: The run's.
        manifest: Of its end.
        places: What else there is to look at.
    """
    stages = folder / "stages"
    if manifest["state"] == "cancelled":
        console.print("[bold red]the run was cancelled[/]")
        view.show_places(console, {**places, **manifest.get("links", {})})
        return
    broken = [record for record in manifest["stages"] if record["state"] != "done" and not record["cached"]]
    for record in broken:
        error = record.get("error") or {
            "kind": "Killed",
            "message": UNRECORDED,
        }
        console.print(f"[bold red]{record['stage']} failed[/]  {error['kind']}: ", end="")
        console.print(error["message"], markup=False, soft_wrap=True)
        places = {"log": log_of(record, folder), **places}
    if not broken:
        console.print("[bold red]the run failed outside its stages[/]  ", end="")
        console.print(manifest.get("error", ""), markup=False, soft_wrap=True)
        places = {"log": str(stages / "pipeline.log"), **places}
    view.show_places(console, {**places, **manifest.get("links", {})})
    console.print(
        f"Fix it, then run:  [bold]{escape(again(manifest))}[/]   (finished stages are taken from the cache)",
        soft_wrap=True,
    )
