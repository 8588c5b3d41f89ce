"""The command line: `python -m pipelines --help`."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, ParamSpec, TypeVar

import typer
from rich.console import Console

from configs.errors import PipelineError, translate_os_error
from configs.stages import STAGES, Pipeline

if TYPE_CHECKING:
    from configs.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_CLOUD = "Google Cloud"
"""The heading of the commands that are about it alone."""

app = typer.Typer(
    help="From tables to a served model, and to its predictions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

UseCase = Annotated[
    str, typer.Argument(help="A folder in configs/, or a path to such a folder.", metavar="USE_CASE")
]
Environment = Annotated[str, typer.Option("--env", help="A file in configs/environments/.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value, over the YAML; repeatable.")
]
Root = Annotated[Path, typer.Option(help="Where runs that were started here lie.")]
There = Annotated[
    str, typer.Option("--env", help="A file in configs/environments/: look there; default: at --root.")
]
Which = Annotated[Pipeline, typer.Option("--pipeline", help="Which pipeline.")]
RunId = Annotated[str, typer.Argument(help="A run id, or a use case: its last run.", metavar="RUN")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run every stage anew.")]
Action = Literal["create", "list", "pause", "resume", "delete"]


def in_one_line(command: Callable[P, T]) -> Callable[P, T]:
    """Print a user's mistake as one message, without a traceback; exit with 1."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (PipelineError, OSError) as error:
            cause = translate_os_error(error)
            if not isinstance(cause, PipelineError) or os.environ.get("PIPELINES_TRACEBACK"):
                raise
            Console(stderr=True, highlight=False).print(
                f"[bold red]{type(cause).__name__}[/]: ", end="", soft_wrap=True
            )
            sys.stderr.write(f"{cause}\n")
            raise typer.Exit(1) from None

    return wrapper


def _load(use_case: str, env: str, overrides: list[str] | None = None) -> "Settings":
    """The settings; without a use case those of an environment, for what is the same for all of them."""
    from configs.loading import load, use_cases

    return load(use_case or use_cases()[0], env, overrides or ())


def _command(
    name: str | None = None, *, cloud: bool = False
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Register a command, under its own heading where it is about Google Cloud alone."""
    heading = _CLOUD if cloud else None
    return lambda command: app.command(name, rich_help_panel=heading)(in_one_line(command))


@_command()
def run(
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    no_cache: NoCache = False,
    from_stage: Annotated[
        str, typer.Option("--from", help="Run this stage and all after it anew.", metavar="STAGE")
    ] = "",
) -> None:
    """Run the whole pipeline: ingest, validate, transform, train, evaluate, deploy."""
    from pipelines.commands import run as command

    settings = _load(use_case, env, overrides)
    ended_well = command.run(use_case, settings, no_cache=no_cache, from_stage=from_stage)
    raise typer.Exit(0 if ended_well else 1)


@_command(cloud=True)
def plan(
    use_case: UseCase, env: Environment = "dev", overrides: Overrides = None, pipeline: Which = "training"
) -> None:
    """Show what a run on Google Cloud would start, as whom, and about what it would cost."""
    from pipelines.plan import command

    command.print_plan(_load(use_case, env, overrides), pipeline)


@_command(cloud=True)
def preflight(
    use_case: Annotated[
        str, typer.Argument(help="Also check this use case's tables (default: none).", metavar="[USE_CASE]")
    ] = "",
    env: Environment = "dev",
    overrides: Overrides = None,
) -> None:
    """Check that Google Cloud is ready; each failure comes with the command that fixes it."""
    from pipelines.preflight import command

    ready = command.print_findings(_load(use_case, env, overrides), with_data=bool(use_case))
    raise typer.Exit(0 if ready else 1)


@_command()
def sql(
    file: Annotated[str, typer.Argument(help="A file of GoogleSQL; - is standard input.", metavar="FILE|-")],
    source: Annotated[str, typer.Option(help="Where the tables lie: duckdb://, file://, gs:// or bq://.")],
    env: Annotated[
        str, typer.Option("--env", help="Who pays where that is BigQuery: configs/environments/.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a query.")] = False,
) -> None:
    """Answer queries in GoogleSQL over a source, with the types that BigQuery gives."""
    from configs.access import bigquery_access
    from pipelines.commands import sql as command

    access = bigquery_access(_load("", env), "ingest") if env else None
    raise typer.Exit(0 if command.sql(file, source, access, as_json=as_json) else 1)


@_command("compile")
def compile_(
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; default: output/<name>.yaml.")] = None,
    pipeline: Which = "training",
) -> None:
    """Compile a pipeline to the YAML that a target runs."""
    from pipelines.graph import compiling

    settings = _load(use_case, env, overrides)
    root = Path("output") if settings.cloud else Path(settings.places.root)
    path = out or root / f"{pipeline}-{settings.name}-{env}.yaml"
    compiling.compile_to(settings, path, pipeline)
    typer.echo(path)


@_command()
def seed(use_case: UseCase, env: Environment = "local") -> None:
    """Load the use case's sample data into the warehouse."""
    from pipelines.commands import seed as command

    command.seed(_load(use_case, env))


@_command()
def serve(
    use_case: UseCase,
    env: Environment = "local",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8080,
) -> None:
    """Serve the endpoint: every version that has traffic, by its share."""
    from pipelines.commands import serving

    serving.serve(_load(use_case, env), host, port)


@_command()
def predict(
    use_case: UseCase,
    env: Environment = "local",
    instances: Annotated[
        Path | None, typer.Argument(help="JSON or JSON lines; default: five rows of the last run.")
    ] = None,
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8080",
) -> None:
    """Request predictions from the server."""
    from pipelines.commands import serving

    serving.predict(_load(use_case, env), instances, url)


@_command("predict-batch")
def predict_batch(
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    version: Annotated[
        str, typer.Option(help="A number, or champion or challenger; default: the champion.")
    ] = "",
    repeat: Annotated[
        str, typer.Option(help="A run whose predictions this run replaces.", metavar="RUN")
    ] = "",
    no_cache: NoCache = False,
) -> None:
    """Score rows with a registered version: choose, select, predict, deliver."""
    from pipelines.commands import predict_batch as command

    settings = _load(use_case, env, overrides)
    ended_well = command.run(settings, version=version, repeat=repeat, caching=not no_cache)
    raise typer.Exit(0 if ended_well else 1)


@_command()
def promote(
    use_case: UseCase,
    env: Environment = "local",
    version: Annotated[int | None, typer.Argument(help="Default: the challenger.")] = None,
) -> None:
    """Make a version the champion: all traffic goes to it."""
    from pipelines.commands import serving

    serving.promote(_load(use_case, env), version)


@_command()
def rollback(use_case: UseCase, env: Environment = "local") -> None:
    """Go back to the former champion: all traffic returns to it."""
    from pipelines.commands import serving

    serving.rollback(_load(use_case, env))


@_command()
def status(
    wanted: Annotated[
        str, typer.Argument(help="A use case, or a run id; default: all.", metavar="[USE_CASE|RUN]")
    ] = "",
    root: Root = Path("output"),
    env: There = "",
    overrides: Overrides = None,
) -> None:
    """List the runs, the versions and the traffic; with --env, the runs there, whoever started them."""
    from pipelines.commands import runs

    if env:
        runs.status_there(wanted, _load("", env, overrides))
    else:
        runs.status(wanted, root)


@_command(cloud=True)
def cancel(run_id: RunId, root: Root = Path("output")) -> None:
    """Cancel a run on Google Cloud, and what it runs."""
    from pipelines.commands import runs

    runs.cancel(run_id, root)


@_command(cloud=True)
def teardown(
    use_case: UseCase,
    env: Environment,
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is listed.")] = False,
    overrides: Overrides = None,
) -> None:
    """List what the pipeline has created on Google Cloud for a use case; delete it with --yes."""
    from pipelines.commands import teardown as command

    command.teardown(_load(use_case, env, overrides), yes=yes)


@_command(cloud=True)
def publish(
    use_case: UseCase, env: Environment = "dev", overrides: Overrides = None, pipeline: Which = "training"
) -> None:
    """Put the compiled pipeline on Cloud Storage, where the trigger starts it."""
    from pipelines.commands import publish as command

    typer.echo(command.publish(_load(use_case, env, overrides), pipeline))


@_command(cloud=True)
def schedule(
    action: Annotated[Action, typer.Argument(help="What to do with it.")],
    use_case: UseCase,
    env: Environment = "dev",
    overrides: Overrides = None,
    cron: Annotated[str, typer.Option(help="create: minute hour day month weekday.")] = "",
    time_zone: Annotated[str, typer.Option(help="create: of the IANA database.")] = "UTC",
    max_concurrent: Annotated[int, typer.Option(help="create: runs at once; later ones are skipped.")] = 1,
    pipeline: Annotated[
        Pipeline | None, typer.Option(help="Whose schedule; default: training's; list: those of both.")
    ] = None,
) -> None:
    """Let a clock start runs on Google Cloud: make, list, pause, resume or delete the schedule."""
    from pipelines.commands import schedule as command
    from pipelines.runners.cron import timing

    settings = _load(use_case, env, overrides)
    if action == "create":
        command.create(settings, timing(cron, time_zone, max_concurrent), pipeline or "training")
    else:
        command.act(action, settings, pipeline)


@_command()
def report(
    run_id: RunId,
    root: Root = Path("output"),
    pipeline: Annotated[
        Pipeline | None, typer.Option(help="Whose last run; default: the last of either.")
    ] = None,
    env: There = "",
    overrides: Overrides = None,
) -> None:
    """Write a run's report anew and say where it lies; with --env, fetch that of a run there."""
    from pipelines.commands import runs

    if env:
        typer.echo(runs.fetch_report(run_id, _load("", env, overrides), pipeline))
    else:
        typer.echo(runs.write_report(run_id, root, pipeline))


@_command()
def stage(
    name: Annotated[
        str,
        typer.Argument(
            help="; ".join(", ".join(s.name for s in specs if s.alone) for specs in STAGES.values()) + "."
        ),
    ],
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    run_id: Annotated[str, typer.Option("--run", help="The run whose artifacts it reads.")] = "",
) -> None:
    """Run one stage alone, in this process, on the artifacts of an earlier run."""
    from pipelines.commands import stage as command

    command.run(name, _load(use_case, env, overrides), run_id)


if __name__ == "__main__":
    app()
