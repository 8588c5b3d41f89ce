"""A server process: one socket, one loop, an orderly end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
import time
from types import FrameType

import uvicorn
import uvloop

from components.serve.app import Service, application
from configs.errors import BusyError


def bound(host: str, port: int) -> socket.socket:
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


def stop_with_parent() -> None:
    """End this process when its standard input closes: a killed parent leaves no orphan."""

    def watch() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would outlive this thread
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def run(listener: socket.socket, service: Service) -> None:
    """Serve until SIGTERM or SIGINT: answers 503 while models load, and what is in flight at the end.

    Raises:
        PipelineError: What the plan names cannot be served.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listener, service))


async def _serve(listener: socket.socket, service: Service) -> None:
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
