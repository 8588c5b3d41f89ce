"""What the commands about versions, traffic and the server do."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rich.console import Console

from components.artifacts import read_json
from components.registry import Registry, Version, open_registry
from configs.errors import CloudError, RegistryError, SettingsError
from configs.settings import Settings
from configs.stages.cloud import serving_cloud
from pipelines import view
from pipelines.runs import MANIFEST, find_run, runs

_RUNS_SHOWN = 10
_ROWS_ASKED = 5


def _registry(settings: Settings) -> Registry:
    return open_registry(settings.places.registry, serving_cloud(settings))


def serve(settings: Settings, host: str, port: int) -> None:
    """Replace this process by the prediction server of the endpoint.

    Raises:
        SettingsError: The endpoint is not of this machine.
    """
    if settings.places.registry.startswith("vertex://"):
        raise SettingsError(
            "serve",
            expected="an environment whose registry is a folder: it starts a server on this machine",
            got=f"{settings.places.registry}, whose servers run on Vertex AI",
            way_out=f"Ask those: python -m pipelines predict {settings.name} --env {settings.environment}",
        )
    server = [sys.executable, "-m", "components.serve"]
    endpoint = ["--registry", settings.places.registry, "--name", settings.name]
    limits = ["--settings", settings.deployment.serving.model_dump_json()]
    address = ["--host", host, "--port", str(port)]
    os.execv(sys.executable, [*server, *endpoint, *limits, *address])


def predict(settings: Settings, instances: Path | None, url: str) -> None:
    """Ask a running server, or the endpoint on Vertex AI; without a file, for the champion's golden rows."""
    from components.serve import client

    registry = _registry(settings)
    if isinstance(registry, Answering):
        asked = _read(registry, settings.name, instances) if instances else _golden_rows(settings)
        answers = registry.predict(settings.name, asked)
        for instance, (score, version) in zip(asked, answers, strict=True):
            view.show_prediction(instance, score, version)
        return
    server = client.find(url)
    asked = client.read(instances, server.features) if instances else _golden_rows(settings)
    for instance, prediction in zip(asked, client.predict(server, asked), strict=True):
        view.show_prediction(instance, prediction.score, prediction.version)


@runtime_checkable
class Answering(Protocol):
    """A registry whose endpoint is a server by itself."""

    def predict(self, name: str, instances: Sequence[Mapping[str, Any]]) -> Sequence[tuple[float, str]]:
        """Scores, each with the version that gave it."""
        ...


def _read(registry: Registry, name: str, path: Path) -> Sequence[Mapping[str, Any]]:
    from components.serve import client
    from components.serve.model import read_features

    features = read_features(_champion(registry, name).model)
    return client.read(path, (*features.numeric, *features.categorical))


def _golden_rows(settings: Settings) -> list[Mapping[str, Any]]:
    champion = _champion(_registry(settings), settings.name)
    golden: list[Mapping[str, Any]] = read_json(champion.evaluation / "golden.json")["instances"]
    return golden[:_ROWS_ASKED]


def _champion(registry: Registry, name: str) -> Version:
    champion = registry.champion(name)
    if champion is None:
        raise RegistryError(
            f"model '{name}'",
            expected="a champion, to ask for its rows",
            got="none",
            way_out="Make one: python -m pipelines run USE_CASE.",
        )
    return champion


def promote(settings: Settings, version: int | None) -> None:
    """Make a version the champion, and show who serves."""
    registry = _registry(settings)
    registry.promote(settings.name, version)
    view.open_console().print(view.versions_table(registry, settings.name))


def rollback(settings: Settings) -> None:
    """Take back the newest step, and show who serves."""
    registry = _registry(settings)
    registry.roll_back(settings.name)
    view.open_console().print(view.versions_table(registry, settings.name))


def status(wanted: str, root: Path) -> None:
    """Show the last runs, and every model's versions with their traffic.

    Args:
        wanted: A use case or a run id; empty: all.
        root: Where runs lie.
    """
    console = view.open_console()
    manifests = [_as_it_is(console, folder) for folder in runs(root, wanted)]
    if not manifests:
        console.print(f"no runs in {root / 'runs'} yet:  [bold]python -m pipelines run flights[/]")
        return
    console.print(view.runs_table(manifests[-_RUNS_SHOWN:]))
    if wanted == manifests[-1]["run_id"]:
        view.show_places(console, manifests[-1].get("links", {}))
    latest = {(m["name"], m["settings"]["places"]["registry"]): m for m in manifests}
    for (name, _), manifest in latest.items():
        registry = _registry(Settings.model_validate(manifest["settings"]))
        console.print(view.versions_table(registry, name))


def _as_it_is(console: Console, folder: Path) -> dict[str, Any]:
    """The manifest of a run; one that was left running on Google Cloud is looked at there."""
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest["state"] != "running" or "job" not in manifest:
        return manifest
    from pipelines import remote

    try:
        return remote.refresh(folder)
    except CloudError as error:
        console.print(f"{folder.name}: not looked at. {error}", markup=False, soft_wrap=True)
        return manifest


def cancel(run_id: str, root: Path) -> None:
    """Cancel a run on Google Cloud, and what it runs."""
    from pipelines import remote

    folder = find_run(root, run_id, None)
    remote.cancel(folder)
    view.open_console().print(
        f"{folder.name} is being cancelled:  [bold]python -m pipelines status {folder.name}[/]",
        soft_wrap=True,
    )


def teardown(settings: Settings, *, yes: bool) -> None:
    """List what the pipeline has created on Google Cloud for a use case; delete it if told so."""
    from pipelines import teardown as things

    console = view.open_console()
    found = things.found(settings)
    if not found:
        console.print(f"nothing of {settings.name} in {settings.environment}")
        return
    for thing in found:
        console.print(f"{thing.kind:<14} {thing.name}  [dim]{thing.detail}", soft_wrap=True)
    if not yes:
        console.print("\nnothing is deleted without [bold]--yes[/]; datasets are left in any case")
        return
    console.print()
    for thing in found:
        thing.delete()
        console.print(f"deleted {thing.kind} {thing.name}", soft_wrap=True)
