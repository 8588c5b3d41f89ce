"""The prediction server.

    python -m components.serve --registry file://output/registry --name flights --port 8080
    AIP_HTTP_PORT=8080 AIP_STORAGE_URI=gs://BUCKET/model python -m components.serve --host 0.0.0.0

The second form is Vertex AI's custom-container contract: a folder of this machine serves as well, and
AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE are read too. It listens at once, answers 503 while models load
(about 4 s), and ends on SIGTERM when what is in flight is answered.
"""

import argparse
import functools
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from pydantic import ValidationError

from components.serve import fleet, model, server
from components.serve.app import Routes, Service
from components.serve.model import Load
from components.shared.files.paths import place
from configs.deployment import Serving
from configs.errors import ModelError, PipelineError, SettingsError


def start(arguments: Sequence[str], environment: Mapping[str, str], load: Load | None = None) -> NoReturn:
    """Serve until a signal ends it; a mistake is one line on standard error and exit status 1.

    Args:
        arguments: Of the command line.
        environment: Where the container contract's variables are looked up.
        load: Instead of the loader of SavedModels.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        _serve(_parser(environment).parse_args(arguments), environment, load)
    except PipelineError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    logging.shutdown()
    os._exit(0)  # all is answered; TensorFlow would take another second to tear itself down


def _serve(args: argparse.Namespace, environment: Mapping[str, str], load: Load | None) -> None:
    serving = _settings(args.settings)
    listener = socket.socket(fileno=args.fd) if args.fd is not None else server.bound(args.host, args.port)
    host, port = listener.getsockname()[:2]
    logging.getLogger(__name__).info("listening on http://%s:%s", host, port)
    if args.until_stdin_closes:
        server.stop_with_parent()
    routes = Routes(
        environment.get("AIP_HEALTH_ROUTE", "/health"), environment.get("AIP_PREDICT_ROUTE", "/predict")
    )
    loaded = load or functools.partial(model.load, threads=serving.threads)
    server.run(listener, Service(fleet.Fleet(_plan(args), loaded, serving), serving, routes))


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m components.serve", description=__doc__.split("\n")[0])
    parser.add_argument("--registry", help="serve an endpoint of this registry: file://FOLDER")
    parser.add_argument("--name", help="the endpoint's model")
    parser.add_argument(
        "--model", default=environment.get("AIP_STORAGE_URI"), help="serve this folder (AIP_STORAGE_URI)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 in a container")
    parser.add_argument("--port", type=int, default=environment.get("AIP_HTTP_PORT", "8080"))
    parser.add_argument("--fd", type=int, help="an inherited socket, bound already, instead of host and port")
    parser.add_argument("--settings", default="{}", help="JSON of configs.deployment.Serving")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent process")
    return parser


def _settings(text: str) -> Serving:
    try:
        return Serving.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "JSON"
        raise SettingsError(f"--settings, {key}", expected=first["msg"], got=repr(first["input"])) from None


def _plan(args: argparse.Namespace) -> fleet.Plan:
    if args.registry and args.name:
        return fleet.endpoint(args.registry, args.name)
    if args.model and (args.model.startswith(("gs://", "file://")) or "://" not in args.model):
        return fleet.only(place(args.model))
    raise ModelError(
        "nothing to serve",
        expected="--registry URI --name NAME, or --model FOLDER, or AIP_STORAGE_URI with a folder or gs://…",
        got=args.model or "none of them",
    )


if __name__ == "__main__":
    start(sys.argv[1:], os.environ)
