"""What the command `serve` does."""

import os
import sys

from configs.errors import SettingsError
from configs.settings import Settings


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
