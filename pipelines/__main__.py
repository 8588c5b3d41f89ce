"""The command line: `python -m pipelines --help`."""

import enum
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

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


def _environment(env: str, overrides: list[str] | None) -> "Settings":
    """The settings of an environment, for what is the same for all its use cases."""
    from configs.loading import load, use_cases

    return load(use_cases()[0], env, overrides or ())


class Action(enum.StrEnum):
    """What can be done with a schedule."""

    create = "create"
    list = "list"
    pause = "pause"
    resume = "resume"
    delete = "delete"


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


@app.command()
@in_one_line
def run(
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every stage anew.")] = False,
    from_stage: Annotated[
        str, typer.Option("--from", help="Run this stage and all after it anew.", metavar="STAGE")
    ] = "",
) -> None:
    """Run the whole pipeline: ingest, validate, transform, train, evaluate, deploy."""
    from configs.loading import load
    from pipelines.commands import run as run_command

    settings = load(use_case, env, overrides or ())
    ended_well = run_command.run(use_case, settings, no_cache=no_cache, from_stage=from_stage)
    raise typer.Exit(0 if ended_well else 1)


@app.command(rich_help_panel=_CLOUD)
@in_one_line
def plan(
    use_case: UseCase,
    env: Environment = "dev",
    overrides: Overrides = None,
    pipeline: Which = "training",
) -> None:
    """Show what a run on Google Cloud would start, as whom, and about what it would cost."""
    from configs.loading import load
    from pipelines.plan import command
    from pipelines.view import open_console

    command.print_plan(open_console(), load(use_case, env, overrides or ()), pipeline)


@app.command(rich_help_panel=_CLOUD)
@in_one_line
def preflight(
    use_case: Annotated[
        str, typer.Argument(help="Also check this use case's tables (default: none).", metavar="[USE_CASE]")
    ] = "",
    env: Environment = "dev",
    overrides: Overrides = None,
) -> None:
    """Check that Google Cloud is ready; each failure comes with the command that fixes it."""
    from configs.loading import load, use_cases
    from pipelines.preflight import command
    from pipelines.view import open_console

    settings = load(use_case or use_cases()[0], env, overrides or ())
    ready = command.print_findings(open_console(), settings, with_data=bool(use_case))
    raise typer.Exit(0 if ready else 1)


@app.command(name="compile")
@in_one_line
def compile_(
    use_case: UseCase,
    env: Environment = "local",
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; default: output/<name>.yaml.")] = None,
    pipeline: Which = "training",
) -> None:
    """Compile a pipeline to the YAML that a target runs."""
    from configs.loading import load
    from pipelines.graph import compiling

    settings = load(use_case, env, overrides or ())
    root = Path("output") if settings.cloud else Path(settings.places.root)
    path = out or root / f"{pipeline}-{settings.name}-{env}.yaml"
    compiling.compile_to(settings, path, pipeline)
    typer.echo(path)


@app.command()
@in_one_line
def seed(use_case: UseCase, env: Environment = "local") -> None:
    """Load the use case's sample data into the warehouse."""
    from configs.loading import load
    from pipelines.commands import seed as seed_command

    seed_command.seed(load(use_case, env))


@app.command()
@in_one_line
def serve(
    use_case: UseCase,
    env: Environment = "local",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8080,
) -> None:
    """Serve the endpoint: every version that has traffic, by its share."""
    from configs.loading import load
    from pipelines.commands import serve as serve_command

    serve_command.serve(load(use_case, env), host, port)


@app.command()
@in_one_line
def predict(
    use_case: UseCase,
    instances: Annotated[
        Path | None, typer.Argument(help="JSON or JSON lines; default: five rows of the last run.")
    ] = None,
    env: Environment = "local",
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8080",
) -> None:
    """Request predictions from the server."""
    from configs.loading import load
    from pipelines.commands import predict as predict_command

    predict_command.predict(load(use_case, env), instances, url)


@app.command(name="predict-batch")
@in_one_line
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
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every stage anew.")] = False,
) -> None:
    """Score rows with a registered version: choose, select, predict, deliver."""
    from configs.loading import load
    from pipelines.commands import predict_batch as batch_command

    settings = load(use_case, env, overrides or ())
    request = batch_command.BatchRequest(version=version, repeat=repeat, caching=not no_cache)
    raise typer.Exit(0 if batch_command.run(settings, request) else 1)


@app.command()
@in_one_line
def promote(
    use_case: UseCase,
    version: Annotated[int | None, typer.Argument(help="Default: the challenger.")] = None,
    env: Environment = "local",
) -> None:
    """Make a version the champion: all traffic goes to it."""
    from configs.loading import load
    from pipelines.commands import traffic

    traffic.promote(load(use_case, env), version)


@app.command()
@in_one_line
def rollback(use_case: UseCase, env: Environment = "local") -> None:
    """Go back to the former champion: all traffic returns to it."""
    from configs.loading import load
    from pipelines.commands import traffic

    traffic.rollback(load(use_case, env))


@app.command()
@in_one_line
def status(
    wanted: Annotated[
        str, typer.Argument(help="A use case, or a run id; default: all.", metavar="[USE_CASE|RUN]")
    ] = "",
    root: Root = Path("output"),
    env: There = "",
    overrides: Overrides = None,
) -> None:
    """List the runs, the versions and the traffic; with --env, the runs there, whoever started them."""
    from pipelines.commands import status as status_command

    if env:
        status_command.status_there(wanted, _environment(env, overrides))
    else:
        status_command.status(wanted, root)


@app.command(rich_help_panel=_CLOUD)
@in_one_line
def cancel(
    run_id: Annotated[str, typer.Argument(help="A run id, or a use case: its last run.", metavar="RUN")],
    root: Root = Path("output"),
) -> None:
    """Cancel a run on Google Cloud, and what it runs."""
    from pipelines.commands import cancel as cancel_command

    cancel_command.cancel(run_id, root)


@app.command(rich_help_panel=_CLOUD)
@in_one_line
def teardown(
    use_case: UseCase,
    env: Annotated[str, typer.Option("--env", help="A file in configs/environments/.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is listed.")] = False,
    overrides: Overrides = None,
) -> None:
    """List what the pipeline has created on Google Cloud for a use case; delete it with --yes."""
    from configs.loading import load
    from pipelines.commands import teardown as teardown_command

    teardown_command.teardown(load(use_case, env, overrides or ()), yes=yes)


@app.command(rich_help_panel=_CLOUD)
@in_one_line
def publish(
    use_case: UseCase,
    env: Environment = "dev",
    overrides: Overrides = None,
    pipeline: Which = "training",
) -> None:
    """Put the compiled pipeline on Cloud Storage, where the trigger starts it."""
    from configs.loading import load
    from pipelines.commands import publish as publish_command

    typer.echo(publish_command.publish(load(use_case, env, overrides or ()), pipeline))


@app.command(rich_help_panel=_CLOUD)
@in_one_line
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
    from configs.loading import load
    from pipelines.commands import schedule as schedule_command
    from pipelines.runners.cron import timing

    settings = load(use_case, env, overrides or ())
    if action is Action.create:
        when = timing(cron, time_zone, max_concurrent)
        schedule_command.create(settings, when, pipeline or "training")
    else:
        schedule_command.act(action.value, settings, pipeline)


@app.command()
@in_one_line
def report(
    run_id: Annotated[str, typer.Argument(help="A run id, or a use case: its last run.", metavar="RUN")],
    root: Root = Path("output"),
    pipeline: Annotated[
        Pipeline | None, typer.Option(help="Whose last run; default: the last of either.")
    ] = None,
    env: There = "",
    overrides: Overrides = None,
) -> None:
    """Write a run's report anew and say where it lies; with --env, fetch that of a run there."""
    from pipelines.commands import report as report_command

    if env:
        typer.echo(report_command.fetch_report(run_id, _environment(env, overrides), pipeline))
    else:
        typer.echo(report_command.write_report(run_id, root, pipeline))


@app.command()
@in_one_line
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
    from configs.loading import load
    from pipelines.commands import stage as stage_command

    settings = load(use_case, env, overrides or ())
    stage_command.run_stage(name, settings, run_id)


if __name__ == "__main__":
    app()
