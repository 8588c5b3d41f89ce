"""The commands of the infrastructure and the delivery; the Makefile's targets call them: `make help`."""

import datetime
import sys
from typing import Annotated

import typer

from infra.commands import environment as environments
from infra.commands import iam, materials, registry, scanning, training
from infra.commands.targets import ROOT, target_of
from pipelines.__main__ import in_one_line

app = typer.Typer(
    help="The infrastructure of an environment, and the way of its images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(help="An environment: dev, test or prod.", metavar="ENV")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Version = Annotated[str, typer.Option(help="A tag; default: the commit of the working tree.")]


def _asking(yes: bool) -> environments.Confirm:
    """A question on the terminal; without one, the answer is no."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            typer.echo(f"{question} There is no terminal to ask on: set YES=1 (--yes).", err=True)
            return False
        return typer.confirm(question)

    return confirm


@app.command()
@in_one_line
def plan(env: Name) -> None:
    """Show what `up` would change."""
    environments.plan(target_of(env))


@app.command()
@in_one_line
def up(env: Name, yes: Yes = False) -> None:
    """Bring an environment's infrastructure up: show the plan, ask, apply."""
    if not environments.up(target_of(env), _asking(yes), typer.echo):
        raise typer.Exit(1)


@app.command()
@in_one_line
def down(
    env: Name,
    yes: Yes = False,
    delete: Annotated[
        str, typer.Option(help="Data to delete too, of bucket,warehouse,images; default: it stays.")
    ] = "",
) -> None:
    """Take it down: show what goes and what stays, ask, destroy; data stays unless it is named."""
    names = [name.strip() for name in delete.split(",") if name.strip()]
    if not environments.down(target_of(env), names, _asking(yes), typer.echo):
        raise typer.Exit(1)


@app.command()
@in_one_line
def build(env: Name, version: Version = "") -> None:
    """Build and push the images of an environment, and pin their digests."""
    settings = registry.settings_of(env)
    _write(env, registry.build(settings, version))


@app.command()
@in_one_line
def pin(env: Name, version: Version = "") -> None:
    """Look up the digests of a version that is in the environment's registry."""
    _write(env, registry.pin(registry.settings_of(env), version))


@app.command()
@in_one_line
def scan(
    env: Name,
    severity: Annotated[
        scanning.Severity, typer.Option(help="What is as grave as this, and has a fix, stops the delivery.")
    ] = "HIGH",
) -> None:
    """Scan the pinned images for known vulnerabilities."""
    accepted, today = scanning.acceptances(), datetime.datetime.now(datetime.UTC).date()
    for image in registry.pinned(env).values():
        verdict = scanning.judge(scanning.scan(image), severity, accepted, today)
        typer.echo(f"{image}: {len(verdict.grave)} grave with a fix, {len(verdict.passed)} others")
        scanning.check(image, verdict)


@app.command()
@in_one_line
def sbom(
    env: Name,
    keep: Annotated[bool, typer.Option("--keep", help="Put them into the environment's bucket too.")] = False,
) -> None:
    """Write a software bill of materials for each pinned image."""
    settings = registry.settings_of(env)
    for path, image in materials.write_bills(settings):
        typer.echo(f"{path.relative_to(ROOT)}: {image}")
        if keep:
            typer.echo(f"copied to {materials.upload_bill(settings, path, image)}")


@app.command()
@in_one_line
def login(env: Name) -> None:
    """Let docker, podman and skopeo into the environment's registry, by gcloud's own login."""
    registry.log_in(registry.settings_of(env))


@app.command()
@in_one_line
def train(
    env: Name, use_case: Annotated[str, typer.Option(help="Whose published pipeline is started.")] = "flights"
) -> None:
    """Start a run of the published pipeline, as new data or the clock would."""
    typer.echo(training.start(registry.settings_of(env), use_case))


@app.command()
@in_one_line
def accept(env: Name, version: Version = "") -> None:
    """Mark the pinned images as tested: only these may be promoted."""
    registry.accept(registry.settings_of(env), version)


@app.command("iam")
@in_one_line
def write_iam() -> None:
    """Write the page of who may do what, docs/iam.md."""
    iam.PAGE.write_text(iam.page(iam.matrix()))
    typer.echo(iam.PAGE.relative_to(ROOT))


@app.command()
@in_one_line
def promote(
    env: Name,
    version: Annotated[str, typer.Option(help="Of the release: v1.2.0")],
    source: Annotated[
        str, typer.Option("--from", help="The environment that tested it.", metavar="ENV")
    ] = "test",
    commit: Annotated[str, typer.Option(help="The tested version; default: the working tree's commit.")] = "",
) -> None:
    """Copy the tested images into an environment's registry, to the very digest, and pin them."""
    settings = registry.settings_of(env)
    tested = commit or registry.commit()
    _write(env, registry.promote(registry.settings_of(source), settings, tested, version))


def _write(env: str, digests: dict[str, str]) -> None:
    path = registry.write(env, digests)
    for image in digests.values():
        typer.echo(image)
    typer.echo(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    app()
