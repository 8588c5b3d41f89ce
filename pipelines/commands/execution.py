"""How a pipeline is run for a person: checked before it, followed on its target, shown at its end."""

import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
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
from pipelines.commands.runs import report_path
from pipelines.commands.seed import seed_once
from pipelines.graph import definitions
from pipelines.graph.compiling import compile_pipeline
from pipelines.runs import begin_manifest, end_manifest, new_run, take_report

Watched = AbstractContextManager[None]
"""What shows the stages while a run goes on."""
ShowResult = Callable[[Console, dict[str, Any], dict[str, str]], None]
"""Shows a run that ended well, by its manifest and the places that there are to look at."""


def execute(
    settings: Settings,
    pipeline: Pipeline,
    parameters: Mapping[str, str],
    show_result: ShowResult,
    fresh: Collection[str] | None,
) -> bool:
    """Run a pipeline where the settings say, to its end, and show it; returns whether every stage ended well.

    It is given the parameters besides its id. Stages in `fresh` are not taken from the cache; None: no stage
    is, and nothing is put there either.

    Raises:
        SettingsError: The use case and the environment do not fit the pipeline.
        CloudError, QueryError, BudgetError: See `check_before_spending`.
    """
    console = view.open_console()
    seed_once(settings)
    check_before_spending(settings, pipeline)
    definition = definitions.of(pipeline)
    graph = definition.build(settings, definition.order if fresh is None else fresh)
    folder = new_run(settings, pipeline)
    command = shlex.join(["python", "-m", "pipelines", *sys.argv[1:]])
    begin_manifest(folder, settings, command, pipeline, parameters)
    console.print(f"[bold]{settings.name}[/]  {settings.question}\n[dim]run {folder.name}[/]\n")
    watched = view.watched(console, folder / "stages", definition.shown)
    if settings.cloud:
        manifest = _run_there(console, watched, graph, settings, folder)
    else:
        manifest = _run_here(watched, graph, settings, folder, caching=fresh is not None)
    console.print()
    places = {"report": str(report_path(folder, manifest)), "manifest": str(folder / MANIFEST)}
    ended_well: bool = manifest["state"] == "done"
    if ended_well:
        show_result(console, manifest, places)
    else:
        _show_failure(console, folder, manifest, places)
    return ended_well


def check_before_spending(settings: Settings, pipeline: Pipeline = "training") -> None:
    """Reject a run on Google Cloud that would end in its first minute, or may cost more than the budget.

    A run on this machine is let pass.

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
    watched: Watched, pipeline: Callable[..., Any], settings: Settings, folder: Path, *, caching: bool
) -> dict[str, Any]:
    from pipelines.runners import local

    manifest = read_json(folder / MANIFEST)
    root, parameters = Path(settings.places.root), manifest["parameters"]
    with watched:
        ended_well = local.run(pipeline, folder, root, parameters, caching=caching)
    page = next(folder.glob(f"kfp/*/report/{REPORT}"), None)
    if page:
        return take_report(folder, str(page))
    return end_manifest(folder, manifest, "done" if ended_well else "failed")


def _run_there(
    console: Console, watched: Watched, pipeline: Callable[..., Any], settings: Settings, folder: Path
) -> dict[str, Any]:
    """Submit and follow; the run goes on there when the user leaves."""
    from pipelines.runners import following

    compiled = folder / "pipeline.yaml"
    try:
        compile_pipeline(pipeline, settings, compiled)
        with log_to(folder / "stages" / "pipeline.log"):
            manifest = following.start(folder, settings, compiled)
            view.show_places(console, manifest["links"])
            with watched:
                return following.follow(folder, settings)
    except KeyboardInterrupt:
        console.print(f"\n{folder.name} goes on in {settings.cloud.project if settings.cloud else ''}:")
        for what in ("status", "cancel"):
            console.print(f"  [bold]python -m pipelines {what} {folder.name}[/]", soft_wrap=True)
        raise SystemExit(130) from None
    except PipelineError as error:
        following.fail(folder, error)
        raise


def _show_failure(
    console: Console, folder: Path, manifest: Mapping[str, Any], places: Mapping[str, str]
) -> None:
    """Every broken stage with its cause and its log, and the command that goes on from there."""
    if manifest["state"] == "cancelled":
        console.print("[bold red]the run was cancelled[/]")
        view.show_places(console, {**places, **manifest.get("links", {})})
        return
    broken = [record for record in manifest["stages"] if record["state"] != "done" and not record["cached"]]
    for record in broken:
        error = record.get("error") or {"kind": "Killed", "message": UNRECORDED}
        console.print(f"[bold red]{record['stage']} failed[/]  {error['kind']}: ", end="")
        console.print(error["message"], markup=False, soft_wrap=True)
        places = {"log": log_of(record, folder), **places}
    if not broken:
        console.print("[bold red]the run failed outside its stages[/]  ", end="")
        console.print(manifest.get("error", ""), markup=False, soft_wrap=True)
        places = {"log": str(folder / "stages" / "pipeline.log"), **places}
    view.show_places(console, {**places, **manifest.get("links", {})})
    console.print(
        f"Fix it, then run:  [bold]{escape(again(manifest))}[/]   (finished stages are taken from the cache)",
        soft_wrap=True,
    )
