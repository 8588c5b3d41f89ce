"""What the commands about serving do: `serve`, `predict`, `promote` and `rollback`."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from components.shared.files.artifacts import read_json
from components.shared.registry import Registry, Version, open_registry
from configs.access import serving_cloud
from configs.errors import RegistryError, SettingsError
from configs.settings import Settings
from pipelines import view

_ROWS_ASKED = 5


def registry_of(settings: Settings) -> Registry:
    """The registry that holds the versions of a use case in its environment."""
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
            remedy=f"Ask those: python -m pipelines predict {settings.name} --env {settings.environment}",
        )
    server = [sys.executable, "-m", "components.serve"]
    endpoint = ["--registry", settings.places.registry, "--name", settings.name]
    limits = ["--settings", settings.deployment.serving.model_dump_json()]
    address = ["--host", host, "--port", str(port)]
    os.execv(sys.executable, [*server, *endpoint, *limits, *address])


def predict(settings: Settings, instances: Path | None, url: str) -> None:
    """Ask a running server, or the endpoint on Vertex AI; without a file, for the champion's golden rows."""
    from components.serve import client

    registry = registry_of(settings)
    answers: Sequence[tuple[float, str]]
    if isinstance(registry, Answering):
        rows = _read(registry, settings.name, instances) if instances else _golden_rows(settings)
        answers = registry.predict(settings.name, rows)
    else:
        server = client.find(url)
        rows = client.read(instances, server.features) if instances else _golden_rows(settings)
        answers = client.predict(server, rows)
    for instance, (score, version) in zip(rows, answers, strict=True):
        view.show_prediction(instance, score, version)


@runtime_checkable
class Answering(Protocol):
    """A registry whose endpoint is a server by itself."""

    def predict(self, name: str, instances: Sequence[Mapping[str, Any]]) -> Sequence[tuple[float, str]]:
        """Scores, each with the version that gave it."""
        ...


def _read(registry: Registry, name: str, path: Path) -> Sequence[Mapping[str, Any]]:
    from components.serve import client
    from components.shared.registry.model_file import read_features

    return client.read(path, read_features(_champion(registry, name).model).columns)


def _golden_rows(settings: Settings) -> list[Mapping[str, Any]]:
    champion = _champion(registry_of(settings), settings.name)
    golden: list[Mapping[str, Any]] = read_json(champion.evaluation / "golden.json")["instances"]
    return golden[:_ROWS_ASKED]


def _champion(registry: Registry, name: str) -> Version:
    champion = registry.champion(name)
    if champion is None:
        raise RegistryError(
            f"model '{name}'",
            expected="a champion, to ask for its rows",
            got="none",
            remedy="Make one: python -m pipelines run USE_CASE.",
        )
    return champion


def promote(settings: Settings, version: int | None) -> None:
    """Make a version the champion, and show who serves."""
    registry = registry_of(settings)
    registry.promote(settings.name, version)
    view.open_console().print(view.versions_table(registry, settings.name))


def rollback(settings: Settings) -> None:
    """Take back the newest step, and show who serves."""
    registry = registry_of(settings)
    registry.roll_back(settings.name)
    view.open_console().print(view.versions_table(registry, settings.name))
