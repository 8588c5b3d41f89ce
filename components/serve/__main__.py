"""The prediction server.

    python -m components.serve --registry file://output/registry --name flights --port 8080
    AIP_HTTP_PORT=8080 AIP_STORAGE_URI=gs://BUCKET/model python -m components.serve --host 0.0.0.0

The second form is Vertex AI's custom-container contract: a folder of this machine serves as well, and
AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE are read too. It listens at once, answers 503 while models load
(about 4 s), and ends on SIGTERM when what is in flight is answered.
"""

import argparse
import asyncio
import contextlib
import errno
import functools
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import NoReturn

import uvicorn
import uvloop
from pydantic import ValidationError

from components.serve import fleet, model
from components.serve.app import Routes, Service, application
from components.serve.model import Load
from components.shared.files.paths import place
from configs.deployment import Serving
from configs.errors import BusyError, ModelError, PipelineError, SettingsError


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
    listener = socket.socket(fileno=args.fd) if args.fd is not None else _bound(args.host, args.port)
    host, port = listener.getsockname()[:2]
    logging.getLogger(__name__).info("listening on http://%s:%s", host, port)
    if args.until_stdin_closes:
        _stop_with_parent()
    routes = Routes(
        environment.get("AIP_HEALTH_ROUTE", "/health"), environment.get("AIP_PREDICT_ROUTE", "/predict")
    )
    loaded = load or functools.partial(model.load, threads=serving.threads)
    service = Service(fleet.Fleet(_plan(args), loaded, serving), serving, routes)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(listener, service))


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


def _bound(host: str, port: int) -> socket.socket:
    """A socket bound to this address.

    Raises:
        BusyError: Something else listens there.
    """
    try:
        return socket.create_server((host, port), reuse_port=False, backlog=2048)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise BusyError(
            f"port {port} on {host}",
            expected="a free port",
            got="one that another process listens on",
            remedy="Stop that process, or choose another port: --port N.",
        ) from None


def _stop_with_parent() -> None:
    """End this process when its standard input closes: a killed parent leaves no orphan."""

    def watch() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would outlive this thread
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


async def _answer(listener: socket.socket, service: Service) -> None:
    """Serve until SIGTERM or SIGINT: answers 503 while models load, and what is in flight at the end."""
    server = _Server(service)

    async def lead() -> None:
        try:
            await service.fleet.start()
            await service.fleet.follow()
        finally:
            server.should_exit = True

    leading = asyncio.create_task(lead())
    await server.serve(sockets=[listener])
    leading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leading


class _Server(uvicorn.Server):
    """Uvicorn, which on the first signal goes on answering what is in flight and nothing else."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            uvicorn.Config(
                application(service),
                http="httptools",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,  # longer than a load balancer keeps its end open
                timeout_graceful_shutdown=1,
            )
        )
        self._service, self._deadline = service, 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to drain; at once on a second signal."""
        self.should_exit = self._service.draining
        self._service.draining = True
        self._deadline = time.monotonic() + self._service.serving.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to end."""
        late = time.monotonic() > self._deadline
        drained = self._service.draining and (late or not self._service.in_flight)
        return drained or await super().on_tick(counter)


if __name__ == "__main__":
    start(sys.argv[1:], os.environ)
