"""What the commands about runs do, between the settings and the screen."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from components.artifacts import read_json, writing_file
from components.recording import log_to
from configs.errors import PipelineError, SettingsError
from configs.loading import SCHEMA, schema_text, use_case_folder
from configs.settings import Settings
from configs.stages.cloud import bigquery_access
from pipelines import definitions, runs, view
from pipelines.definitions import Pipeline
from pipelines.runs import (
    MANIFEST,
    artifact_path,
    artifact_uri,
    begin_manifest,
    end_manifest,
    find_run,
    new_run,
)

STAGES = definitions.of("training").order


def run(use_case: str, settings: Settings, *, no_cache: bool = False, from_stage: str = "") -> bool:
    """Run the training pipeline and show it; returns whether every stage ended well."""
    fresh = _fresh(no_cache=no_cache, from_stage=from_stage)
    console = view.open_console()
    seed_once(settings)
    check_before_spending(settings)
    pipeline = definitions.of("training").build(settings, schema_text(use_case), fresh)
    folder = new_run(settings)
    begin_manifest(folder, settings, command())
    manifest = execute(console, pipeline, settings, folder, caching=not no_cache)
    places = {"report": str(render(folder, manifest)), "manifest": str(folder / MANIFEST)}
    console.print()
    if manifest.get("tracking"):
        console.print(f"not in its experiment: {manifest['tracking']}\n", markup=False, soft_wrap=True)
    if manifest["state"] == "done":
        places |= _keep_schema(use_case, manifest)
        _show_result(console, use_case, manifest, places)
    else:
        show_failure(console, folder, manifest, places)
    return bool(manifest["state"] == "done")


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
    with view.watched(console, folder / "stages", definitions.of(manifest["pipeline"]).order):
        ended_well = local.run(pipeline, folder, root, parameters, caching=caching)
    return end_manifest(folder, manifest, "done" if ended_well else "failed")


def _run_there(
    console: Console, pipeline: Callable[..., Any], settings: Settings, folder: Path
) -> dict[str, Any]:
    """Submit and follow; the run goes on there when the onlooker leaves."""
    from pipelines import remote

    compiled = folder / "pipeline.yaml"
    try:
        _compile(pipeline, settings, compiled)
        with log_to(folder / "stages" / "pipeline.log"):
            manifest = remote.start(folder, settings, compiled)
            view.show_places(console, manifest["links"])
            with view.watched(console, folder / "stages", definitions.of(manifest["pipeline"]).order):
                return remote.follow(folder, settings)
    except KeyboardInterrupt:
        console.print(f"\n{folder.name} goes on in {settings.cloud.project if settings.cloud else ''}:")
        for what in ("status", "cancel"):
            console.print(f"  [bold]python -m pipelines {what} {folder.name}[/]", soft_wrap=True)
        raise SystemExit(130) from None
    except PipelineError as error:
        remote.fail(folder, error)
        raise


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


def command() -> str:
    """The command as a person would type it again."""
    return shlex.join(["python", "-m", "pipelines", *sys.argv[1:]])


def seed_once(settings: Settings) -> None:
    """Load the sample data into a warehouse of this machine that is not there yet."""
    uri = settings.source.uri or settings.places.warehouse
    missing = uri.startswith("duckdb://") and not Path(uri.removeprefix("duckdb://")).exists()
    if settings.source.sample and missing:
        seed(settings)


def seed(settings: Settings) -> None:
    """Load the sample data of a use case into its warehouse."""
    from components.sources.samples import seed as load

    if not settings.source.sample:
        raise SettingsError(
            f"use case '{settings.name}'",
            expected="source.sample, the name of public data",
            got="none: its data are its own",
        )
    uri = settings.source.uri or settings.places.warehouse
    console = view.open_console()
    with console.status(f"loading {settings.source.sample} into {uri} …"):
        counts = load(uri, access=bigquery_access(settings, "seed"))
    console.print(f"loaded {settings.source.sample} into {uri}: {view.facts(counts)}\n")


def _keep_schema(use_case: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    """After the first run: keep the inferred schema beside the use case, to be reviewed like code."""
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
        console.print(view.verdict_panel(read_json(evaluation / "verdict.json")))
    if artifact_path(manifest, "model"):
        places["model"] = artifact_uri(manifest, "model")
    if deployment:
        console.print(view.deployment_line(read_json(deployment / "deployment.json")))
    console.print(f"\n[green]done[/] in {manifest['seconds']:.1f} s")
    view.show_places(console, places | manifest.get("links", {}))
    there = manifest["settings"]["cloud"]
    after = f"status {manifest['name']}" if there else f"serve {use_case}"
    console.print(f"next:  [bold]python -m pipelines {after}[/]", soft_wrap=True)


def show_failure(
    console: Console,
    folder: Path,
    manifest: Mapping[str, Any],
    places: Mapping[str, str],
) -> None:
    """Every broken stage with its cause and its log, and the command for when it is mended.

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
            "message": "the process ended without a word (killed, or out of memory)",
        }
        console.print(f"[bold red]{record['stage']} failed[/]  {error['kind']}: ", end="")
        console.print(error["message"], markup=False, soft_wrap=True)
        places = {"log": record.get("log") or str(stages / f"{record['stage']}.log"), **places}
    if not broken:
        console.print("[bold red]the run failed outside its stages[/]  ", end="")
        console.print(manifest.get("error", ""), markup=False, soft_wrap=True)
        places = {"log": str(stages / "pipeline.log"), **places}
    view.show_places(console, {**places, **manifest.get("links", {})})
    console.print(
        f"mend it, then:  [bold]{escape(runs.again(manifest))}[/]   "
        "(finished stages are taken from the cache)",
        soft_wrap=True,
    )


def render(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the report of a run that has just ended; returns where it lies."""
    from pipelines.report import write

    return write(folder, manifest)


def write_report(run_id: str, root: Path, pipeline: Pipeline | None = None) -> Path:
    """Write the report of a run anew.

    Args:
        run_id: Its id; or a use case: its last run.
        root: Where runs lie.
        pipeline: Of which pipeline that run is; None: of either.

    Raises:
        UnknownRunError: There is none.
    """
    folder = find_run(root, run_id, pipeline)
    return render(folder, read_json(folder / MANIFEST))


def compile_to(settings: Settings, schema_pbtxt: str, path: Path, pipeline: Pipeline = "training") -> None:
    """Compile a pipeline into `path`.

    Raises:
        SettingsError: The graph would not run alike on every target.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _compile(definitions.of(pipeline).build(settings, schema_pbtxt, ()), settings, path)


def _compile(pipeline: Callable[..., Any], settings: Settings, path: Path) -> None:
    import yaml
    from kfp import compiler

    from pipelines import lint

    with writing_file(path) as beside:
        compiler.Compiler().compile(pipeline, str(beside))
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        pinned = settings.cloud is not None and settings.cloud.pinned_images
        lint.check(yaml.load(beside.read_text(), loader), pinned=pinned)  # noqa: S506 - it is a safe loader


def run_stage(name: str, use_case: str, settings: Settings, run_id: str) -> None:
    """Run one stage alone and say where its outputs lie."""
    from pipelines import alone

    out = alone.run(name, settings, schema_text(use_case), run_id)
    view.show_places(view.open_console(), {path.name: str(path) for path in sorted(out.iterdir())})
